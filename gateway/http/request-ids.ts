/**
 * Ids of requests: unique within a process and, by chance, between processes.
 *
 * Owns:          a random beginning and a counter.
 * Knows:         that clients and operators only compare them.
 * Must not know: requests.
 *
 * Random bytes for each request would cost more than the rest of a small answer's head.
 */
import type { Randomness } from '../../schemas/environment.ts';

const COUNTER_DIGITS = 8;
const COUNTER_END = 2 ** 32;

export class RequestIds {
  #prefix: string;
  #counter: number;
  readonly #random: Randomness;

  constructor(random: Randomness) {
    this.#random = random;
    this.#prefix = randomPrefix(random);
    this.#counter = random.bytes(4).readUInt32BE(0);
  }

  /** 16 hex digits in upper case, as S3's are. */
  next(): string {
    this.#counter += 1;
    if (this.#counter >= COUNTER_END) {
      this.#counter = 0;
      this.#prefix = randomPrefix(this.#random);
    }
    const digits = this.#counter.toString(16).toUpperCase();
    return this.#prefix + digits.padStart(COUNTER_DIGITS, '0');
  }
}

function randomPrefix(random: Randomness): string {
  return random.bytes(4).toString('hex').toUpperCase();
}
