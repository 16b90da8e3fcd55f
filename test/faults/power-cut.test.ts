// Method: metadata and data lie on an ext4 in a file, which is stopped in its tracks under load:
// what was not synced is gone after the next mount, as after a power cut. The load goes on for a
// moment after the cut: whatever is still acknowledged then was synced before, or is a lie that the
// check finds. The first cut comes some seconds after the very first start.
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultRounds, faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload } from '../support/fault-workload.ts';
import { LOOP_FILE_SYSTEM_NEEDS, LoopFileSystem } from '../support/loop-file-system.ts';
import { testWithNeeds } from '../support/needs.ts';
import { SeededChoices } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

const ROUNDS = 5;
const DISK_MIB = 768;
const FIRST_LOAD_MS = 2500;
const LOAD_MS_MAX = 1200;
const AFTER_CUT_MS = 150;
const TIMEOUT_MS = 120_000;

testWithNeeds(
  LOOP_FILE_SYSTEM_NEEDS,
  'a power cut loses nothing that was acknowledged, seconds after the very first start too',
  async t => {
    const rounds = faultRounds(ROUNDS);
    t.timeout(TIMEOUT_MS + rounds * 10_000);
    const seed = faultSeed(t);
    const choices = new SeededChoices(seed);
    const disk = LoopFileSystem.make(t, await scratchDirectory(t), DISK_MIB);
    const server = await FaultServer.start(t, { directory: join(disk.path, 'garage') });
    const model = new FaultModel();
    const tally = new Tally(t, server, model);
    for (let round = 0; round < rounds; round += 1) {
      const workload = new FaultWorkload({ target: server.target, model, seed: seed + round });
      workload.start();
      await pause(round === 0 ? FIRST_LOAD_MS : choices.below(LOAD_MS_MAX));
      disk.cutPower();
      await pause(AFTER_CUT_MS);
      await server.kill();
      await workload.stop();
      tally.addWorkload(workload);
      disk.restorePower();
      const { startMs } = await server.start();
      tally.addStart(startMs);
      await tally.check();
    }
    t.log(`power cuts ${rounds}`);
    await tally.finish();
  },
);
