/**
 * The bytes of a block file: the block, a checksum for each chunk of it, a footer.
 *
 * Owns:          the format.
 * Knows:         crc32c.
 * Must not know: where files lie, who refers to the block.
 *
 *     block bytes | crc32c of each CHECKSUM_CHUNK_BYTES, 4 bytes each | footer, 16 bytes
 *     footer: "GBLK" | format | compression | 0 0 | length, 4 | crc32c of checksums and footer, 4
 *
 * All numbers are big-endian. The table of checksums is the one that was sent with the block, as it
 * is. A file's size says how long its block is, so that block and table can be read at once.
 */
import { crc32c } from '@node-rs/crc32';
import { CHECKSUM_CHUNK_BYTES } from '../../schemas/limits.ts';

const MAGIC = 0x47424c4b;
const FORMAT = 1;
const COMPRESSION_NONE = 0;
const CHECKSUM_BYTES = 4;
const FOOTER_BYTES = 16;
const FOOTER_CHECKED_BYTES = FOOTER_BYTES - CHECKSUM_BYTES;

export function chunkCount(lengthBytes: number): number {
  return Math.ceil(lengthBytes / CHECKSUM_CHUNK_BYTES);
}

/** Bytes of checksums and footer behind a block. */
export function tailBytes(lengthBytes: number): number {
  return chunkCount(lengthBytes) * CHECKSUM_BYTES + FOOTER_BYTES;
}

/** The length of the block in a file of this size; undefined when no block makes such a file. */
export function lengthInFile(fileBytes: number): number | undefined {
  const rest = fileBytes - FOOTER_BYTES;
  if (rest < 0) return undefined;
  const chunks = Math.ceil(rest / (CHECKSUM_CHUNK_BYTES + CHECKSUM_BYTES));
  const length = rest - chunks * CHECKSUM_BYTES;
  return length >= 0 && chunkCount(length) === chunks ? length : undefined;
}

export function makeFooter(lengthBytes: number, checksums: Uint8Array): Buffer {
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeUInt32BE(MAGIC, 0);
  footer[4] = FORMAT;
  footer[5] = COMPRESSION_NONE;
  footer.writeUInt32BE(lengthBytes, 8);
  const checked = footer.subarray(0, FOOTER_CHECKED_BYTES);
  footer.writeUInt32BE(crc32c(checked, crc32c(checksums)), FOOTER_CHECKED_BYTES);
  return footer;
}

/** The table of checksums of a block of this length; undefined when the tail is not what was
 *  written, or of a format that this release does not know. */
export function checksumsOfTail(tail: Buffer, lengthBytes: number): Buffer | undefined {
  if (tail.length !== tailBytes(lengthBytes)) return undefined;
  const checksums = tail.subarray(0, tail.length - FOOTER_BYTES);
  const expected = makeFooter(lengthBytes, checksums);
  return expected.equals(tail.subarray(checksums.length)) ? checksums : undefined;
}

/** Do the bytes of chunk `firstChunk` on match the table? The last chunk may be short. */
export function chunksMatch(bytes: Uint8Array, checksums: Buffer, firstChunk: number): boolean {
  let chunk = firstChunk;
  for (let at = 0; at < bytes.length; at += CHECKSUM_CHUNK_BYTES) {
    const end = Math.min(at + CHECKSUM_CHUNK_BYTES, bytes.length);
    if (crc32c(bytes.subarray(at, end)) !== checksums.readUInt32BE(chunk * CHECKSUM_BYTES)) {
      return false;
    }
    chunk += 1;
  }
  return true;
}

/** Is this the table of checksums of exactly these bytes? */
export function checksumsMatch(bytes: Uint8Array, checksums: Uint8Array): boolean {
  if (checksums.length !== chunkCount(bytes.length) * CHECKSUM_BYTES) return false;
  const { buffer, byteOffset, length } = checksums;
  return chunksMatch(bytes, Buffer.from(buffer, byteOffset, length), 0);
}

/** The table of checksums of a block. */
export function checksumsOf(bytes: Uint8Array): Buffer {
  const checksums = Buffer.allocUnsafe(chunkCount(bytes.length) * CHECKSUM_BYTES);
  for (let chunk = 0; chunk * CHECKSUM_CHUNK_BYTES < bytes.length; chunk += 1) {
    const at = chunk * CHECKSUM_CHUNK_BYTES;
    const end = Math.min(at + CHECKSUM_CHUNK_BYTES, bytes.length);
    checksums.writeUInt32BE(crc32c(bytes.subarray(at, end)), chunk * CHECKSUM_BYTES);
  }
  return checksums;
}
