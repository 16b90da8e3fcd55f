/**
 * The keys of the rows that a table partition owns.
 *
 * Owns:          what follows partition and table in each of those keys.
 * Knows:         the lengths of ids.
 * Must not know: what the rows hold.
 *
 *   inline        bucket 32, shard 2, key
 *   manifest      owner id 16, index 4
 *   part list     version id 16, index 4
 *   history bytes as history
 *   version name  bucket 32, shard 2, key escaped, 00 01, version id 16 (zeros: the null version)
 *   counters      bucket 32
 *   fence         bucket 32
 *   aborted mark  owner id 16
 *   release       01, version id 16; or 02, upload id 16
 *   tombstone     sequence number 8
 *
 * Those of objects, their versions, uploads and parts are in schemas/place-keys.ts.
 */
import { assert } from '../../schemas/assert.ts';
import type { AttemptId, BucketId, PartitionId, UploadId, VersionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { PartName } from '../../schemas/place-keys.ts';
import {
  endedKey,
  historyRowKey,
  idBytes,
  KEY_END,
  numberBytes,
  plainKey,
  shardPrefix,
  uploadParts,
} from '../../schemas/place-keys.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';

export {
  endedKey,
  endedUploadRowKey,
  escapeKey,
  historyRowKey,
  OBJECT_KEY_AT,
  objectRowKey,
  openUploadRowKey,
  partRowKey,
  shardPrefix,
  type PartName,
} from '../../schemas/place-keys.ts';

const ID_BYTES = 16;

const NUL = 0x00;
const RELEASED_VERSION = Buffer.from([0x01]);
const RELEASED_UPLOAD = Buffer.from([0x02]);

export function inlineRowKey(partition: PartitionId, at: ObjectPlace): Buffer {
  return plainKey(at, partition, TABLE.inline);
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

/** All noncurrent versions of one key. */
export function historyRowRange(partition: PartitionId, at: ObjectPlace): RowRange {
  return rowRange(partition, TABLE.history, shardPrefix(at.bucket, at.shard), endedKey(at.key));
}

export function historyBytesRowKey(
  partition: PartitionId,
  at: ObjectPlace,
  timestamp: Timestamp,
): Buffer {
  return historyRowKey(partition, at, timestamp, TABLE.historyBytes);
}

/** Under which timestamp a noncurrent version stands: by its id, or the null version. */
export function versionNameRowKey(
  partition: PartitionId,
  at: ObjectPlace,
  name: VersionId | 'null',
): Buffer {
  const id = name === 'null' ? Buffer.alloc(ID_BYTES) : idBytes(name);
  return rowKey(
    partition,
    TABLE.versionName,
    shardPrefix(at.bucket, at.shard),
    endedKey(at.key),
    id,
  );
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

/** Which round of forgetting the replica is in. */
export function roundRowKey(partition: PartitionId): Buffer {
  return rowKey(partition, TABLE.local, Buffer.from('round'));
}

/** Which day the lifecycle worker has finished. */
export function lifecycleRowKey(partition: PartitionId): Buffer {
  return rowKey(partition, TABLE.local, Buffer.from('lifecycle-day'));
}

/** How far the sequence numbers of the tombstone index have been given out. */
export function sequenceRowKey(partition: PartitionId): Buffer {
  return rowKey(partition, TABLE.local, Buffer.from('tombstone-sequence'));
}
