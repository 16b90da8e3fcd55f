/**
 * Errors as those of the system: with a code.
 *
 * Owns:          how one is made.
 * Knows:         nothing else.
 * Must not know: what failed.
 */

export function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
