/**
 * The keys of the rows that a table partition owns.
 *
 * Owns:          what follows partition and table in each of those keys.
 * Knows:         the lengths of ids.
 * Must not know: what the rows hold.
 *
 *   object        bucket 32, shard 2, key
 *   inline        bucket 32, shard 2, key
 *   manifest      owner id 16, index 4
 *   part list     version id 16, index 4
 *   open upload   bucket 32, shard 2, key escaped, 00 01, upload id 16
 *   ended upload  the same
 *   part          the same, part number 2, attempt id 16
 *   counters      bucket 32
 *   fence         bucket 32
 *   aborted mark  owner id 16
 *   release       01, version id 16; or 02, upload id 16
 *   tombstone     sequence number 8
 *
 * Where something follows an object key that is walked in order, the key is escaped: NUL becomes
 * 00 ff, and 00 01 ends it. So byte order of keys holds, the end is unambiguous, and the escaped
 * form of a prefix is a prefix of the escaped form.
 */
import { assert } from '../../schemas/assert.ts';
import type { AttemptId, BucketId, PartitionId, UploadId, VersionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { RowRange, TableNumber } from '../../schemas/row-tables.ts';
import { ROW_PREFIX_BYTES, rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';

const BUCKET_BYTES = 32;
const SHARD_BYTES = 2;
const ID_BYTES = 16;
/** Partition, table, bucket, shard: where the object key begins. */
export const OBJECT_KEY_AT = ROW_PREFIX_BYTES + BUCKET_BYTES + SHARD_BYTES;

const NUL = 0x00;
const NUL_ESCAPED = Buffer.from([NUL, 0xff]);
const RELEASED_VERSION = Buffer.from([0x01]);
const RELEASED_UPLOAD = Buffer.from([0x02]);
const KEY_END = Buffer.from([NUL, 0x01]);

/** The bucket's rows of one index shard, in tables that go by object key. */
export function shardPrefix(bucket: BucketId, shard: number): Buffer {
  const prefix = Buffer.allocUnsafe(BUCKET_BYTES + SHARD_BYTES);
  prefix.write(bucket, 0, 'hex');
  prefix.writeUInt16BE(shard, BUCKET_BYTES);
  return prefix;
}

/** A row key that ends with the object key as it is. On the path of every request. */
function plainKey(at: ObjectPlace, partition: PartitionId, table: TableNumber): Buffer {
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

export function inlineRowKey(partition: PartitionId, at: ObjectPlace): Buffer {
  return plainKey(at, partition, TABLE.inline);
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

/** The key that an escaped one at the start of `bytes` stands for, and where it ended. */
export function unescapeKey(bytes: Buffer): { key: Buffer; end: number } {
  const end = endOfKey(bytes);
  const escaped = bytes.subarray(0, end - KEY_END.length);
  if (!escaped.includes(NUL)) return { key: escaped, end };
  const key = Buffer.allocUnsafe(escaped.length);
  let length = 0;
  for (let at = 0; at < escaped.length; at += 1) {
    key[length] = escaped[at]!;
    length += 1;
    if (escaped[at] === NUL) at += 1;
  }
  return { key: key.subarray(0, length), end };
}

/** Behind the first 00 01: every other NUL is followed by ff. */
function endOfKey(bytes: Buffer): number {
  const at = bytes.indexOf(KEY_END);
  assert(at >= 0, 'an escaped key has an end');
  return at + KEY_END.length;
}

function idBytes(id: string): Buffer {
  return Buffer.from(id, 'hex');
}

function numberBytes(value: number, byteCount: 2 | 4): Buffer {
  const bytes = Buffer.allocUnsafe(byteCount);
  bytes.writeUIntBE(value, 0, byteCount);
  return bytes;
}

function uploadParts(at: ObjectPlace, uploadId: UploadId): readonly Buffer[] {
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

/** The part and attempt that a part row's key names. */
export function partOfRowKey(key: Buffer): Omit<PartName, 'uploadId'> {
  const at = key.length - ID_BYTES;
  return {
    partNumber: key.readUInt16BE(at - 2),
    attemptId: key.toString('hex', at) as AttemptId,
  };
}

/** The part rows of an upload whose numbers are above `after` (0: all of them). */
export function partRowRange(
  partition: PartitionId,
  at: ObjectPlace,
  upload: { uploadId: UploadId; after: number },
): RowRange {
  const prefix = uploadParts(at, upload.uploadId);
  const all = rowRange(partition, TABLE.part, ...prefix);
  const first = rowKey(
    partition,
    TABLE.part,
    ...prefix,
    numberBytes(Math.min(upload.after + 1, 0xffff), 2),
  );
  return { from: first, to: all.to };
}

export function manifestRowKey(partition: PartitionId, id: string, index: number): Buffer {
  return rowKey(partition, TABLE.manifest, idBytes(id), numberBytes(index, 4));
}

export function manifestRowRange(partition: PartitionId, id: string): RowRange {
  return rowRange(partition, TABLE.manifest, idBytes(id));
}

export function partListRowKey(partition: PartitionId, id: VersionId, index: number): Buffer {
  return rowKey(partition, TABLE.partList, idBytes(id), numberBytes(index, 4));
}

export function countersRowKey(partition: PartitionId, bucket: BucketId): Buffer {
  return rowKey(partition, TABLE.counters, idBytes(bucket));
}

export function fenceRowKey(partition: PartitionId, bucket: BucketId): Buffer {
  return rowKey(partition, TABLE.fence, idBytes(bucket));
}

export function abortedMarkRowKey(partition: PartitionId, ownerId: string): Buffer {
  return rowKey(partition, TABLE.abortedMark, idBytes(ownerId));
}

export type Released =
  | { readonly kind: 'version'; readonly versionId: VersionId }
  | { readonly kind: 'upload' | 'leftovers'; readonly uploadId: UploadId };

/** One entry for each version, and one for each upload. */
export function releaseRowKey(partition: PartitionId, released: Released): Buffer {
  return released.kind === 'version'
    ? rowKey(partition, TABLE.release, RELEASED_VERSION, idBytes(released.versionId))
    : rowKey(partition, TABLE.release, RELEASED_UPLOAD, idBytes(released.uploadId));
}

export function tombstoneRowKey(partition: PartitionId, sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(sequence));
  return rowKey(partition, TABLE.tombstone, bytes);
}

/** Which day the lifecycle worker has finished. */
export function lifecycleRowKey(partition: PartitionId): Buffer {
  return rowKey(partition, TABLE.local, Buffer.from('lifecycle-day'));
}

/** How far the sequence numbers of the tombstone index have been given out. */
export function sequenceRowKey(partition: PartitionId): Buffer {
  return rowKey(partition, TABLE.local, Buffer.from('tombstone-sequence'));
}
