/**
 * Why a server does not start, in one sentence for the operator.
 *
 * Owns:          the error.
 * Knows:         nothing.
 * Must not know: who prints it.
 */
export class StartRefusedError extends Error {
  override readonly name = 'StartRefusedError';
}
