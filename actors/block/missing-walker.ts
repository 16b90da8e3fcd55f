/**
 * Finds the blocks that are referred to and have no file: after a disk was wiped, or restored.
 *
 * Owns:          the walk over all counts and all names of files.
 * Knows:         the rows of blocks, the tree of block files.
 * Must not know: how blocks come back.
 *
 * It runs a moment after each start and then weekly, and is cheap: one list of a directory and one
 * range of rows for each leaf of the tree, whatever the number of its blocks. It looks at names;
 * the bytes are the scrub's. Of a directory that cannot be listed it says nothing: the walk goes on
 * behind it, and is tried again as one that failed.
 */
import type { Clock, Files, Timers } from '../../schemas/environment.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { contentOfLeaf, leafPath } from '../storage/block-tree.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import type { BlockPartition } from './block-partition.ts';
import { UnlistableDirectories } from './unlistable-directories.ts';
import { WeeklyWalk, type WalkPace } from './weekly-walk.ts';

export type MissingWalkerOptions = {
  readonly files: Files;
  readonly directories: DataDirectories;
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  /** The tag of this process's temporary files. */
  readonly tag: string;
  readonly isReplicated: (partition: PartitionId) => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/** What one walk saw. */
export type MissingWalk = { readonly blocks: number; readonly missing: number };

const NOTHING_SEEN: MissingWalk = { blocks: 0, missing: 0 };
const FIRST_WALK_MS = 5000;
const LEAVES = Array.from({ length: 16 }, (_, leaf) => leaf);
/** Blocks that are queued at a time. */
const QUEUED_AT_ONCE = 256;

export class MissingWalker {
  readonly #options: MissingWalkerOptions;
  readonly #walks: WeeklyWalk<MissingWalk>;

  constructor(options: MissingWalkerOptions) {
    this.#options = options;
    const { timers, log } = options;
    this.#walks = new WeeklyWalk({
      ...{ timers, log, firstMs: FIRST_WALK_MS },
      run: pace => this.#walkAll(pace),
      failed: 'the walk over the references to blocks failed',
    });
  }

  start(): void {
    this.#walks.start();
  }

  stop(): Promise<void> {
    return this.#walks.stop();
  }

  walkNow(): void {
    this.#walks.walkNow();
  }

  /** One walk, or the one that runs. Rejects when the rows cannot be read, and in the end when a
   *  directory could not. */
  walk(pace: WalkPace): Promise<MissingWalk> {
    return this.#walks.walk(pace);
  }

  async #walkAll(pace: WalkPace): Promise<MissingWalk> {
    const { clock, log, isReplicated } = this.#options;
    const sum = { blocks: 0, missing: 0 };
    const unlistable = new UnlistableDirectories();
    for (const partition of this.#options.partitions) {
      if (this.#walks.isStopped) break;
      if (!isReplicated(partition.partition)) continue;
      // One look instead of one for each leaf: most partitions are those of other nodes.
      if ((await partition.knownBlocks(undefined, 1)).length === 0) continue;
      const startedMs = clock.monotonicMs();
      const seen = await Promise.all(
        LEAVES.map(leaf => this.#walkLeaf(partition, leaf, unlistable)),
      );
      const missingBefore = sum.missing;
      for (const { blocks, missing } of seen) {
        sum.blocks += blocks;
        sum.missing += missing;
      }
      // As long as it worked; where something is missing there is no time to lose.
      const isGentle = pace === 'gentle' && sum.missing === missingBefore;
      if (isGentle) await this.#walks.rest(clock.monotonicMs() - startedMs);
    }
    if (sum.missing > 0) log.warn(sum, 'blocks are missing; they are fetched from other nodes');
    unlistable.throwIfAny();
    return sum;
  }

  async #walkLeaf(
    partition: BlockPartition,
    leaf: number,
    unlistable: UnlistableDirectories,
  ): Promise<MissingWalk> {
    // The rows first: a block that is stored meanwhile has its file, if not yet its row.
    const referred = await partition.referredBlocks(leaf);
    const [first] = referred;
    const { repair } = partition;
    if (first === undefined || repair === undefined) return NOTHING_SEEN;
    const there = await this.#filesBeside(first, unlistable);
    if (there === undefined) return NOTHING_SEEN;
    const missing = referred.filter(hash => !there.has(hash));
    for (let at = 0; at < missing.length; at += QUEUED_AT_ONCE) {
      const some = missing.slice(at, at + QUEUED_AT_ONCE);
      await Promise.all(some.map(hash => repair.want(hash)));
    }
    return { blocks: referred.length, missing: missing.length };
  }

  /** All files of this block's leaf; undefined when they cannot be told. */
  async #filesBeside(
    hash: BlockHash,
    unlistable: UnlistableDirectories,
  ): Promise<ReadonlySet<BlockHash> | undefined> {
    const { files, directories, tag } = this.#options;
    const there = new Set<BlockHash>();
    for (const root of directories.roots) {
      const path = leafPath(root.path, hash);
      const content = await unlistable.contentOf(path, at => contentOfLeaf(files, at, tag));
      if (content === undefined) return undefined;
      for (const found of content.blocks) there.add(found);
    }
    return there;
  }
}
