/**
 * LevelDB on a simulated disk: its log, what of it is on stable storage, and its known weakness.
 *
 * Owns:          the rows as an opening finds them; the log since then.
 * Knows:         what the store uses of classic-level.
 * Must not know: what rows mean.
 *
 * A batch is appended to the log, then synced; what was appended and not synced a power cut may
 * take. An append that fails leaves a torn record, behind which LevelDB goes on as if nothing had
 * happened: an opening reads the log up to the torn record and throws away what follows. A sync
 * that fails goes on failing until the database is opened again, which begins a new log.
 */
import type { RawBatch } from '../../actors/storage/commit-queue.ts';
import type { RawIterator } from '../../actors/storage/level-cursor.ts';
import type { RawDatabase, RawRange } from '../../actors/storage/level-store.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

type Operation = { readonly key: string; readonly value: Buffer | undefined };
type Record = { readonly operations: readonly Operation[]; readonly isTorn: boolean };

/** The rows that a part of a log changes; undefined: deleted. */
type ReadLog = {
  readonly log: readonly Record[];
  records: number;
  readonly rows: Map<string, Buffer | undefined>;
};

/** What lies on the disk. */
export class DatabaseFiles {
  rows: ReadonlyMap<string, Buffer> = new Map();
  log: Record[] = [];
  /** So many records of the log survive a power cut. */
  synced = 0;
  /** What happens to the next write; undefined: it works. */
  fault: 'append' | 'sync' | undefined;
  /** Until the database is opened again. */
  isSyncBroken = false;
  #read: ReadLog | undefined;

  copy(): DatabaseFiles {
    const copy = new DatabaseFiles();
    copy.rows = this.rows;
    copy.log = [...this.log];
    copy.synced = this.synced;
    return copy;
  }

  /** Those of a range among them, in order. */
  range(from: Buffer, to: Buffer): (readonly [Buffer, Buffer])[] {
    const rows = this.found();
    const [first, end] = [textOf(from), textOf(to)];
    return [...rows.keys()]
      .filter(key => key >= first && key < end)
      .map(key => [Buffer.from(key, 'latin1'), rows.get(key)!]);
  }

  /** One row as an opening would find it. */
  row(key: Buffer): Buffer | undefined {
    const name = textOf(key);
    const { rows } = this.#readLog();
    return rows.has(name) ? rows.get(name) : this.rows.get(name);
  }

  /** What the log says, of which most was read before: it only grows, between power cuts. */
  #readLog(): ReadLog {
    const known = this.#read?.log === this.log ? this.#read : undefined;
    const read = known ?? { log: this.log, records: 0, rows: new Map() };
    this.#read = read;
    for (const { operations, isTorn } of this.log.slice(read.records)) {
      if (isTorn) break;
      for (const { key, value } of operations) read.rows.set(key, value);
      read.records += 1;
    }
    return read;
  }

  /** The rows as an opening would find them. */
  found(): Map<string, Buffer> {
    const rows = new Map(this.rows);
    for (const [key, value] of this.#readLog().rows) {
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    return rows;
  }

  /** What was not synced is gone, from some record on. */
  cutPower(random: SeededRandom): void {
    const unsynced = this.log.length - this.synced;
    this.log = this.log.slice(0, this.synced + random.below(unsynced + 1));
    this.fault = undefined;
  }
}

export type SimulatedDatabaseOptions = {
  readonly files: DatabaseFiles;
  /** Resolves after as long as the disk takes. */
  readonly wait: (what: 'sync' | 'read') => Promise<void>;
};

export class SimulatedDatabase implements RawDatabase {
  readonly #options: SimulatedDatabaseOptions;
  #rows = new Map<string, Buffer>();
  /** Ascending. */
  #keys: string[] = [];
  #isOpen = false;

  constructor(options: SimulatedDatabaseOptions) {
    this.#options = options;
  }

  get status(): string {
    return this.#isOpen ? 'open' : 'closed';
  }

  async open(): Promise<void> {
    if (this.#isOpen) return;
    const { files, wait } = this.#options;
    await wait('read');
    const rows = files.found();
    // What was read goes to a table, which is synced before the new log begins.
    files.rows = rows;
    files.log = [];
    files.synced = 0;
    files.isSyncBroken = false;
    this.#rows = new Map(rows);
    this.#keys = [...rows.keys()].sort();
    this.#isOpen = true;
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  batch(): RawBatch {
    const operations: Operation[] = [];
    return {
      put: (key, value) => operations.push({ key: textOf(key), value }),
      del: key => operations.push({ key: textOf(key), value: undefined }),
      write: ({ sync }) => this.#write(operations, sync),
      close: () => Promise.resolve(),
    };
  }

  async #write(operations: readonly Operation[], sync: boolean): Promise<void> {
    const { files, wait } = this.#options;
    const { fault } = files;
    files.fault = undefined;
    if (fault === 'append') {
      files.log.push({ operations, isTorn: true });
      throw ioError('append');
    }
    files.log.push({ operations, isTorn: false });
    const { length } = files.log;
    if (sync) {
      await wait('sync');
      if (fault === 'sync') files.isSyncBroken = true;
      if (files.isSyncBroken) throw ioError('sync');
      files.synced = Math.max(files.synced, length);
    }
    for (const operation of operations) this.#apply(operation);
  }

  #apply({ key, value }: Operation): void {
    if (this.#rows.has(key) !== (value !== undefined)) {
      const at = lowerBound(this.#keys, key);
      if (value === undefined) this.#keys.splice(at, 1);
      else this.#keys.splice(at, 0, key);
    }
    if (value === undefined) this.#rows.delete(key);
    else this.#rows.set(key, value);
  }

  getSync(key: Buffer): Buffer | undefined {
    const value = this.#rows.get(textOf(key));
    return value && Buffer.from(value);
  }

  iterator({ gt, gte, lt }: RawRange): RawIterator {
    const keys = this.#keys;
    const from = gte === undefined ? upperBound(keys, textOf(gt!)) : lowerBound(keys, textOf(gte));
    const range = keys.slice(from, lowerBound(keys, textOf(lt)));
    const entries = range.map(key => [Buffer.from(key, 'latin1'), this.#rows.get(key)!] as const);
    let next = 0;
    return {
      nextv: async size => {
        const page = entries.slice(next, next + size);
        next += page.length;
        if (page.length > 0) await this.#options.wait('read');
        return page.map(([key, value]) => [key, Buffer.from(value)]);
      },
      seek: key => {
        next = lowerBound(range, textOf(key));
      },
      close: () => Promise.resolve(),
    };
  }
}

/** As classic-level tells it. */
function ioError(call: string): Error {
  return Object.assign(new Error(`IO error: ${call}`), { code: 'LEVEL_IO_ERROR' });
}

function textOf(key: Buffer): string {
  return key.toString('latin1');
}

/** The first index whose key is not below. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound(sorted: readonly string[], key: string): number {
  const at = lowerBound(sorted, key);
  return sorted[at] === key ? at + 1 : at;
}
