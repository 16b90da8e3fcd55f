/**
 * A piece of the part list of a version with more parts than its object row holds.
 *
 * Owns:          the row's bytes.
 * Knows:         part references.
 * Must not know: which piece of the list it is.
 */
import { FieldReader, pack } from '../codec.ts';
import type { PartRef } from './object-row.ts';
import { packPartRefs, readPartRefs } from './object-row.ts';

const FORMAT = 1;

export function encodePartListRow(parts: readonly PartRef[]): Buffer {
  return pack([FORMAT, packPartRefs(parts)]);
}

export function decodePartListRow(bytes: Uint8Array): PartRef[] {
  return readPartRefs(FieldReader.open(bytes, [FORMAT]).fields);
}
