/**
 * One direction of one connection through a slow link: bytes come out later than they went in.
 *
 * Owns:          the bytes under way, within a bound, and their order.
 * Knows:         sockets; what the link does at the moment, through a port.
 * Must not know: who is connected.
 *
 * A link that is cut keeps what it was given, as a network does whose packets are sent again and
 * again: once it is mended all of it arrives, late, unless an end has given up.
 */
import type { Socket } from 'node:net';

/** What a link does to bytes in one direction. */
export type LinkState = {
  readonly delayMs: number;
  readonly isCut: boolean;
  /** 0: as many as come. */
  readonly bytesPerSecond: number;
  /** When the link will have sent all it was given: connections share its bandwidth. */
  freeAtMs: number;
};

type Parcel = { readonly bytes: Buffer; readonly dueMs: number };

/** More than any link of the tests holds: 160 MB/s for 100 ms. */
const UNDER_WAY_BYTES_MAX = 16 * 1024 * 1024;

export class DelayLine {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #link: () => LinkState;
  readonly #parcels: Parcel[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;
  #isDraining = false;
  #hasEnded = false;

  constructor(from: Socket, to: Socket, link: () => LinkState) {
    this.#from = from;
    this.#to = to;
    this.#link = link;
    from.on('data', bytes => {
      this.take(bytes);
    });
    // An end travels like bytes: behind them, and not through a cut.
    from.on('close', () => {
      this.#hasEnded = true;
      this.#send();
    });
    to.on('drain', () => {
      this.#isDraining = false;
      this.#send();
    });
  }

  /** Bytes that came before, or come now. */
  take(bytes: Buffer): void {
    const link = this.#link();
    const now = performance.now();
    const busyMs = link.bytesPerSecond === 0 ? 0 : (bytes.length / link.bytesPerSecond) * 1000;
    const sentMs = Math.max(now, link.freeAtMs) + busyMs;
    if (link.bytesPerSecond > 0) link.freeAtMs = sentMs;
    this.#parcels.push({ bytes, dueMs: sentMs + link.delayMs });
    this.#bytes += bytes.length;
    if (this.#bytes > UNDER_WAY_BYTES_MAX && !this.#isFull) {
      this.#isFull = true;
      this.#from.pause();
    }
    this.#send();
  }

  /** The link has changed: it may have been mended. */
  wake(): void {
    this.#send();
  }

  get isDone(): boolean {
    return this.#hasEnded && this.#parcels.length === 0;
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#link().isCut || this.#isDraining) return;
    this.#sendWhatIsDue();
    const [next] = this.#parcels;
    if (next === undefined) {
      if (this.#hasEnded) this.#to.destroy();
    } else if (!this.#isDraining) {
      const waitMs = Math.max(0, next.dueMs - performance.now());
      this.#timer = setTimeout(() => {
        this.#send();
      }, waitMs);
    }
    if (this.#isFull && this.#bytes <= UNDER_WAY_BYTES_MAX / 2) {
      this.#isFull = false;
      this.#from.resume();
    }
  }

  #sendWhatIsDue(): void {
    const now = performance.now();
    let count = 0;
    for (const { bytes, dueMs } of this.#parcels) {
      if (dueMs > now || this.#isDraining) break;
      count += 1;
      this.#bytes -= bytes.length;
      if (!this.#to.destroyed && !this.#to.write(bytes)) this.#isDraining = true;
    }
    this.#parcels.splice(0, count);
  }
}
