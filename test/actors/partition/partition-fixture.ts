/**
 * A table partition on a store in memory, and short ways to ask it.
 *
 * Owns:          the set-up, and requests with what a test does not care about filled in.
 * Knows:         the partition and its messages.
 * Must not know: what is tested.
 */
import { TablePartition } from '../../../actors/partition/table-partition.ts';
import type { TablePartitionOptions } from '../../../actors/partition/table-partition.ts';
import type {
  AttemptId,
  BlockHash,
  BucketId,
  ObjectKey,
  UploadId,
  VersionId,
} from '../../../schemas/ids.ts';
import { partitionId } from '../../../schemas/ids.ts';
import type {
  ObjectPlace,
  ObjectWrite,
  TableReply,
  TableRequest,
} from '../../../schemas/messages/table.ts';
import { packBlocks } from '../../../schemas/records/block-list.ts';
import type { BlockList } from '../../../schemas/records/block-list.ts';
import type { ObjectVersion, PartRef } from '../../../schemas/records/object-row.ts';
import type { PartRow } from '../../../schemas/records/upload-row.ts';
import type { TableNumber } from '../../../schemas/row-tables.ts';
import { rowRange } from '../../../schemas/row-tables.ts';
import { makeTimestamp, timestampMs } from '../../../schemas/timestamp.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import type { ManualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';

export const LIVE_STAMPER = '00000000000000aa';
export const DEAD_STAMPER = '00000000000000dd';
export const bucket = '11'.repeat(32) as BucketId;
export const partition = partitionId(7);

export function at(key: string, of: BucketId = bucket): ObjectPlace {
  return { bucket: of, shard: 0, key: key as ObjectKey };
}

/** The stamp of the `tick`th millisecond of the test's time. */
export function stamp(tick: number, stamper = LIVE_STAMPER): Timestamp {
  return makeTimestamp(1_700_000_000_000 + tick, 0, stamper);
}

export function versionId(tick: number, stamper = LIVE_STAMPER): VersionId {
  return stamp(tick, stamper) as unknown as VersionId;
}

export function uploadId(tick: number): UploadId {
  return stamp(tick) as unknown as UploadId;
}

/** No version has the stamp of an attempt, as in life. */
export function attemptId(tick: number, stamper = LIVE_STAMPER): AttemptId {
  const ms = timestampMs(stamp(tick, stamper));
  return makeTimestamp(ms, 1, stamper) as unknown as AttemptId;
}

export function etag(tick: number): string {
  return tick.toString(16).padStart(32, '0');
}

/** `count` blocks whose hashes tell `seed` and their index. */
export function blocksOf(seed: number, count = 1): BlockList {
  const name = seed.toString(16).padStart(8, '0');
  return packBlocks(
    Array.from({ length: count }, (_, index) => ({
      hash: (name + index.toString(16).padStart(56, '0')) as BlockHash,
      sizeBytes: 1024,
    })),
  );
}

export function inlineVersion(tick: number, sizeBytes: number): ObjectVersion {
  return {
    kind: 'version',
    timestamp: stamp(tick),
    versionId: versionId(tick),
    sizeBytes,
    etag: etag(tick),
    content: { kind: 'inline' },
    headers: [],
  };
}

export function put(key: string, tick: number, sizeBytes = 3): ObjectWrite {
  const row = inlineVersion(tick, sizeBytes);
  const write = { kind: 'object-write', place: at(key), row } as const;
  return sizeBytes === 0 ? write : { ...write, inline: Buffer.alloc(sizeBytes, tick) };
}

export function putBlocks(key: string, tick: number, blocks = blocksOf(tick)): ObjectWrite {
  const row = inlineVersion(tick, 5000);
  return {
    kind: 'object-write',
    place: at(key),
    row: { ...row, content: { kind: 'blocks', blocks } },
  };
}

export function remove(key: string, tick: number): ObjectWrite {
  return {
    kind: 'object-write',
    place: at(key),
    row: { kind: 'tombstone', timestamp: stamp(tick) },
  };
}

export function createUpload(key: string, id: UploadId): TableRequest {
  const timestamp = id as unknown as Timestamp;
  const state = { kind: 'open' } as const;
  const upload = { uploadId: id, timestamp, state, headers: [], initiator: 'GKtest0001' };
  return { kind: 'upload-create', place: at(key), upload };
}

export function partOf(id: UploadId, partNumber: number, tick: number, sizeBytes = 1000): PartRow {
  return {
    uploadId: id,
    partNumber,
    attemptId: attemptId(tick),
    timestamp: stamp(tick),
    sizeBytes,
    etag: etag(tick),
    content: { kind: 'blocks', blocks: blocksOf(tick) },
  };
}

export function writePart(key: string, part: PartRow): TableRequest {
  return { kind: 'part-write', place: at(key), part };
}

export function complete(
  key: string,
  id: UploadId,
  { tick, parts }: { tick: number; parts: readonly PartRef[] },
): ObjectWrite {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const content = { kind: 'parts', uploadId: id, partCount: parts.length } as const;
  const row = {
    ...inlineVersion(tick, sizeBytes),
    etag: `${etag(0)}-${String(parts.length)}`,
    content,
  };
  return { kind: 'object-write', place: at(key), row, completes: { uploadId: id, parts } };
}

export function refOf({ partNumber, attemptId: attempt, sizeBytes }: PartRow): PartRef {
  return { partNumber, attemptId: attempt, sizeBytes };
}

export type Fixture = {
  readonly store: MemoryStore;
  readonly environment: ManualEnvironment;
  readonly log: QuietLog;
  readonly table: TablePartition;
  readonly kicks: { count: number };
  ask(request: TableRequest): Promise<TableReply>;
  /** A new partition on what was durable when the machine stopped. */
  crash(): Fixture;
  /** Rows of one of the partition's tables, by key in hex. */
  rows(table: TableNumber): { key: Buffer; value: Buffer }[];
};

export function tablePartition(
  options: Partial<TablePartitionOptions> & { readonly store?: MemoryStore } = {},
): Fixture {
  const store = options.store ?? new MemoryStore();
  const environment = manualEnvironment();
  const log = new QuietLog();
  const kicks = { count: 0 };
  const table = new TablePartition({
    partition,
    clock: environment.clock,
    space: () => true,
    kickRelease: () => {
      kicks.count += 1;
    },
    soleReplica: true,
    isLiveStamper: stamper => stamper === LIVE_STAMPER,
    log,
    ...options,
    store,
  });
  return {
    store,
    environment,
    log,
    table,
    kicks,
    ask: async request => {
      const deadlineAtMs = environment.clock.monotonicMs() + 30_000;
      return table.receive(request, { deadlineAtMs });
    },
    crash: () => tablePartition({ ...options, store: store.crash() }),
    rows: name => store.entries(rowRange(partition, name)),
  };
}
