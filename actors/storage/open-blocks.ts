/**
 * Block files that were opened for reading and may be read again soon.
 *
 * Owns:          which files stay open, and when they are closed.
 * Knows:         file handles.
 * Must not know: how blocks are read.
 *
 * A streaming reader asks for one block in several pieces: the file is opened, and its table of
 * checksums read, once. A file in use is never closed; what falls out of the cache meanwhile is
 * closed by its last user.
 */
import { assert } from '../../schemas/assert.ts';
import type { FileHandle } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';

export type OpenBlock = {
  readonly hash: BlockHash;
  readonly path: string;
  readonly handle: FileHandle;
  readonly lengthBytes: number;
  /** The table of checksums, verified. */
  readonly checksums: Buffer;
  users: number;
};

export class OpenBlocks {
  readonly #countMax: number;
  readonly #blocks = new Map<BlockHash, OpenBlock>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Whoever takes a block gives it back. */
  take(hash: BlockHash): OpenBlock | undefined {
    const block = this.#blocks.get(hash);
    if (block === undefined) return undefined;
    this.#blocks.delete(hash);
    this.#blocks.set(hash, block);
    block.users += 1;
    return block;
  }

  /** Keeps a block that nobody uses any more; the cache closes it. */
  keep(block: OpenBlock): void {
    if (this.#blocks.has(block.hash)) {
      closeUnused(block);
      return;
    }
    this.#blocks.set(block.hash, block);
    if (this.#blocks.size > this.#countMax) this.#dropOldest();
  }

  giveBack(block: OpenBlock): void {
    assert(block.users > 0, 'a block is given back by who took it');
    block.users -= 1;
    if (this.#blocks.get(block.hash) !== block) closeUnused(block);
  }

  /** The file was replaced, removed or found damaged. */
  drop(hash: BlockHash): void {
    const block = this.#blocks.get(hash);
    if (block === undefined) return;
    this.#blocks.delete(hash);
    closeUnused(block);
  }

  dropAll(): void {
    for (const hash of [...this.#blocks.keys()]) this.drop(hash);
  }

  #dropOldest(): void {
    const [oldest] = this.#blocks.keys();
    if (oldest !== undefined) this.drop(oldest);
  }
}

function closeUnused(block: OpenBlock): void {
  if (block.users > 0) return;
  // A file that was only read has nothing to lose in a failed close.
  block.handle.close().catch(() => undefined);
}
