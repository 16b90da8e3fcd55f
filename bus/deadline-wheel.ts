/**
 * Tells calls that their time is over, with one timer for all of them.
 *
 * Owns:          the slots of time, and the one timer.
 * Knows:         a clock and timers, passed in.
 * Must not know: what a call is.
 *
 * A call is told at most two ticks late, and never early. A timer of its own for each of a hundred
 * thousand calls a second would cost more than the calls.
 */
import type { Clock, Timer, Timers } from '../schemas/environment.ts';

export interface Expiring {
  readonly deadlineAtMs: number;
  /** It was taken out already. */
  expire(): void;
}

export const DEADLINE_TICK_MS = 50;

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** By the number of the tick at which they are over. */
  readonly #slots = new Map<number, Set<Expiring>>();
  #timer: Timer | undefined;

  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = clock;
    this.#timers = timers;
  }

  add(call: Expiring): void {
    const tick = tickOf(call);
    const slot = this.#slots.get(tick);
    if (slot === undefined) this.#slots.set(tick, new Set([call]));
    else slot.add(call);
    this.#timer ??= this.#timers.after(DEADLINE_TICK_MS, this.#turn);
  }

  remove(call: Expiring): void {
    this.#slots.get(tickOf(call))?.delete(call);
  }

  readonly #turn = (): void => {
    const now = this.#clock.monotonicMs();
    for (const [tick, slot] of this.#slots) {
      if (tick * DEADLINE_TICK_MS > now && slot.size > 0) continue;
      this.#slots.delete(tick);
      for (const call of slot) call.expire();
    }
    this.#timer =
      this.#slots.size === 0 ? undefined : this.#timers.after(DEADLINE_TICK_MS, this.#turn);
  };
}

function tickOf(call: Expiring): number {
  return Math.ceil(call.deadlineAtMs / DEADLINE_TICK_MS);
}
