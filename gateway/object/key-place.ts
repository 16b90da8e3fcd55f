/**
 * Where an object of a bucket lies.
 *
 * Owns:          the step from a bucket's row and a key to a place.
 * Knows:         index shards.
 * Must not know: doors.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { shardOfKey } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';

export function placeOfKey(
  { id, indexShards }: Pick<BucketRow, 'id' | 'indexShards'>,
  key: ObjectKey,
): ObjectPlace {
  return { bucket: id, shard: shardOfKey(key, indexShards), key };
}
