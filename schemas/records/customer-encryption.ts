/**
 * How a version or a part is encrypted with a key of the client's, as its row tells it.
 *
 * Owns:          the fields and their bytes; how much longer encrypted bytes are than plain ones.
 * Knows:         "Using server-side encryption with customer-provided keys" of the S3 user guide.
 * Must not know: ciphers, and the client's key, which is never stored.
 *
 * Content is encrypted in chunks, each with a tag behind it. A chunk with its tag is as long as
 * what one checksum of a block covers, so that whoever reads some bytes verifies, and decrypts, one
 * and the same chunk. The rows tell plain sizes; the lists of blocks tell those that are stored.
 */
import { assert } from '../assert.ts';
import type { FieldReader, Packed } from '../codec.ts';
import { CodecError, hexBytes } from '../codec.ts';
import { CHECKSUM_CHUNK_BYTES } from '../limits.ts';

export type CustomerEncryption = {
  /** In hex: drawn for this content alone; the keys that encrypt it are derived with it. */
  readonly salt: string;
  /** In hex: derived with the keys; tells a right key from a wrong one, and nothing else. */
  readonly check: string;
};

export const SALT_BYTES = 32;
export const KEY_CHECK_BYTES = 16;
export const SEAL_TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES = CHECKSUM_CHUNK_BYTES;
export const PLAIN_CHUNK_BYTES = SEALED_CHUNK_BYTES - SEAL_TAG_BYTES;

/** AES-256-GCM in chunks; another way to encrypt has another number. */
const SCHEME = 1;

/** What so many plain bytes take once they are encrypted. */
export function sealedBytesOf(plainBytes: number): number {
  return plainBytes + SEAL_TAG_BYTES * Math.ceil(plainBytes / PLAIN_CHUNK_BYTES);
}

/** The most plain bytes that so many encrypted ones hold. */
export function plainBytesOf(sealedBytes: number): number {
  const plain = sealedBytes - SEAL_TAG_BYTES * Math.ceil(sealedBytes / SEALED_CHUNK_BYTES);
  assert(plain >= 0, 'encrypted bytes are more than their tags');
  return plain;
}

/** What the bytes of a version or part take where they are stored. */
export function storedBytesOf(row: {
  readonly sizeBytes: number;
  readonly encryption?: CustomerEncryption;
}): number {
  return row.encryption === undefined ? row.sizeBytes : sealedBytesOf(row.sizeBytes);
}

export function packEncryption(encryption: CustomerEncryption | undefined): Packed {
  if (encryption === undefined) return null;
  return [SCHEME, hexBytes(encryption.salt), hexBytes(encryption.check)];
}

export function readEncryption(fields: FieldReader): CustomerEncryption | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  if (parts.integer() !== SCHEME) throw new CodecError('encrypted in an unknown way');
  return { salt: parts.hex(SALT_BYTES), check: parts.hex(KEY_CHECK_BYTES) };
}
