// Method: three replicas of a partition and the lifecycle worker of one of them, whose replica may
// have missed something.
import test from 'ava';
import { LifecycleWorker } from '../../../actors/partition/lifecycle-worker.ts';
import type { TableClient } from '../../../bus/table-client.ts';
import { partitionOfShard } from '../../../schemas/ids.ts';
import { lifecycleCalendar } from '../../../schemas/lifecycle-calendar.ts';
import { REQUEST_DEADLINE_MS } from '../../../schemas/limits.ts';
import type { ListedVersion, ObjectWrite } from '../../../schemas/messages/table.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import type { LifecycleRule } from '../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { ObjectRow, ObjectVersion } from '../../../schemas/records/object-row.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { TableCluster } from '../../support/table-cluster.ts';
import { at, bucket, LIVE_STAMPER, put } from './partition-fixture.ts';

const partition = partitionOfShard(bucket, 0);
const DAY_MS = 86_400_000;
const calendar = lifecycleCalendar(DAY_MS, undefined);

const RULE: LifecycleRule = {
  ...{ id: 'one', enabled: true, abortUploadsDays: undefined },
  expiration: { kind: 'delete-marker', enabled: true },
  noncurrent: { days: 2, newerVersions: undefined },
  filter: {
    ...{ form: 'single', prefix: undefined, tags: [], sizeGreaterThan: undefined },
    sizeLessThan: undefined,
  },
};

type Step = { readonly ageDays: number; readonly what: 'version' | 'marker' | 'held' | 'null' };

function writeOf(cluster: TableCluster, { ageDays, what }: Step): ObjectWrite {
  const nowMs = Math.floor(cluster.time.clock.wallMs());
  const timestamp = makeTimestamp(nowMs - Math.round(ageDays * DAY_MS), 0, LIVE_STAMPER);
  const place = at('a');
  if (what === 'marker') {
    return { kind: 'object-write', place, row: { kind: 'marker', timestamp, versioned: true } };
  }
  const write = put('a', 0);
  const lock = what === 'held' ? { lock: { legalHold: true } } : {};
  const kept = what === 'null' ? {} : { versioned: true };
  const row = { ...write.row, timestamp, versionId: timestamp as never, ...kept, ...lock };
  return { ...write, row: row as ObjectVersion };
}

/** Which node has missed a step, by its place in the list. */
async function clusterWith(
  steps: readonly Step[],
  missed: Readonly<Record<number, number>> = {},
): Promise<TableCluster> {
  const cluster = new TableCluster({ partition });
  for (const [index, step] of steps.entries()) {
    for (const [node, replica] of cluster.nodes.entries()) {
      if (missed[index] !== node) await replica.ask(writeOf(cluster, step));
    }
  }
  return cluster;
}

type WalkOptions = {
  readonly rule?: LifecycleRule;
  readonly bucket?: Pick<BucketRow, 'versioning'> | { readonly versioning: undefined };
  /** Runs once, when an object has been read in order to bear out that it is due. */
  readonly afterRead?: () => Promise<void>;
};

async function walk(
  cluster: TableCluster,
  node: number,
  options: WalkOptions = {},
): Promise<LifecycleWorker> {
  const { rule = RULE } = options;
  const { tables, stamper } = cluster.gateway(node);
  if (options.afterRead !== undefined) interrupt(tables, options.afterRead);
  const row = { id: bucket, state: 'active', indexShards: 1, lifecycle: [rule] };
  const bucketRow = { ...row, versioning: 'enabled', ...options.bucket };
  const worker = new LifecycleWorker({
    partitions: [cluster.node(node).table],
    settings: {
      list: (async () => [bucketRow]) as never,
      read: (async () => bucketRow) as never,
    },
    ...{ tables, calendar, stamper, log: new QuietLog() },
    ...{ clock: cluster.time.clock, timers: cluster.time.timers },
  });
  for (;;) {
    const outcome = await cluster.until(worker.step());
    if (outcome === 'idle') return worker;
    if (outcome === 'failed') throw new Error('a step failed');
  }
}

function interrupt(tables: TableClient, afterRead: () => Promise<void>): void {
  const ask = tables.ask.bind(tables);
  tables.ask = async (asked, request) => {
    const answer = await ask(asked, request);
    if (request.kind !== 'object-read') return answer;
    tables.ask = ask;
    await afterRead();
    return answer;
  };
}

/** What clients see of the key, the newest first. */
async function listed(cluster: TableCluster): Promise<ListedVersion[]> {
  const { tables } = cluster.gateway(1);
  const list = { kind: 'version-list', bucket, shard: 0, prefix: '', delimiter: '' } as const;
  const page = await cluster.until(tables.ask(partition, { ...list, limit: 100 }));
  if (page.kind !== 'version-page') throw new Error(page.kind);
  return page.entries.filter(entry => entry.kind === 'version');
}

async function versionsOf(cluster: TableCluster): Promise<string[]> {
  return (await listed(cluster)).map(({ isMarker }) => (isMarker ? 'marker' : 'version'));
}

test('versions that are due end on every replica, and what is held on none', async t => {
  const cluster = await clusterWith([
    { ageDays: 9, what: 'held' },
    { ageDays: 8, what: 'version' },
    { ageDays: 7, what: 'version' },
    { ageDays: 1, what: 'version' },
  ]);
  const worker = await walk(cluster, 0);
  t.is(worker.status.versions, 1);
  t.deepEqual(await versionsOf(cluster), ['version', 'version', 'version']);
  await walk(cluster, 1);
  t.deepEqual(await versionsOf(cluster), ['version', 'version', 'version']);
});

for (const node of [0, 1, 2]) {
  test(`node ${String(node)} does not take a marker away whose version it has missed`, async t => {
    const steps: readonly Step[] = [
      { ageDays: 9, what: 'version' },
      { ageDays: 1, what: 'marker' },
    ];
    const cluster = await clusterWith(steps, { 0: node });
    const worker = await walk(cluster, node);
    t.is(worker.status.versions, 0);
    t.deepEqual(await versionsOf(cluster), ['marker', 'version']);
  });
}

test('versions that have ended elsewhere are not counted as newer ones', async t => {
  const steps = [9, 8, 7, 6].map(ageDays => ({ ageDays, what: 'version' as const }));
  const cluster = await clusterWith(steps);
  const [, second, third] = await listed(cluster);
  // These end while a node is away.
  cluster.takeAway(0);
  const { tables, stamper } = cluster.gateway(1);
  for (const version of [second?.version, third?.version]) {
    if (version === undefined) throw new Error('it is not listed');
    const timestamp = stamper.now();
    const deletion = { kind: 'version-delete', place: at('a'), version, timestamp } as const;
    t.is((await cluster.until(tables.deleteVersion(deletion))).kind, 'written');
  }
  cluster.bringBack(0);
  const keepTwo = { ...RULE, noncurrent: { days: 2, newerVersions: 2 } };
  const worker = await walk(cluster, 0, { rule: keepTwo });
  t.is(worker.status.versions, 0);
  t.deepEqual(await versionsOf(cluster), ['version', 'version']);
  // It is due by its age alone.
  await walk(cluster, 1);
  t.deepEqual(await versionsOf(cluster), ['version']);
});

test('a marker goes when nothing is below it on any replica', async t => {
  const cluster = await clusterWith([
    { ageDays: 9, what: 'version' },
    { ageDays: 5, what: 'marker' },
  ]);
  await walk(cluster, 0);
  t.deepEqual(await versionsOf(cluster), ['marker']);
  // The next day, by the worker of another node.
  await walk(cluster, 1);
  t.deepEqual(await versionsOf(cluster), []);
});

const EXPIRE: LifecycleRule = { ...RULE, expiration: { kind: 'days', days: 5 } };

const READ = { kind: 'object-read', place: at('a'), want: 'row' } as const;

async function currentOf(cluster: TableCluster, node: number): Promise<ObjectRow | undefined> {
  const answer = await cluster.until(cluster.client(node).askPlace(READ));
  if (answer.kind !== 'object') throw new Error(answer.kind);
  return answer.row;
}

const KINDS = [
  { versioning: 'enabled', what: 'version' },
  { versioning: 'suspended', what: 'null' },
  { versioning: undefined, what: 'null' },
] as const;

for (const { versioning, what } of KINDS) {
  const where = `where versioning is ${versioning ?? 'unknown'}`;
  const old: Step = { ageDays: 9, what };
  const options = { rule: EXPIRE, bucket: { versioning } };

  test(`${where}, an overwrite that the walking replica has missed does not expire`, async t => {
    const young: Step = { ageDays: 1, what };
    const cluster = await clusterWith([old, young], { 1: 0 });
    const stored = await cluster.node(1).ask(READ);
    await walk(cluster, 0, options);
    for (const node of [0, 1]) t.like(stored, { row: await currentOf(cluster, node) });
  });

  if (versioning === undefined) continue;

  test(`${where}, an overwrite that comes while an object expires wins`, async t => {
    const cluster = await clusterWith([old]);
    // It has been under way as long as it may.
    const late = writeOf(cluster, { ageDays: REQUEST_DEADLINE_MS / DAY_MS, what });
    const afterRead = async (): Promise<void> => {
      for (const node of [1, 2]) t.is((await cluster.node(node).ask(late)).kind, 'written');
    };
    await walk(cluster, 0, { ...options, afterRead });
    for (const node of [0, 1]) {
      t.is((await currentOf(cluster, node))?.timestamp, late.row.timestamp);
    }
  });
}

test('a version that expires under a new rule is kept as a noncurrent one for its days', async t => {
  const cluster = await clusterWith([{ ageDays: 90, what: 'version' }]);
  const worker = await walk(cluster, 0, { rule: EXPIRE });
  t.is(worker.status.expired, 1);
  t.is(worker.status.versions, 0);
  t.deepEqual(await versionsOf(cluster), ['marker', 'version']);
  for (const node of [1, 2]) t.is((await walk(cluster, node, { rule: EXPIRE })).status.versions, 0);
});
