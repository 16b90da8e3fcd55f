// Method: the metadata or the data lie on a small tmpfs, which somebody else's file fills under
// load, and gives back later. With `min_free` the server notices in time: it refuses what grows and
// goes on deleting. Without (`min_free = 0`) it meets the end of the disk in the middle of a write:
// LevelDB's append fails, and the store is closed, opened and checked before the next
// acknowledgement. Every second time the process is killed on the full disk and has to start
// there.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { FaultClient } from '../support/fault-client.ts';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultRounds, faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload, type WorkMix } from '../support/fault-workload.ts';
import { testWithNeeds } from '../support/needs.ts';
import { scratchDirectory } from '../support/shared-garage.ts';
import { SmallDisk } from '../support/small-disk.ts';

const MIB = 1024 * 1024;
const ROUNDS = 2;
const ROUNDS_MAX = 12;
const DISK_MIB = 160;
/** So many that refused writes do not leave the bucket empty. */
const KEYS = 20;
const LOAD_MS = 600;
const FULL_LOAD_MS = 1500;
/** Writes must have come back by themselves within this time after space was freed. */
const HEAL_MS_MAX = 15_000;
const TIMEOUT_MS = 120_000;
const ROUND_MS = 40_000;

type FullDisk = {
  readonly title: string;
  readonly disk: 'metadata' | 'data';
  readonly minFreeMib: number;
  /** What the other file leaves. */
  readonly leaveMib: number;
  readonly mix: WorkMix;
  /** Deletions go on while the disk is full. */
  readonly deletes: boolean;
};

const INLINE: WorkMix = { 'put-inline': 30, 'put-block': 4, copy: 3, delete: 3, get: 12 };
const BLOCKS: WorkMix = { 'put-block': 20, 'put-shared': 4, 'put-blocks': 8, delete: 4, get: 12 };

const FULL_DISKS: readonly FullDisk[] = [
  {
    title: 'a metadata disk below min_free takes what frees space, and heals by itself',
    ...{ disk: 'metadata', minFreeMib: 16, leaveMib: 8, mix: INLINE, deletes: true },
  },
  {
    title: 'a metadata disk full to the last byte loses nothing: the store is opened again',
    ...{ disk: 'metadata', minFreeMib: 0, leaveMib: 0, mix: INLINE, deletes: false },
  },
  {
    title: 'a data disk below min_free takes no blocks, goes on deleting, and heals by itself',
    ...{ disk: 'data', minFreeMib: 16, leaveMib: 8, mix: BLOCKS, deletes: true },
  },
  {
    title: 'a data disk full to the last byte loses nothing and keeps no half of a block',
    ...{ disk: 'data', minFreeMib: 0, leaveMib: 0, mix: BLOCKS, deletes: true },
  },
];

type Day = {
  readonly disk: SmallDisk;
  readonly server: FaultServer;
  readonly model: FaultModel;
  readonly tally: Tally;
};

for (const day of FULL_DISKS) {
  testWithNeeds.serial(['root', 'tmpfs'], day.title, t => spendDay(t, day));
}

async function spendDay(t: ExecutionContext, plan: FullDisk): Promise<void> {
  const rounds = Math.min(faultRounds(ROUNDS), ROUNDS_MAX);
  t.timeout(TIMEOUT_MS + rounds * ROUND_MS);
  const seed = faultSeed(t);
  const directory = await scratchDirectory(t);
  const disk = SmallDisk.mount(t, join(directory, 'disk'), DISK_MIB);
  const dataDir = join(plan.disk === 'data' ? disk.path : directory, 'data');
  const server = await FaultServer.start(t, {
    directory,
    metadataDir: join(plan.disk === 'metadata' ? disk.path : directory, 'meta'),
    dataDir: `"${dataDir}"`,
    top: [`min_free = "${plan.minFreeMib}MiB"`],
  });
  const model = new FaultModel();
  const day: Day = { disk, server, model, tally: new Tally(t, server, model) };
  const figures = { reopenings: 0, refused: 0, deleted: 0, slowestHealMs: 0 };
  for (let round = 0; round < rounds; round += 1) {
    await load(day, plan, seed + 2 * round).runFor(LOAD_MS);
    const { workload, reopenings } = await fillUnderLoad(day, plan, seed + 2 * round + 1);
    figures.reopenings += reopenings;
    figures.refused += workload.answered(507);
    figures.deleted += workload.counts.answers.get('DELETE 204') ?? 0;
    await day.tally.check();
    if (round % 2 === 1) await restartOnFullDisk(day);
    await disk.free();
    figures.slowestHealMs = Math.max(figures.slowestHealMs, await untilWritable(day));
    await day.tally.check();
  }
  t.log(
    `filled ${rounds} times: refused with 507 ${figures.refused}, deleted ${figures.deleted}, ` +
      `store reopened ${figures.reopenings}, writes back after ${figures.slowestHealMs} ms at most`,
  );
  await day.tally.finish([dataDir]);
  t.notRegex(
    server.process.log(),
    /lost batches/,
    'what was acknowledged is there after reopening',
  );
  t.true(figures.refused > 0, 'a full disk is told with 507');
  if (plan.deletes) t.true(figures.deleted > 0, 'deletions go on while the disk is full');
  if (plan.disk === 'metadata' && plan.minFreeMib === 0) {
    t.true(figures.reopenings > 0, 'the store met a failed write');
  }
}

function load({ server, model }: Day, { mix }: FullDisk, seed: number): FaultWorkload {
  return new FaultWorkload({ target: server.target, model, seed, mix, keysPerConnection: KEYS });
}

/** Answers the workload that ran while the disk was full. */
async function fillUnderLoad(
  day: Day,
  plan: FullDisk,
  seed: number,
): Promise<{ readonly workload: FaultWorkload; readonly reopenings: number }> {
  const before = load(day, plan, seed);
  before.start();
  await day.disk.fill(plan.leaveMib * MIB);
  await before.stop();
  day.tally.addWorkload(before);
  const workload = load(day, plan, seed + 1000);
  await workload.runFor(FULL_LOAD_MS);
  day.tally.addWorkload(workload);
  return { workload, reopenings: await day.server.metric('store_reopenings') };
}

async function restartOnFullDisk({ server, tally }: Day): Promise<void> {
  await server.kill();
  const { startMs } = await server.start();
  tally.addStart(startMs);
  await tally.check();
}

/** Milliseconds until a block can be written again, without anyone's help. */
async function untilWritable({ server }: Day): Promise<number> {
  const client = new FaultClient(server.target);
  const startMs = performance.now();
  const body = Buffer.alloc(8192, 7);
  for (;;) {
    const { status } = await client.put('probe', body);
    const elapsedMs = Math.round(performance.now() - startMs);
    if (status === 200) {
      await client.delete('probe');
      client.close();
      return elapsedMs;
    }
    if (elapsedMs > HEAL_MS_MAX) throw new Error(`writes are still answered ${status}`);
    await pause(50);
  }
}

testWithNeeds.serial(
  ['root', 'tmpfs'],
  'the very first start on a full disk says what is missing, and works once it is there',
  async t => {
    const directory = await scratchDirectory(t);
    const disk = SmallDisk.mount(t, join(directory, 'disk'), DISK_MIB);
    await disk.fill(8 * MIB);
    const metadataDir = join(disk.path, 'meta');
    const server = FaultServer.prepare(t, { directory, metadataDir, top: ['min_free = "16MiB"'] });
    const refused = await t.throwsAsync(server.start());
    t.regex(refused.message, /^Error: The disk of \S+ has less free space than min_free/m);
    await disk.free();
    await server.start();
    const client = new FaultClient(server.target);
    t.is((await client.put('key', Buffer.alloc(100))).status, 200);
    client.close();
  },
);
