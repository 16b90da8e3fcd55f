/**
 * Rows in memory, with the failures of a disk on demand.
 *
 * Owns:          the rows that are durable, and the commits that wait to be.
 * Knows:         the contract of a store.
 * Must not know: what rows mean.
 *
 * A commit becomes visible only when it is durable. `crash` makes a new store of what was durable
 * at that moment: what waited is lost, as after a power cut.
 */
import type { CommitPurpose, PurposefulStore } from '../../actors/storage/commit-purpose.ts';
import {
  DamagedRowError,
  StoreFullError,
  StoreUnavailableError,
  type StoreCursor,
  type StoreEntry,
  type StoreOperation,
  type StoreRange,
} from '../../actors/storage/store.ts';

type Pending = {
  readonly operations: readonly StoreOperation[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

/** What a commit that failed left behind: nothing, or (the reply was lost) everything. */
export type FailureResidue = 'lost' | 'kept';

export class MemoryStore implements PurposefulStore {
  readonly #rows: Map<string, Buffer>;
  readonly #damaged: Set<string>;
  #sorted: string[] | undefined;
  #pending: Pending[] = [];
  #isFlushing = false;
  #isHeld = false;
  #state: 'open' | 'reopening' | 'closed' = 'open';
  #isFull = false;
  #failure: FailureResidue | undefined;
  #reopenings = 0;
  readonly #onReopened: (() => void)[] = [];
  /** Commits that became durable. */
  commits = 0;

  constructor(rows = new Map<string, Buffer>(), damaged = new Set<string>()) {
    this.#rows = rows;
    this.#damaged = damaged;
  }

  get reopenings(): number {
    return this.#reopenings;
  }

  get rowCount(): number {
    return this.#rows.size;
  }

  onReopened(callback: () => void): void {
    this.#onReopened.push(callback);
  }

  get(key: Uint8Array): Buffer | undefined {
    this.#requireOpen();
    return this.#read(textOf(key));
  }

  cursor(range: StoreRange): StoreCursor {
    this.#requireOpen();
    const keys = this.#keysOf(range);
    const entries = keys.map(key => [key, this.#rows.get(key)!] as const);
    return new MemoryCursor(entries, new Set(this.#damaged));
  }

  commit(operations: readonly StoreOperation[], purpose: CommitPurpose = 'grows'): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(new StoreUnavailableError('not open'));
    if (this.#isFull && purpose === 'grows') return Promise.reject(new StoreFullError('full'));
    return new Promise((resolve, reject) => {
      this.#pending.push({ operations, resolve, reject });
      this.#flushSoon();
    });
  }

  close(): Promise<void> {
    this.#state = 'closed';
    this.#failPending();
    return Promise.resolve();
  }

  // ---- what a test does to it -------------------------------------------------------------------

  /** Commits wait from now on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** What waits becomes durable, and what comes later does at once. */
  release(): void {
    this.#isHeld = false;
    this.#flushSoon();
  }

  /** The next flush fails, and the store reopens; undefined: it does not after all. */
  failNext(residue: FailureResidue | undefined): void {
    this.#failure = residue;
  }

  /** Resolves when it is not being reopened. */
  async whenOpen(): Promise<void> {
    while (this.#state === 'reopening') await new Promise<void>(resolve => setImmediate(resolve));
  }

  /** From now on commits that do not free space are refused. */
  fill(): void {
    this.#isFull = true;
  }

  /** From now on the row cannot be read, until it is written again. */
  damage(key: Uint8Array): void {
    this.#damaged.add(textOf(key));
  }

  /** The machine stops; what it finds when it starts again. */
  crash(): MemoryStore {
    const survivor = new MemoryStore(new Map(this.#rows), new Set(this.#damaged));
    void this.close();
    return survivor;
  }

  /** All rows of a range as they are durable, damaged ones included. */
  entries(range: StoreRange): StoreEntry[] {
    return this.#keysOf(range).map(key => ({
      key: Buffer.from(key, 'latin1'),
      value: this.#rows.get(key)!,
    }));
  }

  // ---- inside -----------------------------------------------------------------------------------

  #requireOpen(): void {
    if (this.#state !== 'open') throw new StoreUnavailableError(this.#state);
  }

  #read(text: string): Buffer | undefined {
    if (this.#damaged.has(text)) throw new DamagedRowError(Buffer.from(text, 'latin1'));
    const value = this.#rows.get(text);
    return value === undefined ? undefined : Buffer.from(value);
  }

  #keysOf(range: StoreRange): string[] {
    this.#sorted ??= [...this.#rows.keys()].sort();
    const from = lowerBound(this.#sorted, textOf(range.from));
    return this.#sorted.slice(from, lowerBound(this.#sorted, textOf(range.to)));
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#isHeld || this.#pending.length === 0) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      if (!this.#isHeld) this.#flush();
    });
  }

  #flush(): void {
    if (this.#state !== 'open') return;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== 'lost') for (const { operations } of this.#pending) this.#apply(operations);
    if (failure !== undefined) {
      this.#reopen();
      return;
    }
    const durable = this.#pending;
    this.#pending = [];
    this.commits += durable.length;
    for (const { resolve } of durable) resolve();
  }

  #apply(operations: readonly StoreOperation[]): void {
    for (const operation of operations) {
      const text = textOf(operation.key);
      this.#damaged.delete(text);
      if (operation.kind === 'put') {
        if (!this.#rows.has(text)) this.#sorted = undefined;
        this.#rows.set(text, Buffer.from(operation.value));
      } else if (this.#rows.delete(text)) this.#sorted = undefined;
    }
  }

  #reopen(): void {
    this.#state = 'reopening';
    this.#reopenings += 1;
    this.#failPending();
    setImmediate(() => {
      if (this.#state !== 'reopening') return;
      this.#state = 'open';
      for (const callback of this.#onReopened) callback();
    });
  }

  #failPending(): void {
    const failed = this.#pending;
    this.#pending = [];
    for (const { reject } of failed) reject(new StoreUnavailableError('the commit failed'));
  }
}

class MemoryCursor implements StoreCursor {
  readonly #entries: readonly (readonly [string, Buffer])[];
  readonly #damaged: ReadonlySet<string>;
  #next = 0;

  constructor(entries: readonly (readonly [string, Buffer])[], damaged: ReadonlySet<string>) {
    this.#entries = entries;
    this.#damaged = damaged;
  }

  async next(count: number): Promise<StoreEntry[]> {
    const found: StoreEntry[] = [];
    while (found.length < count) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) break;
      const key = Buffer.from(entry[0], 'latin1');
      if (this.#damaged.has(entry[0])) {
        if (found.length > 0) break;
        this.#next += 1;
        throw new DamagedRowError(key);
      }
      this.#next += 1;
      found.push({ key, value: Buffer.from(entry[1]) });
    }
    return found;
  }

  seek(key: Uint8Array): void {
    const text = textOf(key);
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]![0] < text) low = middle + 1;
      else high = middle;
    }
    this.#next = low;
  }

  async close(): Promise<void> {
    this.#next = this.#entries.length;
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

/** The first index whose text is not below `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
