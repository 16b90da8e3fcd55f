// Method: real partitions on a store in memory, bucket rows that the test sets, and a clock that
// the test moves; a walk is stepped to its end.
import test from 'ava';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import type { ObjectKey } from '../../../schemas/ids.ts';
import { shardOfKey } from '../../../schemas/ids.ts';
import { lifecycleCalendar } from '../../../schemas/lifecycle-calendar.ts';
import { decodeObjectRow } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { makeTimestamp, timestampMs, type Timestamp } from '../../../schemas/timestamp.ts';
import { bucket, LIVE_STAMPER } from './partition-fixture.ts';
import type { TableWorld } from './table-world.ts';
import { DAY_MS, days, lifecycleWorld, rule } from './lifecycle-world.ts';

test('objects go on the day they are due, and not before', async t => {
  const { put, setRules, walk, keys, worker } = lifecycleWorld();
  setRules([rule(days(3))]);
  for (let age = 0; age < 8; age += 1) await put(`age ${String(age)}`, age);
  await walk();
  // Three days and the midnight that follows: four midnights ago.
  t.deepEqual(keys(), ['age 0', 'age 1', 'age 2', 'age 3']);
  t.is(worker.status.expired, 4);
});

test('each midnight takes what became due, and a day is walked once', async t => {
  const { put, setRules, walk, keys, tables } = lifecycleWorld();
  setRules([rule(days(1))]);
  await put('a', 0);
  await put('b', 1);
  await walk();
  t.deepEqual(keys(), ['a', 'b']);
  await put('c', 9);
  t.is(await walk(), 0);
  tables.environment.jumpTo(tables.environment.clock.wallMs() + DAY_MS);
  await walk();
  t.deepEqual(keys(), ['a']);
  tables.environment.jumpTo(tables.environment.clock.wallMs() + DAY_MS);
  await walk();
  t.deepEqual(keys(), []);
});

test('dates, prefixes, sizes and disabled rules are respected', async t => {
  const { put, setRules, walk, keys, tables } = lifecycleWorld();
  const today = Math.floor(tables.environment.clock.wallMs() / DAY_MS) * DAY_MS;
  const date = (dateMs: number) => ({ expiration: { kind: 'date', dateMs } as const });
  setRules([
    rule({ id: 'past', ...date(today) }, { form: 'legacy', prefix: 'dated/' }),
    rule({ id: 'future', ...date(today + DAY_MS) }, { prefix: 'later/' }),
    rule({ id: 'large', ...days(1) }, { prefix: 'sized/', sizeGreaterThan: 10 }),
    rule({ id: 'small', ...days(1) }, { prefix: 'sized/', sizeLessThan: 3 }),
    rule({ id: 'off', enabled: false, ...days(1) }),
    rule({ id: 'tagged', ...days(1) }, { tags: [{ key: 'k', value: 'v' }] }),
  ]);
  await put('dated/new', 0);
  await put('later/old', 99);
  await put('sized/1', 9, 1);
  await put('sized/5', 9, 5);
  await put('sized/11', 9, 11);
  await put('other', 99);
  await walk();
  t.deepEqual(keys(), ['later/old', 'other', 'sized/5']);
});

test('where versions are kept, an object that expires leaves a delete marker', async t => {
  const { put, setRules, walk, tables } = lifecycleWorld();
  setRules([rule(days(1))], { versioning: 'enabled' });
  await put('a', 5);
  await walk();
  const kinds = (name: 'object' | 'history'): string[] =>
    tables.rows(TABLE[name]).map(({ value }) => decodeObjectRow(value).kind);
  t.deepEqual(kinds('object'), ['marker']);
  t.deepEqual(kinds('history'), ['version']);
});

/** `version 9` or `marker 3`: what stands there, and how many days old it is. */
function standingRows(tables: TableWorld): string[] {
  const nowMs = tables.environment.clock.wallMs();
  return [TABLE.object, TABLE.history].flatMap(table =>
    tables.rows(table).flatMap(({ value }) => {
      const { kind, timestamp } = decodeObjectRow(value);
      const ageDays = Math.floor((nowMs - timestampMs(timestamp)) / DAY_MS + 0.5);
      return kind === 'tombstone' ? [] : [`${kind} ${String(ageDays)}`];
    }),
  );
}

test('noncurrent versions go when their days are over, and what a lock keeps stays', async t => {
  const { put, setRules, walk, tables, worker } = lifecycleWorld();
  setRules([rule({ noncurrent: { days: 2, newerVersions: undefined } })], {
    versioning: 'enabled',
  });
  for (const age of [9, 7, 5, 1]) await put('a', age, 3, { versioned: true });
  await put('held', 9, 3, { versioned: true, lock: { legalHold: true } });
  await put('held', 8, 3, { versioned: true });
  await walk();
  t.deepEqual(standingRows(tables), ['version 1', 'version 8', 'version 5', 'version 9']);
  t.is(worker.status.versions, 2);
});

test('a delete marker goes once nothing is below it, and not before', async t => {
  const { put, remove, setRules, walk, tables, worker } = lifecycleWorld();
  const expiration = { kind: 'delete-marker', enabled: true } as const;
  const noncurrent = { days: 1, newerVersions: undefined };
  setRules([rule({ expiration })], { versioning: 'enabled' });
  await put('a', 9, 3, { versioned: true });
  await remove('a', 8);
  await walk();
  t.deepEqual(standingRows(tables), ['marker 8', 'version 9']);
  const nextDay = (): void => {
    tables.environment.jumpTo(tables.environment.clock.wallMs() + DAY_MS);
  };
  setRules([rule({ expiration, noncurrent })], { versioning: 'enabled' });
  nextDay();
  await walk();
  t.deepEqual(standingRows(tables), ['marker 9']);
  nextDay();
  await walk();
  t.deepEqual(standingRows(tables), []);
  t.is(worker.status.versions, 1);
  t.is(tables.rows(TABLE.history).length, 0);
});

test('a marker is alone although its key is the beginning of others', async t => {
  const { put, remove, setRules, walk, tables, worker } = lifecycleWorld();
  const expiration = { kind: 'delete-marker', enabled: true } as const;
  setRules([rule({ expiration })], { versioning: 'enabled' });
  await remove('a', 9);
  for (const key of ['a/b', 'ab']) await put(key, 5, 3, { versioned: true });
  await walk();
  t.deepEqual(standingRows(tables), ['version 5', 'version 5']);
  t.is(worker.status.versions, 1);
});

test('a rule of days takes a lone delete marker that is old enough', async t => {
  const { remove, put, setRules, walk, tables } = lifecycleWorld();
  setRules([rule(days(5), { prefix: 'x/' })], { versioning: 'enabled' });
  for (const [key, age] of [
    ['x/old', 7],
    ['x/new', 4],
    ['y/old', 7],
  ] as const) {
    await put(key, 9, 3, { versioned: true });
    await remove(key, age);
    await tables.ask({
      ...{ kind: 'version-delete', place: { bucket, shard: 0, key: key as ObjectKey } },
      version: oldest(tables),
      timestamp: makeTimestamp(1, 0, LIVE_STAMPER),
    });
  }
  await walk();
  t.deepEqual(standingRows(tables), ['marker 4', 'marker 7']);
});

/** The version below the marker of the key that was written last. */
function oldest(tables: TableWorld): Timestamp {
  const row = tables.rows(TABLE.history).at(-1);
  if (row === undefined) throw new Error('no history');
  return decodeObjectRow(row.value).timestamp;
}

test('nothing is taken away by a clock that no majority agrees with', async t => {
  const { put, setRules, walk, worker, keys, tables } = lifecycleWorld();
  setRules([rule(days(1))]);
  await put('a', 9);
  const clock = tables.environment.clock as { agreesWithMajority?: boolean };
  clock.agreesWithMajority = false;
  t.is(await worker.step(), 'failed');
  t.is(await worker.step(), 'failed');
  t.deepEqual(keys(), ['a']);
  clock.agreesWithMajority = true;
  await walk();
  t.deepEqual(keys(), []);
});

test('nothing expires while the store may have forgotten something', async t => {
  const { put, setRules, walk, worker, keys, tables } = lifecycleWorld();
  setRules([rule(days(1))]);
  await put('a', 9);
  tables.isBehind = true;
  t.is(await worker.step(), 'waiting');
  t.deepEqual(keys(), ['a']);
  tables.isBehind = false;
  await walk();
  t.deepEqual(keys(), []);
});

test('a rule of tags takes the objects that have them all', async t => {
  const { put, setRules, walk, keys, tables } = lifecycleWorld();
  const keep = { key: 'keep', value: 'short' };
  setRules([rule(days(1), { tags: [keep, { key: 'of', value: 'a' }] })]);
  const tags = { both: ['a', 'short'], one: ['b', 'short'], none: [] } as const;
  for (const [key, [of, value]] of Object.entries(tags)) {
    await put(key, 5);
    if (of === undefined || value === undefined) continue;
    const place = { bucket, shard: 0, key: key as ObjectKey };
    const tagging = {
      tags: [
        { key: 'of', value: of },
        { key: 'keep', value },
      ],
    };
    await tables.ask({ kind: 'object-change', place, tagging });
  }
  await walk();
  t.deepEqual(keys(), ['none', 'one']);
});

test('uploads that were not finished are given up, and others stay', async t => {
  const { beginUpload, setRules, walk, uploads, worker } = lifecycleWorld();
  setRules([rule({ abortUploadsDays: 2 }, { prefix: 'tmp/' })]);
  await beginUpload('tmp/old', 3);
  await beginUpload('tmp/new', 2);
  await beginUpload('other', 9);
  t.is(uploads(), 3);
  await walk();
  t.is(uploads(), 2);
  t.is(worker.status.aborted, 1);
});

test('an object that is overwritten meanwhile is not touched', async t => {
  const { put, setRules, walk, keys, tables, worker } = lifecycleWorld();
  setRules([rule(days(1))]);
  await put('a', 9);
  await put('b', 9);
  let isFirst = true;
  const ask = tables.ask.bind(tables);
  tables.ask = async request => {
    if (isFirst && request.kind === 'object-write' && request.row.kind === 'tombstone') {
      isFirst = false;
      // As old as the first, so that only the version tells them apart.
      tables.ask = ask;
      await put(request.place.key, 9);
    }
    return ask(request);
  };
  await walk();
  t.is(keys().length, 1);
  t.is(worker.status.expired, 1);
});

test('rules that are taken away meanwhile delete nothing more', async t => {
  const { put, setRules, worker, keys } = lifecycleWorld();
  setRules([rule(days(1))]);
  for (let index = 0; index < 600; index += 1) await put(`k${String(index)}`, 9);
  await worker.step();
  await worker.step();
  const left = keys().length;
  t.true(left > 0 && left < 600);
  setRules([]);
  while ((await worker.step()) !== 'idle');
  t.is(keys().length, left);
});

test('all shards of a bucket are walked, page by page', async t => {
  const { put, setRules, walk, keys } = lifecycleWorld({ shards: 32 });
  setRules([rule(days(1))]);
  for (let index = 0; index < 1500; index += 1)
    await put(`k${String(index)}`, index % 2 === 0 ? 9 : 0);
  const steps = await walk();
  t.is(keys().length, 750);
  t.true(steps > 64, 'two stages for each shard at least');
});

test('a bucket that is being deleted, or is gone, is left alone', async t => {
  for (const state of ['deleting', 'deleted', 'creating'] as const) {
    const { put, setRules, walk, keys } = lifecycleWorld();
    setRules([rule(days(1))], { state });
    await put('a', 9);
    await walk();
    t.deepEqual(keys(), ['a']);
  }
});

test('a day that was finished is remembered by the store, an interrupted one begins anew', async t => {
  const first = lifecycleWorld();
  first.setRules([rule(days(1), { prefix: 'a' })]);
  await first.put('a', 9);
  await first.put('b', 9);
  await first.walk();
  t.deepEqual(first.keys(), ['b']);
  const tables = await first.tables.crash();
  const second = lifecycleWorld({ tables });
  second.setRules([rule(days(1))]);
  await second.walk();
  t.deepEqual(second.keys(), ['b'], 'today was done');

  // A day of another length is another count.
  const third = lifecycleWorld({
    tables: await tables.crash(),
    calendar: lifecycleCalendar(1000, undefined),
  });
  third.setRules([rule(days(1))]);
  await third.walk();
  t.deepEqual(third.keys(), []);
});

test('what cannot be done now is tried again', async t => {
  const { put, setRules, worker, keys, tables } = lifecycleWorld();
  setRules([rule(days(1))]);
  for (let index = 0; index < 10; index += 1) await put(`k${String(index)}`, 9);
  t.is(await worker.step(), 'more');
  let refusals = 5;
  tables.outage = request => request.kind === 'object-write' && refusals-- > 0;
  t.is(await worker.step(), 'failed');
  while ((await worker.step()) !== 'idle');
  t.deepEqual(keys(), []);
});

test('a partition that stays unavailable keeps others neither from this day nor the next', async t => {
  const shards = [0, 1, 2, 3];
  const { put, setRules, walk, worker, keys, tables } = lifecycleWorld({ shards: shards.length });
  setRules([rule(days(1))]);
  const partitionOf = (shard: number): number => partitionOfPlace({ bucket, shard });
  const [first] = shards.toSorted((a, b) => partitionOf(a) - partitionOf(b));
  const shardOf = (key: string): number => shardOfKey(key as ObjectKey, shards.length);
  const setOutage = (of: number | undefined): void => {
    tables.outage = request => request.kind === 'object-write' && request.place.shard === of;
  };
  const all = Array.from({ length: 40 }, (_, index) => `k${String(index)}`);
  const stuck = all.filter(key => shardOf(key) === first).toSorted();
  const others = all.filter(key => shardOf(key) !== first);
  const stepOften = async (): Promise<void> => {
    for (let steps = 0; steps < 40; steps += 1) await worker.step();
  };
  for (const key of all) await put(key, 9);
  setOutage(first);
  await stepOften();
  t.deepEqual(keys(), stuck);
  setOutage(undefined);
  for (const key of others) await put(key, 9);
  setOutage(first);
  await stepOften();
  t.is(keys().length, all.length, 'a day is walked once');
  tables.environment.jumpTo(tables.environment.clock.wallMs() + DAY_MS);
  await stepOften();
  t.deepEqual(keys(), stuck);
  setOutage(undefined);
  await walk();
  t.deepEqual(keys(), []);
});

test('started, it works at midnight and rests in between', async t => {
  const { put, setRules, worker, keys, tables } = lifecycleWorld();
  const { environment } = tables;
  setRules([rule(days(1))]);
  await put('a', 1);
  worker.start();
  const settle = async (ms: number): Promise<void> => {
    for (let spent = 0; spent < ms; spent += 100) {
      environment.advance(100);
      for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
    }
  };
  await settle(5000);
  t.is(worker.status.state, 'resting');
  t.deepEqual(keys(), ['a']);
  const midnight = (Math.floor(environment.clock.wallMs() / DAY_MS) + 1) * DAY_MS;
  environment.jumpTo(midnight - 1000);
  // The wait is cut into pieces, so a clock that was set is noticed.
  environment.advance(600_000);
  // The jump looks like a page that took long, after which it rests.
  await settle(15_000);
  t.deepEqual(keys(), []);
  await worker.stop();
  t.is(worker.status.state, 'stopped');
});
