/**
 * Chance that is the same for the same seed.
 *
 * Owns:          the generator's state.
 * Knows:         the port of randomness.
 * Must not know: what is drawn.
 *
 * The generator is mulberry32: short, and good enough that neighbouring seeds differ at once.
 */
import type { Randomness } from '../../schemas/environment.ts';

export class SeededRandom implements Randomness {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => Math.floor(this.fraction() * 256)));
  }

  /** From 0 up to `count`, exclusive. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }
}
