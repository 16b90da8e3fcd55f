/**
 * Waiting for nothing but time.
 *
 * Owns:          the one way to do it.
 * Knows:         the port to timers.
 * Must not know: what is waited for.
 */
import type { Timers } from './environment.ts';

/** Resolves after `ms`; cannot be cut short. */
export function pause(timers: Timers, ms: number): Promise<void> {
  return new Promise(resolve => {
    timers.after(ms, resolve);
  });
}
