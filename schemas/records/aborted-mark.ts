/**
 * The mark that a version or an attempt can never be stored any more.
 *
 * Owns:          the row's bytes.
 * Knows:         nothing else: the row key names the owner.
 * Must not know: who looks at it.
 */
import { FieldReader, pack } from '../codec.ts';

/**
 * `given-up`: its writer said so, or its process is no more; what it sent expires by its deadline.
 * `too-old`: its process lives and may still try, however late.
 */
export type AbortCause = 'given-up' | 'too-old';

const FORMAT = 1;

export function encodeAbortedMark(cause: AbortCause): Buffer {
  return pack([FORMAT, cause === 'too-old']);
}

export function decodeAbortedMark(bytes: Uint8Array): AbortCause {
  return FieldReader.open(bytes, [FORMAT]).fields.flag() ? 'too-old' : 'given-up';
}
