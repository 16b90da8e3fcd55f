// Method: LevelDB in temporary directories. Damage is done to its files while it is closed; a full
// disk is a small tmpfs, where the machine lets us mount one, and a Files port that says so
// elsewhere.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { DiskFiles } from '../../../actors/storage/disk-files.ts';
import type { LevelStore } from '../../../actors/storage/level-store.ts';
import { StoreLockedError } from '../../../actors/storage/level-store.ts';
import type { StoreOperation } from '../../../actors/storage/store.ts';
import {
  DamagedRowError,
  StoreFullError,
  StoreUnavailableError,
} from '../../../actors/storage/store.ts';
import type { Space } from '../../../schemas/environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { testWithNeeds } from '../../support/needs.ts';
import { failNextBatch, openLevelStore, openRaw, temporaryDirectory } from './level-fixture.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const EVERYTHING = { from: Buffer.alloc(0), to: Buffer.of(0xff) };

test('commits that come while one is written share the next batch', async t => {
  const store = await openLevelStore(t, temporaryDirectory(t));
  await Promise.all(Array.from({ length: 64 }, (_, index) => store.commit([row(index)])));
  t.is(store.batchCount, 2);
  for (let index = 0; index < 64; index += 1) t.deepEqual(store.get(keyOf(index)), valueOf(index));
});

test('the count of batches grows over restarts', async t => {
  const directory = temporaryDirectory(t);
  const first = await openLevelStore(t, directory);
  await first.commit([row(1)]);
  await first.commit([row(2)]);
  await first.close();
  const second = await openLevelStore(t, directory);
  t.is(second.batchCount, 2);
  await second.commit([row(3)]);
  t.is(second.batchCount, 3);
});

test('a store that another one has open says that it is locked', async t => {
  const directory = temporaryDirectory(t);
  await openLevelStore(t, directory);
  await t.throwsAsync(() => openLevelStore(t, directory), { instanceOf: StoreLockedError });
});

test('closing waits for the commits that were made', async t => {
  const directory = temporaryDirectory(t);
  const store = await openLevelStore(t, directory);
  const commits = Array.from({ length: 50 }, (_, index) => store.commit([row(index)]));
  await store.close();
  await Promise.all(commits);
  const again = await openLevelStore(t, directory);
  for (let index = 0; index < 50; index += 1) t.deepEqual(again.get(keyOf(index)), valueOf(index));
});

test('what waits to be committed is bounded, and what was taken is kept', async t => {
  const store = await openLevelStore(t, temporaryDirectory(t));
  const large = Buffer.alloc(MIB, 1);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, index) =>
      store.commit([{ kind: 'put', key: keyOf(index), value: large }]),
    ),
  );
  const refused = outcomes.filter(outcome => outcome.status === 'rejected');
  t.true(refused.length > 10 && refused.length < 60, String(refused.length));
  t.true(refused.every(outcome => outcome.reason instanceof StoreUnavailableError));
  for (const [index, outcome] of outcomes.entries()) {
    t.is(store.get(keyOf(index)) !== undefined, outcome.status === 'fulfilled');
  }
});

test('below min_free only what frees space is committed, and only down to a floor', async t => {
  const files = new MeasuredFiles();
  files.availableBytes = 200 * MIB;
  const options = { files, minFreeBytes: 100 * MIB };
  const store = await openLevelStore(t, temporaryDirectory(t), options);
  await store.commit([row(1)]);
  files.availableBytes = 50 * MIB;
  await files.measuredAgain(store);
  await t.throwsAsync(() => store.commit([row(2)]), { instanceOf: StoreFullError });
  t.deepEqual(store.get(keyOf(1)), valueOf(1));
  await store.commit([{ kind: 'delete', key: keyOf(1) }], 'frees-space');
  t.is(store.get(keyOf(1)), undefined);
  files.availableBytes = 5 * MIB;
  await files.measuredAgain(store);
  await t.throwsAsync(() => store.commit([row(3)], 'frees-space'), { instanceOf: StoreFullError });
  files.availableBytes = 500 * MIB;
  await until(async () => (await outcomeOf(store.commit([row(4)]))) === undefined);
  t.deepEqual(store.get(keyOf(4)), valueOf(4));
});

test('after errors that say corruption the tables are rebuilt from what can be read', async t => {
  const log = new QuietLog();
  const store = await openLevelStore(t, temporaryDirectory(t), { log });
  await store.commit([row(0)]);
  for (let time = 1; time <= 3; time += 1) {
    await until(async () => {
      failNextBatch(store, 'kept', 'LEVEL_CORRUPTION');
      await outcomeOf(store.commit([row(time)]));
      return store.reopenings === time;
    });
    await until(async () => isReadable(store));
  }
  t.true(log.lines.some(line => line.message.includes('what can be read is kept')));
  await until(async () => (await outcomeOf(store.commit([row(4)]))) === undefined);
  for (let index = 0; index <= 4; index += 1) t.deepEqual(store.get(keyOf(index)), valueOf(index));
});

test('flipped bits in table files are never served, whatever LevelDB makes of them', async t => {
  const directory = temporaryDirectory(t);
  const count = 20_000;
  const first = await openLevelStore(t, directory);
  for (let from = 0; from < count; from += 500) {
    await first.commit(Array.from({ length: 500 }, (_, index) => row(from + index)));
  }
  await first.close();
  const raw = await openRaw(directory);
  await raw.compactRange(EVERYTHING.from, EVERYTHING.to);
  await raw.close();
  const flipped = flipBits(directory, 10);
  const store = await openLevelStore(t, directory);
  const outcome = { right: 0, damaged: 0, absent: 0 };
  for (let index = 0; index < count; index += 1) outcome[readOf(t, store, index)] += 1;
  const walked = await walk(t, store);
  t.log({ flipped, ...outcome, walked });
  t.true(outcome.right > count / 2);
  t.true(outcome.damaged > 0, 'the damage was met');
  t.true(walked.errors > 0);
  // A walk may leave out the rows behind a damaged one in the same table block; it says so at its
  // end.
  t.true(walked.entries > outcome.right * 0.95);
});

const TMPFS_BYTES = 24 * MIB;

testWithNeeds.serial(
  ['tmpfs'],
  'a full disk takes no acknowledged row, leaves the rows readable, and heals by itself',
  async t => {
    const mount = temporaryDirectory(t);
    const mounted = spawnSync('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${TMPFS_BYTES}`,
      'tmpfs',
      mount,
    ]);
    t.is(mounted.status, 0);
    t.teardown(() => spawnSync('umount', ['-l', mount]));
    const directory = join(mount, 'store');
    const store = await openLevelStore(t, directory, {
      sizes: { writeBufferBytes: 256 * KIB, tableFileBytes: 256 * KIB, ballastBytes: MIB },
    });
    const acknowledged = new Set<number>();
    const write = async (index: number): Promise<void> => {
      await store.commit([row(index)]);
      acknowledged.add(index);
    };
    for (let index = 0; index < 1000; index += 1) await write(index);
    // Someone else fills the disk while commits go on.
    const filler = join(mount, 'filler');
    fillDisk(filler);
    for (let index = 1000; index < 4000; index += 1) {
      if ((await outcomeOf(write(index))) !== undefined && index % 50 === 0) await rest(10);
    }
    t.true(acknowledged.size < 4000, 'the disk was full');
    await until(async () => isReadable(store));
    checkAll(t, store, acknowledged);
    rmSync(filler);
    await until(async () => (await outcomeOf(write(5000))) === undefined);
    for (let index = 5001; index < 6000; index += 1) await outcomeOf(write(index));
    await until(async () => isReadable(store));
    checkAll(t, store, acknowledged);
    await store.close();
    checkAll(t, await openLevelStore(t, directory), acknowledged);
    t.log({ acknowledged: acknowledged.size, reopenings: store.reopenings, lost: 0 });
    t.true(acknowledged.size > 1500);
  },
);

/** The disk has as much space as the test says. */
class MeasuredFiles extends DiskFiles {
  availableBytes = 0;
  #measured = 0;

  override async space(): Promise<Space> {
    this.#measured += 1;
    return { availableBytes: this.availableBytes, totalBytes: 1000 * MIB };
  }

  /** The store has looked at the disk since the call. */
  async measuredAgain(store: LevelStore): Promise<void> {
    const before = this.#measured;
    await until(async () => {
      await outcomeOf(store.commit([row(999)], 'frees-space'));
      return this.#measured > before;
    });
  }
}

function keyOf(index: number): Buffer {
  return Buffer.from(`key ${String(index).padStart(8, '0')}`);
}

function valueOf(index: number): Buffer {
  return Buffer.from(`value of ${String(index)} `.repeat(8));
}

function row(index: number): StoreOperation {
  return { kind: 'put', key: keyOf(index), value: valueOf(index) };
}

function readOf(
  t: ExecutionContext,
  store: LevelStore,
  index: number,
): 'right' | 'damaged' | 'absent' {
  try {
    const value = store.get(keyOf(index));
    if (value === undefined) return 'absent';
    t.true(value.equals(valueOf(index)), 'wrong bytes are never served');
    return 'right';
  } catch (error) {
    t.true(error instanceof DamagedRowError);
    return 'damaged';
  }
}

async function walk(
  t: ExecutionContext,
  store: LevelStore,
): Promise<{ entries: number; errors: number }> {
  const cursor = store.cursor(EVERYTHING);
  let entries = 0;
  let errors = 0;
  for (;;) {
    try {
      const page = await cursor.next(1000);
      if (page.length === 0) break;
      entries += page.length;
      for (const { key, value } of page) {
        t.true(value.equals(valueOf(Number(key.toString().slice(4)))));
      }
    } catch (error) {
      t.true(error instanceof DamagedRowError);
      errors += 1;
    }
  }
  await cursor.close();
  return { entries, errors };
}

function flipBits(directory: string, perFile: number): number {
  let flipped = 0;
  for (const name of readdirSync(directory).filter(file => file.endsWith('.ldb'))) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    // The last part holds the index and the footer; without them the table cannot be opened.
    const dataBytes = Math.floor(bytes.length * 0.9);
    for (let time = 0; time < perFile; time += 1) {
      const at = Math.floor((dataBytes / perFile) * (time + 0.5));
      // Two bits: one alone would be put right.
      bytes[at]! ^= 3 << (time % 7);
      flipped += 1;
    }
    writeFileSync(path, bytes);
  }
  return flipped;
}

function fillDisk(path: string): void {
  const chunk = Buffer.alloc(64 * KIB, 1);
  try {
    for (;;) writeFileSync(path, chunk, { flag: 'a' });
  } catch {
    // Full.
  }
}

function checkAll(t: ExecutionContext, store: LevelStore, indexes: ReadonlySet<number>): void {
  const lost = [...indexes].filter(
    index => store.get(keyOf(index))?.equals(valueOf(index)) !== true,
  );
  t.deepEqual(lost, []);
}

async function outcomeOf(work: Promise<void>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

function isReadable(store: LevelStore): boolean {
  try {
    store.get(keyOf(0));
    return true;
  } catch {
    return false;
  }
}

/** Polls: what is waited for is another part's timer. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    if (await condition()) return;
    await rest(20);
  }
  throw new Error('what was waited for did not happen');
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms);
  });
}
