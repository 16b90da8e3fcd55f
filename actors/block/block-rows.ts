/**
 * The rows of one partition's blocks: references, their counts, what is to be deleted or fetched.
 *
 * Owns:          keys and encodings of the four tables.
 * Knows:         the row codec, owners.
 * Must not know: files; when anything is written.
 *
 *     reference  hash, owner's id      → live, or released (a tombstone until it is due)
 *     block      hash                  → live references; when the file is due, if there are none
 *     deletion   due time, hash [, id] → an unlink, or (with an id) a tombstone to forget
 *     resync     hash                  → is to be looked after: when, and how often that failed
 *
 * A deletion stands in the queue exactly when the row that it is about says the same due time: an
 * entry whose row says something else is stale, and only removed.
 */
import { CodecError, FieldReader, pack } from '../../schemas/codec.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { packOwner, readOwner } from '../../schemas/records/block-owner.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { rowKey, rowRange, ROW_PREFIX_BYTES, TABLE } from '../../schemas/row-tables.ts';

export type ReferenceRow =
  | { readonly kind: 'live'; readonly owner: BlockOwner }
  | { readonly kind: 'released'; readonly dueMs: number };

export type BlockRow = {
  readonly liveCount: number;
  /** When the file may go; 0 while there are live references. */
  readonly dueMs: number;
};

/** The file of a block that is referred to may be missing or damaged. */
export type ResyncRow = {
  /** Not before; 0: at once. */
  readonly dueMs: number;
  /** How often it was tried in vain. */
  readonly errors: number;
};

export type Deletion =
  | { readonly kind: 'unlink'; readonly hash: BlockHash; readonly dueMs: number }
  | {
      readonly kind: 'forget';
      readonly hash: BlockHash;
      readonly ownerId: string;
      readonly dueMs: number;
    };

const FORMAT = 1;
const LIVE = 0;
const RELEASED = 1;
const HASH_BYTES = 32;
const OWNER_ID_BYTES = 16;
const TIME_BYTES = 6;

export function referenceKey(partition: PartitionId, hash: BlockHash, id: string): Buffer {
  const [first, second] = [Buffer.from(hash, 'hex'), Buffer.from(id, 'hex')];
  return rowKey(partition, TABLE.blockReference, first, second);
}

export function referencesOfBlock(partition: PartitionId, hash: BlockHash): RowRange {
  return rowRange(partition, TABLE.blockReference, Buffer.from(hash, 'hex'));
}

export function referencesOfPartition(partition: PartitionId): RowRange {
  return rowRange(partition, TABLE.blockReference);
}

/** Those of all blocks whose hash has `leaf` as its second byte: the first names the partition. */
export function referencesOfLeaf(partition: PartitionId, leaf: number): RowRange {
  return rowRange(partition, TABLE.blockReference, Buffer.of(partition, leaf));
}

export function hashInReferenceKey(key: Buffer): BlockHash {
  return key.toString('hex', ROW_PREFIX_BYTES, ROW_PREFIX_BYTES + HASH_BYTES) as BlockHash;
}

export function blockKey(partition: PartitionId, hash: BlockHash): Buffer {
  return rowKey(partition, TABLE.block, Buffer.from(hash, 'hex'));
}

/** Those whose third hex digit is `digit`: they lie in one directory. */
export function blocksOfLeaf(partition: PartitionId, digit: number): RowRange {
  const first = Buffer.of(partition, digit << 4);
  const { from } = rowRange(partition, TABLE.block, first);
  const { to } = rowRange(partition, TABLE.block, Buffer.of(partition, (digit << 4) | 0x0f));
  return { from, to };
}

export function blocksOfPartition(partition: PartitionId): RowRange {
  return rowRange(partition, TABLE.block);
}

export function hashInBlockKey(key: Buffer): BlockHash {
  return key.toString('hex', ROW_PREFIX_BYTES) as BlockHash;
}

export function deletionKey(partition: PartitionId, deletion: Deletion): Buffer {
  const due = Buffer.allocUnsafe(TIME_BYTES);
  due.writeUIntBE(deletion.dueMs, 0, TIME_BYTES);
  const hash = Buffer.from(deletion.hash, 'hex');
  if (deletion.kind === 'unlink') return rowKey(partition, TABLE.blockDeletion, due, hash);
  const id = Buffer.from(deletion.ownerId, 'hex');
  return rowKey(partition, TABLE.blockDeletion, due, hash, id);
}

export function deletionsOfPartition(partition: PartitionId): RowRange {
  return rowRange(partition, TABLE.blockDeletion);
}

/** undefined when the key is none that `deletionKey` makes. */
export function parseDeletionKey(key: Buffer): Deletion | undefined {
  const hashAt = ROW_PREFIX_BYTES + TIME_BYTES;
  const idAt = hashAt + HASH_BYTES;
  if (key.length !== idAt && key.length !== idAt + OWNER_ID_BYTES) return undefined;
  const dueMs = key.readUIntBE(ROW_PREFIX_BYTES, TIME_BYTES);
  const hash = key.toString('hex', hashAt, idAt) as BlockHash;
  if (key.length === idAt) return { kind: 'unlink', hash, dueMs };
  return { kind: 'forget', hash, ownerId: key.toString('hex', idAt), dueMs };
}

export function encodeReference(row: ReferenceRow): Buffer {
  if (row.kind === 'live') return pack([FORMAT, LIVE, ...packOwner(row.owner)]);
  return pack([FORMAT, RELEASED, row.dueMs]);
}

export function decodeReference(bytes: Buffer): ReferenceRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const state = fields.integer();
  if (state === LIVE) return { kind: 'live', owner: readOwner(fields) };
  if (state === RELEASED) return { kind: 'released', dueMs: fields.integer() };
  throw new CodecError('unknown state of a reference');
}

export function encodeBlock(row: BlockRow): Buffer {
  return pack([FORMAT, row.liveCount, row.dueMs]);
}

export function decodeBlock(bytes: Buffer): BlockRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { liveCount: fields.integer(), dueMs: fields.integer() };
}

export function resyncKey(partition: PartitionId, hash: BlockHash): Buffer {
  return rowKey(partition, TABLE.blockResync, Buffer.from(hash, 'hex'));
}

export function resyncsOfPartition(partition: PartitionId): RowRange {
  return rowRange(partition, TABLE.blockResync);
}

export function hashInResyncKey(key: Buffer): BlockHash {
  return key.toString('hex', ROW_PREFIX_BYTES) as BlockHash;
}

export function encodeResync(row: ResyncRow): Buffer {
  return pack([FORMAT, row.dueMs, row.errors]);
}

export function decodeResync(bytes: Buffer): ResyncRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { dueMs: fields.integer(), errors: fields.integer() };
}
