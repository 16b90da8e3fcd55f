/**
 * The lifecycle worker over all partitions of one node, with bucket rows that a test sets.
 *
 * Owns:          the wiring, and short ways to make what is so many days old.
 * Knows:         partitions on a store in memory, the worker.
 * Must not know: what is tested.
 */
import { LifecycleWorker } from '../../../actors/partition/lifecycle-worker.ts';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import type { BucketId, ObjectKey } from '../../../schemas/ids.ts';
import { shardOfKey } from '../../../schemas/ids.ts';
import { lifecycleCalendar } from '../../../schemas/lifecycle-calendar.ts';
import type { ObjectPlace, TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import type {
  LifecycleFilter,
  LifecycleRule,
} from '../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import { bucket, LIVE_STAMPER } from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

export const DAY_MS = 86_400_000;
export const utc = lifecycleCalendar(DAY_MS, undefined);

export function rule(
  change: Partial<LifecycleRule>,
  filter: Partial<LifecycleFilter> = {},
): LifecycleRule {
  return {
    ...{ id: 'one', enabled: true, expiration: undefined, abortUploadsDays: undefined },
    noncurrent: undefined,
    filter: {
      ...{ form: 'single', prefix: undefined, tags: [], sizeGreaterThan: undefined },
      ...{ sizeLessThan: undefined, ...filter },
    },
    ...change,
  };
}

export const days = (count: number) => ({ expiration: { kind: 'days', days: count } as const });

export type World = {
  readonly tables: TableWorld;
  readonly worker: LifecycleWorker;
  readonly rows: Map<string, BucketRow>;
  setRules(rules: readonly LifecycleRule[], change?: Partial<BucketRow>): void;
  /** Puts an object that is so many days old at noon. */
  put(
    key: string,
    ageDays: number,
    sizeBytes?: number,
    extras?: Partial<ObjectVersion>,
  ): Promise<void>;
  /** Puts a delete marker. */
  remove(key: string, ageDays: number): Promise<void>;
  beginUpload(key: string, ageDays: number): Promise<void>;
  /** All steps until there is nothing to do today; answers how many. */
  walk(): Promise<number>;
  keys(): string[];
  uploads(): number;
};

type Options = {
  readonly shards?: number;
  readonly tables?: TableWorld;
  readonly calendar?: typeof utc;
};

export function lifecycleWorld(options: Options = {}): World {
  const tables = options.tables ?? new TableWorld();
  const { environment, log } = tables;
  const { clock, timers } = environment;
  const shards = options.shards ?? 1;
  const rows = new Map<string, BucketRow>();
  const worker = new LifecycleWorker({
    partitions: tables.tables,
    isBehind: () => tables.isBehind,
    settings: {
      list: (async () => [...rows.values()]) as never,
      read: (async (_table: string, id: string) => rows.get(id)) as never,
    },
    tables: {
      ask: (partition, request) => tables.askPartition(partition, request),
      decidesConditions: () => true,
      askPlace: request => tables.ask(request),
      deleteVersion: request => tables.ask(request),
      partitionOf: partitionOfPlace,
    },
    calendar: options.calendar ?? utc,
    stamper: new Stamper(clock, environment.random),
    ...{ clock, timers, log },
  });
  let tick = 0;
  const stampOf = (ageDays: number) => {
    tick += 1;
    const noon = Math.floor(clock.wallMs() / DAY_MS) * DAY_MS + DAY_MS / 2;
    return makeTimestamp(noon - ageDays * DAY_MS, tick, LIVE_STAMPER);
  };
  const placeOf = (key: string): ObjectPlace => {
    const objectKey = key as ObjectKey;
    return { bucket, shard: shardOfKey(objectKey, shards), key: objectKey };
  };
  const ask = async (request: TableRequest): Promise<void> => {
    const reply: TableReply = await tables.ask(request);
    if (reply.kind !== 'written') throw new Error(reply.kind);
  };
  return {
    ...{ tables, worker, rows },
    setRules: (lifecycle, change = {}) => {
      rows.set(bucket, { ...bucketRow(bucket, shards), lifecycle, ...change });
    },
    put: (key, ageDays, sizeBytes = 3, extras = {}) => {
      const timestamp = stampOf(ageDays);
      const row: ObjectVersion = {
        kind: 'version',
        timestamp,
        versionId: timestamp as never,
        sizeBytes,
        etag: '0'.repeat(32),
        content: { kind: 'inline' },
        headers: [],
        ...extras,
      };
      const inline = sizeBytes === 0 ? undefined : Buffer.alloc(sizeBytes);
      return ask({ kind: 'object-write', place: placeOf(key), row, inline });
    },
    remove: (key, ageDays) => {
      const row = { kind: 'marker', timestamp: stampOf(ageDays), versioned: true } as const;
      return ask({ kind: 'object-write', place: placeOf(key), row });
    },
    beginUpload: (key, ageDays) => {
      const timestamp = stampOf(ageDays);
      const upload = {
        ...{ uploadId: timestamp as never, timestamp, state: { kind: 'open' } as const },
        ...{ headers: [], initiator: 'GKtest0001' },
      };
      return ask({ kind: 'upload-create', place: placeOf(key), upload });
    },
    walk: async () => {
      for (let steps = 0; ; steps += 1) {
        const outcome = await worker.step();
        if (outcome === 'idle') return steps;
        if (outcome === 'failed') throw new Error('a step failed');
      }
    },
    keys: () =>
      tables
        .rows(TABLE.inline)
        .map(({ key }) => key.toString('utf8', 36))
        .sort(),
    uploads: () => tables.rows(TABLE.openUpload).length,
  };
}

function bucketRow(id: BucketId, indexShards: number): BucketRow {
  return {
    ...{ kind: 'bucket', timestamp: '0'.repeat(32) as never, id, createdMs: 0, state: 'active' },
    ...{ globalAliases: [], localAliases: [], grants: [], indexShards },
  };
}
