// Method: many clients write; the process is killed at a random moment, sometimes again while it
// starts; then everything that was acknowledged is read back, the list is compared, and at the end
// the block files on the disk are compared with the blocks that the objects consist of.
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultRounds, faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload } from '../support/fault-workload.ts';
import { SeededChoices } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

const ROUNDS = 20;
const LOAD_MS_MAX = 500;
const START_MS_MAX = 700;
const TIMEOUT_MS = 100_000;

test('a process killed at any moment under load loses nothing it acknowledged', async t => {
  const rounds = faultRounds(ROUNDS);
  t.timeout(TIMEOUT_MS + rounds * 5000);
  const seed = faultSeed(t);
  const choices = new SeededChoices(seed);
  const server = await FaultServer.start(t, { directory: await scratchDirectory(t) });
  const model = new FaultModel();
  const tally = new Tally(t, server, model);
  for (let round = 0; round < rounds; round += 1) {
    const workload = new FaultWorkload({ target: server.target, model, seed: seed + round });
    workload.start();
    await pause(choices.below(LOAD_MS_MAX));
    await server.kill();
    await workload.stop();
    tally.addWorkload(workload);
    if (choices.below(4) === 0) await server.killWhileStarting(choices.below(START_MS_MAX));
    const { startMs } = await server.start();
    tally.addStart(startMs);
    await tally.check();
  }
  t.log(`kills ${rounds}`);
  await tally.finish();
});
