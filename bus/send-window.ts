/**
 * How much is under way to one node, and who waits for room.
 *
 * Owns:          the bytes under way, the order of those that wait.
 * Knows:         a clock and timers, passed in.
 * Must not know: messages, connections.
 *
 * NATS has no back-pressure: a node that stands still would have everything that is sent to it pile
 * up in the nats-server, which then stalls its senders. So what a request and its answer weigh is
 * taken from the window of its node until it is answered or given up. Who finds no room waits, as
 * long as the node answers something now and then. A window that is full, and of which nothing was
 * answered for a while, is stalled: those that wait and those that come are refused at once, so
 * that their callers may turn to other nodes.
 */
import type { Clock, Timer, Timers } from '../schemas/environment.ts';
import {
  WINDOW_STALL_MS,
  WINDOW_WAITING_BYTES_MAX,
  WINDOW_WAITING_MAX,
} from '../schemas/limits.ts';

export interface Waiting {
  readonly weight: number;
  /** There is room, and it was taken. */
  go(): void;
  /** There will be none. */
  refuse(): void;
}

export class SendWindow {
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #waiting = new Set<Waiting>();
  #waitingBytes = 0;
  #underWay = 0;
  #answeredAtMs: number;
  #watch: Timer | undefined;

  constructor(
    bytesMax: number,
    { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  ) {
    this.#bytesMax = bytesMax;
    this.#clock = clock;
    this.#timers = timers;
    this.#answeredAtMs = clock.monotonicMs();
  }

  get bytesUnderWay(): number {
    return this.#underWay;
  }

  get isIdle(): boolean {
    return this.#underWay === 0 && this.#waiting.size === 0;
  }

  /** Takes room now, later, or not at all: one of the two functions of `request` is called once. */
  take(request: Waiting): void {
    if (this.#waiting.size === 0 && this.#hasRoom(request.weight)) {
      this.#grant(request);
      return;
    }
    if (this.#isStalled() || !this.#mayWait(request)) {
      request.refuse();
      return;
    }
    this.#waiting.add(request);
    this.#waitingBytes += request.weight;
    this.#watch ??= this.#timers.after(WINDOW_STALL_MS, this.#look);
  }

  /** A request that waits is no longer of interest; false when it does not wait. */
  leave(request: Waiting): boolean {
    if (!this.#waiting.delete(request)) return false;
    this.#waitingBytes -= request.weight;
    return true;
  }

  /** `answered`: the node lives. `given-up`: only the room is free again. */
  release(weight: number, because: 'answered' | 'given-up'): void {
    this.#underWay -= weight;
    if (because === 'answered') this.#answeredAtMs = this.#clock.monotonicMs();
    for (const request of this.#waiting) {
      if (!this.#hasRoom(request.weight)) return;
      this.leave(request);
      this.#grant(request);
    }
  }

  #grant(request: Waiting): void {
    // A node that had nothing to answer is not behind with its answers.
    if (this.#underWay === 0) this.#answeredAtMs = this.#clock.monotonicMs();
    this.#underWay += request.weight;
    request.go();
  }

  /** One that is larger than the window goes alone. */
  #hasRoom(weight: number): boolean {
    return this.#underWay === 0 || this.#underWay + weight <= this.#bytesMax;
  }

  #mayWait({ weight }: Waiting): boolean {
    return (
      this.#waiting.size < WINDOW_WAITING_MAX &&
      (this.#waiting.size === 0 || this.#waitingBytes + weight <= WINDOW_WAITING_BYTES_MAX)
    );
  }

  #isStalled(): boolean {
    return this.#clock.monotonicMs() - this.#answeredAtMs >= WINDOW_STALL_MS;
  }

  readonly #look = (): void => {
    this.#watch = undefined;
    if (this.#isStalled()) this.#refuseAll();
    if (this.#waiting.size === 0) return;
    const sinceAnswer = this.#clock.monotonicMs() - this.#answeredAtMs;
    this.#watch = this.#timers.after(Math.max(1, WINDOW_STALL_MS - sinceAnswer), this.#look);
  };

  #refuseAll(): void {
    for (const request of this.#waiting) {
      this.leave(request);
      request.refuse();
    }
  }
}
