/**
 * Time and chance under a test's control: nothing happens until the test says so.
 *
 * Owns:          a clock that stands still, timers that fire when it is moved, seeded randomness.
 * Knows:         the environment port.
 * Must not know: what is tested.
 */
import type { Environment } from '../../schemas/environment.ts';

export type ManualEnvironment = Environment & {
  /** Moves wall and monotonic time on, and fires what is due, in order. */
  advance(ms: number): void;
  /** Sets the wall clock alone: a jump. */
  jumpTo(wallMs: number): void;
};

/** `seed`: the same seed gives the same bytes. */
export function manualEnvironment(seed = 1): ManualEnvironment {
  let wall = 1_700_000_000_000;
  let monotonic = 1000;
  let state = seed;
  let timers: { at: number; callback: () => void }[] = [];
  const next = (): number => {
    // A linear congruential generator: good enough to tell ids apart, and the same every time.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  return {
    clock: { wallMs: () => wall, monotonicMs: () => monotonic },
    random: {
      bytes: count => Buffer.from(Array.from({ length: count }, () => next() >>> 24)),
      fraction: () => next() / 2 ** 32,
    },
    timers: {
      after(delayMs, callback) {
        const timer = { at: monotonic + delayMs, callback };
        timers.push(timer);
        return {
          cancel: () => {
            timers = timers.filter(other => other !== timer);
          },
        };
      },
    },
    advance(ms) {
      const until = monotonic + ms;
      for (;;) {
        timers.sort((a, b) => a.at - b.at);
        const due = timers[0];
        if (due === undefined || due.at > until) break;
        timers.shift();
        wall += due.at - monotonic;
        monotonic = due.at;
        due.callback();
      }
      wall += until - monotonic;
      monotonic = until;
    },
    jumpTo(wallMs) {
      wall = wallMs;
    },
  };
}
