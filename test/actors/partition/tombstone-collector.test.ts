// Method: time is moved by hand. What is dead must stay for the whole time it may still be met, go
// soon after, and never take along what was written again. A node that is alone leaves no
// tombstones: these are of a time when it was not.
import test from 'ava';
import { objectRowKey } from '../../../actors/partition/row-keys.ts';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import { TOMBSTONE_KEEP_MS } from '../../../schemas/limits.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import {
  at,
  createUpload,
  DEAD_STAMPER,
  put,
  putBlocks,
  remove,
  stamp,
  uploadId,
  versionId,
} from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

/** Moves time on in steps shorter than a tick, and lets each tick finish. */
async function pass(world: TableWorld, ms: number): Promise<void> {
  const stepMs = TOMBSTONE_KEEP_MS / 12;
  for (let passed = 0; passed < ms; passed += stepMs) {
    world.environment.advance(Math.min(stepMs, ms - passed));
    await world.collector.tick();
    await world.store.whenOpen();
  }
}

/** The other replicas are gone from the layout; what was put and removed before left tombstones. */
async function aloneAfter(happened: (world: TableWorld) => Promise<unknown>): Promise<TableWorld> {
  const world = new TableWorld(undefined, undefined, undefined, 'one of several');
  await happened(world);
  return world.crash();
}

async function putAndRemove(world: TableWorld, key: string): Promise<void> {
  await world.ask(put(key, 1));
  await world.ask(remove(key, 2));
}

test('a tombstone stays as long as an older write may arrive, and goes after that', async t => {
  const world = await aloneAfter(before => putAndRemove(before, 'a'));
  await world.collector.tick();
  await pass(world, TOMBSTONE_KEEP_MS - 1);
  t.is(world.rows(TABLE.object).length, 1);
  t.deepEqual(await world.ask(put('a', 1)), { kind: 'older', newest: stamp(2) });
  await pass(world, TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 0);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('an object that was written again is not the one that was meant', async t => {
  const world = await aloneAfter(async before => {
    await putAndRemove(before, 'a');
    await putAndRemove(before, 'b');
  });
  await world.collector.tick();
  await pass(world, TOMBSTONE_KEEP_MS / 2);
  await world.ask(put('a', 9));
  await pass(world, TOMBSTONE_KEEP_MS / 2 + 20_000);
  const object = await world.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.true(object.kind === 'object' && object.row?.kind === 'version');
  t.is(world.rows(TABLE.object).length, 1);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('a restart begins the wait anew', async t => {
  const before = await aloneAfter(earlier => putAndRemove(earlier, 'a'));
  await pass(before, TOMBSTONE_KEEP_MS - 10_000);
  const world = await before.crash();
  await world.collector.tick();
  await pass(world, TOMBSTONE_KEEP_MS - 10_000);
  t.is(world.rows(TABLE.object).length, 1);
  await pass(world, 40_000);
  t.is(world.rows(TABLE.object).length, 0);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('a tombstone waits until what its version held is given back', async t => {
  const world = await aloneAfter(async before => {
    await before.ask(putBlocks('a', 1));
    await before.ask(remove('a', 2));
  });
  await pass(world, 3 * TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 1);
  world.worker.start();
  await world.worker.settled();
  await pass(world, 2 * TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 0);
  t.is(world.rows(TABLE.tombstone).length, 0);
  await world.worker.stop();
});

test('an aborted upload is forgotten once it is released and its time has passed', async t => {
  const world = new TableWorld();
  await world.ask(createUpload('a', uploadId(1)));
  const timestamp = stamp(2);
  await world.ask({ kind: 'upload-abort', place: at('a'), uploadId: uploadId(1), timestamp });
  await pass(world, 2 * TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.endedUpload).length, 1);
  world.worker.start();
  await world.worker.settled();
  await pass(world, TOMBSTONE_KEEP_MS + 20_000);
  t.is(world.rows(TABLE.endedUpload).length, 0);
  await world.worker.stop();
});

test('a mark goes after its time, but not while its writer lives and may still try', async t => {
  const world = new TableWorld();
  const owner = (tick: number, stamper?: string) =>
    ({ kind: 'version', ...at('a'), versionId: versionId(tick, stamper) }) as const;
  await world.ask({ kind: 'owner-abort', owner: owner(1) });
  await world.askPartition(partitionOfPlace(at('a')), {
    kind: 'owners-check',
    owners: [
      { owner: owner(2), mayBeUnderWay: false },
      { owner: owner(3, DEAD_STAMPER), mayBeUnderWay: false },
    ],
  });
  t.is(world.rows(TABLE.abortedMark).length, 3);
  await pass(world, 3 * TOMBSTONE_KEEP_MS);
  const [left] = world.rows(TABLE.abortedMark);
  t.is(left?.key.toString('hex', 2), versionId(2));
  t.is(world.rows(TABLE.abortedMark).length, 1);
  t.is((await world.ask(putBlocks('a', 2))).kind, 'aborted');
  const after = await world.crash(new Set());
  await pass(after, TOMBSTONE_KEEP_MS + 20_000);
  t.is(after.rows(TABLE.abortedMark).length, 0);
});

for (const residue of ['lost', 'kept'] as const) {
  test(`tombstones whose batch fails (${residue}) are all forgotten in the end`, async t => {
    const world = await aloneAfter(async before => {
      for (let index = 0; index < 20; index += 1) await putAndRemove(before, `k${String(index)}`);
    });
    await pass(world, TOMBSTONE_KEEP_MS - 20_000);
    world.store.failNext(residue);
    await pass(world, 60_000);
    t.is(world.store.reopenings, 1, 'a batch of the collector failed');
    await pass(world, 2 * TOMBSTONE_KEEP_MS);
    t.is(world.rows(TABLE.object).length, 0);
    t.is(world.rows(TABLE.tombstone).length, 0);
  });
}

test('a damaged row is left where it is', async t => {
  const world = await aloneAfter(before => putAndRemove(before, 'a'));
  world.store.damage(objectRowKey(partitionOfPlace(at('a')), at('a')));
  await pass(world, TOMBSTONE_KEEP_MS + 20_000);
  t.is(world.rows(TABLE.object).length, 1);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('thousands of tombstones go in bounded batches', async t => {
  const keys = Array.from({ length: 3000 }, (_, index) => `k${String(index)}`);
  const world = await aloneAfter(async before => {
    await Promise.all(keys.map(key => before.ask(put(key, 1))));
    await Promise.all(keys.map(key => before.ask(remove(key, 2))));
  });
  t.is(world.rows(TABLE.tombstone).length, 3000);
  await pass(world, TOMBSTONE_KEEP_MS + 20_000);
  t.is(world.rows(TABLE.object).length, 0);
});

test('the collector ticks by itself, and stops when it is told to', async t => {
  const world = await aloneAfter(before => putAndRemove(before, 'a'));
  world.collector.start();
  for (let ticks = 0; ticks < 30; ticks += 1) {
    world.environment.advance(TOMBSTONE_KEEP_MS / 12);
    await new Promise<void>(resolve => setImmediate(resolve));
    await new Promise<void>(resolve => setImmediate(resolve));
  }
  t.is(world.rows(TABLE.object).length, 0);
  await world.collector.stop();
});

test('once it is stopped it collects no more, also when a round was under way', async t => {
  const world = await aloneAfter(before => putAndRemove(before, 'a'));
  world.collector.start();
  await world.collector.stop();
  for (let passed = 0; passed < 3 * TOMBSTONE_KEEP_MS; passed += TOMBSTONE_KEEP_MS / 12) {
    world.environment.advance(TOMBSTONE_KEEP_MS / 12);
    await new Promise<void>(resolve => setImmediate(resolve));
  }
  t.is(world.rows(TABLE.tombstone).length, 1);
});
