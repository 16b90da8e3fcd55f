/**
 * The body of a request to the admin and control doors, as one small piece.
 *
 * Owns:          its bound.
 * Knows:         the exchange.
 * Must not know: JSON, what the body is for.
 */
import type { HttpRequest } from '../http/exchange.ts';

export type ReadBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'aborted' };

/** Reads all of it; never keeps more than `bytesMax`. */
export function readBody({ body }: HttpRequest, bytesMax: number): Promise<ReadBody> {
  return new Promise(resolve => {
    let pieces: Buffer[] = [];
    let sizeBytes = 0;
    body.start({
      chunk: bytes => {
        sizeBytes += bytes.length;
        // The rest is still taken, so that the connection can be used again.
        if (sizeBytes > bytesMax) pieces = [];
        else pieces.push(Buffer.from(bytes));
      },
      end: () => {
        if (sizeBytes > bytesMax) resolve({ kind: 'too-large' });
        else resolve({ kind: 'whole', bytes: Buffer.concat(pieces) });
      },
      aborted: () => {
        resolve({ kind: 'aborted' });
      },
    });
  });
}
