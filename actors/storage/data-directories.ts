/**
 * The directories that hold block files: which one a block goes to, where it may be found.
 *
 * Owns:          the order of directories for a hash, their free space, which are set aside.
 * Knows:         capacities, the Files port, the log.
 * Must not know: the format of block files.
 *
 * The order is fixed by the hash and the weights (rendezvous hashing), so that a directory more or
 * less moves as few blocks as can be. It says where to write first and where to look first, never
 * where a block must be: what was written while a disk was full lies further down the order.
 */
import { crc32c } from '@node-rs/crc32';
import type { DataDirectory } from '../../schemas/config.ts';
import type { Clock, Files } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { isBroken, isFull } from './file-errors.ts';
import { SpaceGuard } from './space-guard.ts';

export type DataDirectoriesOptions = {
  readonly files: Files;
  readonly clock: Clock;
  readonly directories: readonly DataDirectory[];
  /** Kept free on each; undefined: the smaller of 1 GiB and 1 % of the disk. */
  readonly minFreeBytes: number | undefined;
  /** Told when a directory is set aside. */
  readonly log: Log;
};

/** Nothing can be written: each directory is read-only, full or set aside. */
export class NoSpaceForBlocksError extends Error {
  override readonly name = 'NoSpaceForBlocksError';
}

export type DataRoot = {
  readonly path: string;
  readonly index: number;
  readonly isReadOnly: boolean;
};

type Root = DataRoot & {
  readonly weight: number;
  /** Tells the directories apart, by their paths. */
  readonly seed: number;
  readonly guard: SpaceGuard;
  /** Monotonic time until which nothing is written there. */
  asideUntilMs: number;
};

/** A broken directory is tried again after this long: a repaired disk needs no restart. */
const ASIDE_MS = 60_000;
const WEIGHT_DEFAULT = 1024 ** 4;
/** Behind the digits that choose the partition and the directories. */
const HASH_BITS_AT = 8;

export class DataDirectories {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #roots: readonly Root[];

  constructor(options: DataDirectoriesOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#roots = options.directories.map((directory, index) => ({
      path: directory.path,
      index,
      weight: directory.capacityBytes ?? WEIGHT_DEFAULT,
      seed: mix(crc32c(directory.path)),
      isReadOnly: directory.isReadOnly,
      guard: new SpaceGuard({
        files: options.files,
        clock: options.clock,
        path: directory.path,
        minFreeBytes: options.minFreeBytes,
      }),
      asideUntilMs: Number.NEGATIVE_INFINITY,
    }));
  }

  get roots(): readonly DataRoot[] {
    return this.#roots;
  }

  /** All directories in the order in which this block is looked for. */
  inOrder(hash: BlockHash): readonly DataRoot[] {
    return this.#ordered(hash);
  }

  /** Calls `write` with one directory after the other until it succeeds. Throws
   *  NoSpaceForBlocksError when all are full, read-only or broken, and what `write` throws of its
   *  own. */
  async write<Result>(
    hash: BlockHash,
    sizeBytes: number,
    write: (root: DataRoot) => Promise<Result>,
  ): Promise<Result> {
    let cause: unknown;
    for (const root of this.#ordered(hash)) {
      if (root.isReadOnly || this.#clock.monotonicMs() < root.asideUntilMs) continue;
      const admitted = root.guard.admit(sizeBytes, 'grows');
      if (admitted === 'no') continue;
      if (admitted === 'ask' && !(await root.guard.admitSlowly(sizeBytes, 'grows'))) continue;
      try {
        return await write(root);
      } catch (error) {
        if (!this.#setAside(root, error)) throw error;
        cause = error;
      }
    }
    throw new NoSpaceForBlocksError('no data directory takes blocks', { cause });
  }

  /** What `garage status` shows. */
  async measure(): Promise<readonly DirectoryState[]> {
    await Promise.all(this.#roots.map(root => root.guard.measure()));
    return this.#roots.map(root => ({
      path: root.path,
      isReadOnly: root.isReadOnly,
      isSetAside: this.#clock.monotonicMs() < root.asideUntilMs,
      availableBytes: root.guard.space?.availableBytes ?? 0,
      totalBytes: root.guard.space?.totalBytes ?? 0,
    }));
  }

  /** False when the error says nothing about the directory. */
  #setAside(root: Root, error: unknown): boolean {
    if (isFull(error)) {
      root.guard.foundFull();
      return true;
    }
    if (!isBroken(error)) return false;
    const nowMs = this.#clock.monotonicMs();
    // Writes that were under way together fail together.
    if (nowMs >= root.asideUntilMs) {
      this.#log.error({ error, directory: root.path }, 'a data directory takes no blocks now');
    }
    root.asideUntilMs = nowMs + ASIDE_MS;
    return true;
  }

  #ordered(hash: BlockHash): readonly Root[] {
    if (this.#roots.length === 1) return this.#roots;
    return this.#roots
      .map(root => ({ root, score: scoreOf(root, hash) }))
      .sort((a, b) => b.score - a.score)
      .map(({ root }) => root);
  }
}

export type DirectoryState = {
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Its writes failed a moment ago. */
  readonly isSetAside: boolean;
  readonly availableBytes: number;
  readonly totalBytes: number;
};

/**
 * Thaler and Ravishankar's rendezvous hashing with weights: the highest score is the first choice.
 * A checksum of path and hash would not do: it is linear, and its values for two paths of one
 * length differ by the same bits for every hash.
 */
function scoreOf(root: Root, hash: BlockHash): number {
  const bits = Number.parseInt(hash.slice(HASH_BITS_AT, HASH_BITS_AT + 8), 16);
  const fraction = (mix(bits ^ root.seed) + 1) / (2 ** 32 + 1);
  return -root.weight / Math.log(fraction);
}

/** The last step of MurmurHash3: every bit of the input changes half of the output's. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
