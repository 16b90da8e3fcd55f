/**
 * Time and chance of the real machine.
 *
 * Owns:          the only readings of the clock and of the random source.
 * Knows:         Node.
 * Must not know: who uses them.
 */
import { randomBytes } from 'node:crypto';
import type { Environment, Timer } from '../schemas/environment.ts';

export const realEnvironment: Environment = {
  clock: {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
  },
  timers: {
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return {
        cancel: () => {
          clearTimeout(timer);
        },
      };
    },
  },
  random: {
    bytes: count => randomBytes(count),
    fraction: () => Math.random(),
  },
};

/** How far the local time zone is ahead of UTC at a moment. */
export function localOffsetMs(atMs: number): number {
  return -new Date(atMs).getTimezoneOffset() * MINUTE_MS;
}

const MINUTE_MS = 60_000;
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Keeps the event loop running until it is cancelled. Timers of the environment do not, and a stop
 * waits for workers that may be resting on one: the process would end with code 13 in between.
 */
export function stayAlive(): Timer {
  const timer = setInterval(() => undefined, FOREVER_MS);
  return {
    cancel: () => {
      clearInterval(timer);
    },
  };
}
