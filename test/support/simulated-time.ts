/**
 * Time that goes on when nothing else can happen.
 *
 * Owns:          a clock, and timers in the order in which they are due.
 * Knows:         the environment port.
 * Must not know: what is waited for.
 *
 * What is due at one time happens in the order in which it was asked for, so a seed replays a run.
 */
import type { Clock, Timers } from '../../schemas/environment.ts';

const IDLE_TURNS_MAX = 10;

type Due = { readonly atMs: number; callback: (() => void) | undefined };

export class SimulatedTime {
  #nowMs = 1000;
  readonly #due: Due[] = [];

  readonly clock: Clock = {
    wallMs: () => 1_700_000_000_000 + this.#nowMs,
    monotonicMs: () => this.#nowMs,
  };

  readonly timers: Timers = {
    after: (delayMs, callback) => {
      const atMs = this.#nowMs + Math.max(0, delayMs);
      const due: Due = { atMs, callback };
      this.#insert(due);
      return {
        // It stays in line: to look for it would cost more than to pass it.
        cancel: () => {
          due.callback = undefined;
        },
      };
    },
  };

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The last is due first. */
  #insert(due: Due): void {
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // Of one moment, what was asked for later comes later.
      if ((this.#due[middle] as Due).atMs > due.atMs) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
  }

  /** Moves on to what is due next. */
  #step(): boolean {
    for (;;) {
      const next = this.#due.pop();
      if (next === undefined) return false;
      if (next.callback === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      return true;
    }
  }

  /** Goes on until the promise is settled. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    const state = { isSettled: false };
    const watched = promise.finally(() => {
      state.isSettled = true;
    });
    // Whoever awaits it hears of a failure; here it only ends the loop.
    watched.catch(() => undefined);
    // A commit that a commit brings about takes a turn more.
    let idleTurns = 0;
    for (;;) {
      await settled();
      if (state.isSettled) return watched;
      idleTurns = this.#step() ? 0 : idleTurns + 1;
      if (idleTurns > IDLE_TURNS_MAX) throw new Error('nothing happens any more');
    }
  }

  /** Goes on for so long. */
  async pass(ms: number): Promise<void> {
    await this.until(
      new Promise<void>(resolve => {
        this.timers.after(ms, resolve);
      }),
    );
  }
}

/** All that waits for nothing has happened, commits of a store in memory too. */
async function settled(): Promise<void> {
  await new Promise<void>(resolve => setImmediate(resolve));
}
