/**
 * The body of an S3 request: its transfer coding taken off, its promises remembered.
 *
 * Owns:          the length rules before the first byte, and the comparison after the last.
 * Knows:         payload modes, Content-MD5, checksum headers and trailers.
 * Must not know: what is done with the bytes.
 *
 * The payload mode was parsed when the request was authenticated; nothing here looks at
 * x-amz-content-sha256 again.
 */
import { PUT_BYTES_MAX } from '../../schemas/limits.ts';
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import type { Authenticated } from '../auth/signature-v4.ts';
import { ChunkedBody, type DecodedBodySink } from '../auth/chunked-body.ts';
import { chunkedFraming, type ChunkedFraming } from '../auth/chunked-framing.ts';
import { parsePayloadMode, UNSIGNED_PAYLOAD, type PayloadMode } from '../auth/payload-mode.ts';
import type { BodySink, RequestBody, RequestHeaders } from '../http/exchange.ts';
import type { BodyChecksum } from '../s3/checksum-headers.ts';
import { bodyChecksum, checkedValue } from '../s3/checksum-headers.ts';
import type { S3Call } from '../s3/s3-call.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { BodyDigests, DigestPlan, Payload, PayloadSink } from './payload.ts';

type SignedCall = Extract<Authenticated, { kind: 'signed' }>;
type Chunked = {
  readonly body: RequestBody;
  readonly framing: ChunkedFraming;
  readonly signing: SignedCall['signing'];
};

const MD5_BASE64 = /^[A-Za-z0-9+/]{22}==$/;
const NO_TRAILERS: ReadonlyMap<string, string> = new Map();

/**
 * The payload of a call, checked as far as its headers go; not a byte is read yet.
 *
 * @throws S3Error MissingContentLength, EntityTooLarge, InvalidDigest, InvalidRequest and what the
 *   framing of aws-chunked bodies throws.
 */
export function httpPayload(call: S3Call): HttpPayload {
  const { headers, auth } = call;
  const mode = payloadMode(call);
  const chunked = chunkedParts(call.http.body, mode, auth, headers);
  const sizeBytes =
    chunked === undefined ? plainSize(call.http.body) : chunked.framing.decodedBytes;
  if (sizeBytes !== undefined && sizeBytes > PUT_BYTES_MAX) throw tooLarge(sizeBytes);
  return new HttpPayload({
    body: call.http.body,
    sizeBytes,
    chunked,
    sha256Hex: mode.kind === 'hashed' ? mode.sha256Hex : undefined,
    md5Hex: contentMd5(headers.get('content-md5')),
    checksum: bodyChecksum(headers, chunked?.framing.trailers),
  });
}

export function tooLarge(sizeBytes: number): S3Error {
  return new S3Error('EntityTooLarge', {
    fields: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(PUT_BYTES_MAX) },
  });
}

/** Nobody signed: the body is as the headers say, and no chunk of it can be signed. */
function payloadMode({ auth, headers }: S3Call): PayloadMode {
  if (auth.kind === 'signed') return auth.payload;
  return parsePayloadMode(headers.get('x-amz-content-sha256') ?? UNSIGNED_PAYLOAD);
}

function chunkedParts(
  body: RequestBody,
  mode: PayloadMode,
  auth: Authenticated,
  headers: RequestHeaders,
): Chunked | undefined {
  if (mode.kind === 'hashed' || mode.kind === 'unsigned') {
    if (headers.get('x-amz-trailer') === undefined) return undefined;
    throw new S3Error('InvalidRequest', {
      message: 'x-amz-trailer needs a STREAMING value of x-amz-content-sha256.',
    });
  }
  if (auth.kind !== 'signed') throw new S3Error('AccessDenied');
  return { body, framing: chunkedFraming(mode, headers), signing: auth.signing };
}

/** undefined for `Transfer-Encoding: chunked`: the size is then watched while it arrives. */
function plainSize(body: RequestBody): number | undefined {
  if (body.declaredBytes !== undefined) return body.declaredBytes;
  if (body.isChunked) return undefined;
  throw new S3Error('MissingContentLength');
}

function contentMd5(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!MD5_BASE64.test(text)) throw new S3Error('InvalidDigest');
  return Buffer.from(text, 'base64').toString('hex');
}

/** The file of a form. */
type FileBody = Pick<RequestBody, 'pause' | 'resume'> & {
  start(sink: BodySink & { refused(error: S3Error): void }): void;
};

/** The file of a browser's form; the form's fields stand for headers. @throws S3Error. */
export function formPayload(file: FileBody, headers: RequestHeaders): HttpPayload {
  return new HttpPayload({
    body: file,
    sizeBytes: undefined,
    chunked: undefined,
    sha256Hex: undefined,
    md5Hex: contentMd5(headers.get('content-md5')),
    checksum: bodyChecksum(headers),
  });
}

type HttpPayloadParts = {
  readonly body: RequestBody | FileBody;
  readonly sizeBytes: number | undefined;
  readonly chunked: Chunked | undefined;
  /** What the signature says of the whole body. */
  readonly sha256Hex: string | undefined;
  readonly md5Hex: string | undefined;
  readonly checksum: BodyChecksum | undefined;
};

export class HttpPayload implements Payload, BodySink, DecodedBodySink {
  readonly sizeBytes: number | undefined;
  readonly plan: DigestPlan;
  readonly #parts: HttpPayloadParts;
  #sink: PayloadSink | undefined;
  #trailers = NO_TRAILERS;

  constructor(parts: HttpPayloadParts) {
    this.#parts = parts;
    this.sizeBytes = parts.sizeBytes;
    const sha256 = parts.sha256Hex !== undefined;
    const algorithm = parts.checksum?.algorithm;
    this.plan = algorithm === undefined ? { sha256 } : { sha256, checksum: algorithm };
  }

  /** The same body; `algorithm` is computed and stored, where the client sends no checksum. */
  computing(algorithm: ChecksumAlgorithm): HttpPayload {
    if (this.#parts.checksum !== undefined) return this;
    return new HttpPayload({ ...this.#parts, checksum: { algorithm } });
  }

  get comparesMd5(): boolean {
    return this.#parts.md5Hex !== undefined;
  }

  start(sink: PayloadSink): void {
    const { body, chunked } = this.#parts;
    this.#sink = sink;
    if (chunked === undefined) body.start(this);
    else chunked.body.start(new ChunkedBody(chunked.framing, chunked.signing, this));
  }

  pause(): void {
    this.#parts.body.pause();
  }

  resume(): void {
    this.#parts.body.resume();
  }

  /** The server drains or closes what is left once the reply is made. */
  cancel(): void {
    this.#sink = undefined;
  }

  /** A plain body's bytes. */
  chunk(bytes: Uint8Array): void {
    this.#sink?.bytes(bytes);
  }

  /** A decoded body's bytes. */
  bytes(bytes: Uint8Array): void {
    this.#sink?.bytes(bytes);
  }

  end(trailers: ReadonlyMap<string, string> = NO_TRAILERS): void {
    this.#trailers = trailers;
    this.#sink?.end();
  }

  aborted(): void {
    this.#sink?.failed(new S3Error('IncompleteBody', { message: 'The client went away.' }));
  }

  refused(error: S3Error): void {
    this.#sink?.failed(error);
  }

  verify(digests: BodyDigests): StoredChecksum | undefined {
    const { sha256Hex, md5Hex } = this.#parts;
    if (sha256Hex !== undefined && sha256Hex !== digests.sha256Hex) {
      throw new S3Error('XAmzContentSHA256Mismatch', {
        fields: {
          ClientComputedContentSHA256: sha256Hex,
          S3ComputedContentSHA256: digests.sha256Hex ?? '',
        },
      });
    }
    if (md5Hex !== undefined && md5Hex !== digests.md5Hex) {
      throw new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        fields: { ExpectedDigest: md5Hex, CalculatedDigest: digests.md5Hex },
      });
    }
    return this.#verifyChecksum(digests.checksum);
  }

  #verifyChecksum(computed: string | undefined): StoredChecksum | undefined {
    const { checksum } = this.#parts;
    if (checksum === undefined || computed === undefined) return undefined;
    const { algorithm, trailer } = checksum;
    const expected = trailer === undefined ? checksum.expected : this.#trailerValue(checksum);
    if (expected !== undefined && expected !== computed) {
      throw new S3Error('BadDigest', {
        message: `The ${algorithm} you specified did not match the calculated checksum.`,
      });
    }
    return { algorithm, type: 'FULL_OBJECT', value: computed };
  }

  #trailerValue({ algorithm, trailer = '' }: BodyChecksum): string {
    const value = this.#trailers.get(trailer);
    if (value === undefined) throw new S3Error('MalformedTrailerError');
    return checkedValue(trailer, algorithm, value);
  }
}
