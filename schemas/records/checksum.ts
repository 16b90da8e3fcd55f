/**
 * The S3 checksums of an object or a part.
 *
 * Owns:          names and lengths of the five algorithms.
 * Knows:         the S3 user guide, "Checking object integrity".
 * Must not know: how they are computed.
 */
import type { FieldReader, Packed } from '../codec.ts';
import { CodecError } from '../codec.ts';

export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export const CHECKSUM_BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
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
