/**
 * The S3 checksums of an object or a part.
 *
 * Owns:          names and lengths of the ten algorithms.
 * Knows:         the S3 user guide, "Checking object integrity".
 * Must not know: how they are computed.
 */
import type { FieldReader, Packed } from '../codec.ts';
import { CodecError } from '../codec.ts';

/** Rows name them by their place in this list: new ones go to its end. */
export const CHECKSUM_ALGORITHMS = [
  ...(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const),
  ...(['MD5', 'SHA512', 'XXHASH64', 'XXHASH3', 'XXHASH128'] as const),
] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export const CHECKSUM_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
  MD5: 16,
  SHA512: 64,
  XXHASH64: 8,
  XXHASH3: 8,
  XXHASH128: 16,
};

export type StoredChecksum = {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64 of the big-endian value; a composite one ends in `-` and the number of parts. */
  readonly value: string;
};

export function packChecksum(checksum: StoredChecksum | undefined): Packed {
  if (checksum === undefined) return null;
  const algorithm = CHECKSUM_ALGORITHMS.indexOf(checksum.algorithm);
  return [algorithm, checksum.type === 'COMPOSITE' ? 1 : 0, checksum.value];
}

export function readChecksum(fields: FieldReader): StoredChecksum | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const algorithm = CHECKSUM_ALGORITHMS[parts.integer()];
  if (algorithm === undefined) throw new CodecError('unknown checksum algorithm');
  const type = parts.integer() === 1 ? 'COMPOSITE' : 'FULL_OBJECT';
  return { algorithm, type, value: parts.text() };
}
