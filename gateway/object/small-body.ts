/**
 * The body of a request that is a document: XML of configuration, of DeleteObjects and the like.
 *
 * Owns:          its bound, and that it is verified like every other body before anyone parses it.
 * Knows:         payloads.
 * Must not know: XML.
 */
import { S3Error } from '../s3/s3-error.ts';
import type { S3Call } from '../s3/s3-call.ts';
import { ChecksumMaker } from './checksum-maker.ts';
import { httpPayload, type HttpPayload } from './http-payload.ts';
import { wholeDigests } from './whole-digests.ts';
import type { PayloadSink } from './payload.ts';

const EMPTY = Buffer.alloc(0);

/**
 * All bytes of a request's body, its signature, Content-MD5 and checksum verified. A request
 * without a body has an empty one.
 *
 * Rejects with S3Error: MalformedXML for more than `bytesMax` (before they are read where the
 * length is declared), else what the payload's rules say.
 */
export async function readSmallBody(call: S3Call, bytesMax: number): Promise<Buffer> {
  if (isAbsent(call)) return EMPTY;
  const payload = httpPayload(call);
  if ((payload.sizeBytes ?? 0) > bytesMax) throw tooLong();
  const checksums = new ChecksumMaker();
  if (!checksums.isReady(payload.plan.checksum)) await checksums.prepare(payload.plan.checksum);
  const bytes = await takeUpTo(payload, bytesMax);
  payload.verify(wholeDigests(checksums, bytes, payload.plan));
  return bytes;
}

/** A request with neither length nor coding has no body, and is not refused for it; but what it
 *  promises about its body must hold for an empty one. */
function isAbsent({ http, headers, auth }: S3Call): boolean {
  if (http.body.declaredBytes !== undefined || http.body.isChunked) return false;
  const isStreaming = auth.kind === 'signed' && auth.payload.kind.startsWith('streaming');
  if (isStreaming) return false;
  if (auth.kind === 'signed' && auth.payload.kind === 'hashed') {
    if (auth.payload.sha256Hex !== EMPTY_SHA256_HEX) throw new S3Error('XAmzContentSHA256Mismatch');
  }
  if (headers.get('content-md5') !== undefined) throw new S3Error('MissingContentLength');
  return true;
}

const EMPTY_SHA256_HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function tooLong(): S3Error {
  return new S3Error('MalformedXML', { message: 'The body is larger than the largest allowed.' });
}

/** A payload whose size may be unknown, of at most `bytesMax`. */
function takeUpTo(payload: HttpPayload, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    payload.start(new GrowingBody(bytesMax, resolve, reject));
  });
}

class GrowingBody implements PayloadSink {
  readonly #bytesMax: number;
  readonly #resolve: (bytes: Buffer) => void;
  readonly #reject: (error: S3Error) => void;
  #pieces: Buffer[] = [];
  #sizeBytes = 0;
  #isOver = false;

  constructor(
    bytesMax: number,
    resolve: (bytes: Buffer) => void,
    reject: (error: S3Error) => void,
  ) {
    this.#bytesMax = bytesMax;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > this.#bytesMax) this.failed(tooLong());
    else this.#pieces.push(Buffer.from(bytes));
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#resolve(Buffer.concat(this.#pieces));
  }

  failed(error: S3Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pieces = [];
    this.#reject(error);
  }
}
