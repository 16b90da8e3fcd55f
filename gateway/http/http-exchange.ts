/**
 * One request and its reply, from the accepted head to the last byte.
 *
 * Owns:          the order of things: one reply, nothing to the wire after its end, `end` or
 *                `aborted` to the sink exactly once, every abort callback once.
 * Knows:         HTTP.
 * Must not know: which library carries the bytes; S3.
 *
 * A reply may come before the body was read. The sink then hears `aborted`, as it does when the
 * client left: in both cases nothing more comes and nothing of the body must be kept.
 */
import type { HttpReply, HttpRequest, ReplyBody, RequestBody, RequestHeaders } from './exchange.ts';
import { hasBody } from './head-rules.ts';
import type { HeadFraming, Refusal, RequestLine } from './head-rules.ts';
import type { HttpCore } from './http-core.ts';
import { IncomingBody } from './incoming-body.ts';
import { EMPTY_BODY, NO_BODY } from './no-body.ts';
import { bodySizeBytes, isBodyless, replyFault } from './reply-head.ts';
import { cancelSource, ReplyStream } from './reply-stream.ts';
import type { HeaderList } from './request-headers.ts';
import type { Wire, WireBody, WireEvents, WireHead } from './wire.ts';

export type HttpExchangeParts = {
  readonly core: HttpCore;
  readonly wire: Wire;
  readonly line: RequestLine;
  readonly headers: HeaderList;
  readonly peerAddress: string;
  readonly isSecure: boolean;
};

export class HttpExchange implements HttpRequest, WireEvents {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly headers: RequestHeaders;
  readonly peerAddress: string;
  readonly isSecure: boolean;
  body: RequestBody = NO_BODY;
  readonly #core: HttpCore;
  readonly #wire: Wire;
  #phase: 'open' | 'streaming' | 'complete' | 'aborted' = 'open';
  #mustClose = false;
  #isRefused = false;
  #incoming: IncomingBody | undefined;
  #stream: ReplyStream | undefined;
  /** The head of a streamed reply until its first piece is sent. */
  #streamHead: WireHead | undefined;
  #abortCallbacks: (() => void)[] | undefined;

  constructor(parts: HttpExchangeParts) {
    this.method = parts.line.method;
    this.rawPath = parts.line.rawPath;
    this.rawQuery = parts.line.rawQuery;
    this.headers = parts.headers;
    this.peerAddress = parts.peerAddress;
    this.isSecure = parts.isSecure;
    this.#core = parts.core;
    this.#wire = parts.wire;
    this.#core.began();
  }

  onAborted(callback: () => void): void {
    if (this.#phase === 'aborted') callback();
    else if (this.#abortCallbacks === undefined) this.#abortCallbacks = [callback];
    else this.#abortCallbacks.push(callback);
  }

  /** True once the reply is complete or the client is gone. */
  get isOver(): boolean {
    return this.#phase === 'complete' || this.#phase === 'aborted';
  }

  /** Accepts the body and asks the handler; may reply before it returns. */
  handle(framing: HeadFraming): void {
    this.#expectBody(framing);
    let answer: HttpReply | Promise<HttpReply>;
    try {
      answer = this.#core.handler(this);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (answer instanceof Promise) answer.then(this.#reply, this.#fail);
    else this.#reply(answer);
  }

  /** Answers a head that breaks the rules; the connection ends, for its framing is in doubt. */
  refuse(refusal: Refusal): void {
    this.#core.counters.refusedTotal += 1;
    if (this.isOver) return;
    this.#isRefused = true;
    this.closeAfterReply();
    try {
      this.#reply(this.#core.refuse(refusal, this));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The connection is not to be used again, whatever is answered. */
  closeAfterReply(): void {
    this.#mustClose = true;
  }

  received(chunk: Uint8Array, isLast: boolean): void {
    try {
      this.#incoming?.receive(chunk, isLast);
    } catch (error) {
      this.#core.failed('sink-failed', this, error);
      this.#tell(() => this.#incoming?.finish());
      if (!this.isOver) this.#wire.cut();
    }
  }

  pieceSent(): void {
    this.#stream?.pieceSent();
  }

  aborted(): void {
    if (this.isOver) return;
    this.#phase = 'aborted';
    const callbacks = this.#abortCallbacks;
    this.#abortCallbacks = undefined;
    this.#stream?.abort();
    this.#tell(() => this.#incoming?.finish());
    for (const callback of callbacks ?? []) this.#tell(callback);
    this.#core.ended('aborted');
  }

  #expectBody(framing: HeadFraming): void {
    const { declaredBytes, isChunked } = framing;
    if (declaredBytes === 0) this.body = EMPTY_BODY;
    if (!hasBody(framing)) return;
    const { limits, watch } = this.#core;
    this.#incoming = new IncomingBody({
      wire: this.#wire,
      declaredBytes,
      isChunked,
      limits,
      watch,
    });
    this.body = this.#incoming;
  }

  readonly #reply = (reply: HttpReply): void => {
    if (this.#phase !== 'open') {
      giveBack(reply.body);
      return;
    }
    const fault = replyFault(reply, this.method);
    if (fault !== undefined) {
      giveBack(reply.body);
      this.#fail(new Error(fault));
    } else if (this.#isStreamed(reply)) this.#beginStream(reply);
    else this.#sendWhole(reply);
  };

  /** The handler failed: a bare 500, or nothing when the client is gone already. */
  readonly #fail = (error: unknown): void => {
    this.#core.failed('handler-failed', this, error);
    if (this.#phase !== 'open') return;
    this.closeAfterReply();
    this.#sendWhole(BARE_FAILURE);
  };

  #isStreamed(reply: HttpReply): reply is StreamedReply {
    const body = reply.body;
    if (body?.kind !== 'stream') return false;
    return body.sizeBytes > 0 && this.method !== 'HEAD' && !isBodyless(reply.status);
  }

  #wireHead(reply: HttpReply): WireHead {
    const missingBytes = this.#incoming?.missingBytes ?? 0;
    const hasTooMuchUnread = missingBytes > this.#core.limits.drainBytesMax;
    const closes = this.#mustClose || this.#core.isClosing || hasTooMuchUnread;
    return { status: reply.status, headers: reply.headers, closes };
  }

  #sendWhole(reply: HttpReply): void {
    this.#phase = 'complete';
    const head = this.#wireHead(reply);
    this.#incoming?.letDrain();
    this.#wire.sendWhole(head, this.#wireBody(reply));
    giveBack(reply.body);
    this.#settle();
  }

  #wireBody({ status, body }: HttpReply): WireBody {
    if (isBodyless(status)) return { kind: 'none', contentLength: undefined };
    if (this.method === 'HEAD') {
      // A refusal has to close at once, which the wires only do for certain without a length.
      return { kind: 'none', contentLength: this.#isRefused ? 0 : bodySizeBytes(body) };
    }
    return body?.kind === 'bytes' ? body : EMPTY_BYTES;
  }

  #beginStream(reply: StreamedReply): void {
    this.#phase = 'streaming';
    this.#streamHead = this.#wireHead(reply);
    this.#incoming?.letDrain();
    const { sizeBytes, source } = reply.body;
    this.#stream = new ReplyStream({
      sizeBytes,
      source,
      send: piece => {
        const head = this.#streamHead;
        this.#streamHead = undefined;
        this.#wire.sendPiece(head, piece, sizeBytes);
      },
      onComplete: () => {
        this.#phase = 'complete';
        this.#settle();
      },
      onFailed: error => {
        this.#cutShort(error);
      },
    });
    this.#stream.start();
  }

  /** The source failed: a 500 while no byte was sent, else the client must see a short body. */
  #cutShort(error: unknown): void {
    this.#core.failed('source-failed', this, error);
    if (this.#streamHead === undefined) {
      this.#wire.cut();
      return;
    }
    this.closeAfterReply();
    this.#sendWhole(BARE_FAILURE);
  }

  #settle(): void {
    this.#abortCallbacks = undefined;
    this.#tell(() => this.#incoming?.finish());
    this.#core.ended('complete');
  }

  /** Calls what belongs to the handler; its failure is reported and changes nothing here. */
  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#core.failed('handler-failed', this, error);
    }
  }
}

type StreamedReply = HttpReply & { readonly body: Extract<ReplyBody, { kind: 'stream' }> };

const BARE_FAILURE: HttpReply = { status: 500, headers: [] };
const EMPTY_BYTES: WireBody = { kind: 'bytes', bytes: '' };

/** A streamed body that is not sent (HEAD, an aborted request) gives back what it holds. */
function giveBack(body: ReplyBody | undefined): void {
  if (body?.kind === 'stream') cancelSource(body.source);
}
