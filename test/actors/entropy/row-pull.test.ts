// Method: three replicas of one partition are each told a random part of the same requests, as if
// the rest had been lost. Then they pull from each other in a random order, doubled pulls among
// them, until nothing changes. All must hold the same then: rows, bytes, counters; and the newest
// write of each key that any of them accepted must be what stands there.
import test from 'ava';
import fc from 'fast-check';
import { RowPull } from '../../../actors/entropy/row-pull.ts';
import type { PullMode, PullOutcome } from '../../../actors/entropy/row-pull.ts';
import { endedUploadRowKey } from '../../../actors/partition/row-keys.ts';
import { uploadOfKey } from '../../../actors/partition/row-names.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { decodeCounters } from '../../../schemas/records/bucket-counters.ts';
import { sealedBytesOf } from '../../../schemas/records/customer-encryption.ts';
import { decodeObjectRow } from '../../../schemas/records/object-row.ts';
import { decodeOpenUploadRow } from '../../../schemas/records/open-upload-row.ts';
import { decodePartRow } from '../../../schemas/records/upload-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import type { Fixture } from '../partition/partition-fixture.ts';
import {
  at,
  bucket,
  complete,
  createUpload,
  inlineVersion,
  partition,
  partOf,
  put,
  putBlocks,
  remove,
  stamp,
  tablePartition,
  uploadId,
  versionId,
  writePart,
} from '../partition/partition-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const NODES = ['aa', 'bb', 'cc'].map(byte => byte.repeat(32) as NodeId);

class Replicas {
  readonly all: readonly Fixture[];
  readonly #pulls: readonly RowPull[];

  constructor() {
    this.all = NODES.map(() => tablePartition({ digestKey, soleReplica: false }));
    this.#pulls = NODES.map(
      self =>
        new RowPull({
          clusterKey: digestKey,
          ask: (node, _partition, request) => this.all[NODES.indexOf(node)]!.ask(request),
          self,
          nowMs: () => this.all[0]!.environment.clock.monotonicMs(),
          rest: () => Promise.resolve(),
        }),
    );
  }

  async build(): Promise<void> {
    for (const { table } of this.all) {
      await table.digest!.build(
        apply => table.change(apply),
        () => Promise.resolve(),
      );
    }
  }

  pull(to: number, from: number, mode: PullMode = 'overdue'): Promise<PullOutcome> {
    return this.#pulls[to]!.run(this.all[to]!.table, NODES[from]!, mode);
  }

  /** Every replica from every other one, until a whole round changes nothing. */
  async settle(): Promise<number> {
    for (let round = 1; ; round += 1) {
      let changed = 0;
      for (const to of [0, 1, 2]) {
        for (const from of [0, 1, 2].filter(other => other !== to)) {
          const outcome = await this.pull(to, from);
          if (outcome.kind === 'pulled') changed += outcome.rows;
          else if (outcome.kind !== 'same') throw new Error(outcome.kind);
        }
      }
      if (changed === 0 || round === 10) return round;
    }
  }
}

/** All that must be the same everywhere, in a form that can be compared. */
function heldBy(replica: Fixture): Record<string, unknown> {
  const heads = replica.rows(TABLE.object).map(({ key, value }) => ({ key, value }));
  const open = replica.rows(TABLE.openUpload).map(({ key, value }) => {
    const { upload, attempts, bytes } = decodeOpenUploadRow(value);
    return { key, upload, attempts, bytes };
  });
  const isOpen = new Set(open.map(({ upload }) => upload.uploadId));
  const named = new Set(
    heads.flatMap(({ value }) => {
      const row = decodeObjectRow(value);
      if (row.kind !== 'version' || row.content.kind !== 'parts') return [];
      return row.content.parts?.map(part => part.attemptId) ?? [];
    }),
  );
  const parts = replica.rows(TABLE.part).filter(({ key, value }) => {
    return isOpen.has(uploadOfKey(key).uploadId) || named.has(decodePartRow(value).attemptId);
  });
  const counters = replica.rows(TABLE.counters).map(({ value }) => decodeCounters(value));
  return {
    ...{ heads, open, parts, counters },
    inline: replica.rows(TABLE.inline),
    ended: replica.rows(TABLE.endedUpload),
    named: named.size,
  };
}

type Action = {
  readonly kind: 'put' | 'blocks' | 'remove' | 'create' | 'part' | 'complete' | 'abort';
  readonly key: number;
  /** Which replicas it reaches. */
  readonly reaches: readonly boolean[];
  /** Pulls after it: who from whom. */
  readonly pulls: readonly (readonly [number, number])[];
};

const replica = fc.nat(2);
const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(['put', 'blocks', 'remove', 'create', 'part', 'part', 'complete', 'abort'] as const),
    ),
    key: fc.nat(2),
    reaches: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    pulls: fc.array(fc.tuple(replica, replica), { maxLength: 2 }),
  }),
  { minLength: 5, maxLength: 40, size: 'max' },
);

function requestOf({ kind, key }: Action, tick: number): TableRequest {
  const name = `key ${String(key)}`;
  const id = uploadId(key);
  switch (kind) {
    case 'put':
      return put(name, tick, tick % 3);
    case 'blocks':
      return putBlocks(name, tick);
    case 'remove':
      return remove(name, tick);
    case 'create':
      return createUpload(name, id);
    case 'part':
      return writePart(name, partOf(id, (tick % 4) + 1, tick));
    case 'complete':
      return complete(name, id, { tick, parts: [] });
    case 'abort':
      return { kind: 'upload-abort', place: at(name), uploadId: id, timestamp: stamp(tick) };
  }
}

/** A completion names the attempts that the first replica which it reaches holds. */
function completed(world: Replicas, action: Action, tick: number): TableRequest {
  const name = `key ${String(action.key)}`;
  const first = world.all[action.reaches.indexOf(true)];
  const held = first?.rows(TABLE.part).map(({ value }) => decodePartRow(value)) ?? [];
  const parts = held.filter(part => part.uploadId === uploadId(action.key)).slice(0, 3);
  return complete(name, uploadId(action.key), { tick, parts });
}

test('replicas that were told different things agree, and on the newest', async t => {
  await fc.assert(
    fc.asyncProperty(actions, async all => {
      const world = new Replicas();
      await world.build();
      const newest = new Map<string, string>();
      let tick = 10;
      for (const action of all) {
        tick += 1;
        const isComplete = action.kind === 'complete';
        const request = isComplete ? completed(world, action, tick) : requestOf(action, tick);
        for (const [index, isReached] of action.reaches.entries()) {
          if (!isReached) continue;
          const reply = await world.all[index]!.ask(request);
          const isStored = reply.kind === 'written' && request.kind === 'object-write';
          if (isStored) newest.set(request.place.key, request.row.timestamp);
        }
        for (const [to, from] of action.pulls) if (to !== from) await world.pull(to, from);
      }
      t.true((await world.settle()) < 10, 'it comes to an end');
      const [one, two, three] = world.all.map(heldBy);
      t.deepEqual(one, two);
      t.deepEqual(two, three);
      for (const [key, timestamp] of newest) {
        const read = await world.all[0]!.ask({ kind: 'object-read', place: at(key), want: 'row' });
        t.is(read.kind === 'object' ? read.row?.timestamp : undefined, timestamp as never);
      }
    }),
    { numRuns: 60 },
  );
});

test('a new replica takes over all: rows, bytes, marks, long part lists', async t => {
  const world = new Replicas();
  const [from, to] = [world.all[0]!, world.all[1]!];
  await from.ask(put('small', 1));
  await from.ask(putBlocks('large', 2));
  await from.ask(remove('gone', 3));
  const id = uploadId(4);
  await from.ask(createUpload('many', id));
  const parts = Array.from({ length: 100 }, (_, index) => partOf(id, index + 1, 100 + index));
  for (const part of parts) await from.ask(writePart('many', part));
  await from.ask(complete('many', id, { tick: 500, parts }));
  const mark = { kind: 'version', ...at('never'), versionId: versionId(600) } as const;
  await from.ask({ kind: 'owner-abort', owner: mark });
  const outcome = await world.pull(1, 0, 'everything');
  t.is(outcome.kind, 'pulled');
  for (const table of [TABLE.object, TABLE.inline, TABLE.partList, TABLE.part] as const) {
    t.deepEqual(to.rows(table), from.rows(table));
    t.true(to.rows(table).length > 0);
  }
  t.is(to.rows(TABLE.abortedMark).length, 1);
  const counters = await to.ask({ kind: 'counters-read', bucket });
  t.deepEqual(counters, await from.ask({ kind: 'counters-read', bucket }));
  t.deepEqual(await world.pull(1, 0, 'everything'), { kind: 'pulled', rows: 0 });
});

test('small encrypted versions, current or not, come with their bytes and tags', async t => {
  const world = new Replicas();
  const [from, to] = [world.all[0]!, world.all[1]!];
  const encryption = { salt: '5a'.repeat(32), check: 'c4'.repeat(16) };
  for (const tick of [1, 2, 3]) {
    const row = { ...inlineVersion(tick, 50), versioned: true, encryption } as const;
    const inline = Buffer.alloc(sealedBytesOf(50), tick);
    const write = { kind: 'object-write', place: at('secret'), row, inline } as const;
    t.is((await from.ask(write)).kind, 'written');
  }
  await world.pull(1, 0, 'everything');
  for (const table of [TABLE.object, TABLE.inline, TABLE.history, TABLE.historyBytes] as const) {
    t.deepEqual(to.rows(table), from.rows(table));
    t.true(to.rows(table).length > 0);
  }
  const counters = await to.ask({ kind: 'counters-read', bucket });
  t.deepEqual(counters, await from.ask({ kind: 'counters-read', bucket }));
});

test('leaves that writes change still are left alone until they are overdue', async t => {
  const world = new Replicas();
  await world.build();
  await world.all[0]!.ask(put('a', 1));
  t.deepEqual(await world.pull(1, 0, 'differing'), { kind: 'busy' });
  for (const { environment } of world.all) environment.advance(10_000);
  t.deepEqual(await world.pull(1, 0, 'differing'), { kind: 'pulled', rows: 1 });
  t.deepEqual(await world.pull(1, 0, 'differing'), { kind: 'same' });
});

test('a replica that does not answer is a failure, and so is one without a digest', async t => {
  const world = new Replicas();
  t.is((await world.pull(1, 0)).kind, 'failed');
  const ask = async () => Promise.resolve({ kind: 'unavailable' } as const);
  const deaf = new RowPull({
    ...{ clusterKey: digestKey, ask, self: NODES[0]!, nowMs: () => 0 },
    rest: () => Promise.resolve(),
  });
  const outcome = await deaf.run(world.all[0]!.table, NODES[1]!, 'everything');
  t.deepEqual(outcome, { kind: 'failed', why: 'unavailable' });
});

test('parts of an upload that was aborted here do not come back', async t => {
  const world = new Replicas();
  const id = uploadId(1);
  for (const { ask } of world.all) await ask(createUpload('up', id));
  await world.all[0]!.ask(writePart('up', partOf(id, 1, 5)));
  const abort = { kind: 'upload-abort', uploadId: id, timestamp: stamp(9) } as const;
  await world.all[1]!.ask({ ...abort, place: at('up') });
  await world.pull(1, 0, 'everything');
  t.is(world.all[1]!.rows(TABLE.part).length, 0);
  t.is(world.all[1]!.rows(TABLE.openUpload).length, 0);
  await world.pull(0, 1, 'everything');
  t.is(world.all[0]!.rows(TABLE.openUpload).length, 0, 'and it ends where it was open');
  t.is(world.all[0]!.rows(TABLE.release).length, 1, 'where its part is released');
});

test('a row that cannot be merged keeps no other from it, and the pull is no success', async t => {
  const world = new Replicas();
  const [from, to] = [world.all[0]!, world.all[1]!];
  for (let tick = 1; tick <= 150; tick += 1) await from.ask(put(`key ${String(tick)}`, tick));
  // Whether the upload has ended here cannot be told, so its part is not merged.
  const id = uploadId(200);
  for (const { ask } of [from, to]) await ask(createUpload('key 9 up', id));
  await from.ask(writePart('key 9 up', partOf(id, 1, 201)));
  await to.ask({
    kind: 'upload-abort',
    place: at('key 9 up'),
    uploadId: id,
    timestamp: stamp(202),
  });
  to.store.damage(endedUploadRowKey(partition, at('key 9 up'), id));
  const outcome = await world.pull(1, 0, 'everything');
  t.deepEqual(outcome, { kind: 'failed', why: 'merging: damaged' });
  t.is(to.rows(TABLE.object).length, 150);
  t.is(to.rows(TABLE.part).length, 0);
});
