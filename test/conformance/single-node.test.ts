// Method: every case of the tables in operations/ against one process on its embedded bus.
import { runEverywhere } from './deployment.ts';

runEverywhere('single node');
