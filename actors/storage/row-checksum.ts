/**
 * The checksum that every stored value carries: four bytes behind it, over key and value.
 *
 * Owns:          where the checksum stands and what it covers.
 * Knows:         crc32c.
 * Must not know: rows, LevelDB.
 *
 * LevelDB does not verify its own checksums on ordinary reads, and a flipped bit may make it hand
 * out another row's bytes: that is why the key is covered too.
 */
import { crc32c } from '@node-rs/crc32';

const CHECKSUM_BYTES = 4;

/** A new buffer: the value, then the checksum. */
export function sealValue(key: Uint8Array, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
  sealed.set(value);
  sealed.writeUInt32BE(crc32c(value, crc32c(key)), value.length);
  return sealed;
}

/** The value without its checksum (a view); undefined when the bytes are not those written. */
export function openValue(key: Uint8Array, sealed: Buffer): Buffer | undefined {
  const length = sealed.length - CHECKSUM_BYTES;
  if (length < 0) return undefined;
  const value = sealed.subarray(0, length);
  return crc32c(value, crc32c(key)) === sealed.readUInt32BE(length) ? value : undefined;
}
