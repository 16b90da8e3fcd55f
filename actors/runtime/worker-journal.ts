/**
 * What has gone wrong in a worker, for those who ask.
 *
 * Owns:          counts of errors, the last one and when it was.
 * Knows:         the clock.
 * Must not know: what the worker does.
 */
import type { Clock } from '../../schemas/environment.ts';

export type LastError = { readonly message: string; readonly atMs: number };

export class WorkerJournal {
  readonly #clock: Clock;
  #errors = 0;
  #consecutive = 0;
  #last: LastError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get errors(): number {
    return this.#errors;
  }

  get consecutiveErrors(): number {
    return this.#consecutive;
  }

  /** By the monotonic clock. */
  get last(): LastError | undefined {
    return this.#last;
  }

  failed(error: unknown): void {
    this.#errors += 1;
    this.#consecutive += 1;
    const message = error instanceof Error ? error.message : String(error);
    this.#last = { message, atMs: this.#clock.monotonicMs() };
  }

  succeeded(): void {
    this.#consecutive = 0;
  }
}
