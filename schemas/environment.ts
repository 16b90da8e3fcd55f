/**
 * The ports to everything that is not deterministic: time, chance and files.
 *
 * Owns:          the interfaces; real ones are made in deploy/, simulated ones in test/.
 * Knows:         nothing of the platform.
 * Must not know: who uses them.
 */

export interface Clock {
  /** Wall time, milliseconds since 1970. May jump; never used to decide who is right. */
  wallMs(): number;
  /** Monotonic time in milliseconds; only differences mean something. */
  monotonicMs(): number;
  /** False: this machine's own clock does not stand as those of most others do, and what acts by
   *  the calendar must not act. Absent: it is asked alone. */
  readonly agreesWithMajority?: boolean;
}

/** A running timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls `callback` once after `delayMs`; does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export interface Randomness {
  /** `count` unpredictable bytes. */
  bytes(count: number): Buffer;
  /** Uniform in [0, 1): for jitter and back-off, never for secrets. */
  fraction(): number;
}

export type Environment = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Randomness;
};

/**
 * An open file. Positions are byte offsets; short writes are retried inside, short reads end at
 * EOF.
 */
export interface FileHandle {
  /** Reads up to `into.length` bytes at `position`; returns how many. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `parts`, one after the other, from `position` on. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Data (and size) on stable storage. */
  datasync(): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

export type DirectoryEntry = {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
};
export type Space = { readonly availableBytes: number; readonly totalBytes: number };

/**
 * The files of one machine. Errors are Node's own (`code` ENOENT, ENOSPC, EIO, …).
 * `open` with 'create' makes a new file (mode 0600) and fails with EEXIST where one is.
 */
export interface Files {
  open(path: string, how: 'read' | 'create'): Promise<FileHandle>;
  /**
   * Makes a new file of these parts, one behind the other, and closes it; with `datasync` its bytes
   * and size are on stable storage then. Fails with EEXIST where a file is; after another failure a
   * part of the file may be there. The parts must stay as they are meanwhile.
   */
  writeNew(path: string, parts: readonly Uint8Array[], how: 'datasync' | 'unsynced'): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the directory and its missing parents, mode 0700; fine if it is there. */
  makeDirectory(path: string): Promise<void>;
  /** The directory's own entries on stable storage. */
  syncDirectory(path: string): Promise<void>;
  list(path: string): Promise<DirectoryEntry[]>;
  /** undefined when there is no such file. */
  sizeBytes(path: string): Promise<number | undefined>;
  space(path: string): Promise<Space>;
}
