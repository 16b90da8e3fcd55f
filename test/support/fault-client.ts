/**
 * An S3 client for tests that end servers in the middle of requests.
 *
 * Owns:          one connection at a time; the requests of the fault tests.
 * Knows:         the load generator's connection and signer.
 * Must not know: which faults there are.
 *
 * It never retries: what it was told is all that may be concluded from. A request that is not
 * answered within the bound rejects like one whose connection broke, and is counted apart.
 */
import { BenchSigner, type BenchRequest, type BenchTarget } from '../bench/bench-client.ts';
import { RawConnection, type RawAnswer } from '../bench/raw-connection.ts';
import { sha256Hex } from './sigv4-signer.ts';

/** No answer to a request; `silent`: the connection stood, and nothing came. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly isSilent: boolean;

  constructor(isSilent: boolean, options?: ErrorOptions) {
    super(isSilent ? 'the server did not answer in time' : 'the connection broke', options);
    this.isSilent = isSilent;
  }
}

export type FaultAnswer = { readonly status: number; readonly body: Buffer };

/** The request that waited longest, by its name. */
export type Slowest = { readonly ms: number; readonly what: string };

export const NOTHING_SLOW: Slowest = { ms: 0, what: 'nothing' };

export function slower(one: Slowest, other: Slowest): Slowest {
  return other.ms > one.ms ? other : one;
}

export type Part = { readonly partNumber: number; readonly etag: string };

/** More than any deadline of the server. */
const ANSWER_TIMEOUT_MS = 40_000;
/** Larger bodies are sent with UNSIGNED-PAYLOAD, as SDKs do over TLS. */
const SIGNED_BYTES_MAX = 1024 * 1024;

export class FaultClient {
  readonly #target: BenchTarget;
  readonly #signer: BenchSigner;
  #connection: RawConnection | undefined;
  #slowest = NOTHING_SLOW;

  constructor(target: BenchTarget) {
    this.#target = target;
    this.#signer = new BenchSigner(target);
  }

  put(key: string, body: Uint8Array): Promise<FaultAnswer> {
    return this.#send({ method: 'PUT', path: this.#path(key), ...bodyHeaders(body) }, body);
  }

  get(key: string): Promise<FaultAnswer> {
    return this.#send({ method: 'GET', path: this.#path(key) });
  }

  /** `range` as in RFC 9110: `bytes=0-9`. */
  getRange(key: string, range: string): Promise<FaultAnswer> {
    const headers = [['range', range] as const];
    return this.#send({ method: 'GET', path: this.#path(key), headers });
  }

  delete(key: string): Promise<FaultAnswer> {
    return this.#send({ method: 'DELETE', path: this.#path(key) });
  }

  copy(source: string, key: string): Promise<FaultAnswer> {
    const headers = [['x-amz-copy-source', this.#path(source)] as const];
    return this.#send({ method: 'PUT', path: this.#path(key), bodyBytes: 0, headers });
  }

  /** The upload's id when it was created. */
  async createUpload(key: string): Promise<FaultAnswer & { readonly uploadId: string }> {
    const request = { method: 'POST', path: this.#path(key), query: 'uploads=', bodyBytes: 0 };
    const answer = await this.#send(request);
    return { ...answer, uploadId: textOf(answer.body, 'UploadId')[0] ?? '' };
  }

  async uploadPart(
    place: { readonly key: string; readonly uploadId: string; readonly partNumber: number },
    body: Uint8Array,
  ): Promise<FaultAnswer & { readonly etag: string }> {
    const query = `partNumber=${String(place.partNumber)}&uploadId=${place.uploadId}`;
    const request = { method: 'PUT', path: this.#path(place.key), query, ...bodyHeaders(body) };
    const answer = await this.#ask(request, body);
    const etag = /\r\netag: *([^\r]*)/i.exec(`${answer.head}\r\n`)?.[1] ?? '';
    return { status: answer.status, body: answer.body ?? Buffer.alloc(0), etag };
  }

  completeUpload(key: string, uploadId: string, parts: readonly Part[]): Promise<FaultAnswer> {
    const listed = parts.map(
      ({ partNumber, etag }) =>
        `<Part><PartNumber>${String(partNumber)}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const xml = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
    const body = Buffer.from(xml);
    const query = `uploadId=${uploadId}`;
    const path = this.#path(key);
    return this.#send({ method: 'POST', path, query, ...bodyHeaders(body) }, body);
  }

  abortUpload(key: string, uploadId: string): Promise<FaultAnswer> {
    return this.#send({ method: 'DELETE', path: this.#path(key), query: `uploadId=${uploadId}` });
  }

  /** A request to the bucket itself. */
  askBucket(query: string): Promise<FaultAnswer> {
    return this.#send({ method: 'GET', path: `/${this.#target.bucket}`, query });
  }

  /** What waited longest for its answer, or for its connection to break. */
  get slowest(): Slowest {
    return this.#slowest;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Keys of the fault tests need no percent-encoding but that of `/`, which is none. */
  #path(key: string): string {
    return `/${this.#target.bucket}/${key}`;
  }

  async #send(request: BenchRequest, body?: Uint8Array): Promise<FaultAnswer> {
    const answer = await this.#ask(request, body);
    return { status: answer.status, body: answer.body ?? Buffer.alloc(0) };
  }

  async #ask(request: BenchRequest, body?: Uint8Array): Promise<RawAnswer> {
    const startedMs = performance.now();
    const connection = await this.#connected();
    let timer: NodeJS.Timeout | undefined;
    let outcome = 'broken';
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new NoAnswerError(true));
      }, ANSWER_TIMEOUT_MS);
    });
    try {
      const answer = connection.send(this.#signer.head(request), body, { keepBody: true });
      const answered = await Promise.race([answer, silence]);
      outcome = String(answered.status);
      return answered;
    } catch (error) {
      this.close();
      throw error instanceof NoAnswerError ? error : new NoAnswerError(false, { cause: error });
    } finally {
      clearTimeout(timer);
      const ms = performance.now() - startedMs;
      this.#slowest = slower(this.#slowest, { ms, what: `${nameOf(request)} ${outcome}` });
    }
  }

  async #connected(): Promise<RawConnection> {
    const socket = this.#connection?.socket;
    if (socket !== undefined && (socket.destroyed || socket.readableEnded)) this.close();
    try {
      this.#connection ??= await RawConnection.open(this.#target.port);
    } catch (error) {
      throw new NoAnswerError(false, { cause: error });
    }
    return this.#connection;
  }
}

/** `PUT partNumber uploadId`, with the bytes it sends. */
function nameOf({ method, query = '', bodyBytes = 0 }: BenchRequest): string {
  const names = [...new URLSearchParams(query).keys()];
  return [method, ...names, `of ${bodyBytes} bytes`].join(' ');
}

/** The text of all elements of a name. The fault tests use no character that XML escapes. */
export function textOf(xml: Buffer, element: string): string[] {
  const pattern = new RegExp(`<${element}>([^<]*)</${element}>`, 'g');
  return [...xml.toString().matchAll(pattern)].map(match => match[1] ?? '');
}

function bodyHeaders(body: Uint8Array): { bodyBytes: number; payload: string } {
  const payload = body.length > SIGNED_BYTES_MAX ? 'UNSIGNED-PAYLOAD' : sha256Hex(body);
  return { bodyBytes: body.length, payload };
}
