// Method: every case of the tables in operations/ against three nodes on a nats-server, each case
// at the next node. What a cluster does not offer is said by the case itself.
import { runEverywhere } from './deployment.ts';

runEverywhere('cluster');
