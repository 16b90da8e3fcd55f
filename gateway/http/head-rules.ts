/**
 * Which request heads are refused before any handler sees them (RFC 9112, RFC 9110).
 *
 * Owns:          the rules of framing and of exact values; the limit of a head's size.
 * Knows:         HTTP/1.1.
 * Must not know: S3; which library read the bytes.
 *
 * Two parties that disagree about where a message ends let a client smuggle requests past a
 * proxy (RFC 9112 11.2). So nothing ambiguous is repaired: it is refused and the connection ends.
 */
import type { HeaderList } from './request-headers.ts';

/** A head longer than this is refused whatever the library would take. */
export const HEAD_BYTES_MAX = 16 * 1024;

export type RefusalReason = 'bad-request' | 'not-implemented' | 'head-too-large' | 'method';

/** Why a head was refused; `detail` is a sentence for the client, without its input. */
export type Refusal = { readonly reason: RefusalReason; readonly detail: string };

export type HeadFraming = {
  readonly kind: 'accepted';
  /** Content-Length in bytes; undefined when there is none. */
  readonly declaredBytes: number | undefined;
  readonly isChunked: boolean;
};

/** How much head is taken: bytes, and header lines. */
export type HeadLimits = { readonly headBytesMax: number; readonly headersMax: number };

export type RequestLine = {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  /** HTTP/1.0, in which health checks of proxies are still asked, without a Host (RFC 9112 3.2). */
  readonly isOld?: boolean;
};

/** NUL, CR, LF and other controls but TAB; U+FFFD stands where bytes were not valid UTF-8. */
// eslint-disable-next-line no-control-regex -- controls are what this is about
const NOT_EXACT = /[\0-\x08\x0a-\x1f\x7f\ufffd]/;
const DECIMAL = /^[0-9]{1,15}$/;
/** The method, the blanks, the version and the empty line, rounded up. */
const LINE_OVERHEAD_BYTES = 16;
/** `: ` and CRLF of one header line. */
const HEADER_OVERHEAD_BYTES = 4;

const ACCEPTED_BARE: HeadFraming = {
  kind: 'accepted',
  declaredBytes: undefined,
  isChunked: false,
};
const ACCEPTED_CHUNKED: HeadFraming = { ...ACCEPTED_BARE, isChunked: true };

/** The framing of the body, or the reason to refuse the request. */
export function checkHead(
  line: RequestLine,
  headers: HeaderList,
  limits: HeadLimits,
): HeadFraming | ({ readonly kind: 'refused' } & Refusal) {
  let bytes = LINE_OVERHEAD_BYTES + line.method.length + line.rawPath.length + line.rawQuery.length;
  let hosts = 0;
  let contentLength: string | undefined;
  let transferEncoding: string | undefined;
  if (NOT_EXACT.test(line.rawPath) || NOT_EXACT.test(line.rawQuery)) {
    return bad('The request target has bytes that are not valid UTF-8, or controls.');
  }
  for (let position = 0; position < headers.length; position += 1) {
    const name = headers.nameAt(position);
    const value = headers.valueAt(position);
    bytes += name.length + value.length + HEADER_OVERHEAD_BYTES;
    if (NOT_EXACT.test(value)) {
      return bad('A header value has bytes that are not valid UTF-8, or controls.');
    }
    if (name === 'host') hosts += 1;
    else if (name === 'content-length') {
      if (contentLength !== undefined) return bad('There is more than one Content-Length.');
      contentLength = value;
    } else if (name === 'transfer-encoding') {
      transferEncoding = transferEncoding === undefined ? value : `${transferEncoding},${value}`;
    }
  }
  if (bytes > limits.headBytesMax || headers.length > limits.headersMax) {
    return { kind: 'refused', reason: 'head-too-large', detail: 'The request head is too large.' };
  }
  if (hosts > 1 || (hosts === 0 && line.isOld !== true)) {
    return bad('There must be exactly one Host header.');
  }
  if (line.method === 'CONNECT') {
    return { kind: 'refused', reason: 'method', detail: 'This server is not a tunnel.' };
  }
  return frame(contentLength, transferEncoding);
}

/** True when bytes follow the head. */
export function hasBody(framing: HeadFraming): boolean {
  return framing.isChunked || (framing.declaredBytes ?? 0) > 0;
}

function frame(
  contentLength: string | undefined,
  transferEncoding: string | undefined,
): HeadFraming | ({ readonly kind: 'refused' } & Refusal) {
  if (transferEncoding !== undefined) {
    if (contentLength !== undefined) {
      return bad('Content-Length and Transfer-Encoding exclude each other.');
    }
    if (transferEncoding.toLowerCase() === 'chunked') return ACCEPTED_CHUNKED;
    return {
      kind: 'refused',
      reason: 'not-implemented',
      detail: 'The only Transfer-Encoding understood is chunked.',
    };
  }
  if (contentLength === undefined) return ACCEPTED_BARE;
  if (!DECIMAL.test(contentLength)) return bad('Content-Length is not a number of bytes.');
  return { kind: 'accepted', declaredBytes: Number(contentLength), isChunked: false };
}

function bad(detail: string): { readonly kind: 'refused' } & Refusal {
  return { kind: 'refused', reason: 'bad-request', detail };
}
