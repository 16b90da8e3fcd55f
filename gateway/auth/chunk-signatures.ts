/**
 * The chain of signatures in an aws-chunked body: each continues the one before it.
 *
 * Owns:          the strings to sign of chunks and trailer, and the last signature of the chain.
 * Knows:         "Transferring Payload in Multiple Chunks" and "Including Trailing Headers".
 * Must not know: framing.
 *
 * A chunk whose signature is right after a wrong one is still refused, and so are chunks that were
 * swapped or left out: the chain starts at the signature of the request.
 */
import type { SigningContext } from './signature-v4.ts';
import { isSameSignature, signatureOf } from './signing-keys.ts';

export const EMPTY_SHA256_HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export class ChunkSignatures {
  readonly #signing: SigningContext;
  #previous: string;

  constructor(signing: SigningContext) {
    this.#signing = signing;
    this.#previous = signing.seedSignature;
  }

  /** Whether `signature` is that of the next chunk, whose data hash to `sha256Hex`. */
  isNextChunk(signature: string, sha256Hex: string): boolean {
    return this.#isNext(signature, 'AWS4-HMAC-SHA256-PAYLOAD', `${EMPTY_SHA256_HEX}\n${sha256Hex}`);
  }

  /** Whether `signature` is that of the trailer, whose canonical lines hash to `sha256Hex`. */
  isTrailer(signature: string, sha256Hex: string): boolean {
    return this.#isNext(signature, 'AWS4-HMAC-SHA256-TRAILER', sha256Hex);
  }

  #isNext(signature: string, algorithm: string, content: string): boolean {
    const { timestamp, scope, signingKey } = this.#signing;
    const text = `${algorithm}\n${timestamp}\n${scope}\n${this.#previous}\n${content}`;
    if (!isSameSignature(signature, signatureOf(text, signingKey))) return false;
    this.#previous = signature;
    return true;
  }
}
