// Method: SIGTERM while many clients write. What is in flight is finished, so the process exits by
// itself with code 0, and nothing that was acknowledged may be missing after the next start.
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultRounds, faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload } from '../support/fault-workload.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

const ROUNDS = 3;
const LOAD_MS = 700;
/** A stop finishes what is in flight within this time. */
const STOP_MS_MAX = 10_500;
const TIMEOUT_MS = 100_000;

test('SIGTERM under load finishes what is in flight, exits 0 and loses nothing', async t => {
  const rounds = Math.min(faultRounds(ROUNDS), 50);
  t.timeout(TIMEOUT_MS + rounds * 15_000);
  const seed = faultSeed(t);
  const server = await FaultServer.start(t, { directory: await scratchDirectory(t) });
  const model = new FaultModel();
  const tally = new Tally(t, server, model);
  const exits: (number | string)[] = [];
  let slowestStopMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    const workload = new FaultWorkload({ target: server.target, model, seed: seed + round });
    workload.start();
    await pause(LOAD_MS);
    const stoppedMs = performance.now();
    exits.push(await server.process.end('SIGTERM'));
    slowestStopMs = Math.max(slowestStopMs, performance.now() - stoppedMs);
    await workload.stop();
    tally.addWorkload(workload);
    const { startMs } = await server.start();
    tally.addStart(startMs);
    await tally.check();
  }
  t.log(`exit codes ${exits.join(', ')}; slowest stop ${slowestStopMs.toFixed(0)} ms`);
  await tally.finish();
  t.deepEqual(new Set(exits), new Set([0]));
  t.true(slowestStopMs <= STOP_MS_MAX, `the slowest stop took ${slowestStopMs.toFixed(0)} ms`);
});
