/**
 * A request body on its way from the wire to the handler's sink.
 *
 * Owns:          the bytes that came before the handler wanted them; pausing and resuming.
 * Knows:         the contract of a body sink.
 * Must not know: replies; which library reads the wire.
 *
 * While reading is paused nobody sees the client going away, and uWebSockets.js takes a client for
 * dead after 10 s. So a paused body is opened for a moment in every period; what comes then goes
 * to the sink, and only so much of it as the limits say.
 */
import type { BodySink, RequestBody } from './exchange.ts';
import type { HttpLimits } from './http-core.ts';
import type { StallWatch, Watched } from './stall-watch.ts';
import type { Wire } from './wire.ts';

export type IncomingBodyParts = {
  readonly wire: Pick<Wire, 'pause' | 'resume' | 'bodyWanted'>;
  readonly declaredBytes: number | undefined;
  readonly isChunked: boolean;
  readonly limits: HttpLimits;
  readonly watch: StallWatch;
};

export class IncomingBody implements RequestBody, Watched {
  readonly declaredBytes: number | undefined;
  readonly isChunked: boolean;
  readonly #wire: IncomingBodyParts['wire'];
  readonly #limits: HttpLimits;
  readonly #watch: StallWatch;
  #sink: BodySink | undefined;
  /** Chunks that came before `start`, copied. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #receivedBytes = 0;
  /** The last chunk has come. */
  #isComplete = false;
  /** The sink was told its end, or will never be told anything. */
  #isOver = false;
  /** The sink wants nothing now, or there is none yet and enough was kept. */
  #isHeld = false;
  /** The wire was told to read nothing. */
  #isPaused = false;
  #pausedBytes = 0;

  constructor(parts: IncomingBodyParts) {
    this.#wire = parts.wire;
    this.declaredBytes = parts.declaredBytes;
    this.isChunked = parts.isChunked;
    this.#limits = parts.limits;
    this.#watch = parts.watch;
  }

  /** Delivers what was kept before it returns; `end` may be called inside. */
  start(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error('a request body is started once');
    this.#sink = sink;
    if (this.#isOver) {
      sink.aborted();
      return;
    }
    this.#wire.bodyWanted();
    this.resume();
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const chunk of kept) if (!this.#hasEnded()) sink.chunk(chunk);
    if (this.#isComplete) this.#end(sink);
  }

  pause(): void {
    if (this.#isOver || this.#isComplete || this.#isHeld) return;
    this.#isHeld = true;
    this.#pausedBytes = 0;
    this.#stopReading();
    this.#watch.add(this);
  }

  resume(): void {
    if (!this.#isHeld || this.#isOver) return;
    this.#isHeld = false;
    this.#watch.remove(this);
    this.#read();
  }

  /** Bytes from the wire, borrowed. May throw what the sink throws. */
  receive(chunk: Uint8Array, isLast: boolean): void {
    if (this.#isOver) return;
    this.#receivedBytes += chunk.byteLength;
    if (isLast) {
      this.#isComplete = true;
      this.#watch.remove(this);
    }
    const sink = this.#sink;
    if (sink === undefined) {
      this.#keep(chunk);
      return;
    }
    if (this.#isHeld && !isLast) {
      this.#pausedBytes += chunk.byteLength;
      this.#stopReading();
    }
    if (chunk.byteLength > 0) sink.chunk(chunk);
    if (isLast) this.#end(sink);
  }

  /** Lets the client's bytes in again to see whether it is still there. */
  tick(): void {
    if (this.#isPaused && this.#pausedBytes < this.#limits.pausedBytesMax) this.#read();
  }

  /** Bytes of the body that have not come yet; Infinity when nobody knows. */
  get missingBytes(): number {
    if (this.#isComplete) return 0;
    return (this.declaredBytes ?? Infinity) - this.#receivedBytes;
  }

  /** Before the reply's end: lets the wire read on, so that it can drain what is left. */
  letDrain(): void {
    this.#watch.remove(this);
    this.#read();
  }

  /**
   * After the reply, or when the client is gone: the sink hears `aborted` unless it had its end.
   */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.remove(this);
    this.#kept = [];
    this.#sink?.aborted();
  }

  #keep(chunk: Uint8Array): void {
    if (chunk.byteLength > 0) this.#kept.push(new Uint8Array(chunk));
    this.#keptBytes += chunk.byteLength;
    if (this.#isComplete || this.#keptBytes < this.#limits.keptBytesMax) return;
    this.#isHeld = true;
    this.#pausedBytes += chunk.byteLength;
    this.#stopReading();
    this.#watch.add(this);
  }

  #hasEnded(): boolean {
    return this.#isOver;
  }

  #end(sink: BodySink): void {
    if (this.#isOver) return;
    this.#isOver = true;
    sink.end();
  }

  #stopReading(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#wire.pause();
  }

  #read(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#wire.resume();
  }
}
