/**
 * When a walk over all block files runs: a moment after the start, weekly, and on demand.
 *
 * Owns:          its times, that only one of it runs, its rests.
 * Knows:         timers.
 * Must not know: what is walked over, what a walk sees.
 */
import type { Timer, Timers } from '../../schemas/environment.ts';
import { pause } from '../../schemas/pause.ts';
import type { Log } from '../../schemas/telemetry.ts';

export type WalkPace = 'gentle' | 'fast';

export type WeeklyWalkOptions<Seen> = {
  readonly firstMs: number;
  /** One walk; asks `isStopped` between two steps, and rests there where it is gentle. */
  readonly run: (pace: WalkPace) => Promise<Seen>;
  /** What is logged of a walk that failed; it is tried again soon, and then later and later. */
  readonly failed: string;
  readonly timers: Timers;
  readonly log: Log;
};

const WALK_INTERVAL_MS = 7 * 24 * 3600 * 1000;
const RETRY_MS = 10 * 60 * 1000;
const REST_MS_MAX = 1000;

export class WeeklyWalk<Seen> {
  readonly #options: WeeklyWalkOptions<Seen>;
  #timer: Timer | undefined;
  #running: Promise<Seen> | undefined;
  #isStopped = false;
  #failedInRow = 0;

  constructor(options: WeeklyWalkOptions<Seen>) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  start(): void {
    this.#startIn(this.#options.firstMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running?.catch(() => undefined);
  }

  /** One walk, or the one that runs. Rejects as `run` does. */
  walk(pace: WalkPace): Promise<Seen> {
    this.#running ??= this.#options.run(pace).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** An operator asks for a walk: it runs behind his back. */
  walkNow(): void {
    this.walk('gentle').catch((error: unknown) => {
      this.#warn(error);
    });
  }

  /** A second at most. */
  async rest(ms: number): Promise<void> {
    if (ms > 0 && !this.#isStopped) await pause(this.#options.timers, Math.min(REST_MS_MAX, ms));
  }

  #startIn(ms: number): void {
    this.#timer = this.#options.timers.after(ms, () => {
      this.walk('gentle').then(
        () => {
          this.#failedInRow = 0;
          this.#startAgain(WALK_INTERVAL_MS);
        },
        (error: unknown) => {
          this.#warn(error);
          this.#startAgain(Math.min(WALK_INTERVAL_MS, RETRY_MS * 2 ** this.#failedInRow));
          this.#failedInRow += 1;
        },
      );
    });
  }

  #startAgain(ms: number): void {
    if (!this.#isStopped) this.#startIn(ms);
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ error }, this.#options.failed);
  }
}
