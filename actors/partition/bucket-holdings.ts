/**
 * What the partitions of one node hold of a bucket with several index shards.
 *
 * Owns:          adding up the partitions other than the one that asks.
 * Knows:         the partitions of this node.
 * Must not know: limits.
 *
 * The actors of a node run one after the other, so what a partition has decided and not yet
 * committed is known here: a sum over them is exact, as long as what is only about to be freed
 * counts as held. Of shards on other nodes nothing is known: there a bucket may grow beyond its
 * limit by what is written meanwhile.
 */
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import { partitionOfShard } from '../../schemas/ids.ts';
import type { Holding } from './quota.ts';

export type HoldingPartition = { holding(bucket: BucketId): Holding };

/** Of so many buckets is remembered in which partitions their shards lie. */
const BUCKETS_MAX = 256;

export class BucketHoldings {
  readonly #partitions = new Map<PartitionId, HoldingPartition>();
  readonly #shards = new Map<BucketId, readonly PartitionId[]>();

  add(id: PartitionId, partition: HoldingPartition): void {
    this.#partitions.set(id, partition);
  }

  /** Throws what reading the counters of another partition throws. */
  elsewhere(own: PartitionId, bucket: BucketId, shards: number): Holding {
    let objects = 0;
    let bytes = 0;
    for (const id of this.#partitionsOf(bucket, shards)) {
      const held = id === own ? undefined : this.#partitions.get(id)?.holding(bucket);
      objects += held?.objects ?? 0;
      bytes += held?.bytes ?? 0;
    }
    return { objects, bytes };
  }

  /** Each once: two shards may lie in one partition, which counts them together. */
  #partitionsOf(bucket: BucketId, shards: number): readonly PartitionId[] {
    const known = this.#shards.get(bucket);
    if (known !== undefined) return known;
    const all = Array.from({ length: shards }, (_, shard) => partitionOfShard(bucket, shard));
    const partitions = [...new Set(all)];
    if (this.#shards.size >= BUCKETS_MAX) this.#shards.clear();
    this.#shards.set(bucket, partitions);
    return partitions;
  }
}
