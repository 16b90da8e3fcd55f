/**
 * The nonces that a process has given out and not yet seen again.
 *
 * Owns:          their number, their age, that each is good once.
 * Knows:         a clock and a source of chance.
 * Must not know: what they are for.
 *
 * When the table is full the oldest makes room: who asks for many and uses none must not lock out
 * the one who asks for one and uses it at once.
 */
import type { Clock, Randomness } from '../../schemas/environment.ts';

const NONCES_MAX = 1024;
const LIFE_MS = 30_000;
const NONCE_BYTES = 32;

export class NonceTable {
  readonly #clock: Clock;
  readonly #random: Randomness;
  /** In the order given out: nonce → when it ends. */
  readonly #open = new Map<string, number>();

  constructor(clock: Clock, random: Randomness) {
    this.#clock = clock;
    this.#random = random;
  }

  issue(): string {
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < NONCES_MAX) break;
      this.#open.delete(oldest);
    }
    const nonce = this.#random.bytes(NONCE_BYTES).toString('hex');
    this.#open.set(nonce, this.#clock.monotonicMs() + LIFE_MS);
    return nonce;
  }

  /** True once for each nonce that was given out and has not ended. */
  take(nonce: string): boolean {
    const endMs = this.#open.get(nonce);
    this.#open.delete(nonce);
    return endMs !== undefined && this.#clock.monotonicMs() < endMs;
  }
}
