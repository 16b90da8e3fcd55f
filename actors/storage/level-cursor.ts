/**
 * Walks a range of a LevelDB and verifies every entry.
 *
 * Owns:          the order of damaged entries and good ones in what `next` says.
 * Knows:         the shape of LevelDB's iterators, the checksum of values.
 * Must not know: who opened it; what the rows mean.
 *
 * LevelDB skips a table block that it cannot decode and says so only at the end of the walk, where
 * the entries read last are lost with the error. The walk then goes back behind the last entry that
 * was handed out and on one by one, so that every entry that can be read is read before the error
 * is told.
 */
import { assert } from '../../schemas/assert.ts';
import { openValue } from './row-checksum.ts';
import type { StoreCursor, StoreEntry, StoreRange } from './store.ts';
import { DamagedRowError, StoreUnavailableError } from './store.ts';

/** What is used of classic-level's iterator. */
export interface RawIterator {
  nextv(size: number): Promise<[Buffer, Buffer][]>;
  seek(key: Buffer): void;
  close(): Promise<void>;
}

type RawEntry = readonly [Buffer, Buffer];

export class LevelCursor implements StoreCursor {
  readonly #raw: RawIterator;
  readonly #range: StoreRange;
  readonly #onDamage: () => void;
  /** Read and not handed out: what stood at and behind a damaged entry. */
  #left: readonly RawEntry[] = [];
  #lastKey: Buffer;
  #pace: 'pages' | 'one-by-one' | 'ended' = 'pages';

  /** `onDamage` is told of every damaged entry that is met. */
  constructor(raw: RawIterator, range: StoreRange, onDamage: () => void) {
    assert(range.to.length > 0, 'a range ends at a key');
    this.#raw = raw;
    this.#range = range;
    this.#onDamage = onDamage;
    this.#lastKey = Buffer.from(range.from);
  }

  async next(count: number): Promise<StoreEntry[]> {
    const raw = this.#left.length > 0 ? this.#left : await this.#read(count);
    this.#left = [];
    return this.#verify(raw, count);
  }

  seek(key: Uint8Array): void {
    const target = Buffer.compare(key, this.#range.from) < 0 ? this.#range.from : key;
    this.#left = [];
    this.#lastKey = Buffer.from(target);
    if (this.#pace === 'ended') this.#pace = 'pages';
    this.#raw.seek(this.#lastKey);
  }

  async close(): Promise<void> {
    await this.#raw.close();
  }

  /** Entries up to the first damaged one; a damaged first one is thrown, and dropped. */
  #verify(raw: readonly RawEntry[], count: number): StoreEntry[] {
    const entries: StoreEntry[] = [];
    for (const [index, [key, sealed]] of raw.entries()) {
      if (entries.length === count) {
        this.#left = raw.slice(index);
        return entries;
      }
      const value = openValue(key, sealed);
      if (value === undefined) {
        this.#left = raw.slice(entries.length === 0 ? index + 1 : index);
        if (entries.length > 0) return entries;
        this.#lastKey = key;
        this.#onDamage();
        throw new DamagedRowError(key);
      }
      this.#lastKey = key;
      entries.push({ key, value });
    }
    return entries;
  }

  async #read(count: number): Promise<readonly RawEntry[]> {
    if (this.#pace === 'ended') return [];
    try {
      return await this.#raw.nextv(this.#pace === 'pages' ? count : 1);
    } catch (error) {
      if (!isCorruption(error)) throw unavailable(error);
      return this.#readAround(count);
    }
  }

  async #readAround(count: number): Promise<readonly RawEntry[]> {
    if (this.#pace === 'pages') {
      this.#pace = 'one-by-one';
      this.#raw.seek(Buffer.concat([this.#lastKey, Buffer.of(0)]));
      return this.#read(count);
    }
    this.#pace = 'ended';
    this.#onDamage();
    throw new DamagedRowError(this.#lastKey);
  }
}

export function isCorruption(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'LEVEL_CORRUPTION';
}

export function unavailable(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('the store cannot be read now', { cause });
}
