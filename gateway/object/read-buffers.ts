/**
 * The memory into which fast readers' blocks are read, used again and again.
 *
 * Owns:          the buffers, and how many there are.
 * Knows:         nothing of blocks.
 * Must not know: readers.
 *
 * Fresh memory for each piece costs more than reading the piece: the kernel clears every page of
 * it. Whoever finds no buffer here reads smaller pieces into fresh memory instead; nobody waits.
 */
import { assert } from '../../schemas/assert.ts';
import { READ_ROOM_BYTES } from '../../schemas/limits.ts';

export class ReadBuffers {
  readonly #bufferBytes: number;
  readonly #countMax: number;
  readonly #free: Buffer[] = [];
  #count = 0;

  constructor(options: { readonly blockBytes: number; readonly countMax: number }) {
    this.#bufferBytes = options.blockBytes + READ_ROOM_BYTES;
    this.#countMax = options.countMax;
  }

  /** Buffers that somebody holds. */
  get inUse(): number {
    return this.#count - this.#free.length;
  }

  /** More than half of them could be had now. */
  get arePlenty(): boolean {
    return 2 * this.inUse < this.#countMax;
  }

  /** A buffer with room for so many bytes of a block, and what is read beside them. */
  take(sizeBytes: number): Buffer | undefined {
    if (sizeBytes + READ_ROOM_BYTES > this.#bufferBytes) return undefined;
    const free = this.#free.pop();
    if (free !== undefined || this.#count >= this.#countMax) return free;
    this.#count += 1;
    return Buffer.allocUnsafeSlow(this.#bufferBytes);
  }

  /** Nobody reads or writes the buffer any more. */
  give(buffer: Buffer): void {
    assert(this.inUse > 0, 'a buffer is given back once');
    this.#free.push(buffer);
  }

  /** Somebody may still use the buffer, nobody knows how long: another takes its place. */
  lose(): void {
    assert(this.inUse > 0, 'a buffer is lost once');
    this.#count -= 1;
  }
}
