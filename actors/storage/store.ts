/**
 * The port to ordered, durable rows on one disk.
 *
 * Owns:          the contract; LevelDB keeps it in level-store.ts, memory in test/support.
 * Knows:         bytes.
 * Must not know: partitions, tables, rows.
 *
 * The contract, held by one suite for every implementation:
 *  - a commit is all or nothing, durable when its promise resolves, and visible to reads only then;
 *  - commits of several callers may share one write; they become visible in the order of `commit`;
 *  - a value that is read is the value that was put, or DamagedRowError is thrown;
 *  - after any failed write, the promises of all commits that were waiting reject with
 *    StoreUnavailableError, the store closes, reopens and checks itself, and only then takes new
 *    commits: what a failed promise carried may or may not be there, what an earlier resolved one
 *    carried is there;
 *  - while it reopens, reads and commits fail with StoreUnavailableError.
 */

export type StoreOperation =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: Uint8Array };

export type StoreEntry = { readonly key: Buffer; readonly value: Buffer };

/** Keys from `from` (inclusive) up to `to` (exclusive), ascending. */
export type StoreRange = { readonly from: Uint8Array; readonly to: Uint8Array };

/** The stored bytes of this row are not those that were written. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError';
  readonly key: Buffer;

  constructor(key: Uint8Array) {
    super(`row ${Buffer.from(key).toString('hex')} is damaged`);
    this.key = Buffer.from(key);
  }
}

/** The store is being reopened, or was closed. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** The disk of the store has less free space than it must keep. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** Walks a range; several may be open at a time, on the state at the moment of opening. */
export interface StoreCursor {
  /** Up to `count` entries on; empty at the end. Throws DamagedRowError at a damaged row, and then
   *  goes on behind it. */
  next(count: number): Promise<StoreEntry[]>;
  /** The next entry read will be the first at or after `key`. */
  seek(key: Uint8Array): void;
  close(): Promise<void>;
}

export interface Store {
  /** Committed value, a copy of its own; undefined when absent. */
  get(key: Uint8Array): Buffer | undefined;
  cursor(range: StoreRange): StoreCursor;
  /** Counts failures too: 0 while the store has been good since it was opened. */
  readonly reopenings: number;
  /** Called after each reopening, before the first new commit is taken: owners of memory that
   *  mirrors rows reload it. */
  onReopened(callback: () => void): void;
  commit(operations: readonly StoreOperation[]): Promise<void>;
  close(): Promise<void>;
}
