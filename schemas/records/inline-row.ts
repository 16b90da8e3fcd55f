/**
 * The row of a small object's bytes: the object's own row once more, and the bytes behind it.
 *
 * Owns:          the row's bytes.
 * Knows:         object rows as bytes.
 * Must not know: when it is written; the actor writes it in the batch of the object's row.
 *
 * Who reads an object wants its row and its bytes: both stand here, so that a small GET is one look
 * into the store. Who lists wants rows only: those stand lean in a table of their own.
 */
import { CodecError } from '../codec.ts';

const LENGTH_BYTES = 4;

export type InlineRow = { readonly row: Buffer; readonly bytes: Buffer };

/** `row` is the encoded object row. */
export function encodeInlineRow(row: Uint8Array, bytes: Uint8Array): Buffer {
  const encoded = Buffer.allocUnsafe(LENGTH_BYTES + row.length + bytes.length);
  encoded.writeUInt32BE(row.length);
  encoded.set(row, LENGTH_BYTES);
  encoded.set(bytes, LENGTH_BYTES + row.length);
  return encoded;
}

/** Views into `encoded`. Throws CodecError. */
export function decodeInlineRow(encoded: Buffer): InlineRow {
  if (encoded.length < LENGTH_BYTES) throw new CodecError('an inline row without a length');
  const end = LENGTH_BYTES + encoded.readUInt32BE();
  if (encoded.length < end) throw new CodecError('an inline row that is cut off');
  return { row: encoded.subarray(LENGTH_BYTES, end), bytes: encoded.subarray(end) };
}
