/**
 * Steps on one block hash run one after the other; different hashes do not wait for each other.
 *
 * Owns:          the line behind each hash.
 * Knows:         nothing of the steps.
 * Must not know: why they wait.
 *
 * The number of waiting steps is bounded by whoever lets requests in: a step is at most one
 * request.
 */
import type { BlockHash } from '../../schemas/ids.ts';

export class HashTurns {
  readonly #last = new Map<BlockHash, Promise<void>>();

  /** How many hashes have a step that runs or waits. */
  get size(): number {
    return this.#last.size;
  }

  /** Runs the step when all earlier ones of the hash have ended, whatever became of them. */
  take<Result>(hash: BlockHash, step: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(hash);
    const result = before === undefined ? step() : before.then(step);
    const ended: Promise<void> = result.then(
      () => this.#end(hash, ended),
      () => this.#end(hash, ended),
    );
    this.#last.set(hash, ended);
    return result;
  }

  #end(hash: BlockHash, ended: Promise<void>): void {
    if (this.#last.get(hash) === ended) this.#last.delete(hash);
  }
}
