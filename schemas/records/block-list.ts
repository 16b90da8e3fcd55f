/**
 * The blocks of one object version or part, in order, packed 36 bytes each (hash, length).
 *
 * Owns:          the packing.
 * Knows:         block hashes.
 * Must not know: where the list is kept: inline in a row, or in manifest rows.
 */
import { assert } from '../assert.ts';
import type { BlockHash } from '../ids.ts';

export type BlockRef = { readonly hash: BlockHash; readonly sizeBytes: number };

/** Packed; its length is a multiple of ENTRY_BYTES. */
export type BlockList = Buffer & { readonly __brand: 'BlockList' };

const HASH_BYTES = 32;
const ENTRY_BYTES = HASH_BYTES + 4;

export const EMPTY_BLOCK_LIST = Buffer.alloc(0) as BlockList;

export function packBlocks(blocks: readonly BlockRef[]): BlockList {
  const packed = Buffer.allocUnsafe(blocks.length * ENTRY_BYTES);
  blocks.forEach((block, index) => {
    packed.write(block.hash, index * ENTRY_BYTES, 'hex');
    packed.writeUInt32BE(block.sizeBytes, index * ENTRY_BYTES + HASH_BYTES);
  });
  return packed as BlockList;
}

/** undefined when the length is wrong. */
export function parseBlockList(bytes: Buffer): BlockList | undefined {
  return bytes.length % ENTRY_BYTES === 0 ? (bytes as BlockList) : undefined;
}

export function blockCount(list: BlockList): number {
  return list.length / ENTRY_BYTES;
}

export function blockAt(list: BlockList, index: number): BlockRef {
  const at = index * ENTRY_BYTES;
  assert(index >= 0 && at + ENTRY_BYTES <= list.length, 'the list has such a block');
  return {
    hash: list.toString('hex', at, at + HASH_BYTES) as BlockHash,
    sizeBytes: list.readUInt32BE(at + HASH_BYTES),
  };
}

export function unpackBlocks(list: BlockList): BlockRef[] {
  return Array.from({ length: blockCount(list) }, (_, index) => blockAt(list, index));
}

export function concatBlockLists(lists: readonly BlockList[]): BlockList {
  return Buffer.concat(lists) as BlockList;
}

/** Entries `first` to `last`, exclusive. */
export function sliceBlocks(list: BlockList, range: { first: number; last: number }): BlockList {
  return list.subarray(range.first * ENTRY_BYTES, range.last * ENTRY_BYTES) as BlockList;
}
