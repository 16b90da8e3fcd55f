/**
 * Which directories for block files are there for good: made, and synced into their parents.
 *
 * Owns:          one bit of memory for each second-level directory.
 * Knows:         the two levels `ab/c0`.
 * Must not know: block files.
 *
 * Whether a directory that is found after a start was ever synced nobody can tell: its parents are
 * synced once in each life of the process, beside the first write into it.
 */
import { join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { LEAF_NAMES, leafPath } from './block-tree.ts';

const LEAVES = 4096;
const BRANCHES = 256;

export class KnownDirectories {
  readonly #files: Files;
  readonly #root: string;
  readonly #leaves = new Uint8Array(LEAVES);
  readonly #branches = new Uint8Array(BRANCHES);

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  /** Does the directory of this block exist for good? */
  has(hash: BlockHash): boolean {
    return this.#leaves[leafIndex(hash)] === 1;
  }

  /** Makes the directory if it is missing. What `durable` promises may be awaited beside the
   * writing
   *  of the file; it must be awaited before the file counts. */
  async make(hash: BlockHash): Promise<{ durable: Promise<void> }> {
    await this.#files.makeDirectory(leafPath(this.#root, hash));
    const durable = this.#syncParents(hash);
    // Whoever awaits it is told; until then a failure must not count as unhandled.
    durable.catch(() => undefined);
    return { durable };
  }

  /** Makes all directories, one after the other beside other work, until `isStopped`. */
  async makeAll(isStopped: () => boolean): Promise<void> {
    for (let branch = 0; branch < BRANCHES && !isStopped(); branch += 1) {
      const path = join(this.#root, branch.toString(16).padStart(2, '0'));
      for (const leaf of LEAF_NAMES) await this.#files.makeDirectory(join(path, leaf));
      await this.#files.syncDirectory(path);
      await this.#files.syncDirectory(this.#root);
      this.#branches[branch] = 1;
      this.#leaves.fill(1, branch * LEAF_NAMES.length, (branch + 1) * LEAF_NAMES.length);
    }
  }

  /** The directory was not there after all. */
  forget(hash: BlockHash): void {
    this.#leaves[leafIndex(hash)] = 0;
    this.#branches[branchIndex(hash)] = 0;
  }

  async #syncParents(hash: BlockHash): Promise<void> {
    const branch = branchIndex(hash);
    const isBranchKnown = this.#branches[branch] === 1;
    await Promise.all([
      this.#files.syncDirectory(join(this.#root, hash.slice(0, 2))),
      isBranchKnown ? undefined : this.#files.syncDirectory(this.#root),
    ]);
    this.#branches[branch] = 1;
    this.#leaves[leafIndex(hash)] = 1;
  }
}

function branchIndex(hash: BlockHash): number {
  return Number.parseInt(hash.slice(0, 2), 16);
}

function leafIndex(hash: BlockHash): number {
  return Number.parseInt(hash.slice(0, 3), 16);
}
