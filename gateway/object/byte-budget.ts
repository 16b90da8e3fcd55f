/**
 * How many bytes of small bodies may be in memory at a time.
 *
 * Owns:          the count, and who waits for bytes to be given back.
 * Knows:         nothing else.
 * Must not know: what the bytes are.
 *
 * Those who wait are served in the order they came.
 */
import { assert } from '../../schemas/assert.ts';

type Waiter = { readonly bytes: number; readonly receive: () => void };

export class ByteBudget {
  readonly #bytesMax: number;
  readonly #waiters = new Set<Waiter>();
  #usedBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** True when the bytes were there at once. */
  tryTake(bytes: number): boolean {
    if (this.#waiters.size > 0 || this.#usedBytes + bytes > this.#bytesMax) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Resolves once the bytes are there. One may not ask for more than there are. */
  take(bytes: number): Promise<void> {
    assert(bytes <= this.#bytesMax, 'a part of a budget is not larger than the whole');
    return new Promise(resolve => {
      this.#waiters.add({ bytes, receive: resolve });
      this.#serve();
    });
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    assert(this.#usedBytes >= 0, 'bytes are given back once');
    if (this.#waiters.size > 0) this.#serve();
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (this.#usedBytes + waiter.bytes > this.#bytesMax) return;
      this.#waiters.delete(waiter);
      this.#usedBytes += waiter.bytes;
      waiter.receive();
    }
  }
}
