/**
 * The row that closes a bucket to writes in one partition.
 *
 * Owns:          the row's bytes.
 * Knows:         the token that says who closed it.
 * Must not know: why it was closed.
 */
import { FieldReader, pack } from '../codec.ts';

const FORMAT = 1;

export function encodeFence(token: string): Buffer {
  return pack([FORMAT, token]);
}

export function decodeFence(bytes: Uint8Array): string {
  return FieldReader.open(bytes, [FORMAT]).fields.text();
}
