/**
 * Timestamps as fields of rows: 16 bytes.
 *
 * Owns:          packing and reading them.
 * Knows:         the codec.
 * Must not know: what is stamped.
 */
import type { FieldReader, Packed } from '../codec.ts';
import { hexBytes } from '../codec.ts';
import type { Timestamp } from '../timestamp.ts';

export function packOptionalTimestamp(timestamp: Timestamp | undefined): Packed {
  return timestamp === undefined ? null : hexBytes(timestamp);
}

/** Throws CodecError. */
export function readTimestamp(fields: FieldReader): Timestamp {
  return fields.hex(16) as Timestamp;
}

/** Throws CodecError. */
export function readOptionalTimestamp(fields: FieldReader): Timestamp | undefined {
  return fields.skipNull() ? undefined : readTimestamp(fields);
}
