/**
 * What a bucket holds, added up over the partitions of its index shards.
 *
 * Owns:          asking each of those partitions once.
 * Knows:         the table client.
 * Must not know: who asks, and what for.
 */
import type { BucketId } from '../schemas/ids.ts';
import type { BucketCounters } from '../schemas/records/bucket-counters.ts';
import { addCounters, NO_COUNTERS } from '../schemas/records/bucket-counters.ts';
import type { TableAnswer, TableClient } from './table-client.ts';

export type BucketUsage =
  | { readonly kind: 'counted'; readonly counters: BucketCounters }
  /** A partition did not tell. */
  | { readonly kind: 'refused'; readonly answer: TableAnswer };

export async function readBucketUsage(
  tables: TableClient,
  bucket: BucketId,
  indexShards: number,
): Promise<BucketUsage> {
  const shards = Array.from({ length: indexShards }, (_, shard) => shard);
  // Two shards may share a partition, which counts them together.
  const partitions = new Set(shards.map(shard => tables.partitionOf({ bucket, shard })));
  let counters = NO_COUNTERS;
  for (const partition of partitions) {
    const answer = await tables.ask(partition, { kind: 'counters-read', bucket });
    if (answer.kind !== 'counters') return { kind: 'refused', answer };
    counters = addCounters(counters, answer.counters);
  }
  return { kind: 'counted', counters };
}
