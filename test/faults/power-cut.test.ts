// Method: metadata and data lie on an ext4 in a file, which is stopped in its tracks under load:
// what was not synced is gone after the next mount, as after a power cut. The load goes on for a
// moment after the cut: whatever is acknowledged then, and began after the cut, is a lie that the
// check finds.
import { rm } from 'node:fs/promises';
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
const FIRST_STARTS = 3;
const DISK_MIB = 768;
const LOAD_MS_MAX = 1200;
/** From the spawning of the process: before it answers, and seconds after. */
const FIRST_START_MS_MAX = 3000;
const AFTER_CUT_MS = 150;
const TIMEOUT_MS = 120_000;
const ROUND_MS = 10_000;

/** Load, a cut after `ms`, and the next start. */
async function cutUnderLoad(
  { server, disk, model, tally }: Fixture,
  { seed, ms }: { readonly seed: number; readonly ms: number },
): Promise<void> {
  const workload = new FaultWorkload({ target: server.target, model, seed });
  const cut = await disk.prepareCut();
  workload.start();
  await pause(ms);
  await model.duringCut(cut);
  await pause(AFTER_CUT_MS);
  await server.kill();
  await workload.stop();
  tally.addWorkload(workload);
  disk.restorePower();
  const { startMs } = await server.start();
  tally.addStart(startMs);
}

type Fixture = {
  readonly server: FaultServer;
  readonly disk: LoopFileSystem;
  readonly model: FaultModel;
  readonly tally: Tally;
};

testWithNeeds.serial(
  LOOP_FILE_SYSTEM_NEEDS,
  'a power cut under load loses nothing that was acknowledged',
  async t => {
    const rounds = faultRounds(ROUNDS);
    t.timeout(TIMEOUT_MS + rounds * ROUND_MS);
    const seed = faultSeed(t);
    const choices = new SeededChoices(seed);
    const disk = LoopFileSystem.make(t, await scratchDirectory(t), DISK_MIB);
    const server = await FaultServer.start(t, { directory: join(disk.path, 'garage') });
    const model = new FaultModel();
    const tally = new Tally(t, server, model);
    for (let round = 0; round < rounds; round += 1) {
      const ms = choices.below(LOAD_MS_MAX);
      await cutUnderLoad({ server, disk, model, tally }, { seed: seed + round, ms });
      await tally.check();
    }
    t.log(`power cuts ${rounds}`);
    await tally.finish();
  },
);

testWithNeeds.serial(
  LOOP_FILE_SYSTEM_NEEDS,
  'a power cut during the very first start, or seconds after it, loses nothing either',
  async t => {
    const rounds = faultRounds(FIRST_STARTS);
    t.timeout(TIMEOUT_MS + rounds * ROUND_MS);
    const seed = faultSeed(t);
    const choices = new SeededChoices(seed);
    const disk = LoopFileSystem.make(t, await scratchDirectory(t), DISK_MIB);
    let acknowledged = 0;
    for (let round = 0; round < rounds; round += 1) {
      const directory = join(disk.path, `garage-${round}`);
      const server = FaultServer.prepare(t, { directory });
      const model = new FaultModel();
      const tally = new Tally(t, server, model);
      await server.launch();
      const ms = choices.below(FIRST_START_MS_MAX);
      await cutUnderLoad({ server, disk, model, tally }, { seed: seed + round, ms });
      t.log(`cut after ${ms} ms, ${model.acknowledgedWrites} writes acknowledged before it`);
      acknowledged += model.acknowledgedWrites;
      if (round === rounds - 1) await tally.finish();
      else await tally.checkOnly();
      await server.kill();
      await rm(directory, { recursive: true });
    }
    t.log(`first starts cut ${rounds}, acknowledged writes ${acknowledged}`);
  },
);
