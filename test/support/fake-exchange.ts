/**
 * HTTP requests for handlers that are tested in process, without a socket.
 *
 * Owns:          the delivery of a body that is there already, and reading a reply's body.
 * Knows:         the shapes of exchange.ts.
 * Must not know: doors.
 */
import type { BodySink, HttpReply, HttpRequest, RequestBody } from '../../gateway/http/exchange.ts';
import { HeaderList } from '../../gateway/http/request-headers.ts';

export type FakeRequest = {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** undefined: no body and no Content-Length. */
  readonly body?: Uint8Array | undefined;
  /** Where the client goes away, in bytes of the body. */
  readonly abortedAt?: number;
};

export function fakeRequest({ method = 'GET', target, ...rest }: FakeRequest): HttpRequest {
  const question = target.indexOf('?');
  const headers = new HeaderList();
  for (const [name, value] of rest.headers ?? []) headers.add(name.toLowerCase(), value);
  return {
    method,
    rawPath: question < 0 ? target : target.slice(0, question),
    rawQuery: question < 0 ? '' : target.slice(question + 1),
    headers,
    peerAddress: '192.0.2.1',
    isSecure: false,
    body: new FakeBody(rest.body, rest.abortedAt),
    onAborted: () => undefined,
  };
}

class FakeBody implements RequestBody {
  readonly declaredBytes: number | undefined;
  readonly isChunked = false;
  readonly #bytes: Uint8Array;
  readonly #abortedAt: number | undefined;

  constructor(bytes: Uint8Array | undefined, abortedAt: number | undefined) {
    this.declaredBytes = bytes?.length;
    this.#bytes = bytes ?? new Uint8Array();
    this.#abortedAt = abortedAt;
  }

  start(sink: BodySink): void {
    // A copy that is wiped afterwards: whoever keeps a borrowed chunk is found out.
    const lent = Buffer.from(this.#bytes.subarray(0, this.#abortedAt));
    if (lent.length > 0) sink.chunk(lent);
    lent.fill(0xee);
    if (this.#abortedAt === undefined) sink.end();
    else sink.aborted();
  }

  pause(): void {
    // All of it was delivered at once.
  }

  resume(): void {
    // Nothing was held back.
  }
}

/** All bytes of a reply's body. */
export async function replyBytes({ body }: HttpReply): Promise<Buffer> {
  if (body === undefined || body.kind === 'head') return Buffer.alloc(0);
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await body.source.next();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(Buffer.from(piece));
  }
}

/** The value of a reply's header, whatever the case of its name. */
export function replyHeader({ headers }: HttpReply, name: string): string | undefined {
  return headers.find(([candidate]) => candidate.toLowerCase() === name.toLowerCase())?.[1];
}
