/**
 * Stamps with a hybrid logical clock: never the same stamp twice, never below one it has seen.
 *
 * Owns:          the last stamp of this process.
 * Knows:         a clock, passed in.
 * Must not know: what is stamped, or how far other clocks are off.
 *
 * Every write is stamped, so the text of a stamp is put together from what the last one left.
 */
import type { Clock, Randomness } from './environment.ts';
import type { Timestamp } from './timestamp.ts';
import {
  COUNTER_MAX,
  makeTimestamp,
  timestampAbove,
  timestampCounter,
  timestampMs,
} from './timestamp.ts';

const STAMPER_BYTES = 8;
/** Milliseconds in 12 hex digits. */
const MS_DIGITS = 12;

export class Stamper {
  readonly #clock: Clock;
  /** 16 hex digits that no other process, and no earlier start of this one, uses. */
  readonly id: string;
  #ms = 0;
  #counter = 0;
  /** The milliseconds of the last stamp as they stand in it. */
  #msText = '0'.repeat(MS_DIGITS);

  constructor(clock: Clock, random: Randomness) {
    this.#clock = clock;
    this.id = random.bytes(STAMPER_BYTES).toString('hex');
  }

  /** A stamp above all earlier ones of this process. */
  now(): Timestamp {
    const physicalMs = Math.floor(this.#clock.wallMs());
    if (physicalMs > this.#ms) this.#goTo(physicalMs, 0);
    else if (this.#counter < COUNTER_MAX) this.#counter += 1;
    else this.#goTo(this.#ms + 1, 0);
    const counter = this.#counter.toString(16);
    return (this.#msText + '0000'.slice(counter.length) + counter + this.id) as Timestamp;
  }

  /** A stamp above `floor` too: for a write that must win over a row that is stored already. */
  above(floor: Timestamp): Timestamp {
    const stamp = this.now();
    if (stamp > floor) return stamp;
    const raised = timestampAbove(floor, this.id);
    this.#goTo(timestampMs(raised), timestampCounter(raised));
    return raised;
  }

  #goTo(ms: number, counter: number): void {
    this.#ms = ms;
    this.#counter = counter;
    this.#msText = makeTimestamp(ms, 0, '').slice(0, MS_DIGITS);
  }
}
