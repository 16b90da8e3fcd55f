/**
 * The quota of a bucket, on the way of a write.
 *
 * Owns:          what a write carries of it, and turning away early what cannot fit.
 * Knows:         the bucket's row, its counters.
 * Must not know: who decides in the end: the table actor, in the step that writes.
 *
 * A body of many gigabytes is not taken in to be refused at its end: what is clear from the length
 * that was announced is refused before a byte is read. What is not clear is left to the decision.
 */
import { readBucketUsage } from '../../bus/bucket-usage.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { HASH_INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import type { BucketQuota, ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import { S3Error } from '../s3/s3-error.ts';

/** undefined for a bucket without limits. */
export function quotaOf(bucket: BucketRow): BucketQuota | undefined {
  const { maxSizeBytes, maxObjects, indexShards } = bucket;
  if (maxSizeBytes === undefined && maxObjects === undefined) return undefined;
  return { maxBytes: maxSizeBytes, maxObjects, shards: indexShards };
}

/** What is announced: a whole object at a place, or one more part. */
export type Announced = {
  readonly place: ObjectPlace;
  readonly kind: 'object' | 'part';
  /** undefined: the length is not known. */
  readonly sizeBytes: number | undefined;
};

/** Rejects with S3Error QuotaExceeded when what is announced cannot fit. */
export async function refuseEarly(
  tables: TableClient,
  quota: BucketQuota | undefined,
  { place, kind, sizeBytes }: Announced,
): Promise<void> {
  const maxBytes = quota?.maxBytes;
  if (quota === undefined || maxBytes === undefined || sizeBytes === undefined) return;
  if (sizeBytes <= HASH_INLINE_BYTES_MAX) return;
  if (sizeBytes > maxBytes) throw new S3Error('QuotaExceeded');
  const usage = await readBucketUsage(tables, place.bucket, quota.shards);
  if (usage.kind === 'refused') return;
  const { bytes, uploadBytes } = usage.counters;
  const held = bytes + uploadBytes;
  if (held + sizeBytes <= maxBytes) return;
  // What it replaces makes room.
  const freed = kind === 'object' ? await sizeOf(tables, place) : 0;
  if (held - freed + sizeBytes > maxBytes && sizeBytes > freed) {
    throw new S3Error('QuotaExceeded');
  }
}

async function sizeOf(tables: TableClient, place: ObjectPlace): Promise<number> {
  const answer = await tables.askPlace({ kind: 'object-read', place, want: 'row' });
  return answer.kind === 'object' && answer.row?.kind === 'version' ? answer.row.sizeBytes : 0;
}
