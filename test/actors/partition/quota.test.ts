// Method: writes with quotas to one partition, and to the shards of a bucket in many; what is held
// is looked at after every answer, and must never pass a limit.
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import { shardOfKey } from '../../../schemas/ids.ts';
import type {
  BucketQuota,
  ObjectWrite,
  PartWrite,
  TableReply,
  TableRequest,
} from '../../../schemas/messages/table.ts';
import type { BucketCounters } from '../../../schemas/records/bucket-counters.ts';
import { addCounters, NO_COUNTERS } from '../../../schemas/records/bucket-counters.ts';
import {
  bucket,
  complete,
  createUpload,
  partOf,
  put,
  putBlocks,
  refOf,
  remove,
  stamp,
  tablePartition,
  uploadId,
  writePart,
  type Fixture,
} from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

const limits = (maxBytes?: number, maxObjects?: number): BucketQuota => ({
  maxBytes,
  maxObjects,
  shards: 1,
});

function limited(write: TableRequest, quota: BucketQuota): TableRequest {
  return { ...(write as ObjectWrite | PartWrite), quota };
}

async function counters({ ask }: Pick<Fixture, 'ask'>): Promise<BucketCounters> {
  const reply = await ask({ kind: 'counters-read', bucket });
  return reply.kind === 'counters' ? reply.counters : NO_COUNTERS;
}

test('a write may fill a bucket to its limit, and not beyond', async t => {
  const fixture = tablePartition();
  const { ask } = fixture;
  const quota = limits(10);
  t.is((await ask(limited(put('a', 1, 4), quota))).kind, 'written');
  t.is((await ask(limited(put('b', 2, 6), quota))).kind, 'written');
  t.is((await ask(limited(put('c', 3, 1), quota))).kind, 'quota-exceeded');
  t.is((await ask(limited(put('c', 4, 0), quota))).kind, 'written', 'nothing takes no room');
  t.deepEqual(await counters(fixture), { ...NO_COUNTERS, objects: 3, bytes: 10 });
  t.is((await ask({ kind: 'object-read', place: put('c', 3).place, want: 'row' })).kind, 'object');
});

test('objects are counted by key', async t => {
  const { ask } = tablePartition();
  const quota = limits(undefined, 2);
  t.is((await ask(limited(put('a', 1), quota))).kind, 'written');
  t.is((await ask(limited(put('b', 2), quota))).kind, 'written');
  t.is((await ask(limited(put('c', 3), quota))).kind, 'quota-exceeded');
  t.is((await ask(limited(put('a', 4), quota))).kind, 'written', 'an overwrite is no more objects');
  t.is((await ask(remove('b', 5))).kind, 'written');
  t.is((await ask(limited(put('c', 6), quota))).kind, 'written');
});

test('an overwrite counts the difference, and a smaller one passes whatever the limit', async t => {
  const { ask } = tablePartition();
  t.is((await ask(put('a', 1, 100))).kind, 'written');
  t.is((await ask(limited(put('a', 2, 50), limits(10)))).kind, 'written');
  t.is((await ask(limited(put('a', 3, 50), limits(10)))).kind, 'written');
  t.is((await ask(limited(put('a', 4, 51), limits(10)))).kind, 'quota-exceeded');
  t.is((await ask(limited(put('a', 5, 60), limits(60)))).kind, 'written');
});

test('a refused write leaves what was there, and releases nothing', async t => {
  const fixture = tablePartition();
  const { ask, kicks } = fixture;
  await ask(putBlocks('a', 1));
  const reply = await ask(limited(putBlocks('a', 2), { ...limits(5000), maxObjects: 1 }));
  t.is(reply.kind, 'written', 'as large as before');
  t.is(kicks.count, 1);
  const larger = putBlocks('a', 3);
  const grown = { ...larger, row: { ...larger.row, sizeBytes: 5001 } } as ObjectWrite;
  t.is((await ask(limited(grown, limits(5000)))).kind, 'quota-exceeded');
  t.is(kicks.count, 1);
  t.is((await counters(fixture)).bytes, 5000);
});

test('parts of open uploads count, and completing them counts nothing twice', async t => {
  const fixture = tablePartition();
  const { ask } = fixture;
  const quota = limits(2500, 1);
  const id = uploadId(1);
  await ask(createUpload('big', id));
  const first = partOf(id, 1, 2);
  const second = partOf(id, 2, 3);
  t.is((await ask(limited(writePart('big', first), quota))).kind, 'written');
  t.is((await ask(limited(writePart('big', second), quota))).kind, 'written');
  t.is((await ask(limited(writePart('big', partOf(id, 3, 4)), quota))).kind, 'quota-exceeded');
  t.is((await ask(limited(put('other', 5, 501), quota))).kind, 'quota-exceeded');
  const parts = [refOf(first), refOf(second)];
  t.is((await ask(limited(complete('big', id, { tick: 6, parts }), quota))).kind, 'written');
  t.deepEqual(await counters(fixture), { ...NO_COUNTERS, objects: 1, bytes: 2000 });
});

test('an upload is not completed into one object too many, and stays open', async t => {
  const fixture = tablePartition();
  const { ask } = fixture;
  const quota = limits(undefined, 1);
  const id = uploadId(1);
  await ask(createUpload('big', id));
  const part = partOf(id, 1, 2);
  await ask(limited(writePart('big', part), quota));
  await ask(limited(put('small', 3), quota));
  const completing = complete('big', id, { tick: 4, parts: [refOf(part)] });
  t.is((await ask(limited(completing, quota))).kind, 'quota-exceeded');
  t.is((await counters(fixture)).uploads, 1);
  await ask(remove('small', 5));
  const again = complete('big', id, { tick: 6, parts: [refOf(part)] });
  t.is((await ask(limited(again, quota))).kind, 'written');
});

test('an attempt that is told twice, and an aborted upload, give their bytes back', async t => {
  const fixture = tablePartition();
  const { ask } = fixture;
  const quota = limits(1500);
  const id = uploadId(1);
  await ask(createUpload('big', id));
  const part = partOf(id, 1, 2);
  t.is((await ask(limited(writePart('big', part), quota))).kind, 'written');
  t.is((await ask(limited(writePart('big', part), quota))).kind, 'written');
  const { place } = put('big', 3);
  await ask({ kind: 'upload-abort', place, uploadId: id, timestamp: stamp(4) });
  t.is((await ask(limited(put('small', 5, 1500), quota))).kind, 'written');
});

test('64 writers at once never pass a limit together', async t => {
  const fixture = tablePartition();
  const { ask } = fixture;
  const quota = limits(20 * 100, 25);
  for (let round = 0; round < 20; round += 1) {
    const replies = await Promise.all(
      Array.from({ length: 64 }, (_, writer) => {
        const tick = round * 64 + writer;
        const key = `k${String(writer)}`;
        return writer % 5 === 0
          ? ask(remove(key, tick))
          : ask(limited(put(key, tick, 60 + ((tick * 7) % 80)), quota));
      }),
    );
    const held = await counters(fixture);
    t.true(held.bytes <= 2000 && held.objects <= 25, JSON.stringify(held));
    t.true(replies.some(reply => reply.kind === 'quota-exceeded'));
  }
  t.true((await counters(fixture)).bytes > 1800, 'and it is used');
});

const SHARDS = 16;

type Sharded = {
  readonly world: TableWorld;
  ask(request: TableRequest): Promise<TableReply>;
  held(): Promise<BucketCounters>;
};

function sharded(): Sharded {
  const world = new TableWorld();
  const inShard = (request: TableRequest): TableRequest => {
    if (!('place' in request)) return request;
    const { key } = request.place;
    const place = { bucket, shard: shardOfKey(key, SHARDS), key };
    return { ...request, place };
  };
  return {
    world,
    ask: request => world.ask(inShard(request)),
    held: async () => {
      const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
      const partitions = new Set(shards.map(shard => partitionOfPlace({ bucket, shard })));
      let sum = NO_COUNTERS;
      for (const partition of partitions) {
        const reply = await world.askPartition(partition, { kind: 'counters-read', bucket });
        if (reply.kind === 'counters') sum = addCounters(sum, reply.counters);
      }
      return sum;
    },
  };
}

test('64 writers at once never pass a limit together, over all shards of a bucket', async t => {
  const { world, ask, held } = sharded();
  const quota = { maxBytes: 2000, maxObjects: 25, shards: SHARDS };
  let refused = 0;
  let most = 0;
  for (let round = 0; round < 20; round += 1) {
    // A batch that fails may have freed nothing.
    if (round % 4 === 3) world.store.failNext('lost');
    await Promise.all(
      Array.from({ length: 64 }, async (_, writer) => {
        const tick = round * 64 + writer;
        const key = `k${String(writer)}`;
        const request =
          writer % 5 === 0
            ? remove(key, tick)
            : limited(put(key, tick, 60 + ((tick * 7) % 80)), quota);
        const reply = await ask(request);
        if (reply.kind === 'quota-exceeded') refused += 1;
        const now = await held();
        t.true(now.bytes <= 2000 && now.objects <= 25, JSON.stringify(now));
        most = Math.max(most, now.bytes);
      }),
    );
    for (let turns = 0; turns < 20; turns += 1) await setImmediate();
  }
  t.true(refused > 64);
  t.true(most > 1800, `it is used: ${String(most)}`);
});

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('put', 'remove', 'part', 'complete', 'abort'),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    sizeBytes: fc.nat(600),
    waits: fc.boolean(),
  }),
  { maxLength: 40 },
);

test('whatever is done, in whatever order, no limit is passed', async t => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(1500), fc.nat(4), async (work, maxBytes, maxObjects) => {
      const { ask, held } = sharded();
      const quota = { maxBytes, maxObjects, shards: SHARDS };
      const open = new Map<
        string,
        { readonly id: ReturnType<typeof uploadId>; parts: ReturnType<typeof partOf>[] }
      >();
      const underWay: Promise<TableReply>[] = [];
      for (const [tick, { what, key, sizeBytes, waits }] of work.entries()) {
        const upload = open.get(key);
        if (what === 'put') underWay.push(ask(limited(put(key, tick, sizeBytes), quota)));
        else if (what === 'remove') underWay.push(ask(remove(key, tick)));
        else if (what === 'part') {
          const id = upload?.id ?? uploadId(tick);
          if (upload === undefined) {
            await ask(createUpload(key, id));
            open.set(key, { id, parts: [] });
          }
          const part = partOf(id, (upload?.parts.length ?? 0) + 1, tick, sizeBytes);
          const reply = await ask(limited(writePart(key, part), quota));
          if (reply.kind === 'written') open.get(key)?.parts.push(part);
        } else if (upload !== undefined && what === 'complete' && upload.parts.length > 0) {
          const parts = upload.parts.map(refOf);
          const completing = complete(key, upload.id, { tick, parts });
          const reply = await ask(limited(completing, quota));
          if (reply.kind === 'written') open.delete(key);
        } else if (upload !== undefined && what === 'abort') {
          const { place } = put(key, tick);
          underWay.push(
            ask({ kind: 'upload-abort', place, uploadId: upload.id, timestamp: stamp(tick) }),
          );
          open.delete(key);
        }
        if (waits) await Promise.all(underWay);
        const { objects, bytes, uploadBytes } = await held();
        t.true(objects <= maxObjects && bytes + uploadBytes <= maxBytes);
      }
      await Promise.all(underWay);
      const { objects, bytes, uploadBytes } = await held();
      t.true(objects <= maxObjects && bytes + uploadBytes <= maxBytes);
    }),
    { numRuns: 60 },
  );
});
