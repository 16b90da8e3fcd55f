/**
 * A process of the simulation, and the clock of the machine it runs on.
 *
 * Owns:          whether it lives or stands still; the ports through which it sees time and chance.
 * Knows:         the simulated time.
 * Must not know: what runs in it.
 *
 * Everything that happens to a process comes through `run`: a timer of its own, a message, the end
 * of a disk's work. So a process that was killed does nothing more, and one that stands still does
 * later, in order, what it should have done meanwhile: each thing in a turn of its own, with all
 * that follows from it at once, before it learns of the next.
 */
import type { Environment } from '../../schemas/environment.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';

/** A machine's clock: it is off by so much, and runs so fast. */
export class MachineClock {
  wallOffsetMs: number;
  readonly rate: number;
  /** Of true time, when its monotonic clock was zero. */
  readonly bootedAtMs: number;

  constructor(random: SeededRandom, wallOffsetMs: number) {
    this.wallOffsetMs = wallOffsetMs;
    this.rate = 1 + (random.fraction() - 0.5) / RATE_PART;
    this.bootedAtMs = -Math.floor(random.fraction() * UPTIME_MS_MAX);
  }
}

/** Quartz is off by some parts of a million; these are off by more. */
const RATE_PART = 5000;
const UPTIME_MS_MAX = 1e9;

export type SimulatedProcessOptions = {
  readonly name: string;
  readonly zone: string;
  readonly time: SimulatedTime;
  readonly clock: MachineClock;
  readonly seed: number;
};

export class SimulatedProcess {
  readonly name: string;
  readonly zone: string;
  readonly environment: Environment;
  readonly random: SeededRandom;
  readonly #time: SimulatedTime;
  /** Since when it stands still, and how long it did, from when on. */
  #frozenAtMs = 0;
  readonly #freezes: { readonly fromMs: number; readonly toMs: number }[] = [];
  #isAlive = true;
  #isFrozen = false;
  /** What waits while it stands still, and until it has caught up. */
  #held: (() => void)[] | undefined;

  constructor({ name, zone, time, clock, seed }: SimulatedProcessOptions) {
    this.name = name;
    this.zone = zone;
    this.random = new SeededRandom(seed);
    this.#time = time;
    const true_ = time.clock;
    this.environment = {
      clock: {
        wallMs: () => Math.floor(true_.wallMs() + clock.wallOffsetMs),
        monotonicMs: () => (time.nowMs - clock.bootedAtMs) * clock.rate,
      },
      timers: {
        after: (delayMs, callback) =>
          time.timers.after(delayMs / clock.rate, () => {
            this.run(callback);
          }),
      },
      random: this.random,
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Does it now, when it goes on, or never. */
  run(work: () => void): void {
    if (!this.#isAlive) return;
    if (this.#held === undefined) work();
    else this.#held.push(work);
  }

  /** kill -9. */
  kill(): void {
    this.#isAlive = false;
    this.#isFrozen = false;
    this.#held = undefined;
  }

  /** SIGSTOP. */
  freeze(): void {
    if (!this.#isAlive || this.#isFrozen) return;
    this.#isFrozen = true;
    this.#held ??= [];
    this.#frozenAtMs = this.#time.nowMs;
  }

  /** SIGCONT. */
  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#freezes.push({ fromMs: this.#frozenAtMs, toMs: this.#time.nowMs });
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.#isFrozen || this.#held === undefined) return;
    const next = this.#held.shift();
    if (next === undefined) {
      this.#held = undefined;
      return;
    }
    next();
    this.#time.timers.after(0, () => {
      this.#catchUp();
    });
  }

  /** How long it stood still since then. */
  frozenMs(sinceMs: number): number {
    return this.#freezes.reduce(
      (sum, { fromMs, toMs }) => sum + Math.max(0, toMs - Math.max(fromMs, sinceMs)),
      0,
    );
  }
}
