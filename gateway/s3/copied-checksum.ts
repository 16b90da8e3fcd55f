/**
 * The checksum of a copy.
 *
 * Owns:          which algorithm it has, and where its value is known without reading the bytes.
 * Knows:         "CopyObject": a copy has its source's algorithm unless another one is asked for,
 *                and is one object: its checksum is that of all its bytes.
 * Must not know: how bytes are read or stored.
 */
import { assert } from '../../schemas/assert.ts';
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import type { FoundObject, ObjectReader } from '../object/object-reader.ts';
import { CrcCombiner, isCombinable } from './crc-combine.ts';

/** `unknown`: it follows from the bytes alone. */
export type CopiedChecksum =
  | { readonly kind: 'none' }
  | { readonly kind: 'known'; readonly checksum: StoredChecksum }
  | { readonly kind: 'unknown'; readonly algorithm: ChecksumAlgorithm };

export async function copiedChecksum(
  reader: Pick<ObjectReader, 'parts'>,
  found: FoundObject,
  asked: ChecksumAlgorithm | undefined,
): Promise<CopiedChecksum> {
  const { checksum } = found.version;
  const algorithm = asked ?? checksum?.algorithm;
  if (algorithm === undefined) return { kind: 'none' };
  if (checksum?.algorithm !== algorithm) return { kind: 'unknown', algorithm };
  if (checksum.type === 'FULL_OBJECT') return { kind: 'known', checksum };
  const value = await valueFromParts(reader, found, algorithm);
  if (value === undefined) return { kind: 'unknown', algorithm };
  return { kind: 'known', checksum: { algorithm, type: 'FULL_OBJECT', value } };
}

/** CRCs of pieces make that of the whole; other digests do not. */
async function valueFromParts(
  reader: Pick<ObjectReader, 'parts'>,
  found: FoundObject,
  algorithm: ChecksumAlgorithm,
): Promise<string | undefined> {
  const { content } = found.version;
  if (content.kind !== 'parts' || !isCombinable(algorithm)) return undefined;
  const parts = await reader.parts(found, { after: 0, limit: content.partCount });
  assert(parts.length === content.partCount, 'all parts are listed');
  const combiner = new CrcCombiner(algorithm);
  for (const { sizeBytes, checksum } of parts) {
    if (checksum?.algorithm !== algorithm) return undefined;
    combiner.append(Buffer.from(checksum.value, 'base64'), sizeBytes);
  }
  return combiner.digest().toString('base64');
}
