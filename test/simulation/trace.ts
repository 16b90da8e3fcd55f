/**
 * What happened in a simulated run, in order: a hash of all of it, and its lines where they are
 * wanted.
 *
 * Owns:          the hash, the lines.
 * Knows:         the simulated time.
 * Must not know: what the lines are about.
 *
 * Two runs of one seed have the same hash, or something in them is not simulated.
 */
import type { SimulatedTime } from '../support/simulated-time.ts';

const HASH_START = 0x811c9dc5;
const HASH_PRIME = 16_777_619;
const MICROSECONDS = 1000;

export class Trace {
  readonly #time: SimulatedTime;
  readonly #lines: string[] | undefined;
  /** Words repeat: each is hashed once. */
  readonly #words = new Map<string, number>();
  #hash = HASH_START;
  #steps = 0;

  constructor(time: SimulatedTime, keeps: 'hash' | 'lines') {
    this.#time = time;
    this.#lines = keeps === 'lines' ? [] : undefined;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  /** How many things happened. */
  get steps(): number {
    return this.#steps;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  get keepsLines(): boolean {
    return this.#lines !== undefined;
  }

  /** `word` is one of few. */
  step(word: string, amount = 0): void {
    this.#steps += 1;
    this.#mix(Math.floor(this.#time.nowMs * MICROSECONDS) | 0);
    this.#mix(this.#hashOf(word));
    this.#mix(amount | 0);
  }

  /** Of the history that is shown; it is hashed too. */
  tell(line: string): void {
    this.step('line', hashOfText(line));
    this.#lines?.push(`${(this.#time.nowMs / 1000).toFixed(4).padStart(10)}  ${line}`);
  }

  /** Shown and not hashed: it costs nothing where no lines are kept. */
  detail(line: () => string): void {
    this.#lines?.push(`${(this.#time.nowMs / 1000).toFixed(4).padStart(10)}    ${line()}`);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, HASH_PRIME);
    this.#hash ^= this.#hash >>> 15;
  }

  #hashOf(word: string): number {
    let hash = this.#words.get(word);
    if (hash === undefined) {
      hash = hashOfText(word);
      this.#words.set(word, hash);
    }
    return hash;
  }
}

function hashOfText(text: string): number {
  let hash = HASH_START;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), HASH_PRIME);
  }
  return hash;
}
