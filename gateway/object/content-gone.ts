/**
 * What a version listed is not there any more: it was superseded or deleted while it was read.
 *
 * Owns:          the error that says so.
 * Knows:         nothing.
 * Must not know: who reads.
 *
 * Before the first byte was sent, the reader looks the object up again; later, the client sees a
 * short body.
 */
export class ContentGone extends Error {
  override readonly name = 'ContentGone';
}
