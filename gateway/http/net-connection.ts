/**
 * One connection on node:net: requests in, replies out, one after the other.
 *
 * Owns:          the socket; the place in the incoming bytes; when the connection ends.
 * Knows:         HTTP/1.1 framing (RFC 9112).
 * Must not know: handlers; S3.
 *
 * A request is parsed only when the reply before it is with the kernel, so a client that sends
 * many requests and reads nothing costs the memory of one reply.
 */
import type { Socket } from 'node:net';

import { plainAddress } from './networks.ts';
import { parseHead } from './head-parser.ts';
import { checkHead } from './head-rules.ts';
import type { Refusal, RequestLine } from './head-rules.ts';
import type { HttpCore } from './http-core.ts';
import { HttpExchange } from './http-exchange.ts';
import { InputFraming } from './input-framing.ts';
import { writeHeadText } from './net-reply-head.ts';
import type { Receiver } from './read-memory.ts';
import { HeaderList } from './request-headers.ts';
import { WATCH_PERIOD_MS } from './stall-watch.ts';
import type { Watched } from './stall-watch.ts';
import type { Wire, WireBody, WireHead } from './wire.ts';

/** A connection that was ended by us may go on sending for so many periods before it is cut:
 *  an immediate cut could destroy the reply on its way (RFC 9112 9.6). */
const LINGER_TICKS = 2;
/** Bodies up to here are copied behind their head, so that one buffer goes to the kernel. */
const COPIED_BODY_BYTES_MAX = 16 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CR = 13;
const LF = 10;
const NOTHING: Buffer = Buffer.alloc(0);
const UNKNOWN_LINE: RequestLine = { method: '', rawPath: '/', rawQuery: '' };

export class NetConnection implements Wire, Watched {
  readonly #socket: Socket;
  readonly #core: HttpCore;
  readonly #onClosed: (connection: NetConnection) => void;
  readonly #peerAddress: string;
  #exchange: HttpExchange | undefined;
  /** Of the request being read; undefined between requests. */
  #framing: InputFraming | undefined;
  /** A head that is not complete, or requests that came before their turn: copied. */
  #pending: Buffer = NOTHING;
  /** Up to here no end of a head was found. */
  #scannedBytes = 0;
  #isParsing = false;
  /** Nothing is parsed before the kernel has taken the last reply. */
  #isCongested = false;
  #isPaused = false;
  #mustContinue = false;
  #closesAfterReply = false;
  #unsentBytes = 0;
  #pieceBytes = 0;
  #phase: 'open' | 'ending' | 'closed' = 'open';
  /** Periods without the progress that the present state waits for. */
  #quietTicks = 0;
  /** Periods since the last byte of the last reply went to the kernel. */
  #lingerTicks = 0;

  /** `open` hands over the socket, and from then on calls `receive` with what comes. */
  constructor(
    open: (receive: Receiver) => Socket,
    core: HttpCore,
    onClosed: (connection: NetConnection) => void,
  ) {
    const socket = open(this.#onData);
    this.#socket = socket;
    this.#core = core;
    this.#onClosed = onClosed;
    this.#peerAddress = plainAddress(socket.remoteAddress ?? '');
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', ignoreError);
    socket.on('close', this.#onClose);
  }

  /** True between requests, with nothing of the next one read. */
  get isIdle(): boolean {
    return this.#exchange === undefined && this.#framing === undefined && !this.#isCongested;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#quietTicks = 0;
    this.#socket.resume();
  }

  bodyWanted(): void {
    if (!this.#mustContinue) return;
    this.#mustContinue = false;
    this.#socket.write(CONTINUE);
  }

  sendWhole(head: WireHead, body: WireBody): void {
    const closes = this.#decideClose(head);
    const isTaken = this.#writeWhole(head, body, closes);
    if (!isTaken) this.#isCongested = true;
    this.#replyDone(closes);
  }

  sendPiece(head: WireHead | undefined, piece: Uint8Array, totalBytes: number): void {
    this.#quietTicks = 0;
    this.#pieceBytes = piece.length;
    if (head === undefined) {
      this.#socket.write(piece, this.#pieceWritten);
      return;
    }
    this.#unsentBytes = totalBytes;
    this.#closesAfterReply = this.#decideClose(head);
    const date = this.#core.dateText();
    this.#socket.cork();
    this.#socket.write(
      writeHeadText(head, { contentLength: totalBytes, date, closes: this.#closesAfterReply }),
    );
    this.#socket.write(piece, this.#pieceWritten);
    this.#socket.uncork();
  }

  cut(): void {
    this.#socket.destroy();
    this.#onClose();
  }

  tick(): void {
    this.#quietTicks += 1;
    if (this.#phase === 'ending' && this.#socket.writableFinished) {
      this.#lingerTicks += 1;
      if (this.#lingerTicks >= LINGER_TICKS) this.cut();
      return;
    }
    if (this.#isPaused) this.#quietTicks = 0;
    if (this.#quietTicks * WATCH_PERIOD_MS >= this.#patienceMs()) this.cut();
  }

  /** How long the present state may last without progress. */
  #patienceMs(): number {
    const { limits } = this.#core;
    if (this.#phase === 'ending') return limits.replyStallMs;
    if (this.#pieceBytes > 0 || this.#isCongested) return limits.replyStallMs;
    if (this.#framing !== undefined) return limits.bodyStallMs;
    if (this.#exchange !== undefined) return Infinity;
    return this.#pending.length > 0 ? limits.headMs : limits.keepAliveMs;
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#phase !== 'open') return;
    // A head must be complete in its time however many pieces come.
    if (this.#framing !== undefined || this.#pending.length === 0) this.#quietTicks = 0;
    this.#parse(bytes);
  };

  readonly #onDrain = (): void => {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    this.#quietTicks = 0;
    this.#parsePending();
  };

  /** The client ends its side: it leaves, so what it asked for is given up. */
  readonly #onEnd = (): void => {
    if (this.#exchange !== undefined) this.cut();
    else this.#socket.end();
  };

  readonly #onClose = (): void => {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#pending = NOTHING;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#onClosed(this);
    exchange?.aborted();
  };

  #parse(bytes: Buffer): void {
    this.#isParsing = true;
    let rest = bytes;
    while (rest.length > 0 && this.#phase === 'open') {
      if (this.#framing !== undefined) rest = this.#readBody(this.#framing, rest);
      else if (this.#exchange !== undefined || this.#isCongested) {
        this.#pending = Buffer.from(rest);
        this.#socket.pause();
        break;
      } else rest = this.#readHead(rest);
    }
    this.#isParsing = false;
  }

  #parsePending(): void {
    if (this.#phase !== 'open' || this.#isParsing) return;
    if (this.#exchange !== undefined || this.#isCongested) return;
    const pending = this.#pending;
    this.#pending = NOTHING;
    this.#socket.resume();
    this.#parse(pending);
  }

  /** Reads of a head what is there; what follows it is handed back. */
  #readHead(bytes: Buffer): Buffer {
    const all = skipEmptyLine(
      this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]),
    );
    this.#pending = NOTHING;
    const end = all.indexOf(HEAD_END, Math.max(0, this.#scannedBytes - HEAD_END.length));
    if (
      end > this.#core.limits.headBytesMax ||
      (end === -1 && all.length > this.#core.limits.headBytesMax)
    ) {
      this.#refuse({ reason: 'head-too-large', detail: 'The request head is too large.' });
      return NOTHING;
    }
    if (end === -1) {
      this.#pending = Buffer.from(all);
      this.#scannedBytes = all.length;
      return NOTHING;
    }
    this.#scannedBytes = 0;
    this.#begin(all.toString('latin1', 0, end));
    return all.subarray(end + HEAD_END.length);
  }

  #begin(text: string): void {
    const head = parseHead(text);
    if (head.kind === 'refused') {
      this.#refuse(head);
      return;
    }
    const { line, headers, isOld } = head;
    const exchange = this.#newExchange(line, headers);
    const verdict = checkHead({ ...line, isOld }, headers, this.#core.limits);
    if (verdict.kind === 'refused') {
      exchange.refuse(verdict);
      return;
    }
    if (isOld && verdict.isChunked) {
      exchange.refuse({ reason: 'bad-request', detail: 'HTTP/1.0 has no chunks.' });
      return;
    }
    this.#framing = InputFraming.of(verdict);
    this.#closesAfterReply = isOld || wantsClose(headers.get('connection'));
    const isExpecting = !isOld && headers.get('expect')?.toLowerCase() === '100-continue';
    this.#mustContinue = isExpecting && this.#framing !== undefined;
    // Not needed before an empty body (RFC 9110 10.1.1), but botocore misreads the next answer on
    // a connection where it got a final one instead: it keeps the first one's status line.
    if (isExpecting && this.#framing === undefined) this.#socket.write(CONTINUE);
    exchange.handle(verdict);
  }

  /** Answers what could not be read as a request. */
  #refuse(refusal: Refusal): void {
    this.#newExchange(UNKNOWN_LINE, new HeaderList()).refuse(refusal);
  }

  #newExchange(line: RequestLine, headers: HeaderList): HttpExchange {
    const core = this.#core;
    const peerAddress = core.trust.clientAddress(this.#peerAddress, headers);
    const isSecure = core.trust.isSecure(this.#peerAddress, headers);
    const parts = { core, wire: this, line, headers, peerAddress, isSecure };
    const exchange = new HttpExchange(parts);
    this.#exchange = exchange;
    return exchange;
  }

  /** Delivers of the body what is there, or drops it when its reply is done. */
  #readBody(framing: InputFraming, bytes: Buffer): Buffer {
    this.#mustContinue = false;
    const consumed = framing.read(bytes, (chunk, isLast) => {
      if (isLast) this.#framing = undefined;
      this.#exchange?.received(chunk, isLast);
    });
    if (consumed === 'malformed') {
      this.cut();
      return NOTHING;
    }
    return bytes.subarray(consumed);
  }

  #writeWhole(head: WireHead, body: WireBody, closes: boolean): boolean {
    const bytes = body.kind === 'none' ? '' : body.bytes;
    const contentLength = body.kind === 'none' ? body.contentLength : Buffer.byteLength(bytes);
    const headText = writeHeadText(head, { contentLength, date: this.#core.dateText(), closes });
    const isShort = bytes.length <= COPIED_BODY_BYTES_MAX;
    if (isShort) this.#core.turn.join(this.#socket);
    if (typeof bytes === 'string') return this.#socket.write(headText + bytes);
    if (isShort) return this.#socket.write(Buffer.concat([Buffer.from(headText), bytes]));
    this.#socket.cork();
    this.#socket.write(headText);
    const isTaken = this.#socket.write(bytes);
    this.#socket.uncork();
    return isTaken;
  }

  /** A client that was not told to send its body may send it or not: nobody could tell where the
   *  next request begins. */
  #decideClose(head: WireHead): boolean {
    return head.closes || this.#closesAfterReply || this.#mustContinue;
  }

  readonly #pieceWritten = (error?: Error | null): void => {
    const exchange = this.#exchange;
    if (error || exchange === undefined) return;
    this.#unsentBytes -= this.#pieceBytes;
    this.#pieceBytes = 0;
    if (this.#unsentBytes === 0) this.#replyDone(this.#closesAfterReply);
    exchange.pieceSent();
  };

  #replyDone(closes: boolean): void {
    this.#exchange = undefined;
    this.#quietTicks = 0;
    if (closes) this.#end();
    // Not from here: the exchange that is done has not heard so yet.
    else if (this.#pending.length > 0) queueMicrotask(() => this.#parsePending());
  }

  #end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ending';
    this.#pending = NOTHING;
    this.#socket.end();
    // Read on and drop it: unread bytes would make the kernel reset the connection.
    this.#socket.resume();
  }
}

/** One empty line before a request is allowed (RFC 9112 2.2). */
function skipEmptyLine(bytes: Buffer): Buffer {
  return bytes[0] === CR && bytes[1] === LF ? bytes.subarray(2) : bytes;
}

function wantsClose(connection: string | undefined): boolean {
  return connection !== undefined && /(?:^|,)\s*close\s*(?:,|$)/i.test(connection);
}

/** `close` follows every error and says all there is to say: the client is gone. */
function ignoreError(_error: Error): void {
  return undefined;
}
