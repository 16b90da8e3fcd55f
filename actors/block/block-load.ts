/**
 * What all block partitions of a node may do at once.
 *
 * Owns:          the bounds on running reads, running writes, and bytes of blocks in memory.
 * Knows:         the configuration's numbers.
 * Must not know: files.
 *
 * More than the bounds allow is refused: the caller is told `overloaded` and comes again.
 */
import { assert } from '../../schemas/assert.ts';
import { BLOCK_WRITES_MAX, MAILBOX_MESSAGES_MAX } from '../../schemas/limits.ts';
import { Gate } from '../runtime/gate.ts';

export type BlockLoadBounds = {
  /** `block_max_concurrent_reads`. */
  readonly concurrentReadsMax: number;
  /** `block_ram_buffer_max`: bytes that wait to be written. */
  readonly bufferedBytesMax: number;
};

/** Looks at files that are there already: for copies and for blocks that come a second time. */
const CONCURRENT_LOOKS_MAX = 16;

export class BlockLoad {
  readonly reads: Gate;
  readonly writes: Gate;
  readonly looks: Gate;
  readonly #bufferedBytesMax: number;
  #bufferedBytes = 0;

  constructor(bounds: BlockLoadBounds) {
    const gate = (runningMax: number): Gate =>
      new Gate({ runningMax, waitingMax: MAILBOX_MESSAGES_MAX });
    this.reads = gate(bounds.concurrentReadsMax);
    this.writes = gate(BLOCK_WRITES_MAX);
    this.looks = gate(CONCURRENT_LOOKS_MAX);
    this.#bufferedBytesMax = bounds.bufferedBytesMax;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** False when the bytes do not fit. One block always fits into an empty buffer. */
  takeBytes(count: number): boolean {
    const sum = this.#bufferedBytes + count;
    if (this.#bufferedBytes > 0 && sum > this.#bufferedBytesMax) return false;
    this.#bufferedBytes = sum;
    return true;
  }

  giveBackBytes(count: number): void {
    this.#bufferedBytes -= count;
    assert(this.#bufferedBytes >= 0, 'bytes are given back once');
  }
}
