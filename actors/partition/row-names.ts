/**
 * What the keys of rows say: read back into places and ids.
 *
 * Owns:          reading them.
 * Knows:         how row-keys.ts puts keys together.
 * Must not know: what the rows hold.
 */
import { CodecError } from '../../schemas/codec.ts';
import type {
  AttemptId,
  BucketId,
  ObjectKey,
  PartitionId,
  UploadId,
  VersionId,
} from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { ROW_PREFIX_BYTES } from '../../schemas/row-tables.ts';
import { OBJECT_KEY_AT, unescapeKey } from './row-keys.ts';

const BUCKET_BYTES = 32;
const ID_BYTES = 16;

/** The key of a named row here. Throws CodecError for what names no row. */
export function keyOfName(partition: PartitionId, name: Uint8Array): Buffer {
  if (name.length < ROW_PREFIX_BYTES) throw new CodecError('a name that names no row');
  const key = Buffer.allocUnsafe(1 + name.length);
  key[0] = partition;
  key.set(name, 1);
  return key;
}

function bucketAndShard(key: Buffer): { readonly bucket: BucketId; readonly shard: number } {
  if (key.length < OBJECT_KEY_AT) throw new CodecError('a key that is cut off');
  const shardAt = ROW_PREFIX_BYTES + BUCKET_BYTES;
  const bucket = key.toString('hex', ROW_PREFIX_BYTES, shardAt) as BucketId;
  return { bucket, shard: key.readUInt16BE(shardAt) };
}

/** Of an object or inline row. */
export function placeOfObjectKey(key: Buffer): ObjectPlace {
  const objectKey = key.toString('utf8', OBJECT_KEY_AT) as ObjectKey;
  return { ...bucketAndShard(key), key: objectKey };
}

/** Of a history row. */
export function placeOfHistoryKey(key: Buffer): ObjectPlace {
  const { key: objectKey } = unescapeKey(key.subarray(OBJECT_KEY_AT));
  return { ...bucketAndShard(key), key: objectKey.toString('utf8') as ObjectKey };
}

/** Of an open or ended upload's row, or of a part's. */
export function uploadOfKey(key: Buffer): { place: ObjectPlace; uploadId: UploadId } {
  const named = bucketAndShard(key);
  const rest = key.subarray(OBJECT_KEY_AT);
  const { key: objectKey, end } = unescapeKey(rest);
  if (rest.length < end + ID_BYTES) throw new CodecError('a key without its upload');
  const uploadId = rest.toString('hex', end, end + ID_BYTES) as UploadId;
  return { place: { ...named, key: objectKey.toString('utf8') as ObjectKey }, uploadId };
}

/** Of the fence of a bucket. */
export function bucketOfFenceKey(key: Buffer): BucketId {
  const end = ROW_PREFIX_BYTES + BUCKET_BYTES;
  if (key.length < end) throw new CodecError('a key without its bucket');
  return key.toString('hex', ROW_PREFIX_BYTES, end) as BucketId;
}

/** Of a manifest row or an aborted mark: whose it is. */
export function ownerIdOfKey(key: Buffer): VersionId | AttemptId {
  const end = ROW_PREFIX_BYTES + ID_BYTES;
  if (key.length < end) throw new CodecError('a key without its owner');
  return key.toString('hex', ROW_PREFIX_BYTES, end) as VersionId | AttemptId;
}
