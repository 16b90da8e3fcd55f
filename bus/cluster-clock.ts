/**
 * The wall clock, corrected to the median of the majority.
 *
 * Owns:          the correction.
 * Knows:         this machine's clock, those of the storage nodes as they were measured.
 * Must not know: what is stamped.
 *
 * With fewer than a majority in hearing the last correction stays: a clock that is alone still
 * stamps. What acts on data by the calendar asks first whether this machine's own clock agrees with
 * most of the others.
 *
 * What was heard is some milliseconds old, and this machine's wall clock may be set meanwhile. So
 * the time since then is told by the clock that only counts: a jump is not seen at all where there
 * are others to correct it.
 */
import type { Clock } from '../schemas/environment.ts';

/** What others' clocks say now, and of how many there are to be heard. */
export type ClockVoices = {
  readonly others: readonly number[];
  /** Whether this process is one of those that count. */
  readonly isCounted: boolean;
  readonly count: number;
};

const AGREEMENT_MS = 60_000;

export class ClusterClock implements Clock {
  readonly #own: Clock;
  #correctionMs = 0;
  /** From the monotonic clock to the corrected one; undefined: nobody was heard yet. */
  #offsetMs: number | undefined;
  /** Until others were heard there is nothing to agree with. */
  #agrees = false;

  constructor(own: Clock) {
    this.#own = own;
  }

  wallMs(): number {
    if (this.#offsetMs === undefined) return this.#own.wallMs();
    return Math.floor(this.#own.monotonicMs() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#own.monotonicMs();
  }

  /** What is added to this machine's clock. */
  get correctionMs(): number {
    return this.#correctionMs;
  }

  /** Whether this machine's own clock stands as those of a majority do. */
  get agreesWithMajority(): boolean {
    return this.#agrees;
  }

  hear(voices: ClockVoices): void {
    const own = this.#own.wallMs();
    this.#correct(own, voices);
    this.#offsetMs = own + this.#correctionMs - this.#own.monotonicMs();
  }

  #correct(own: number, { others, isCounted, count }: ClockVoices): void {
    const voices = isCounted ? [...others, own] : others;
    const majority = Math.floor(count / 2) + 1;
    const like = voices.filter(voice => Math.abs(voice - own) <= AGREEMENT_MS).length;
    this.#agrees = like >= majority || count === 0;
    if (voices.length < majority || count === 0) return;
    const sorted = [...voices].sort((a, b) => a - b);
    // Of an even number the lower one of the two in the middle: everyone takes the same.
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? own;
    this.#correctionMs = Math.round(median - own);
  }
}
