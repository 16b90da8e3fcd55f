/**
 * Which directories for block files are there for good: made, and synced into their parents.
 *
 * Owns:          one bit of memory for each second-level directory; that none is made where the
 *                disk is not.
 * Knows:         the two levels `ab/c0`, the marker beside them.
 * Must not know: block files.
 *
 * Whether a directory that is found after a start was ever synced nobody can tell: its parents are
 * synced once in each life of the process, beside the first write into it.
 *
 * A disk may be unmounted under a running node: no file of it need be open. Made again under its
 * mount point, the directories would take blocks that are hidden once the disk is back. So one is
 * made only where the root has its marker, before and after; whoever finds his directory there
 * pays nothing.
 */
import { join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { LEAF_NAMES, leafPath } from './block-tree.ts';
import { DATA_MARKER } from './directory-markers.ts';

const LEAVES = 4096;
const BRANCHES = 256;
/** Whose names in the root are made durable together. */
const BRANCHES_AT_ONCE = 16;

/** The root has no marker: its disk is not mounted there. */
export class UnmountedError extends Error {
  override readonly name = 'UnmountedError';
  /** As of a disk that was pulled out: nothing can be written there. */
  readonly code = 'ENODEV';

  constructor(root: string) {
    super(`${join(root, DATA_MARKER)} is missing: is the disk of ${root} mounted?`);
  }
}

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

  /** Makes the directory if it is missing; a power cut may take it. Throws UnmountedError. */
  makeUnsynced(hash: BlockHash): Promise<void> {
    return this.#onItsDisk(() => this.#files.makeDirectory(leafPath(this.#root, hash)));
  }

  /** Makes the directory if it is missing. What `durable` promises may be awaited beside the
   *  writing of the file; it must be awaited before the file counts. Throws UnmountedError. */
  async make(hash: BlockHash): Promise<{ durable: Promise<void> }> {
    await this.makeUnsynced(hash);
    const durable = this.#syncParents(hash);
    // Whoever awaits it is told; until then a failure must not count as unhandled.
    durable.catch(() => undefined);
    return { durable };
  }

  /** Makes what is missing beside other work, a branch at a time, until `isStopped`. Throws
   *  UnmountedError. */
  async makeAll(isStopped: () => boolean): Promise<void> {
    for (let first = 0; first < BRANCHES && !isStopped(); first += BRANCHES_AT_ONCE) {
      const branches = Array.from({ length: BRANCHES_AT_ONCE }, (_, index) => first + index);
      for (const branch of branches) await this.#onItsDisk(() => this.#makeBranch(branch));
      await this.#files.syncDirectory(this.#root);
      this.#branches.fill(1, first, first + BRANCHES_AT_ONCE);
      const { length } = LEAF_NAMES;
      this.#leaves.fill(1, first * length, (first + BRANCHES_AT_ONCE) * length);
    }
  }

  async #makeBranch(branch: number): Promise<void> {
    const path = join(this.#root, branch.toString(16).padStart(2, '0'));
    await this.#files.makeDirectory(path);
    const there = new Set((await this.#files.list(path)).map(({ name }) => name));
    const missing = LEAF_NAMES.filter(leaf => !there.has(leaf));
    await Promise.all(missing.map(leaf => this.#files.makeDirectory(join(path, leaf))));
    await this.#files.syncDirectory(path);
  }

  /** Twice, because the disk may go while something is made. */
  async #onItsDisk(make: () => Promise<void>): Promise<void> {
    await this.#requireMarker();
    await make();
    await this.#requireMarker();
  }

  async #requireMarker(): Promise<void> {
    const marker = await this.#files.sizeBytes(join(this.#root, DATA_MARKER));
    if (marker === undefined) throw new UnmountedError(this.#root);
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
