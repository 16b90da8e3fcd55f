// Method: one partition on a store in memory against a naive twin that keeps every version of a key
// in a list; random writes, deletions and deletions of versions, while versions are kept, are not
// kept any more, or were never kept.
import test from 'ava';
import fc from 'fast-check';
import type { TableReply, VersionDelete } from '../../../schemas/messages/table.ts';
import type { ObjectRow, VersionRef } from '../../../schemas/records/object-row.ts';
import { decodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { stampOf, type Fixture } from './version-fixture.ts';
import { at, bucket, put, putBlocks, stamp, tablePartition } from './partition-fixture.ts';
import { deleteOf, listAll, versionDelete, writeOf } from './version-fixture.ts';

type Status = 'never' | 'enabled' | 'suspended';
type Step =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly sizeBytes: number;
      readonly isLarge: boolean;
    }
  | { readonly kind: 'delete'; readonly key: string }
  /** The version at this place of the list of all that are there. */
  | { readonly kind: 'delete-version'; readonly index: number }
  | { readonly kind: 'status'; readonly status: Exclude<Status, 'never'> };

type NaiveVersion = {
  readonly ref: VersionRef;
  readonly tick: number;
  readonly sizeBytes: number;
  readonly isMarker: boolean;
  readonly isLarge: boolean;
};

/** Of each key all versions, the newest first. */
class Naive {
  readonly keys = new Map<string, NaiveVersion[]>();
  readonly released: number[] = [];

  write(key: string, version: NaiveVersion): void {
    const others = this.keys.get(key) ?? [];
    const kept = others.filter(other => version.ref !== 'null' || other.ref !== 'null');
    for (const other of others) if (!kept.includes(other)) this.#release(other);
    this.keys.set(key, [version, ...kept]);
  }

  delete(key: string, status: Status, tick: number): void {
    const current = this.keys.get(key)?.[0];
    const marker = { tick, sizeBytes: 0, isMarker: true, isLarge: false };
    if (status === 'enabled') this.write(key, { ...marker, ref: stamp(tick) });
    else if (status === 'suspended') this.write(key, { ...marker, ref: 'null' });
    else if (current !== undefined) this.deleteVersion(key, current);
  }

  deleteVersion(key: string, version: NaiveVersion): void {
    this.#release(version);
    this.keys.set(
      key,
      (this.keys.get(key) ?? []).filter(other => other !== version),
    );
  }

  #release(version: NaiveVersion): void {
    if (version.isLarge) this.released.push(version.tick);
  }

  all(): { key: string; isLatest: boolean; version: NaiveVersion }[] {
    return [...this.keys]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .flatMap(([key, versions]) =>
        versions.map((version, index) => ({ key, version, isLatest: index === 0 })),
      );
  }
}

const keys = fc.constantFrom('a', 'a\0', 'a/b', 'b', 'é');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        key: keys,
        sizeBytes: fc.constantFrom(0, 1, 7),
        isLarge: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: keys }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('delete-version' as const), index: fc.nat(9) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('status' as const),
        status: fc.constantFrom('enabled' as const, 'suspended' as const),
      }),
    },
  ),
  { maxLength: 30 },
);

async function run(f: Fixture, naive: Naive, all: readonly Step[]): Promise<void> {
  let status: Status = 'never';
  let tick = 0;
  for (const step of all) {
    tick += 1;
    switch (step.kind) {
      case 'status':
        status = step.status;
        break;
      case 'put': {
        const { key, isLarge } = step;
        const write = isLarge ? putBlocks(key, tick) : put(key, tick, step.sizeBytes);
        await ask(f, writeOf(write, status));
        const ref = status === 'enabled' ? stamp(tick) : ('null' as const);
        const sizeBytes = isLarge ? 5000 : step.sizeBytes;
        naive.write(key, { ref, tick, sizeBytes, isMarker: false, isLarge });
        break;
      }
      case 'delete':
        await ask(f, deleteOf(step.key, tick, status));
        naive.delete(step.key, status, tick);
        break;
      case 'delete-version': {
        const there = naive.all();
        const meant = there[step.index % Math.max(1, there.length)];
        if (meant === undefined || status === 'never') break;
        await ask(f, versionDelete(meant.key, meant.version.ref, tick));
        naive.deleteVersion(meant.key, meant.version);
        break;
      }
    }
  }
}

async function ask(f: Fixture, request: Parameters<Fixture['ask']>[0]): Promise<TableReply> {
  const reply = await f.ask(request);
  if (reply.kind !== 'written') throw new Error(`${request.kind}: ${reply.kind}`);
  return reply;
}

test('the versions of all keys are those of a naive list', async t => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
      const f = tablePartition();
      const naive = new Naive();
      await run(f, naive, all);
      const listed = await listAll(f, { limit });
      t.deepEqual(
        listed.map(entry => [
          entry.key,
          entry.version,
          entry.isLatest,
          entry.isMarker,
          entry.sizeBytes,
        ]),
        naive
          .all()
          .map(({ key, isLatest, version: { ref, isMarker, sizeBytes } }) => [
            ...[key, ref, isLatest, isMarker, sizeBytes],
          ]) as never,
      );
      await isReadBack(f, naive);
      await isCounted(f, naive);
      isReleased(f, naive);
      const crashed = f.crash();
      t.deepEqual(await listAll(crashed, { limit: 100 }), listed);
    }),
    { numRuns: 300 },
  );

  async function isReadBack(f: Fixture, naive: Naive): Promise<void> {
    for (const { key, version, isLatest } of naive.all()) {
      const { ref, isMarker, isLarge, sizeBytes, tick } = version;
      for (const asked of isLatest ? [ref, undefined] : [ref]) {
        const read = {
          kind: 'object-read',
          place: at(key),
          want: 'content',
          version: asked,
        } as const;
        const reply = await f.ask(read);
        if (reply.kind !== 'object') throw new Error(reply.kind);
        t.is(reply.row?.kind, isMarker ? 'marker' : 'version');
        t.is(reply.row?.timestamp, stamp(tick));
        const inline =
          isMarker || isLarge || sizeBytes === 0 ? undefined : Buffer.alloc(sizeBytes, tick);
        t.deepEqual(reply.inline && Buffer.from(reply.inline), inline);
      }
    }
  }

  async function isCounted(f: Fixture, naive: Naive): Promise<void> {
    const reply = await f.ask({ kind: 'counters-read', bucket });
    if (reply.kind !== 'counters') throw new Error(reply.kind);
    const all = naive.all();
    t.is(
      reply.counters.objects,
      all.filter(({ isLatest, version }) => isLatest && !version.isMarker).length,
    );
    t.is(
      reply.counters.bytes,
      all.reduce((sum, { version }) => sum + version.sizeBytes, 0),
    );
    const probe = await f.ask({ kind: 'bucket-probe', bucket, shard: 0 });
    t.deepEqual(probe, { kind: 'probed', empty: all.length === 0 });
  }

  function isReleased(f: Fixture, naive: Naive): void {
    const entries = f.rows(TABLE.release).map(({ value }) => decodeReleaseEntry(value));
    const ids = entries.map(entry => (entry.kind === 'version' ? entry.versionId : ''));
    t.deepEqual(ids.sort(), naive.released.map(tick => stamp(tick) as string).sort());
    const there = naive.all().filter(({ isLatest }) => !isLatest);
    t.is(f.rows(TABLE.history).length, there.length);
    const small = there.filter(({ version: v }) => !v.isMarker && !v.isLarge && v.sizeBytes > 0);
    t.is(f.rows(TABLE.historyBytes).length, small.length);
    t.is(
      f.rows(TABLE.versionName).length,
      there.filter(({ version }) => version.ref === 'null').length,
    );
  }
});

test('folders are folded and prefixes respected, page by page', async t => {
  const names = fc.array(
    fc.string({ unit: fc.constantFrom('a', 'b', '/', '\0'), minLength: 1, maxLength: 4 }),
    { maxLength: 12 },
  );
  const prefixes = fc.constantFrom('', 'a', 'a/', '/', 'b\0');
  await fc.assert(
    fc.asyncProperty(
      names,
      prefixes,
      fc.integer({ min: 1, max: 5 }),
      async (all, prefix, limit) => {
        const f = tablePartition();
        let tick = 0;
        for (const name of all) {
          tick += 1;
          await ask(f, writeOf(put(name, tick), 'enabled'));
        }
        const expected = new Map<string, number>();
        for (const name of all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
          if (!name.startsWith(prefix)) continue;
          const end = name.indexOf('/', prefix.length);
          if (end < 0) expected.set(name, (expected.get(name) ?? 0) + 1);
          else expected.set(name.slice(0, end + 1), 1);
        }
        const found = new Map<string, number>();
        for (const entry of await listAll(f, { limit, prefix, delimiter: '/' })) {
          found.set(entry.key, (found.get(entry.key) ?? 0) + 1);
        }
        t.deepEqual([...found], [...expected]);
      },
    ),
    { numRuns: 200 },
  );
});

test('a key whose versions are not kept has one row, and its write reads nothing more', async t => {
  const f = tablePartition();
  const read = new Set<number>();
  const { get } = f.store;
  f.store.get = key => {
    read.add(key[1] ?? 0);
    return get.call(f.store, key);
  };
  await ask(f, put('a', 1));
  await ask(f, put('a', 2));
  await ask(f, deleteOf('a', 3, 'never'));
  for (const table of [TABLE.history, TABLE.historyBytes, TABLE.versionName]) {
    t.false(read.has(table));
    t.is(f.rows(table).length, 0);
  }
});

test('a gateway that has not heard of versioning destroys no version', async t => {
  const f = tablePartition();
  await ask(f, writeOf(put('a', 1), 'enabled'));
  await ask(f, put('a', 2));
  await ask(f, writeOf(put('a', 3), 'enabled'));
  await ask(f, deleteOf('a', 4, 'never'));
  const refs = (await listAll(f, { limit: 10 })).map(({ version, isMarker }) => [
    version,
    isMarker,
  ]);
  t.deepEqual(refs, [
    ['null', true],
    [stamp(3), false],
    [stamp(1), false],
  ]);
});

test('an owner of blocks lives as long as its version, current or not', async t => {
  const f = tablePartition();
  // The version id is older than the stamp, as that of every version with blocks.
  const begun = stampOf(0, 5);
  const write = putBlocks('a', 1);
  if (write.row.kind !== 'version') throw new Error('a version');
  const row: ObjectRow = { ...write.row, versionId: begun as never };
  await ask(f, writeOf({ ...write, row }, 'enabled'));
  const owner = { kind: 'version', ...at('a'), versionId: begun as never } as const;
  const state = async (): Promise<unknown> => {
    const reply = await f.ask({ kind: 'owners-check', owners: [{ owner, mayBeUnderWay: false }] });
    return reply.kind === 'owners' ? reply.states[0] : reply.kind;
  };
  t.is(await state(), 'live');
  await ask(f, writeOf(put('a', 2), 'enabled'));
  t.is(await state(), 'live');
  t.is(f.rows(TABLE.versionName).length, 1);
  await ask(f, versionDelete('a', stamp(1), 3));
  t.is(await state(), 'dead');
  t.is(f.rows(TABLE.versionName).length, 0);
});

test('deletions of many current versions at once promote the right one each time', async t => {
  const f = tablePartition();
  for (let tick = 1; tick <= 6; tick += 1) await ask(f, writeOf(put('a', tick), 'enabled'));
  f.store.hold();
  const deletions = [6, 5, 3, 4].map((tick, index) =>
    f.ask(versionDelete('a', stamp(tick), 10 + index)),
  );
  f.store.release();
  const replies = await Promise.all(deletions);
  t.deepEqual(
    replies.map(reply => reply.kind),
    ['written', 'written', 'written', 'written'],
  );
  const listed = await listAll(f, { limit: 10 });
  t.deepEqual(
    listed.map(({ version, isLatest }) => [version, isLatest]),
    [
      [stamp(2), true],
      [stamp(1), false],
    ],
  );
});

test('the deletion of a version is told what it was; of one that is gone, nothing', async t => {
  const f = tablePartition();
  await ask(f, writeOf(put('a', 1), 'enabled'));
  await ask(f, deleteOf('a', 2, 'enabled'));
  const tell = (request: VersionDelete): Promise<TableReply> => f.ask(request);
  t.deepEqual(await tell(versionDelete('a', stamp(2), 3)), {
    ...{ kind: 'written', version: stamp(2), marker: true },
  });
  t.deepEqual(await tell(versionDelete('a', stamp(2), 4)), { kind: 'written' });
  const condition = { ifMatch: ['0'.repeat(32)] };
  const failed = await tell({ ...versionDelete('a', stamp(1), 5), condition });
  t.deepEqual(failed, { kind: 'condition-failed', because: 'mismatch' });
  t.deepEqual(await tell(versionDelete('a', stamp(1), 6)), {
    ...{ kind: 'written', version: stamp(1), replaced: { sizeBytes: 3 } },
  });
});

test('a recount finds the bytes of old versions', async t => {
  const f = tablePartition();
  await ask(f, writeOf(put('a', 1, 5), 'enabled'));
  await ask(f, writeOf(put('a', 2, 7), 'enabled'));
  await ask(f, writeOf(put('b', 3, 1), 'enabled'));
  f.store.damage(f.rows(TABLE.counters)[0]!.key);
  const fresh = f.crash();
  await ask(fresh, writeOf(put('c', 4, 2), 'enabled'));
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  const reply = await fresh.ask({ kind: 'counters-read', bucket });
  t.like(reply, { kind: 'counters', counters: { objects: 3, bytes: 15 } });
});
