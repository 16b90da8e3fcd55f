/**
 * Walks keys in order and folds those with a common prefix into one entry.
 *
 * Owns:          the walk: where it begins, what it folds, when it jumps, when it stops.
 * Knows:         cursors; keys as bytes, and how they stand in row keys.
 * Must not know: what an entry is.
 *
 * Source: S3 API Reference, "ListObjectsV2": keys that hold the delimiter behind the prefix appear
 * once, cut behind its first occurrence. All is decided on bytes, which for UTF-8 finds the same
 * as on characters. A folded prefix costs one seek, however many keys it holds.
 */
import { behindPrefix } from '../../schemas/row-tables.ts';
import type { Store, StoreCursor, StoreEntry } from '../storage/store.ts';

/** How object keys stand in the row keys of a table. */
export type KeyPlacement = {
  /** What stands before the key: partition, table, bucket, shard. */
  readonly base: Buffer;
  /** The bytes that row keys of this (start of a) key begin with. */
  readonly escape: (key: Buffer) => Buffer;
  /** The key's bytes in a row key. */
  readonly keyOf: (rowKey: Buffer) => Buffer;
};

export type FoldedScan<Entry> = {
  readonly placement: KeyPlacement;
  readonly prefix: Buffer;
  /** Empty: nothing is folded. */
  readonly delimiter: Buffer;
  /** A row key to begin at, if it lies behind the prefix's start. */
  readonly from: Buffer | undefined;
  /** Entries and common prefixes together. */
  readonly limit: number;
  /** Rows without an entry that are passed at most. */
  readonly skippedMax: number;
  /** Undefined: the row does not show up. */
  readonly entryOf: (row: StoreEntry, key: Buffer) => Entry | undefined;
};

export type Folded<Entry> =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'prefix'; readonly prefix: Buffer; readonly first: Entry };

export type FoldedPage<Entry> = {
  readonly found: readonly Folded<Entry>[];
  /** `limit`: there is at least one more. `work`: stopped at `lastKey`, which had no entry. */
  readonly end:
    | { readonly kind: 'complete' }
    | { readonly kind: 'limit' }
    | { readonly kind: 'work'; readonly lastKey: Buffer };
};

const PAGE_ROWS_MAX = 1024;
/** With a delimiter most rows of a page may be folded away: begin small, and grow while pages bring
 *  more than the first key of a folder that is then jumped over. Two rows tell which it is. */
const PAGE_ROWS_FOLDED = 16;
const PAGE_ROWS_JUMPING = 2;

/** Where a walk begins that goes on behind a common prefix; undefined when `key` is none. */
export function behindCommonPrefix(
  scan: Pick<FoldedScan<unknown>, 'placement' | 'prefix' | 'delimiter'>,
  key: Buffer,
): Buffer | undefined {
  const { placement, prefix } = scan;
  if (!prefix.equals(key.subarray(0, prefix.length))) return undefined;
  const end = endOfCommonPrefix(scan, key);
  if (end !== key.length) return undefined;
  return behindPrefix(Buffer.concat([placement.base, placement.escape(key)]));
}

/** Behind the delimiter's first occurrence after the prefix; -1 when there is none. */
export function endOfCommonPrefix(
  { prefix, delimiter }: Pick<FoldedScan<unknown>, 'prefix' | 'delimiter'>,
  key: Buffer,
): number {
  if (delimiter.length === 0) return -1;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? -1 : at + delimiter.length;
}

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function scanFolded<Entry>(
  store: Store,
  scan: FoldedScan<Entry>,
): Promise<FoldedPage<Entry>> {
  const { base, escape } = scan.placement;
  const first = Buffer.concat([base, escape(scan.prefix)]);
  const to = behindPrefix(first);
  const from = scan.from !== undefined && Buffer.compare(scan.from, first) > 0 ? scan.from : first;
  if (Buffer.compare(from, to) >= 0 || scan.limit <= 0) {
    return { found: [], end: { kind: 'complete' } };
  }
  const cursor = store.cursor({ from, to });
  try {
    return await new FoldedWalk(cursor, scan).run();
  } finally {
    await cursor.close();
  }
}

class FoldedWalk<Entry> {
  readonly #cursor: StoreCursor;
  readonly #scan: FoldedScan<Entry>;
  readonly #found: Folded<Entry>[] = [];
  #end: FoldedPage<Entry>['end'] | undefined;
  #skipped = 0;
  /** Rows before this key are folded into the prefix that was found last. */
  #skipTo: Buffer | undefined;

  constructor(cursor: StoreCursor, scan: FoldedScan<Entry>) {
    this.#cursor = cursor;
    this.#scan = scan;
  }

  async run(): Promise<FoldedPage<Entry>> {
    const isFolding = this.#scan.delimiter.length > 0;
    const rowsAll = Math.min(this.#scan.limit + 1, PAGE_ROWS_MAX);
    let rowsNext = isFolding ? Math.min(PAGE_ROWS_FOLDED, rowsAll) : rowsAll;
    for (;;) {
      const page = await this.#cursor.next(rowsNext);
      if (page.length === 0) return { found: this.#found, end: { kind: 'complete' } };
      const foundBefore = this.#found.length;
      for (const row of page) {
        this.#pass(row);
        if (this.#end !== undefined) return { found: this.#found, end: this.#end };
      }
      const hasJumped = this.#jump(page[page.length - 1]!.key);
      const isOneFolder = hasJumped && this.#found.length - foundBefore <= 1;
      rowsNext = isOneFolder ? PAGE_ROWS_JUMPING : Math.min(rowsNext * 2, PAGE_ROWS_MAX);
    }
  }

  #pass(row: StoreEntry): void {
    if (this.#skipTo !== undefined) {
      if (Buffer.compare(row.key, this.#skipTo) < 0) return;
      this.#skipTo = undefined;
    }
    const { placement, entryOf, limit, skippedMax } = this.#scan;
    const key = placement.keyOf(row.key);
    const entry = entryOf(row, key);
    if (entry === undefined) {
      this.#skipped += 1;
      if (this.#skipped >= skippedMax) this.#end = { kind: 'work', lastKey: key };
    } else if (this.#found.length === limit) this.#end = { kind: 'limit' };
    else this.#found.push(this.#fold(key, entry) ?? { kind: 'entry', entry });
  }

  #fold(key: Buffer, first: Entry): Folded<Entry> | undefined {
    const end = endOfCommonPrefix(this.#scan, key);
    if (end < 0) return undefined;
    const { base, escape } = this.#scan.placement;
    const prefix = key.subarray(0, end);
    this.#skipTo = behindPrefix(Buffer.concat([base, escape(prefix)]));
    return { kind: 'prefix', prefix, first };
  }

  /** Over what is left of a folded prefix, unless the page ended behind it. */
  #jump(last: Buffer): boolean {
    if (this.#skipTo === undefined || Buffer.compare(last, this.#skipTo) >= 0) return false;
    this.#cursor.seek(this.#skipTo);
    this.#skipTo = undefined;
    return true;
  }
}
