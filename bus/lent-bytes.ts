/**
 * Memory that goes along with requests and that its owner wants back.
 *
 * Owns:          who still uses it, and telling the owner when nobody does.
 * Knows:         nothing of requests.
 * Must not know: what the bytes are.
 *
 * A write is acknowledged when a quorum has it; the others may still be reading its bytes: a
 * replica in this process from the memory itself, a connection until it has copied them. Until
 * then the memory must stay as it is. A request that waits for its turn can be given up, so that
 * a slow node does not keep the memory of those who are faster.
 */
import { assert } from '../schemas/assert.ts';

/** For one request. */
export class Loan {
  readonly #ended: () => void;
  #recall: (() => void) | undefined;
  #isOver = false;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  /** The bytes are not used any more. Idempotent. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recall = undefined;
    this.#ended();
  }

  /** Whoever carries the request can still give it up, by this. */
  onRecall(recall: () => void): void {
    if (!this.#isOver) this.#recall = recall;
  }

  /** The owner would like to have the bytes back; what cannot be given up goes on. */
  recall(): void {
    this.#recall?.();
  }
}

/** One piece of memory, lent any number of times. */
export class LentBytes {
  readonly #loans = new Set<Loan>();
  #wasLent = false;
  #onFree: (() => void) | undefined;

  get isFree(): boolean {
    return this.#loans.size === 0;
  }

  /** False: nobody keeps count of who uses it. */
  get wasLent(): boolean {
    return this.#wasLent;
  }

  lend(): Loan {
    const loan = new Loan(() => {
      this.#loans.delete(loan);
      if (this.#loans.size > 0) return;
      const onFree = this.#onFree;
      this.#onFree = undefined;
      onFree?.();
    });
    this.#wasLent = true;
    this.#loans.add(loan);
    return loan;
  }

  /** Called once, when nobody uses it any more; it is not lent again then. */
  whenFree(callback: () => void): void {
    assert(this.#onFree === undefined, 'one owner waits');
    if (this.isFree) callback();
    else this.#onFree = callback;
  }

  recall(): void {
    for (const loan of [...this.#loans]) loan.recall();
  }
}
