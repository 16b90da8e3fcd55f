/**
 * The keys of rows that lie with an object: the object itself, its versions, its uploads, their
 * parts.
 *
 * Owns:          what follows partition and table in those keys.
 * Knows:         the lengths of ids.
 * Must not know: what the rows hold.
 *
 *   object        bucket 32, shard 2, key
 *   history       bucket 32, shard 2, key escaped, 00 01, timestamp 16 with all bits turned over
 *   open upload   bucket 32, shard 2, key escaped, 00 01, upload id 16
 *   ended upload  the same
 *   part          the same, part number 2, attempt id 16
 *
 * Where something follows an object key that is walked in order, the key is escaped: NUL becomes
 * 00 ff, and 00 01 ends it. So byte order of keys holds, the end is unambiguous, and the escaped
 * form of a prefix is a prefix of the escaped form.
 *
 * Those who repair rows from outside name them by these keys without the partition.
 */
import type { AttemptId, BucketId, PartitionId, UploadId } from './ids.ts';
import type { ObjectPlace } from './messages/table.ts';
import type { TableNumber } from './row-tables.ts';
import { ROW_PREFIX_BYTES, rowKey, TABLE } from './row-tables.ts';
import type { Timestamp } from './timestamp.ts';

const BUCKET_BYTES = 32;
const SHARD_BYTES = 2;
/** Partition, table, bucket, shard: where the object key begins. */
export const OBJECT_KEY_AT = ROW_PREFIX_BYTES + BUCKET_BYTES + SHARD_BYTES;

const NUL = 0x00;
const NUL_ESCAPED = Buffer.from([NUL, 0xff]);
export const KEY_END = Buffer.from([NUL, 0x01]);

/** The bucket's rows of one index shard, in tables that go by object key. */
export function shardPrefix(bucket: BucketId, shard: number): Buffer {
  const prefix = Buffer.allocUnsafe(BUCKET_BYTES + SHARD_BYTES);
  prefix.write(bucket, 0, 'hex');
  prefix.writeUInt16BE(shard, BUCKET_BYTES);
  return prefix;
}

/** A row key that ends with the object key as it is. On the path of every request. */
export function plainKey(at: ObjectPlace, partition: PartitionId, table: TableNumber): Buffer {
  const bytes = Buffer.allocUnsafe(OBJECT_KEY_AT + Buffer.byteLength(at.key));
  bytes[0] = partition;
  bytes[1] = table;
  bytes.write(at.bucket, ROW_PREFIX_BYTES, 'hex');
  bytes.writeUInt16BE(at.shard, ROW_PREFIX_BYTES + BUCKET_BYTES);
  bytes.write(at.key, OBJECT_KEY_AT, 'utf8');
  return bytes;
}

export function objectRowKey(partition: PartitionId, at: ObjectPlace): Buffer {
  return plainKey(at, partition, TABLE.object);
}

/** Of the name of an object's row, which is its key without the partition. */
export function keyOfObjectName(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('utf8', OBJECT_KEY_AT - 1);
}

/** Any prefix of a key, escaped: what rows of keys with that prefix begin with. */
export function escapeKey(bytes: Uint8Array): Buffer {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!plain.includes(NUL)) return plain;
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = plain.indexOf(NUL); at >= 0; at = plain.indexOf(NUL, from)) {
    pieces.push(plain.subarray(from, at), NUL_ESCAPED);
    from = at + 1;
  }
  return Buffer.concat([...pieces, plain.subarray(from)]);
}

/** An escaped key with its end: what all rows of exactly this key begin with. */
export function endedKey(key: string): Buffer {
  return Buffer.concat([escapeKey(Buffer.from(key)), KEY_END]);
}

export function idBytes(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

export function numberBytes(value: number, byteCount: 2 | 4): Buffer {
  const bytes = Buffer.allocUnsafe(byteCount);
  bytes.writeUIntBE(value, 0, byteCount);
  return bytes;
}

function invertedBytes(timestamp: Timestamp): Buffer {
  const bytes = idBytes(timestamp);
  for (let at = 0; at < bytes.length; at += 1) bytes[at]! ^= 0xff;
  return bytes;
}

/** Of a version that is not the current one: the newest of a key come first. */
export function historyRowKey(
  partition: PartitionId,
  at: ObjectPlace,
  timestamp: Timestamp,
  table: TableNumber = TABLE.history,
): Buffer {
  const prefix = shardPrefix(at.bucket, at.shard);
  return rowKey(partition, table, prefix, endedKey(at.key), invertedBytes(timestamp));
}

export function uploadParts(at: ObjectPlace, uploadId: UploadId): readonly Buffer[] {
  return [shardPrefix(at.bucket, at.shard), endedKey(at.key), idBytes(uploadId)];
}

export function openUploadRowKey(partition: PartitionId, at: ObjectPlace, id: UploadId): Buffer {
  return rowKey(partition, TABLE.openUpload, ...uploadParts(at, id));
}

export function endedUploadRowKey(partition: PartitionId, at: ObjectPlace, id: UploadId): Buffer {
  return rowKey(partition, TABLE.endedUpload, ...uploadParts(at, id));
}

export type PartName = {
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly attemptId: AttemptId;
};

export function partRowKey(partition: PartitionId, at: ObjectPlace, part: PartName): Buffer {
  const number = numberBytes(part.partNumber, 2);
  const upload = uploadParts(at, part.uploadId);
  return rowKey(partition, TABLE.part, ...upload, number, idBytes(part.attemptId));
}
