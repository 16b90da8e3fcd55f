/**
 * What is computed of every block: its name, and the fast checksum of each chunk.
 *
 * Owns:          that computation.
 * Knows:         the block messages' checksums: crc32c, 4 bytes big-endian each.
 * Must not know: threads, where the block goes.
 */
import { crc32c } from '@node-rs/crc32';
import { hash } from 'node:crypto';
import type { BlockHash } from '../../schemas/ids.ts';
import { CHECKSUM_CHUNK_BYTES } from '../../schemas/limits.ts';

export type BlockDigest = {
  readonly hash: BlockHash;
  /** One crc32c for each CHECKSUM_CHUNK_BYTES. */
  readonly checksums: Uint8Array;
};

const CRC_BYTES = 4;

/** The digest of one block; reads its bytes from the processor's cache the second time. */
export function digestBlock(bytes: Buffer): BlockDigest {
  return { hash: hash('sha256', bytes, 'hex') as BlockHash, checksums: chunkChecksums(bytes) };
}

/** The crc32c of each chunk of a block, one after the other. */
export function chunkChecksums(bytes: Buffer): Buffer {
  const count = Math.ceil(bytes.length / CHECKSUM_CHUNK_BYTES);
  const checksums = Buffer.alloc(count * CRC_BYTES);
  for (let index = 0; index < count; index += 1) {
    const first = index * CHECKSUM_CHUNK_BYTES;
    const chunk = bytes.subarray(first, first + CHECKSUM_CHUNK_BYTES);
    checksums.writeUInt32BE(crc32c(chunk), index * CRC_BYTES);
  }
  return checksums;
}
