/**
 * Walks the data directories and finds what a crash left: temporary files, and files without a row.
 *
 * Owns:          the walk, and the refusal to believe in too many orphans.
 * Knows:         the tree of block files, the partitions.
 * Must not know: why a file is there.
 *
 * A file without a row is put into its partition's deletion queue, in the turn of its hash, and
 * goes after the same delay as any other; whoever stores that block meanwhile takes it out again.
 * When a large part of all files seems to be orphaned, it is far more likely that the rows are gone
 * (an older copy of the metadata directory) than that the files are useless: nothing is deleted
 * then. A directory that cannot be listed is passed by, and the walk counts as failed at its end.
 */
import { join } from 'node:path';
import type { Clock, Files, Timers } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { partitionOfBlock } from '../../schemas/ids.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { contentOfLeaf, leavesOf, type LeafContent } from '../storage/block-tree.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import { removeIfThere } from '../storage/durable-files.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import type { BlockPartition } from './block-partition.ts';
import type { BlockStats } from './block-stats.ts';
import { UnlistableDirectories } from './unlistable-directories.ts';
import { WeeklyWalk, type WalkPace } from './weekly-walk.ts';

export type FileWalkerOptions = {
  readonly files: Files;
  readonly directories: DataDirectories;
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  /** Whether the store may have forgotten something: nothing is collected then. Absent: never. */
  readonly isBehind?: () => boolean;
  /** The tag of this process's temporary files. */
  readonly tag: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly stats: BlockStats;
};

/** What one walk saw; `isSuspicious`: so many orphans that none was touched. */
export type Walk = {
  readonly files: number;
  readonly orphans: number;
  readonly leftovers: number;
  readonly isSuspicious: boolean;
};

const FIRST_WALK_MS = 10_000;
/** Rests so many times as long as it worked. */
const REST_RATIO = 3;
/** So many orphans are believed whatever the number of files: what crashes leave. */
const ORPHANS_BELIEVED_MAX = 1000;
/** More than that are believed only up to this part of all files. */
const ORPHANS_BELIEVED_PART = 0.1;
/** More are left for the next walk. */
const ORPHANS_REMEMBERED_MAX = 100_000;

type Progress = { files: number; leftovers: number; readonly orphans: BlockHash[] };

export class FileWalker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: FileWalkerOptions;
  readonly #walks: WeeklyWalk<Walk>;
  #last: Walk | undefined;

  constructor(options: FileWalkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
    const { timers, log } = options;
    this.#walks = new WeeklyWalk({
      ...{ timers, log, firstMs: FIRST_WALK_MS },
      run: pace => this.#walkAndNote(pace),
      failed: 'the walk over the block files failed',
    });
  }

  report(): WorkerReport {
    const { files, orphans, leftovers } = this.#last ?? { files: 0, orphans: 0, leftovers: 0 };
    return {
      name: 'Block file check',
      state: this.#walks.isRunning ? 'busy' : 'idle',
      freeform:
        this.#last === undefined
          ? []
          : [
              `Files of the last walk: ${String(files)}`,
              `Without a reference: ${String(orphans)}`,
              `Left by a crash: ${String(leftovers)}`,
            ],
    };
  }

  /** Walks a while after the start, then weekly. */
  start(): void {
    this.#walks.start();
  }

  stop(): Promise<void> {
    return this.#walks.stop();
  }

  walkNow(): void {
    this.#walks.walkNow();
  }

  /** One walk, or the one that runs. Rejects in the end when a directory could not be read. */
  walk(pace: WalkPace): Promise<Walk> {
    return this.#walks.walk(pace);
  }

  async #walkAndNote(pace: WalkPace): Promise<Walk> {
    const unlistable = new UnlistableDirectories();
    try {
      this.#last = await this.#walkAll(pace, unlistable);
      unlistable.throwIfAny();
      this.journal.succeeded();
      return this.#last;
    } catch (error) {
      this.journal.failed(error);
      throw error;
    }
  }

  async #walkAll(pace: WalkPace, unlistable: UnlistableDirectories): Promise<Walk> {
    const { clock, directories, files, tag } = this.#options;
    const progress: Progress = { files: 0, leftovers: 0, orphans: [] };
    for (const root of directories.roots) {
      if (root.isReadOnly) continue;
      const leaves = leavesOf(files, root.path, unlistable.note.bind(unlistable));
      for await (const leaf of leaves) {
        if (this.#walks.isStopped) break;
        const startedMs = clock.monotonicMs();
        const path = join(root.path, leaf);
        const content = await unlistable.contentOf(path, at => contentOfLeaf(files, at, tag));
        if (content !== undefined) await this.#walkLeaf(content, progress);
        const elapsedMs = clock.monotonicMs() - startedMs;
        if (pace === 'gentle') await this.#walks.rest(elapsedMs * REST_RATIO);
      }
    }
    const isSuspicious = !isBelievable(progress);
    if (isSuspicious) this.#warnOf(progress);
    else if (this.#options.isBehind?.() !== true) {
      for (const hash of progress.orphans) await this.#partition(hash).considerFile(hash);
    }
    return { ...progress, orphans: progress.orphans.length, isSuspicious };
  }

  async #walkLeaf(content: LeafContent, progress: Progress): Promise<void> {
    const { files, stats } = this.#options;
    for (const leftover of content.leftovers) {
      if (!(await removeIfThere(files, leftover))) continue;
      progress.leftovers += 1;
      stats.leftovers += 1;
    }
    for (const hash of content.blocks) {
      progress.files += 1;
      if (progress.orphans.length >= ORPHANS_REMEMBERED_MAX) continue;
      if (!(await this.#partition(hash).knows(hash))) progress.orphans.push(hash);
    }
  }

  #warnOf(progress: Progress): void {
    this.#options.log.error(
      {
        files: progress.files,
        orphans: progress.orphans.length,
        hint: 'was an older copy of the metadata directory put in place? nothing was deleted',
      },
      'too many block files have no row',
    );
  }

  #partition(hash: BlockHash): BlockPartition {
    return this.#options.partitions[partitionOfBlock(hash)]!;
  }
}

function isBelievable({ files, orphans }: Progress): boolean {
  return orphans.length <= Math.max(ORPHANS_BELIEVED_MAX, files * ORPHANS_BELIEVED_PART);
}
