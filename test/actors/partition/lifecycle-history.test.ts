// Method: histories on a store in memory, read in pages of a few rows, against a naive twin that
// has all versions of a key in a list.
import test from 'ava';
import fc from 'fast-check';
import { readHistoryPage } from '../../../actors/partition/lifecycle-history.ts';
import type { PageStart } from '../../../actors/partition/lifecycle-page.ts';
import { dayOf, lifecycleCalendar } from '../../../schemas/lifecycle-calendar.ts';
import type { ObjectWrite, VersionDelete } from '../../../schemas/messages/table.ts';
import type { Tag } from '../../../schemas/records/bucket-settings/bucket-tags.ts';
import type {
  LifecycleFilter,
  LifecycleRule,
} from '../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { makeTimestamp, timestampMs } from '../../../schemas/timestamp.ts';
import { at, bucket, LIVE_STAMPER, partition, put, tablePartition } from './partition-fixture.ts';
import type { Fixture } from './partition-fixture.ts';

const DAY_MS = 86_400_000;
const TODAY_MS = 1_700_000_000_000;
const calendar = lifecycleCalendar(DAY_MS, undefined);
const TAG: Tag = { key: 'k', value: 'v' };
const ALL: LifecycleFilter = {
  ...{ form: 'and', prefix: undefined, tags: [], sizeGreaterThan: undefined },
  sizeLessThan: undefined,
};

type Made = {
  readonly ageDays: number;
  readonly what: 'version' | 'tagged' | 'large' | 'marker';
};

/** The oldest first. */
async function write(f: Fixture, key: string, all: readonly Made[]): Promise<void> {
  let counter = 0;
  for (const { ageDays, what } of all) {
    counter += 1;
    const timestamp = makeTimestamp(TODAY_MS - ageDays * DAY_MS, counter, LIVE_STAMPER);
    const common = { timestamp, versioned: true } as const;
    const version = put(key, 0, what === 'large' ? 20 : 3);
    const tagging = what === 'tagged' ? { tagging: { tags: [TAG] } } : {};
    const write_: ObjectWrite =
      what === 'marker'
        ? { kind: 'object-write', place: at(key), row: { kind: 'marker', ...common } }
        : {
            ...version,
            row: { ...version.row, ...common, ...tagging, versionId: timestamp } as never,
          };
    const reply = await f.ask(write_);
    if (reply.kind !== 'written') throw new Error(reply.kind);
  }
}

function rule(
  noncurrent: LifecycleRule['noncurrent'],
  filter: Partial<LifecycleFilter> = {},
): LifecycleRule {
  return {
    ...{ id: 'one', enabled: true, expiration: undefined, abortUploadsDays: undefined },
    noncurrent,
    filter: { ...ALL, ...filter },
  };
}

async function due(
  f: Fixture,
  rules: readonly LifecycleRule[],
  limit: number,
): Promise<VersionDelete[]> {
  const { store, environment } = f;
  const found: VersionDelete[] = [];
  let start: PageStart | undefined;
  do {
    const page = await readHistoryPage({
      ...{ store, partition, bucket, shard: 0, start, limit, rules, calendar },
      day: dayOf(calendar, TODAY_MS),
      markedAtMs: TODAY_MS,
      stamper: new Stamper(environment.clock, environment.random),
      tables: { decidesConditions: () => true } as never,
    });
    found.push(...(page.due as VersionDelete[]));
    start = page.next;
  } while (start !== undefined);
  return found;
}

/** Key and age of what is due. */
function namesOf(deletions: readonly VersionDelete[]): string[] {
  return deletions.map(({ place, version }) => {
    const ageDays = version === 'null' ? 0 : (TODAY_MS - timestampMs(version)) / DAY_MS;
    return `${place.key} ${String(ageDays)}`;
  });
}

function naively(key: string, all: readonly Made[], one: LifecycleRule): string[] {
  const { noncurrent, filter } = one;
  if (noncurrent === undefined || !key.startsWith(filter.prefix ?? '')) return [];
  const newestFirst = all.toReversed();
  return newestFirst.flatMap(({ ageDays, what }, index) => {
    const above = newestFirst[index - 1];
    if (above === undefined) return [];
    // The midnight behind the day on which it became noncurrent, and so many days more.
    const isOld = above.ageDays > noncurrent.days;
    const newer = newestFirst.slice(1, index).filter(other => other.what !== 'marker').length;
    const isMarker = what === 'marker';
    const wantsTag = filter.tags.length > 0;
    const wantsSize = filter.sizeGreaterThan !== undefined;
    const isMeant =
      (!wantsTag || what === 'tagged') &&
      (!wantsSize || what === 'large') &&
      !(isMarker && (wantsTag || wantsSize));
    const isDue = isOld && newer >= (noncurrent.newerVersions ?? 0) && isMeant;
    return isDue ? [`${key} ${String(ageDays)}`] : [];
  });
}

const histories = fc.array(
  fc.record({
    ageDays: fc.integer({ min: 0, max: 9 }),
    what: fc.constantFrom<Made['what'][]>('version', 'tagged', 'large', 'marker'),
  }),
  { maxLength: 7 },
);

test('in pages of any size the same versions are due as by looking at all of them', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ a: histories, 'a\0': histories, 'a/b': histories, b: histories }),
      fc.record({
        days: fc.integer({ min: 1, max: 8 }),
        newerVersions: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      }),
      fc.constantFrom<Partial<LifecycleFilter>[]>(
        {},
        { prefix: 'a' },
        { tags: [TAG] },
        { sizeGreaterThan: 10 },
        { prefix: 'a/', tags: [TAG] },
      ),
      fc.integer({ min: 1, max: 6 }),
      async (keys, noncurrent, filter, limit) => {
        const f = tablePartition();
        const one = rule(noncurrent, filter);
        const expected: string[] = [];
        for (const [key, made] of Object.entries(keys)) {
          const oldestFirst = made.toSorted((x, y) => y.ageDays - x.ageDays);
          await write(f, key, oldestFirst);
          expected.push(...naively(key, oldestFirst, one));
        }
        t.deepEqual(namesOf(await due(f, [one], limit)), expected);
      },
    ),
    { numRuns: 300 },
  );
});

test('what became noncurrent is counted from what came above it, not from its own age', async t => {
  const f = tablePartition();
  const versions: Made[] = [
    { ageDays: 100, what: 'version' },
    { ageDays: 3, what: 'version' },
    { ageDays: 1, what: 'version' },
  ];
  await write(f, 'a', versions);
  t.deepEqual(namesOf(await due(f, [rule({ days: 2, newerVersions: undefined })], 9)), ['a 100']);
  t.deepEqual(namesOf(await due(f, [rule({ days: 3, newerVersions: undefined })], 9)), []);
  t.deepEqual(
    namesOf(await due(f, [{ ...rule({ days: 2, newerVersions: undefined }), enabled: false }], 9)),
    [],
  );
});

test('a deletion names the version that was seen, and not another null version', async t => {
  const f = tablePartition();
  const first = put('a', 1);
  await f.ask(first);
  await write(f, 'a', [{ ageDays: -0.5, what: 'version' }]);
  const [deletion] = await due(f, [rule({ days: 1, newerVersions: undefined })], 9);
  t.is(deletion, undefined, 'the current version is of today');
  const all = await readHistoryPage({
    ...{ store: f.store, partition, bucket, shard: 0, start: undefined, limit: 9, calendar },
    rules: [rule({ days: 1, newerVersions: undefined })],
    day: dayOf(calendar, TODAY_MS) + 99,
    markedAtMs: TODAY_MS,
    stamper: new Stamper(f.environment.clock, f.environment.random),
    tables: { decidesConditions: () => true } as never,
  });
  const [seen] = all.due as VersionDelete[];
  t.is(seen?.version, 'null');
  // A gateway that has not heard of versions writes another one.
  const later = makeTimestamp(TODAY_MS + 0.75 * DAY_MS, 0, LIVE_STAMPER);
  const second = put('a', 0);
  await f.ask({ ...second, row: { ...second.row, timestamp: later, versionId: later } as never });
  const reply = seen && (await f.ask(seen));
  t.is(reply?.kind, 'condition-failed');
});
