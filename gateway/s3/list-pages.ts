/**
 * One page of a bucket's listing, gathered from the ordered streams of its index shards.
 *
 * Owns:          the merge, and how much is asked of a shard at a time.
 * Knows:         that each shard answers in byte order; that a common prefix may be in several.
 * Must not know: what is listed, XML, parameters.
 *
 * One shard is asked for the page directly. Of several, each is asked for its likely share and
 * asked again when that runs out: a page of 1000 from 256 shards must not cost 256,000 entries.
 */
import { assert } from '../../schemas/assert.ts';
import { MinHeap } from './min-heap.ts';

/** A piece of a shard's stream; `next` is absent at its end. */
export type ShardPiece<Entry, Cursor> = {
  readonly entries: readonly Entry[];
  readonly next?: Cursor;
};

export type ShardedListing<Entry, Cursor> = {
  readonly shards: number;
  /** Entries wanted, at most; 1 or more. */
  readonly limit: number;
  readonly start: Cursor;
  readonly fetch: (
    shard: number,
    from: Cursor,
    limit: number,
  ) => Promise<ShardPiece<Entry, Cursor>>;
  /** By what entries are ordered; equal common prefixes are one entry. */
  readonly nameOf: (entry: Entry) => string;
  readonly isPrefix: (entry: Entry) => boolean;
};

export type Page<Entry> = {
  readonly entries: readonly Entry[];
  /** Is there at least one more behind them? */
  readonly truncated: boolean;
};

/** Shards asked at the same time. */
const SHARDS_AT_ONCE = 32;
/** The least that is asked of one of several shards. */
const SHARE_MIN = 16;
/** Answers without an entry in a row: an actor that gives no more than that is broken. */
const EMPTY_PIECES_MAX = 1_000_000;

/** The first `limit` entries; one more is looked for, so that `truncated` is exact. */
export async function listPage<Entry, Cursor>(
  listing: ShardedListing<Entry, Cursor>,
): Promise<Page<Entry>> {
  assert(listing.limit > 0, 'a page has room for an entry');
  const wanted = listing.limit + 1;
  const entries =
    listing.shards === 1 ? await oneShard(listing, wanted) : await severalShards(listing, wanted);
  if (entries.length < wanted) return { entries, truncated: false };
  entries.length = listing.limit;
  return { entries, truncated: true };
}

async function oneShard<Entry, Cursor>(
  listing: ShardedListing<Entry, Cursor>,
  wanted: number,
): Promise<Entry[]> {
  const stream = new ShardStream(listing, 0);
  const first = await stream.fill(wanted);
  if (first.length >= wanted || stream.isComplete) return first.slice(0, wanted);
  const entries = [...first];
  while (entries.length < wanted && !stream.isComplete) {
    const more = await stream.fill(wanted - entries.length);
    for (const entry of more) if (entries.length < wanted) entries.push(entry);
  }
  return entries;
}

async function severalShards<Entry, Cursor>(
  listing: ShardedListing<Entry, Cursor>,
  wanted: number,
): Promise<Entry[]> {
  const { shards, nameOf, isPrefix } = listing;
  const share = Math.max(SHARE_MIN, Math.ceil((2 * wanted) / shards));
  const streams = Array.from({ length: shards }, (_, shard) => new ShardStream(listing, shard));
  for (let first = 0; first < shards; first += SHARDS_AT_ONCE) {
    const group = streams.slice(first, first + SHARDS_AT_ONCE);
    await Promise.all(group.map(stream => stream.refill(share)));
  }
  const heads = new MinHeap<Head<Entry, Cursor>>((x, y) => compareTexts(x.name, y.name));
  const line = (stream: ShardStream<Entry, Cursor>): void => {
    const { head } = stream;
    if (head !== undefined) heads.push({ stream, entry: head, name: nameOf(head) });
  };
  streams.forEach(line);
  const entries: Entry[] = [];
  while (entries.length < wanted) {
    const first = heads.pop();
    if (first === undefined) break;
    entries.push(first.entry);
    const told = [first.stream, ...(isPrefix(first.entry) ? popSame(heads, first.name) : [])];
    const empty = told.filter(stream => stream.advance() === 'empty');
    if (empty.length > 0) await Promise.all(empty.map(stream => stream.refill(share)));
    told.forEach(line);
  }
  return entries;
}

/** A stream that waits in line with its first entry. */
type Head<Entry, Cursor> = {
  readonly stream: ShardStream<Entry, Cursor>;
  readonly entry: Entry;
  readonly name: string;
};

/** A common prefix may stand first in several streams. A stream has no two equal names, and of
 *  equal names one is a prefix only if all are. */
function popSame<Entry, Cursor>(
  heads: MinHeap<Head<Entry, Cursor>>,
  name: string,
): ShardStream<Entry, Cursor>[] {
  const same: ShardStream<Entry, Cursor>[] = [];
  while (heads.peek()?.name === name) {
    const next = heads.pop();
    if (next !== undefined) same.push(next.stream);
  }
  return same;
}

class ShardStream<Entry, Cursor> {
  readonly #listing: ShardedListing<Entry, Cursor>;
  readonly #shard: number;
  #cursor: Cursor | undefined;
  #entries: readonly Entry[] = [];
  #at = 0;

  constructor(listing: ShardedListing<Entry, Cursor>, shard: number) {
    this.#listing = listing;
    this.#shard = shard;
    this.#cursor = listing.start;
  }

  get isComplete(): boolean {
    return this.#cursor === undefined;
  }

  get head(): Entry | undefined {
    return this.#entries[this.#at];
  }

  advance(): 'more' | 'empty' {
    this.#at += 1;
    return this.#at < this.#entries.length ? 'more' : 'empty';
  }

  /** The next piece that has entries; an empty one at the end of the stream. */
  async fill(limit: number): Promise<readonly Entry[]> {
    for (let empty = 0; this.#cursor !== undefined; empty += 1) {
      assert(empty < EMPTY_PIECES_MAX, 'a listing gets on');
      const piece = await this.#listing.fetch(this.#shard, this.#cursor, limit);
      this.#cursor = piece.next;
      if (piece.entries.length > 0) return piece.entries;
    }
    return [];
  }

  async refill(limit: number): Promise<void> {
    this.#entries = await this.fill(limit);
    this.#at = 0;
  }
}

/** The order of UTF-8 bytes, which is that of code points and not that of JavaScript's `<`. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters above all others. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
