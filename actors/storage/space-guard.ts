/**
 * Says whether a disk has room for a write: keeps `min_free`.
 *
 * Owns:          the last known free space and what was written since.
 * Knows:         the Files port (statfs).
 * Must not know: what is written; what the caller does when there is no room.
 *
 * The answer is immediate in the common case: it is computed from the last measurement less what
 * was admitted since. Only a guard that said "full" is measured again before it answers.
 */
import type { Clock, Files, Space } from '../../schemas/environment.ts';
import type { CommitPurpose } from './commit-purpose.ts';

export type SpaceGuardOptions = {
  readonly files: Files;
  readonly clock: Clock;
  /** Any path on the disk. */
  readonly path: string;
  /** Undefined: the smaller of MIN_FREE_BYTES_DEFAULT and a hundredth of the disk. */
  readonly minFreeBytes: number | undefined;
};

const MIB = 1024 * 1024;
const MIN_FREE_BYTES_DEFAULT = 1024 * MIB;
const MIN_FREE_DISK_PART = 100;
const MEASURE_INTERVAL_MS = 250;
/** Measured again after so many admitted bytes, whatever the time. */
const MEASURE_INTERVAL_BYTES = 64 * MIB;
/** What frees space may go on until this part of `min_free` is left. */
const FLOOR_PART = 8;

/** `min_free` as it is meant when the configuration leaves it out. */
export function minFreeOf(configured: number | undefined, totalBytes: number): number {
  return (
    configured ?? Math.min(MIN_FREE_BYTES_DEFAULT, Math.floor(totalBytes / MIN_FREE_DISK_PART))
  );
}

export class SpaceGuard {
  readonly #options: SpaceGuardOptions;
  #space: Space | undefined;
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #bytesSince = 0;
  #measuring: Promise<void> | undefined;
  #heldBack = 0;

  constructor(options: SpaceGuardOptions) {
    this.#options = options;
  }

  /** What the last measurement said; undefined before the first. */
  get space(): Space | undefined {
    return this.#space;
  }

  /** Bytes wanted free beyond `min_free`: room for something that is to be made again. */
  holdBack(bytes: number): void {
    this.#heldBack = bytes;
  }

  /** May `bytes` be written? `ask` means: call `measure`, then ask again. Counts what it admits. */
  admit(bytes: number, purpose: CommitPurpose): 'yes' | 'no' | 'ask' {
    const isStale = this.#isStale();
    if (this.#space === undefined) return 'ask';
    const room = this.#space.availableBytes - this.#bytesSince - bytes;
    if (room < this.#limit(this.#space, purpose)) return isStale ? 'ask' : 'no';
    if (isStale) void this.measure();
    this.#bytesSince += bytes;
    return 'yes';
  }

  /** The same, measuring where that is needed. */
  async admitSlowly(bytes: number, purpose: CommitPurpose): Promise<boolean> {
    const first = this.admit(bytes, purpose);
    if (first !== 'ask') return first === 'yes';
    await this.measure();
    return this.admit(bytes, purpose) === 'yes';
  }

  /** A write met a full disk: nothing is admitted before the next measurement. */
  foundFull(): void {
    if (this.#space !== undefined) this.#space = { ...this.#space, availableBytes: 0 };
  }

  /** Never rejects: a disk that cannot be measured is left to the write itself to fail. */
  measure(): Promise<void> {
    this.#measuring ??= this.#measureNow().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measureNow(): Promise<void> {
    const { files, clock, path } = this.#options;
    const bytesBefore = this.#bytesSince;
    this.#measuredAtMs = clock.monotonicMs();
    try {
      this.#space = await files.space(path);
      this.#bytesSince -= bytesBefore;
    } catch {
      this.#space ??= { availableBytes: Number.MAX_SAFE_INTEGER, totalBytes: 0 };
    }
  }

  #isStale(): boolean {
    const ageMs = this.#options.clock.monotonicMs() - this.#measuredAtMs;
    return ageMs >= MEASURE_INTERVAL_MS || this.#bytesSince >= MEASURE_INTERVAL_BYTES;
  }

  #limit(space: Space, purpose: CommitPurpose): number {
    const minFree = minFreeOf(this.#options.minFreeBytes, space.totalBytes);
    if (purpose === 'frees-space') return Math.floor(minFree / FLOOR_PART);
    return minFree + this.#heldBack;
  }
}
