/**
 * What follows the last chunk of an aws-chunked body: trailers, their signature, a blank line.
 *
 * Owns:          which lines may come, and whether all that must come have come.
 * Knows:         the two ways SDKs end a trailer line: CR LF, and LF CR LF.
 * Must not know: how lines are cut from the body.
 *
 *     x-amz-checksum-crc32c:sOO8/Q==\r\n
 *     x-amz-trailer-signature:d81f82…\r\n      only in the signed mode, and last
 *     \r\n
 *
 * Trailers are answers to x-amz-trailer: each announced one comes once, and no other. A trailer
 * that nobody announced was not covered by the signature of the request.
 */
import { hash } from 'node:crypto';
import { S3Error } from '../s3/s3-error.ts';
import type { ChunkSignatures } from './chunk-signatures.ts';

const SIGNATURE_NAME = 'x-amz-trailer-signature';

export class TrailerSection {
  readonly values = new Map<string, string>();
  readonly #announced: ReadonlySet<string>;
  /** Undefined when the trailer is not signed. */
  readonly #signatures: ChunkSignatures | undefined;
  #canonical = '';
  #isSignatureSeen = false;
  #isStarted = false;
  #isClosed = false;
  /** The last line ended with a bare LF, so a CR LF right after it belongs to it. */
  #isHalfEnded = false;

  constructor(announced: ReadonlySet<string>, signatures: ChunkSignatures | undefined) {
    this.#announced = announced;
    this.#signatures = announced.size > 0 ? signatures : undefined;
  }

  /** Nothing that was promised is outstanding. */
  get isComplete(): boolean {
    const isSigned = this.#signatures === undefined || this.#isSignatureSeen;
    return isSigned && this.values.size === this.#announced.size;
  }

  /** The section may end here. Without trailers the blank line is the only sign of the end; behind
   *  trailers some clients leave it out. */
  get mayEnd(): boolean {
    return this.#isClosed || (this.#announced.size > 0 && this.isComplete);
  }

  /** Takes the next line, without its LF. Returns the refusal when it must not be there. */
  line(text: string): S3Error | undefined {
    const hasReturn = text.endsWith('\r');
    const content = hasReturn ? text.slice(0, -1) : text;
    if (this.#isClosed) return malformed('There is something after the end of the body.');
    if (content === '') return this.#blankLine(hasReturn);
    this.#isStarted = true;
    this.#isHalfEnded = !hasReturn;
    const colon = content.indexOf(':');
    const name = content.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = content.slice(colon + 1).trim();
    if (name === SIGNATURE_NAME && this.#signatures !== undefined) {
      return this.#signature(value, this.#signatures);
    }
    return this.#trailer(name, value);
  }

  /** The refusal of a body that ends before `mayEnd`. */
  missing(): S3Error {
    return this.isComplete
      ? new S3Error('IncompleteBody')
      : malformed('An announced trailer, or its signature, is missing.');
  }

  #blankLine(hasReturn: boolean): S3Error | undefined {
    if (!hasReturn) return malformed('A line ends without a carriage return.');
    if (this.#isHalfEnded) {
      this.#isHalfEnded = false;
    } else if (this.isComplete) {
      this.#isClosed = true;
    } else if (this.#isStarted) {
      return this.missing();
    } else {
      // AWS's text ends the empty last chunk like any other, with a blank line before the trailers.
      this.#isStarted = true;
    }
    return undefined;
  }

  #trailer(name: string, value: string): S3Error | undefined {
    if (!this.#announced.has(name)) return malformed('A trailer was not announced.');
    if (this.values.has(name)) return malformed('A trailer is there twice.');
    if (this.#isSignatureSeen) return malformed('A trailer comes after the signature.');
    if (value === '') return malformed('A trailer is empty.');
    this.values.set(name, value);
    this.#canonical += `${name}:${value}\n`;
    return undefined;
  }

  #signature(value: string, signatures: ChunkSignatures): S3Error | undefined {
    if (this.#isSignatureSeen) return malformed('The signature of the trailer is there twice.');
    this.#isSignatureSeen = true;
    if (signatures.isTrailer(value, hash('sha256', this.#canonical, 'hex'))) return undefined;
    return new S3Error('SignatureDoesNotMatch', {
      message: 'The signature of the trailer does not match.',
    });
  }
}

function malformed(reason: string): S3Error {
  return new S3Error('MalformedTrailerError', { message: reason });
}
