/**
 * The bytes of one exchange on uWebSockets.js.
 *
 * Owns:          the response object: nothing else calls it.
 * Knows:         uWebSockets.js.
 * Must not know: handlers, replies as handlers make them.
 *
 * The library closes a client 10 s after a write that did not fit, however steadily a slow client
 * reads, because it hears of free space only once a third of the kernel's buffer is free. So a
 * blocked write is tried again every period; only a client that takes no byte at all is closed.
 */
import type { HttpCore } from './http-core.ts';
import { isServerHeader, statusText } from './reply-head.ts';
import type { Watched } from './stall-watch.ts';
import { WATCH_PERIOD_MS } from './stall-watch.ts';
import type { UwsResponse } from './uws-loader.ts';
import type { Wire, WireBody, WireEvents, WireHead } from './wire.ts';

export class UwsWire implements Wire, Watched {
  /** True inside the library's own request callback, where it corks by itself. */
  isCorked = true;
  readonly #res: UwsResponse;
  readonly #core: HttpCore;
  #exchange: WireEvents | undefined;
  /** The library ended the response by itself; no call may be made any more. */
  #isGone = false;
  /** The piece that is under way, and where it begins in the body. */
  #piece: Uint8Array | undefined;
  #pieceStart = 0;
  #totalBytes = 0;
  /** Where the write stood at the last tick, and for how many ticks it has not moved. */
  #offsetAtTick = 0;
  #idleTicks = 0;

  /** To be made inside the library's request callback. */
  constructor(res: UwsResponse, core: HttpCore) {
    this.#res = res;
    this.#core = core;
    // First of all: the library ends the process when a request is left without it.
    res.onAborted(() => {
      this.#isGone = true;
      this.#core.watch.remove(this);
      this.#piece = undefined;
      this.#exchange?.aborted();
    });
  }

  attach(exchange: WireEvents): void {
    this.#exchange = exchange;
  }

  /** Takes the body; to be called inside the library's request callback, or its bytes are lost. */
  receiveBody(exchange: WireEvents): void {
    this.#res.onData((chunk, isLast) => {
      exchange.received(new Uint8Array(chunk), isLast);
    });
  }

  pause(): void {
    this.#res.pause();
  }

  resume(): void {
    this.#res.resume();
  }

  /** The library has sent `100 Continue` before any handler was asked. */
  bodyWanted(): void {
    return undefined;
  }

  sendWhole(head: WireHead, body: WireBody): void {
    if (this.isCorked) this.#writeWhole(head, body);
    else {
      this.#res.cork(() => {
        this.#writeWhole(head, body);
      });
    }
  }

  sendPiece(head: WireHead | undefined, piece: Uint8Array, totalBytes: number): void {
    this.#piece = piece;
    this.#totalBytes = totalBytes;
    let isTaken = false;
    this.#res.cork(() => {
      if (head !== undefined) this.#beginStream(head);
      isTaken = this.#write(piece);
    });
    this.#afterWrite(isTaken);
  }

  /** Not at once: a piece that was written just now may still wait in the library's cork. */
  cut(): void {
    this.#core.timers.after(0, () => {
      if (!this.#isGone) this.#res.close();
    });
  }

  /** Tries a blocked write again; closes a client that has not taken a byte for too long. */
  tick(): void {
    const offset = this.#res.getWriteOffset();
    this.#idleTicks = offset === this.#offsetAtTick ? this.#idleTicks + 1 : 0;
    this.#offsetAtTick = offset;
    if (this.#idleTicks * WATCH_PERIOD_MS >= this.#core.limits.replyStallMs) {
      this.#core.watch.remove(this);
      this.cut();
    } else this.#continue(offset);
  }

  #writeWhole(head: WireHead, body: WireBody): void {
    this.#writeHead(head);
    if (body.kind === 'bytes') this.#res.end(body.bytes, head.closes);
    else this.#endWithoutBody(head, body.contentLength);
  }

  /** A length given to the library's own endWithoutBody leaves the response open there: the next
   *  request on the connection would close it. So the length is written as a header; then the
   *  library cannot close, the client is told, and what stays idle is closed. */
  #endWithoutBody(head: WireHead, contentLength: number | undefined): void {
    if (head.closes && !contentLength) {
      this.#res.endWithoutBody(0, true);
      return;
    }
    if (contentLength !== undefined) {
      this.#res.writeHeader('Content-Length', String(contentLength));
    }
    if (head.closes) this.#res.writeHeader('Connection', 'close');
    this.#res.endWithoutBody();
  }

  #beginStream(head: WireHead): void {
    this.#res.onWritable(offset => this.#continue(offset));
    this.#writeHead(head);
    // tryEnd cannot close: the client is told, and the library closes what stays idle.
    if (head.closes) this.#res.writeHeader('Connection', 'close');
  }

  #writeHead(head: WireHead): void {
    this.#res.writeStatus(statusText(head.status));
    for (const [name, value] of head.headers) {
      if (!isServerHeader(name)) this.#res.writeHeader(name, value);
    }
  }

  /** Goes on with the piece from `offset` of the body; true when all of it was taken. */
  #continue(offset: number): boolean {
    const piece = this.#piece;
    if (piece === undefined) return true;
    let isTaken = false;
    this.#res.cork(() => {
      isTaken = this.#write(piece.subarray(offset - this.#pieceStart));
    });
    this.#afterWrite(isTaken);
    return isTaken;
  }

  #write(bytes: Uint8Array): boolean {
    const [isTaken, isDone] = this.#res.tryEnd(bytes, this.#totalBytes);
    return isTaken || isDone;
  }

  #afterWrite(isTaken: boolean): void {
    if (!isTaken) {
      this.#core.watch.add(this);
      return;
    }
    this.#core.watch.remove(this);
    this.#pieceStart += this.#piece?.length ?? 0;
    this.#piece = undefined;
    this.#idleTicks = 0;
    this.#exchange?.pieceSent();
  }
}
