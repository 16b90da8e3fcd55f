// Method: random keys over an alphabet chosen for trouble, listed with every kind of request and
// compared with the naive twin; then the figures that show how the walk got there.
import test from 'ava';
import fc from 'fast-check';
import { LIST_SKIPPED_MAX } from '../../../actors/partition/object-list.ts';
import { objectRowKey } from '../../../actors/partition/row-keys.ts';
import type { StoreCursor, StoreRange } from '../../../actors/storage/store.ts';
import type { ObjectKey } from '../../../schemas/ids.ts';
import type { ListStart, ObjectList, TableReply } from '../../../schemas/messages/table.ts';
import { encodeObjectRow } from '../../../schemas/records/object-row.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { listNaively } from './naive-listing.ts';
import type { NaiveEntry, NaiveListing } from './naive-listing.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  bucket,
  etag,
  inlineVersion,
  partition,
  put,
  remove,
  stamp,
  tablePartition,
} from './partition-fixture.ts';

type Page = Extract<TableReply, { kind: 'object-page' }>;

/** NUL, bytes around it, two delimiters, the last BMP characters and one that sorts before them in
 *  UTF-16 but behind them in UTF-8. */
const characters = fc.constantFrom('a', 'b', '/', '-', '\0', '\u0001', '\uff00', '\uffee', '😀');
const text = (max: number) => fc.string({ unit: characters, maxLength: max });
const keySets = fc.uniqueArray(fc.string({ unit: characters, minLength: 1, maxLength: 6 }), {
  maxLength: 40,
});
const delimiters = fc.oneof(fc.constantFrom('', '/', '/-', 'a', '\uffee'), text(3));

/** A store that holds these keys, and tombstones of those. */
function filled(keys: readonly string[], deleted: readonly string[] = []): MemoryStore {
  const rows = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    rows.set(objectRowKey(partition, at(key)).toString('latin1'), value);
  };
  for (const key of deleted) {
    add(key, encodeObjectRow({ kind: 'tombstone', timestamp: stamp(1) }));
  }
  for (const key of keys) add(key, encodeObjectRow(inlineVersion(1, 0)));
  return new MemoryStore(rows);
}

async function page(f: Fixture, request: Partial<ObjectList>): Promise<Page> {
  const all = { prefix: '', delimiter: '', limit: 1000, ...request };
  const reply = await f.ask({ kind: 'object-list', bucket, shard: 0, ...all });
  if (reply.kind !== 'object-page') throw new Error(reply.kind);
  return reply;
}

function names({ entries }: Page): NaiveEntry[] {
  return entries.map(entry =>
    entry.kind === 'object'
      ? { kind: 'object', name: entry.key }
      : { kind: 'prefix', name: entry.prefix },
  );
}

/** All pages of a listing, one after the other as a client asks for them. */
async function pages(f: Fixture, listing: NaiveListing, limit: number): Promise<Page[]> {
  const found: Page[] = [];
  let from = listing.from as ListStart | undefined;
  const { prefix, delimiter } = listing;
  do {
    const next = await page(f, {
      prefix,
      delimiter,
      limit,
      ...(from === undefined ? {} : { from }),
    });
    found.push(next);
    from = next.next;
  } while (from !== undefined);
  return found;
}

test('listing agrees with the naive twin for any prefix, delimiter, start and page size', async t => {
  const listings = fc.record({
    keys: keySets,
    deleted: keySets,
    prefix: text(2),
    delimiter: delimiters,
    start: fc.option(fc.record({ pick: fc.nat(), other: text(4), inclusive: fc.boolean() })),
    limit: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(listings, async ({ keys, deleted, prefix, delimiter, start, limit }) => {
      const f = tablePartition({ store: filled(keys, deleted) });
      const base = { prefix, delimiter };
      const startable = [...keys, ...listNaively(keys, base).map(entry => entry.name)];
      const from = start && {
        key: (startable[start.pick % (startable.length + 2)] ?? start.other) as ObjectKey,
        inclusive: start.inclusive,
      };
      const listing = from === null ? base : { ...base, from };
      const expected = listNaively(keys, listing);
      const found = await pages(f, listing, limit);
      t.deepEqual(found.flatMap(names), expected);
      t.true(found.slice(0, -1).every(({ entries }) => entries.length === limit));
      t.is(found.length, Math.max(1, Math.ceil(expected.length / limit)));
    }),
    { numRuns: 600 },
  );
});

test('an entry says when the object was written, how large it is, its ETag and checksum', async t => {
  const f = tablePartition();
  const write = put('a', 5, 3);
  const checksum = { algorithm: 'CRC32C', type: 'FULL_OBJECT', value: 'AAAAAA==' } as const;
  await f.ask({ ...write, row: { ...inlineVersion(5, 3), checksum } });
  t.deepEqual((await page(f, {})).entries, [
    {
      kind: 'object',
      key: 'a' as ObjectKey,
      lastModifiedMs: 1_700_000_000_005,
      sizeBytes: 3,
      etag: etag(5),
      checksum: { algorithm: 'CRC32C', type: 'FULL_OBJECT' },
    },
  ]);
});

test('a listing of nothing is complete, and so is one of at most nothing', async t => {
  const f = tablePartition();
  t.deepEqual(await page(f, {}), { kind: 'object-page', entries: [] });
  await f.ask(put('a', 1));
  t.deepEqual(await page(f, { limit: 0 }), { kind: 'object-page', entries: [] });
  t.deepEqual(await page(f, { prefix: 'b' }), { kind: 'object-page', entries: [] });
  const from = { key: 'b' as ObjectKey, inclusive: true };
  t.deepEqual(await page(f, { prefix: 'a', from }), { kind: 'object-page', entries: [] });
});

test('a deleted object leaves neither an entry nor a common prefix behind', async t => {
  const f = tablePartition();
  await f.ask(put('dir/a', 1));
  await f.ask(put('x', 2));
  await f.ask(remove('dir/a', 3));
  t.deepEqual(names(await page(f, { delimiter: '/' })), [{ kind: 'object', name: 'x' }]);
});

test('buckets, shards and partitions beside the listed one do not show up', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  const other = '12'.repeat(32) as typeof bucket;
  await f.ask({ ...put('b', 2), place: at('b', other) });
  await f.ask({ ...put('c', 3), place: { ...at('c'), shard: 1 } });
  t.deepEqual(names(await page(f, {})), [{ kind: 'object', name: 'a' }]);
});

test('a common prefix costs one seek, however many keys it holds', async t => {
  const keys = Array.from({ length: 20 }, (_, dir) =>
    Array.from({ length: 200 }, (__, file) => `${String(dir).padStart(2, '0')}/${String(file)}`),
  ).flat();
  const counting = new CountingStore(filled(keys));
  const f = tablePartition({ store: counting.store });
  const listed = await page(f, { delimiter: '/' });
  t.is(listed.entries.length, 20);
  t.is(counting.seeks, 20);
  t.true(counting.rows <= 20 * 20, `${String(counting.rows)} rows were read`);
});

test('many tombstones end a page early, and the next one goes on behind them', async t => {
  const deleted = Array.from(
    { length: LIST_SKIPPED_MAX + 5000 },
    (_, index) => `a/${String(index).padStart(7, '0')}`,
  );
  const f = tablePartition({ store: filled(['a/9', 'b'], ['a/', ...deleted]) });
  const first = await page(f, { delimiter: '/' });
  t.deepEqual(first.entries, []);
  t.true(first.next?.inclusive);
  const found = await pages(f, { prefix: '', delimiter: '/' }, 1000);
  t.deepEqual(found.flatMap(names), [
    { kind: 'prefix', name: 'a/' },
    { kind: 'object', name: 'b' },
  ]);
});

test('a damaged row fails the page that would need it, and no other', async t => {
  const store = filled(['a', 'b', 'c']);
  store.damage(objectRowKey(partition, at('b')));
  const f = tablePartition({ store });
  const all = {
    kind: 'object-list',
    bucket,
    shard: 0,
    prefix: '',
    delimiter: '',
    limit: 9,
  } as const;
  t.deepEqual(await f.ask(all), { kind: 'damaged' });
  t.deepEqual(names(await page(f, { prefix: 'c' })), [{ kind: 'object', name: 'c' }]);
});

test('more lists than may run and wait are refused', async t => {
  const f = tablePartition({ store: filled(['a']) });
  const replies = await Promise.all(
    Array.from({ length: 400 }, () =>
      f.ask({ kind: 'object-list', bucket, shard: 0, prefix: '', delimiter: '', limit: 1 }),
    ),
  );
  const pagesGot = replies.filter(reply => reply.kind === 'object-page').length;
  t.true(pagesGot >= 200);
  t.is(replies.filter(reply => reply.kind === 'overloaded').length, 400 - pagesGot);
  t.true(pagesGot < 400);
});

/** Counts what its store's cursors are asked for. */
class CountingStore {
  readonly store: MemoryStore;
  seeks = 0;
  rows = 0;

  constructor(store: MemoryStore) {
    this.store = store;
    const open = store.cursor.bind(store);
    store.cursor = (range: StoreRange): StoreCursor => {
      const cursor = open(range);
      return {
        next: async count => {
          const found = await cursor.next(count);
          this.rows += found.length;
          return found;
        },
        seek: key => {
          this.seeks += 1;
          cursor.seek(key);
        },
        close: () => cursor.close(),
      };
    };
  }
}
