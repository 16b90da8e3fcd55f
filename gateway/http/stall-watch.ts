/**
 * Looks every few seconds at what does not move: paused bodies and clients that do not read.
 *
 * Owns:          one timer for all exchanges of a server, running only while something is watched.
 * Knows:         timers.
 * Must not know: what is watched.
 *
 * One coarse timer, because a timer per chunk would cost more than the chunk.
 */
import type { Timer, Timers } from '../../schemas/environment.ts';

/** Shorter than half of the 10 s after which uWebSockets.js closes what is silent. */
export const WATCH_PERIOD_MS = 3_000;

export interface Watched {
  /** Called once a period while it is watched; it may stop being watched inside. */
  tick(): void;
}

export class StallWatch {
  readonly #timers: Timers;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    this.#timer ??= this.#timers.after(WATCH_PERIOD_MS, this.#tick);
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** Forgets everything and stops the timer. */
  stop(): void {
    this.#watched.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** What is watched now; for tests and metrics. */
  get size(): number {
    return this.#watched.size;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    // A copy: a tick may close its exchange, whose handlers may start to watch others.
    for (const watched of [...this.#watched]) if (this.#watched.has(watched)) watched.tick();
    if (this.#watched.size > 0) this.#timer = this.#timers.after(WATCH_PERIOD_MS, this.#tick);
  };
}
