/**
 * Claims about the program itself, checked in production too.
 *
 * Owns:          the one error that means "a bug": InvariantError.
 * Knows:         nothing.
 * Must not know: what callers do about it.
 *
 * What a client, a peer or a disk can cause is not an assertion: that is a typed outcome.
 */

/** Thrown when the program broke its own rule; never caused by input. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Ends the current actor or request when `condition` is false. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InvariantError(claim);
}

/** Closes an exhaustive switch: the compiler refuses a forgotten case. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable case: ${JSON.stringify(value)}`);
}
