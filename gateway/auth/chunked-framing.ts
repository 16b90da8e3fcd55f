/**
 * What the headers say about an aws-chunked body, checked before its first byte is read.
 *
 * Owns:          x-amz-decoded-content-length and x-amz-trailer.
 * Knows:         the trailers S3 takes: checksums.
 * Must not know: the bytes of the body.
 *
 * The decoded length is what the client promises to store; the wire length says nothing about it.
 */
import { CHECKSUM_ALGORITHMS } from '../../schemas/records/checksum.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { checksumHeader } from '../s3/checksum-headers.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { PayloadMode } from './payload-mode.ts';

const DECODED_LENGTH_HEADER = 'x-amz-decoded-content-length';
const TRAILER_HEADER = 'x-amz-trailer';
const LENGTH_DIGITS_MAX = 16;

const TRAILERS: ReadonlySet<string> = new Set(CHECKSUM_ALGORITHMS.map(checksumHeader));

export type StreamingMode = Extract<
  PayloadMode,
  { kind: 'streaming-signed' | 'streaming-unsigned-trailer' }
>;

export type ChunkedFraming = {
  /** The size of the body once decoded, in bytes; exact. */
  readonly decodedBytes: number;
  /** Whether chunks, and the trailer when there is one, carry signatures. */
  readonly signed: boolean;
  /** Names of the trailers that must come, in lower case; empty in a mode without trailer. */
  readonly trailers: ReadonlySet<string>;
};

/**
 * Reads the framing of a streaming body from the effective headers.
 *
 * @throws S3Error MissingContentLength (no decoded length), InvalidArgument (not a length),
 *   MalformedTrailerError (a signed trailer without x-amz-trailer), InvalidRequest (the other way
 *   round, or a trailer that S3 does not know).
 */
export function chunkedFraming(mode: StreamingMode, headers: RequestHeaders): ChunkedFraming {
  return {
    decodedBytes: decodedBytes(headers.get(DECODED_LENGTH_HEADER)),
    signed: mode.kind === 'streaming-signed',
    trailers: announcedTrailers(headers.get(TRAILER_HEADER), mode),
  };
}

function decodedBytes(text: string | undefined): number {
  if (text === undefined || text === '') {
    throw new S3Error('MissingContentLength', {
      message: `An aws-chunked body needs the header ${DECODED_LENGTH_HEADER}.`,
    });
  }
  const bytes = text.length <= LENGTH_DIGITS_MAX && /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new S3Error('InvalidArgument', {
    message: `${DECODED_LENGTH_HEADER} is not a number of bytes.`,
    fields: { ArgumentName: DECODED_LENGTH_HEADER, ArgumentValue: text },
  });
}

/** Unsigned chunks may end without any: there is no mode of payload for them alone. */
function announcedTrailers(text: string | undefined, mode: StreamingMode): ReadonlySet<string> {
  const announced = new Set<string>();
  for (const part of (text ?? '').split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '') continue;
    if (!TRAILERS.has(name)) {
      throw new S3Error('InvalidRequest', {
        message: `The value of ${TRAILER_HEADER} is not supported.`,
      });
    }
    announced.add(name);
  }
  if (mode.kind === 'streaming-unsigned-trailer' || announced.size > 0 === mode.trailer) {
    return announced;
  }
  if (mode.trailer) throw new S3Error('MalformedTrailerError');
  throw new S3Error('InvalidRequest', {
    message: `A trailer needs both ${TRAILER_HEADER} and a matching x-amz-content-sha256.`,
  });
}
