/**
 * Signs requests with Signature Version 4, as a client does.
 *
 * Owns:          header signatures, presigned URLs, aws-chunked bodies with and without trailer.
 * Knows:         AWS's documentation only.
 * Must not know: the verifier. It is written apart from gateway/auth on purpose: a mistake made in
 *                both places would be needed to hide one.
 *
 * Fast enough for a load generator: the signing key and the text of the current second are kept.
 * Everything a test wants wrong can be asked for: another scope, unsigned headers, another path.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

export type HeaderPair = readonly [name: string, value: string];

export type SignerOptions = {
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly service?: string;
};

/** Parts of the credential scope that a test wants to be wrong. */
export type ScopeOverride = {
  readonly date?: string;
  readonly region?: string;
  readonly service?: string;
  readonly terminator?: string;
};

export type RequestToSign = {
  readonly method: string;
  /** As it is sent: percent-encoded. */
  readonly path: string;
  /** As it is sent, without `?`. */
  readonly query?: string;
  /** Names in any case; `host` must be among them. */
  readonly headers: readonly HeaderPair[];
  /** The value of x-amz-content-sha256. */
  readonly payload: string;
  readonly timeMs: number;
  /** What is signed as path, when it differs from what is sent. */
  readonly canonicalPath?: string;
  /** The names that are signed, when they are not all. */
  readonly signedNames?: readonly string[];
  readonly scope?: ScopeOverride;
  /** Where the time stands; x-amz-date when not given. */
  readonly dateHeader?: 'x-amz-date' | 'date' | 'none';
};

export type SignedRequest = {
  /** All headers to send, Authorization and x-amz-* included. */
  readonly headers: readonly HeaderPair[];
  readonly signature: string;
  /** Continues in the chunks of a streaming body. */
  readonly seed: ChunkSeed;
};

export type UrlToSign = {
  readonly method: string;
  readonly path: string;
  /** Other parameters, encoded; hoisted headers among them. */
  readonly query?: string;
  /** Headers the user of the URL must send; `host` among them. */
  readonly headers: readonly HeaderPair[];
  readonly expiresSeconds: number | string;
  readonly timeMs: number;
  /** The payload line; UNSIGNED-PAYLOAD when not given. */
  readonly payload?: string;
  readonly scope?: ScopeOverride;
};

/** What the signature of a chunk continues. */
export type ChunkSeed = {
  readonly timestamp: string;
  readonly scope: string;
  readonly signingKey: KeyObject;
  readonly signature: string;
};

export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export class SigV4Signer {
  readonly #accessKeyId: string;
  readonly #secretKey: string;
  readonly #region: string;
  readonly #service: string;
  #timeSecond = -1;
  #timestamp = '';
  #keyName = '';
  #key: KeyObject | undefined;

  constructor({ accessKeyId, secretKey, region, service = 's3' }: SignerOptions) {
    this.#accessKeyId = accessKeyId;
    this.#secretKey = secretKey;
    this.#region = region;
    this.#service = service;
  }

  /** The headers to send with a request. */
  sign(request: RequestToSign): SignedRequest {
    const timestamp = this.#timestampOf(request.timeMs);
    const headers: HeaderPair[] = request.headers.map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    headers.push(['x-amz-content-sha256', request.payload]);
    const dateHeader = request.dateHeader ?? 'x-amz-date';
    if (dateHeader === 'x-amz-date') headers.push(['x-amz-date', timestamp]);
    if (dateHeader === 'date') headers.push(['date', new Date(request.timeMs).toUTCString()]);
    const isSigned = (name: string): boolean => request.signedNames?.includes(name) ?? true;
    const { text, names } = canonicalHeaderText(headers.filter(([name]) => isSigned(name)));
    const scope = this.#scope(timestamp, request.scope);
    const signingKey = this.#signingKey(scope);
    const path = request.canonicalPath ?? request.path;
    const query = sortedQuery(request.query ?? '');
    const canonical = `${request.method}\n${path}\n${query}\n${text}\n${names}\n${request.payload}`;
    const signature = signText(canonical, { timestamp, scope: scope.text, signingKey });
    headers.push([
      'authorization',
      `AWS4-HMAC-SHA256 Credential=${this.#accessKeyId}/${scope.text},` +
        `SignedHeaders=${names},Signature=${signature}`,
    ]);
    return {
      headers,
      signature,
      seed: { timestamp, scope: scope.text, signingKey, signature },
    };
  }

  /** `path?query` of a presigned URL, and what a streaming body of it would continue. */
  presign(request: UrlToSign): { readonly target: string; readonly seed: ChunkSeed } {
    const timestamp = this.#timestampOf(request.timeMs);
    const scope = this.#scope(timestamp, request.scope);
    const signingKey = this.#signingKey(scope);
    const { text, names } = canonicalHeaderText(
      request.headers.map(([name, value]) => [name.toLowerCase(), value] as const),
    );
    const query = [
      ...(request.query === undefined || request.query === '' ? [] : [request.query]),
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      `X-Amz-Credential=${encodeURIComponent(`${this.#accessKeyId}/${scope.text}`)}`,
      `X-Amz-Date=${timestamp}`,
      `X-Amz-Expires=${request.expiresSeconds}`,
      `X-Amz-SignedHeaders=${encodeURIComponent(names)}`,
    ].join('&');
    const payload = request.payload ?? 'UNSIGNED-PAYLOAD';
    const target = `${request.path}\n${sortedQuery(query)}`;
    const canonical = `${request.method}\n${target}\n${text}\n${names}\n${payload}`;
    const signature = signText(canonical, { timestamp, scope: scope.text, signingKey });
    return {
      target: `${request.path}?${query}&X-Amz-Signature=${signature}`,
      seed: { timestamp, scope: scope.text, signingKey, signature },
    };
  }

  #timestampOf(timeMs: number): string {
    const second = Math.floor(timeMs / 1000);
    if (second !== this.#timeSecond) {
      this.#timeSecond = second;
      this.#timestamp = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    }
    return this.#timestamp;
  }

  #scope(timestamp: string, override: ScopeOverride | undefined): Scope {
    const date = override?.date ?? timestamp.slice(0, 8);
    const region = override?.region ?? this.#region;
    const service = override?.service ?? this.#service;
    const terminator = override?.terminator ?? 'aws4_request';
    const text = `${date}/${region}/${service}/${terminator}`;
    return { date, region, service, terminator, text };
  }

  #signingKey(scope: Scope): KeyObject {
    if (this.#key !== undefined && this.#keyName === scope.text) return this.#key;
    let key: Buffer = Buffer.from(`AWS4${this.#secretKey}`);
    for (const part of [scope.date, scope.region, scope.service, scope.terminator]) {
      key = createHmac('sha256', key).update(part).digest();
    }
    this.#key = createSecretKey(key);
    this.#keyName = scope.text;
    return this.#key;
  }
}

type Scope = Required<ScopeOverride> & { readonly text: string };

/** SHA-256 in hex, for x-amz-content-sha256. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

function signText(
  canonical: string,
  { timestamp, scope, signingKey }: Omit<ChunkSeed, 'signature'>,
): string {
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
  return createHmac('sha256', signingKey).update(text).digest('hex');
}

/** Sorted, blanks collapsed, repeated headers joined in the order sent. */
function canonicalHeaderText(headers: readonly HeaderPair[]): { text: string; names: string } {
  const sorted = [...headers].sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  let text = '';
  let names = '';
  let previous: string | undefined;
  for (const [name, value] of sorted) {
    const clean = / {2}|^\s|\s$|\t/.test(value) ? value.trim().replace(/\s+/g, ' ') : value;
    if (name === previous) {
      text = `${text.slice(0, -1)},${clean}\n`;
    } else {
      text += `${name}:${clean}\n`;
      names += previous === undefined ? name : `;${name}`;
      previous = name;
    }
  }
  return { text, names };
}

/** Each name and value encoded as AWS wants it, then sorted. */
function sortedQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map(part => {
    const [name = '', ...rest] = part.split('=');
    return [awsEncoded(name), awsEncoded(rest.join('='))] as const;
  });
  pairs.sort((left, right) => {
    const [a, b] = left[0] === right[0] ? [left[1], right[1]] : [left[0], right[0]];
    return a < b ? -1 : a > b ? 1 : 0;
  });
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

function awsEncoded(text: string): string {
  const plain = decodeURIComponent(text);
  return encodeURIComponent(plain).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export type ChunkedOptions = {
  /** Undefined: chunks are not signed (STREAMING-UNSIGNED-PAYLOAD-TRAILER). */
  readonly seed: ChunkSeed | undefined;
  /** What ends each trailer line; minio-go writes LF CR LF. */
  readonly trailerEnd?: '\r\n' | '\n\r\n';
};

/** Frames a body as aws-chunked, a chunk at a time. */
export class ChunkEncoder {
  readonly #seed: ChunkSeed | undefined;
  readonly #trailerEnd: string;
  #previous: string;

  constructor({ seed, trailerEnd = '\r\n' }: ChunkedOptions) {
    this.#seed = seed;
    this.#trailerEnd = trailerEnd;
    this.#previous = seed?.signature ?? '';
  }

  /** One chunk of data, which must not be empty. */
  chunk(data: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from(this.#header(data)), data, Buffer.from('\r\n')]);
  }

  /** The empty chunk, and the trailers if there are any. */
  last(trailers: readonly HeaderPair[] = []): Buffer {
    let text = this.#header(new Uint8Array(0));
    let canonical = '';
    for (const [name, value] of trailers) {
      text += `${name}:${value}${this.#trailerEnd}`;
      canonical += `${name}:${value}\n`;
    }
    if (trailers.length > 0 && this.#seed !== undefined) {
      const signature = this.#sign('AWS4-HMAC-SHA256-TRAILER', sha256Hex(canonical));
      text += `x-amz-trailer-signature:${signature}\r\n`;
    }
    return Buffer.from(`${text}\r\n`);
  }

  #header(data: Uint8Array): string {
    const size = data.length.toString(16);
    if (this.#seed === undefined) return `${size}\r\n`;
    const content = `${EMPTY_SHA256}\n${sha256Hex(data)}`;
    return `${size};chunk-signature=${this.#sign('AWS4-HMAC-SHA256-PAYLOAD', content)}\r\n`;
  }

  #sign(algorithm: string, content: string): string {
    const seed = this.#seed!;
    const text = `${algorithm}\n${seed.timestamp}\n${seed.scope}\n${this.#previous}\n${content}`;
    this.#previous = createHmac('sha256', seed.signingKey).update(text).digest('hex');
    return this.#previous;
  }
}

/** A whole aws-chunked body. */
export function chunkedBody(
  data: Uint8Array,
  options: ChunkedOptions & {
    readonly chunkBytes: number;
    readonly trailers?: readonly HeaderPair[];
  },
): Buffer {
  const encoder = new ChunkEncoder(options);
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < data.length; offset += options.chunkBytes) {
    pieces.push(encoder.chunk(data.subarray(offset, offset + options.chunkBytes)));
  }
  pieces.push(encoder.last(options.trailers));
  return Buffer.concat(pieces);
}

/** The length of `chunkedBody`'s answer, for Content-Length before the body is there. */
export function chunkedLength(sizes: {
  readonly decodedBytes: number;
  readonly chunkBytes: number;
  readonly signed: boolean;
  readonly trailers?: readonly HeaderPair[];
}): number {
  const { decodedBytes, chunkBytes, signed, trailers = [] } = sizes;
  const extension = signed ? ';chunk-signature='.length + 64 : 0;
  const framed = (size: number): number => size.toString(16).length + extension + size + 4;
  const whole = Math.floor(decodedBytes / chunkBytes);
  const rest = decodedBytes % chunkBytes;
  let total = whole * framed(chunkBytes) + (rest > 0 ? framed(rest) : 0) + framed(0);
  for (const [name, value] of trailers) total += name.length + value.length + 3;
  if (signed && trailers.length > 0) total += 'x-amz-trailer-signature:'.length + 64 + 2;
  return total;
}
