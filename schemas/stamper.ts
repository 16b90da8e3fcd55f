/**
 * Stamps with a hybrid logical clock: never the same stamp twice, never below one it has seen.
 *
 * Owns:          the last stamp of this process.
 * Knows:         a clock, passed in.
 * Must not know: what is stamped, or how far other clocks are off.
 */
import type { Clock, Randomness } from './environment.ts';
import type { Timestamp } from './timestamp.ts';
import { makeTimestamp, timestampAbove, TIMESTAMP_ZERO } from './timestamp.ts';

export class Stamper {
  readonly #clock: Clock;
  /** 16 hex digits that no other process, and no earlier start of this one, uses. */
  readonly id: string;
  #last: Timestamp = TIMESTAMP_ZERO;

  constructor(clock: Clock, random: Randomness) {
    this.#clock = clock;
    this.id = random.bytes(8).toString('hex');
  }

  /** A stamp above all earlier ones of this process. */
  now(): Timestamp {
    const physical = makeTimestamp(Math.max(0, Math.floor(this.#clock.wallMs())), 0, this.id);
    this.#last = physical > this.#last ? physical : timestampAbove(this.#last, this.id);
    return this.#last;
  }

  /** A stamp above `floor` too: for a write that must win over a row that is stored already. */
  above(floor: Timestamp): Timestamp {
    const stamp = this.now();
    if (stamp > floor) return stamp;
    this.#last = timestampAbove(floor, this.id);
    return this.#last;
  }
}
