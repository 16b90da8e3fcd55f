// Method: the SDK keeps versions of objects on a real server.
import { sdkWorlds } from './sdk-fixture.ts';
import { declareVersionTests } from './version-cases.ts';

declareVersionTests({ world: sdkWorlds(), isKnown: () => Promise.resolve() });
