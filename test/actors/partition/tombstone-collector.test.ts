// Method: time is moved by hand. What is dead must stay for the whole time it may still be met, go
// soon after, and never take along what was written again.
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

async function putAndRemove(world: TableWorld, key: string, tick: number): Promise<void> {
  await world.ask(put(key, tick));
  await world.ask(remove(key, tick + 1));
}

test('a tombstone stays as long as an older write may arrive, and goes after that', async t => {
  const world = new TableWorld();
  await world.collector.tick();
  await putAndRemove(world, 'a', 1);
  await pass(world, TOMBSTONE_KEEP_MS - 1);
  t.is(world.rows(TABLE.object).length, 1);
  t.deepEqual(await world.ask(put('a', 1)), { kind: 'older', newest: stamp(2) });
  await pass(world, TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 0);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('an object that was written again is not the one that was meant', async t => {
  const world = new TableWorld();
  await putAndRemove(world, 'a', 1);
  await putAndRemove(world, 'b', 1);
  await pass(world, TOMBSTONE_KEEP_MS / 2);
  await world.ask(put('a', 9));
  await world.ask(put('b', 9));
  await world.ask(remove('b', 10));
  await pass(world, TOMBSTONE_KEEP_MS / 2 + 20_000);
  const object = await world.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.true(object.kind === 'object' && object.row?.kind === 'version');
  t.is(world.rows(TABLE.object).length, 2, 'the newer tombstone has its own time');
  t.is(world.rows(TABLE.tombstone).length, 1);
  await pass(world, TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 1);
});

test('a restart begins the wait anew', async t => {
  const before = new TableWorld();
  await putAndRemove(before, 'a', 1);
  await pass(before, TOMBSTONE_KEEP_MS - 10_000);
  const world = await before.crash();
  await world.collector.tick();
  await putAndRemove(world, 'b', 1);
  await pass(world, TOMBSTONE_KEEP_MS - 10_000);
  t.is(world.rows(TABLE.object).length, 2);
  await pass(world, 40_000);
  t.is(world.rows(TABLE.object).length, 0);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('a tombstone waits until what its version held is given back', async t => {
  const world = new TableWorld();
  await world.ask(putBlocks('a', 1));
  await world.ask(remove('a', 2));
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
    const world = new TableWorld();
    for (let index = 0; index < 20; index += 1) await putAndRemove(world, `k${String(index)}`, 1);
    await world.ask(put('x', 1));
    await pass(world, TOMBSTONE_KEEP_MS - 20_000);
    world.store.failNext(residue);
    t.is((await world.ask(remove('x', 2))).kind, 'unknown');
    await world.store.whenOpen();
    world.store.failNext(residue);
    await pass(world, 40_000);
    t.is(world.store.reopenings, 2, 'a batch of the collector failed, too');
    await pass(world, 2 * TOMBSTONE_KEEP_MS);
    t.is(world.rows(TABLE.object).length, residue === 'kept' ? 0 : 1);
    t.is(world.rows(TABLE.tombstone).length, 0);
  });
}

test('a damaged row is left where it is', async t => {
  const world = new TableWorld();
  await putAndRemove(world, 'a', 1);
  world.store.damage(objectRowKey(partitionOfPlace(at('a')), at('a')));
  await pass(world, TOMBSTONE_KEEP_MS + 20_000);
  t.is(world.rows(TABLE.object).length, 1);
  t.is(world.rows(TABLE.tombstone).length, 0);
});

test('thousands of tombstones go in bounded batches', async t => {
  const world = new TableWorld();
  const keys = Array.from({ length: 3000 }, (_, index) => `k${String(index)}`);
  await Promise.all(keys.map(key => world.ask(put(key, 1))));
  await Promise.all(keys.map(key => world.ask(remove(key, 2))));
  t.is(world.rows(TABLE.tombstone).length, 3000);
  await pass(world, TOMBSTONE_KEEP_MS + 20_000);
  t.is(world.rows(TABLE.object).length, 0);
});

test('the collector ticks by itself, and stops when it is told to', async t => {
  const world = new TableWorld();
  world.collector.start();
  await putAndRemove(world, 'a', 1);
  for (let ticks = 0; ticks < 30; ticks += 1) {
    world.environment.advance(TOMBSTONE_KEEP_MS / 12);
    await new Promise<void>(resolve => setImmediate(resolve));
    await new Promise<void>(resolve => setImmediate(resolve));
  }
  t.is(world.rows(TABLE.object).length, 0);
  await world.collector.stop();
  await putAndRemove(world, 'a', 3);
  world.environment.advance(10 * TOMBSTONE_KEEP_MS);
  t.is(world.rows(TABLE.object).length, 1);
});

test('once it is stopped it collects no more, also when a round was under way', async t => {
  const world = new TableWorld();
  await putAndRemove(world, 'a', 1);
  world.collector.start();
  await world.collector.stop();
  for (let passed = 0; passed < 3 * TOMBSTONE_KEEP_MS; passed += TOMBSTONE_KEEP_MS / 12) {
    world.environment.advance(TOMBSTONE_KEEP_MS / 12);
    await new Promise<void>(resolve => setImmediate(resolve));
  }
  t.is(world.rows(TABLE.tombstone).length, 1);
});
