/**
 * Signed S3 requests as bytes, and their answers, over bare sockets.
 *
 * Owns:          putting head and body together; reading the little XML that tests look at.
 * Knows:         the tests' signer and raw connections.
 * Must not know: what is tested; the server's code.
 *
 * Nothing is repaired: a test that wants a wrong head gets it. What it wants right (the signature,
 * the length, the host) is filled in when it says nothing.
 */
import type { Credentials } from './garage-process.ts';
import { BUCKET, REGION, type GarageProcess } from './garage-process.ts';
import { RawConnection, type RawReply } from './raw-http.ts';
import {
  SigV4Signer,
  chunkedBody,
  sha256Hex,
  type ChunkSeed,
  type HeaderPair,
  type RequestToSign,
} from './sigv4-signer.ts';

export type S3Request = {
  readonly method?: string;
  /** Percent-encoded, behind the bucket; `/` when not given. */
  readonly key?: string;
  /** Percent-encoded; instead of bucket and key. */
  readonly path?: string;
  /** Percent-encoded, without `?`. */
  readonly query?: string;
  readonly headers?: readonly HeaderPair[];
  /** Sent, but left out of the signature. */
  readonly unsignedHeaders?: readonly HeaderPair[];
  /** Names that are not sent, although they were signed. */
  readonly unsent?: readonly string[];
  readonly body?: string | Uint8Array;
  /** x-amz-content-sha256; that of the body when not given. */
  readonly payload?: string;
  /** The value of Content-Length; that of the body when not given; `none`: it is not sent. */
  readonly contentLength?: string;
  readonly credentials?: Credentials;
  readonly region?: string;
  readonly timeMs?: number;
  /** How the strings of the head become bytes; latin1 when not given. */
  readonly encoding?: 'latin1' | 'utf8';
  readonly sign?: Pick<RequestToSign, 'scope' | 'signedNames' | 'dateHeader' | 'canonicalPath'>;
};

export type BuiltRequest = {
  readonly head: string;
  readonly body: Buffer;
  readonly bytes: Buffer;
  readonly seed: ChunkSeed;
};

export type ChunkedRequest = Omit<S3Request, 'body' | 'payload'> & {
  readonly data: Uint8Array;
  readonly chunkBytes?: number;
  /** Whether chunks are signed. */
  readonly chunks: 'signed' | 'unsigned';
  /** Announced in x-amz-trailer unless told otherwise. */
  readonly trailers?: readonly HeaderPair[];
  /** `none`: the header is not sent. */
  readonly announced?: string;
  /** The value of x-amz-decoded-content-length; the length of the data when not given; `none`: it
   *  is not sent. */
  readonly decodedLength?: string;
  /** What the body becomes after it was made. */
  readonly change?: (body: Buffer) => Buffer;
  /** Trailers stand in the body although the payload mode knows none, or the other way round. */
  readonly mode?: string;
};

export class SignedRequests {
  readonly port: number;
  readonly host: string;
  readonly bucket: string;
  readonly #credentials: Credentials;

  constructor(server: GarageProcess, bucket: string = BUCKET) {
    this.port = server.ports.s3;
    this.host = `127.0.0.1:${String(server.ports.s3)}`;
    this.bucket = bucket;
    this.#credentials = server.credentials;
  }

  signer(credentials: Credentials = this.#credentials, region: string = REGION): SigV4Signer {
    return new SigV4Signer({ ...credentials, region });
  }

  /** The path of a key, which is percent-encoded already. */
  path(key = ''): string {
    return key === '' ? `/${this.bucket}` : `/${this.bucket}/${key}`;
  }

  build(request: S3Request): BuiltRequest {
    const body = Buffer.from(request.body ?? '');
    const method = request.method ?? 'GET';
    const path = request.path ?? this.path(request.key);
    const host = request.headers?.some(([name]) => name.toLowerCase() === 'host') === true;
    const headers: HeaderPair[] = [
      ...(host ? [] : [['host', this.host] as const]),
      ...(request.headers ?? []),
    ];
    const signed = this.signer(request.credentials, request.region).sign({
      ...{ method, path, headers },
      query: request.query ?? '',
      payload: request.payload ?? sha256Hex(body),
      timeMs: request.timeMs ?? Date.now(),
      ...request.sign,
    });
    const sent = [...signed.headers, ...(request.unsignedHeaders ?? [])].filter(
      ([name]) => request.unsent?.includes(name) !== true,
    );
    const needsLength = request.body !== undefined || method === 'PUT' || method === 'POST';
    const length = request.contentLength ?? (needsLength ? String(body.length) : 'none');
    if (length !== 'none') sent.push(['content-length', length]);
    const target = request.query === undefined ? path : `${path}?${request.query}`;
    const head = headText(`${method} ${target}`, sent);
    const headBytes = Buffer.from(head, request.encoding ?? 'latin1');
    return { head, body, bytes: Buffer.concat([headBytes, body]), seed: signed.seed };
  }

  /** A PUT whose body is aws-chunked. */
  buildChunked(request: ChunkedRequest): BuiltRequest {
    const { data, trailers = [], chunks, chunkBytes = 64 * 1024 } = request;
    const isSigned = chunks === 'signed';
    const suffix = trailers.length > 0 || !isSigned ? '-TRAILER' : '';
    const base = isSigned ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' : 'STREAMING-UNSIGNED-PAYLOAD';
    const announced = request.announced ?? trailers.map(([name]) => name).join(',');
    const decoded = request.decodedLength ?? String(data.length);
    const headers: HeaderPair[] = [
      ...(request.headers ?? []),
      ['content-encoding', 'aws-chunked'],
      ...(decoded === 'none' ? [] : [['x-amz-decoded-content-length', decoded] as const]),
      ...(announced === '' || announced === 'none' ? [] : [['x-amz-trailer', announced] as const]),
    ];
    const payload = request.mode ?? base + suffix;
    // Signed before the body is there: the chunks continue this signature, not the other way round.
    const framing = { method: 'PUT', ...request, headers, payload, contentLength: 'none' };
    const { head, seed } = this.build(framing);
    const framed = chunkedBody(data, { seed: isSigned ? seed : undefined, chunkBytes, trailers });
    const body = request.change === undefined ? framed : request.change(framed);
    const length = request.contentLength ?? String(body.length);
    const whole =
      length === 'none' ? head : `${head.slice(0, -2)}content-length: ${length}\r\n\r\n`;
    return { head: whole, body, bytes: Buffer.concat([latin1(whole), body]), seed };
  }

  /** One request on a connection of its own. */
  async ask(request: S3Request): Promise<RawReply> {
    return this.askBytes(this.build(request).bytes, request.method);
  }

  async askChunked(request: ChunkedRequest): Promise<RawReply> {
    return this.askBytes(this.buildChunked(request).bytes, request.method ?? 'PUT');
  }

  async askBytes(bytes: string | Uint8Array, method = 'GET'): Promise<RawReply> {
    const connection = await RawConnection.open({ port: this.port });
    try {
      void connection.send(bytes);
      const reply = await connection.readReply({ method });
      if (reply === undefined) throw new Error('the server closed the connection unanswered');
      return reply;
    } finally {
      connection.destroy();
    }
  }

  async put(key: string, body: string | Uint8Array): Promise<RawReply> {
    const reply = await this.ask({ method: 'PUT', key, body });
    if (reply.status !== 200) throw new Error(`PUT ${key}: ${reply.body.toString()}`);
    return reply;
  }

  /** All keys of the bucket as listed, decoded; every page. */
  async keys(prefix = ''): Promise<readonly string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const more = token === undefined ? '' : `&continuation-token=${encodeURIComponent(token)}`;
      const query = `list-type=2&encoding-type=url&prefix=${encodeURIComponent(prefix)}${more}`;
      const reply = await this.ask({ query });
      if (reply.status !== 200) throw new Error(`listing: ${reply.body.toString()}`);
      const text = reply.body.toString();
      keys.push(...elements(text, 'Key').map(decodeURIComponent));
      token = elements(text, 'NextContinuationToken')[0];
    } while (token !== undefined);
    return keys;
  }
}

/** A request head; strings become latin1, so `\xe9` is one byte. */
export function headText(line: string, headers: readonly HeaderPair[]): string {
  return `${line} HTTP/1.1\r\n${headers.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
}

/** The texts of all elements of that name, predefined references decoded. */
export function elements(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'));
  return Array.from(found, ([, text]) => decodeXml(text ?? ''));
}

/** The code of an error document; undefined when the body is none. */
export function errorCode(reply: RawReply): string | undefined {
  return elements(reply.body.toString(), 'Code')[0];
}

function decodeXml(text: string): string {
  const plain: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (_all, name: string) => {
    if (!name.startsWith('#')) return plain[name] ?? '';
    const isHex = name[1]?.toLowerCase() === 'x';
    return String.fromCodePoint(Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10));
  });
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
