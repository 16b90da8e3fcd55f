/**
 * Which row lies where in a store: partition, table, row key.
 *
 * Owns:          the table numbers; how keys and ranges are put together; the names of rows.
 * Knows:         partition ids.
 * Must not know: what the parts of a row key mean; the actor that owns the table does.
 *
 * A number that was given out once is never used for something else: stores outlive releases.
 */
import type { PartitionId } from './ids.ts';

export const TABLE = {
  object: 0x10,
  inline: 0x11,
  manifest: 0x12,
  partList: 0x13,
  openUpload: 0x14,
  endedUpload: 0x15,
  part: 0x16,
  history: 0x17,
  historyBytes: 0x18,
  versionName: 0x19,
  blockReference: 0x20,
  block: 0x21,
  blockDeletion: 0x22,
  blockResync: 0x23,
  counters: 0x30,
  fence: 0x31,
  abortedMark: 0x32,
  release: 0x33,
  tombstone: 0x34,
  register: 0x40,
  layout: 0x41,
  local: 0x42,
  settingsRound: 0x48,
} as const;

export type TableName = keyof typeof TABLE;
export type TableNumber = (typeof TABLE)[TableName];

/** From `from` (inclusive) up to `to` (exclusive), as byte strings. */
export type RowRange = { readonly from: Buffer; readonly to: Buffer };

/** Partition and table: what stands before every row key. */
export const ROW_PREFIX_BYTES = 2;

/** The key of one row: partition, table, and the parts one after the other as they are. */
export function rowKey(
  partition: PartitionId,
  table: TableNumber,
  ...parts: readonly Uint8Array[]
): Buffer {
  let length = ROW_PREFIX_BYTES;
  for (const part of parts) length += part.length;
  const key = Buffer.allocUnsafe(length);
  key[0] = partition;
  key[1] = table;
  let at = ROW_PREFIX_BYTES;
  for (const part of parts) {
    key.set(part, at);
    at += part.length;
  }
  return key;
}

/** Under which a row travels, the same on every node: its key without the partition. A view. */
export function nameOfKey(key: Uint8Array): Buffer {
  return Buffer.from(key.buffer, key.byteOffset + 1, key.length - 1);
}

/** All rows of a table of a partition whose row key begins with `prefix` (empty: all of them). */
export function rowRange(
  partition: PartitionId,
  table: TableNumber,
  ...prefix: readonly Uint8Array[]
): RowRange {
  const from = rowKey(partition, table, ...prefix);
  return { from, to: behindPrefix(from) };
}

/**
 * The smallest byte string above all that begin with `prefix`. A prefix of 0xff bytes alone has no
 * such string; it does not occur, because the table byte of a row key is never 0xff.
 */
export function behindPrefix(prefix: Uint8Array): Buffer {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  const end = Buffer.from(prefix.subarray(0, length));
  const last = end[length - 1];
  if (last !== undefined) end[length - 1] = last + 1;
  return end;
}
