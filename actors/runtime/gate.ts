/**
 * Lets so many of one kind of work run at a time, and so many more wait.
 *
 * Owns:          who runs, and the line of those who wait.
 * Knows:         nothing of the work.
 * Must not know: why it is bounded.
 *
 * The line is first in, first out; when it is full the work is refused, never queued without end.
 */

export type GateBounds = { readonly runningMax: number; readonly waitingMax: number };

export class Gate {
  readonly #bounds: GateBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: GateBounds) {
    this.#bounds = bounds;
  }

  get running(): number {
    return this.#running;
  }

  /** The result of `work`, run now or when its turn comes; undefined when the line is full. */
  run<Result>(work: () => Promise<Result>): Promise<Result> | undefined {
    if (this.#running < this.#bounds.runningMax) {
      this.#running += 1;
      return this.#finish(work);
    }
    if (this.#waiting.length >= this.#bounds.waitingMax) return undefined;
    return new Promise<void>(resolve => this.#waiting.push(resolve)).then(() => this.#finish(work));
  }

  async #finish<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } finally {
      // A place that is handed on stays taken: nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
