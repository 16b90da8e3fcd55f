/**
 * Time and chance of the real machine.
 *
 * Owns:          the only readings of the clock and of the random source.
 * Knows:         Node.
 * Must not know: who uses them.
 */
import { randomBytes } from 'node:crypto';
import type { Environment } from '../schemas/environment.ts';

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
