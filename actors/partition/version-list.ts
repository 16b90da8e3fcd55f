/**
 * Listing all versions of the objects of one index shard.
 *
 * Owns:          pages: the current and the old versions of each key brought together, common
 *                prefixes, and where the next page begins.
 * Knows:         object rows and history rows: both lie in the order of keys.
 * Must not know: markers of clients, XML.
 *
 * Two walks go side by side, one over the current rows and one over the history. Of each key the
 * current row comes first, then the history, the newest first.
 */
import type { ObjectKey, PartitionId } from '../../schemas/ids.ts';
import type {
  ListedPrefix,
  ListedVersion,
  TableReply,
  VersionList,
  VersionStart,
} from '../../schemas/messages/table.ts';
import type { StoredVersion, VersionRef } from '../../schemas/records/object-row.ts';
import { decodeObjectRow, versionRefOf } from '../../schemas/records/object-row.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { behindPrefix, rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { Store, StoreCursor, StoreEntry } from '../storage/store.ts';
import { endOfCommonPrefix } from './folded-scan.ts';
import type { KeyRows } from './history-rows.ts';
import { findVersionByRef, rowOfStamp, standing } from './history-rows.ts';
import { readObjectRow } from './stored-rows.ts';
import {
  endedKey,
  escapeKey,
  historyRowKey,
  OBJECT_KEY_AT,
  objectRowKey,
  shardPrefix,
  unescapeKey,
} from './row-keys.ts';

/** Rows that one request looks at, at most: then it says where to go on. */
const SCANNED_MAX = 20_000;
const ROWS_AT_ONCE = 256;
const NUL = Buffer.alloc(1);

type Here = { readonly store: Store; readonly partition: PartitionId };
type Entry = ListedVersion | ListedPrefix;

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function listVersions(here: Here, request: VersionList): Promise<TableReply> {
  if (request.limit <= 0) return { kind: 'version-page', entries: [] };
  const walk = new VersionWalk(here, request);
  try {
    return await walk.page();
  } finally {
    await walk.close();
  }
}

/** A walk over one table, one row ahead. */
class RowStream {
  readonly #cursor: StoreCursor;
  readonly #keyOf: (rowKey: Buffer) => Buffer;
  #rows: readonly StoreEntry[] = [];
  #at = 0;
  #isDone = false;

  constructor(store: Store, range: RowRange, keyOf: (rowKey: Buffer) => Buffer) {
    this.#cursor = store.cursor(range);
    this.#keyOf = keyOf;
  }

  /** The next row and its object key; undefined at the end. */
  async peek(): Promise<{ readonly key: Buffer; readonly row: StoreEntry } | undefined> {
    if (this.#at >= this.#rows.length && !this.#isDone) {
      this.#rows = await this.#cursor.next(ROWS_AT_ONCE);
      this.#at = 0;
      this.#isDone = this.#rows.length === 0;
    }
    const row = this.#rows[this.#at];
    return row && { key: this.#keyOf(row.key), row };
  }

  pass(): void {
    this.#at += 1;
  }

  /** To the first row at or behind a row key. */
  seek(rowKey: Buffer): void {
    while (this.#at < this.#rows.length) {
      const row = this.#rows[this.#at];
      if (row !== undefined && Buffer.compare(row.key, rowKey) >= 0) return;
      this.#at += 1;
    }
    this.#cursor.seek(rowKey);
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}

type FoundNext = {
  readonly key: Buffer;
  readonly version: StoredVersion;
  readonly isLatest: boolean;
};

class VersionWalk {
  readonly #request: VersionList;
  readonly #currentBase: Buffer;
  readonly #historyBase: Buffer;
  readonly #current: RowStream;
  readonly #history: RowStream;
  readonly #prefix: Buffer;
  readonly #delimiter: Buffer;
  readonly #entries: Entry[] = [];
  #scanned = 0;
  /** What was shown last, or passed. */
  #last: VersionStart | undefined;

  constructor({ store, partition }: Here, request: VersionList) {
    const { bucket, shard } = request;
    this.#request = request;
    const shardBytes = shardPrefix(bucket, shard);
    this.#currentBase = rowKey(partition, TABLE.object, shardBytes);
    this.#historyBase = rowKey(partition, TABLE.history, shardBytes);
    this.#prefix = Buffer.from(request.prefix);
    this.#delimiter = Buffer.from(request.delimiter);
    const current = rowRange(partition, TABLE.object, shardBytes, this.#prefix);
    const history = rowRange(partition, TABLE.history, shardBytes, escapeKey(this.#prefix));
    const start = this.#startOf({ store, partition });
    const from = (range: RowRange, key: Buffer | undefined): RowRange =>
      key !== undefined && Buffer.compare(key, range.from) > 0
        ? { from: Buffer.compare(key, range.to) < 0 ? key : range.to, to: range.to }
        : range;
    this.#current = new RowStream(store, from(current, start?.current), keyOfCurrent);
    this.#history = new RowStream(store, from(history, start?.history), keyOfHistory);
  }

  async close(): Promise<void> {
    await this.#current.close();
    await this.#history.close();
  }

  async page(): Promise<TableReply> {
    const entries = this.#entries;
    for (;;) {
      // Not what is passed behind it: another replica may show something there.
      const shown = this.#last;
      const next = await this.#next();
      if (next === 'enough') return this.#pageThatGoesOn(this.#last);
      if (next === undefined) return { kind: 'version-page', entries };
      const { key, version, isLatest } = next;
      const folded = this.#fold(key);
      if (entries.length === this.#request.limit) return this.#pageThatGoesOn(shown);
      if (folded !== undefined) {
        entries.push({ kind: 'prefix', prefix: folded.toString('utf8') });
        this.#last = { key: folded.toString('utf8') as ObjectKey };
        this.#jumpBehind(folded);
      } else {
        const listed = listedVersion(key, version, isLatest);
        entries.push(listed);
        this.#last = { key: listed.key, version: listed.version };
      }
    }
  }

  #pageThatGoesOn(next: VersionStart | undefined): TableReply {
    const entries = this.#entries;
    return next === undefined
      ? { kind: 'version-page', entries }
      : { kind: 'version-page', entries, next };
  }

  /** The next version that stands; a tombstone of a key is passed. */
  async #next(): Promise<FoundNext | undefined | 'enough'> {
    for (;;) {
      if (this.#scanned >= SCANNED_MAX) return 'enough';
      const [current, old] = [await this.#current.peek(), await this.#history.peek()];
      if (current === undefined && old === undefined) return undefined;
      this.#scanned += 1;
      const isCurrent =
        current !== undefined && (old === undefined || Buffer.compare(current.key, old.key) <= 0);
      const found = isCurrent ? current : old;
      if (found === undefined) return undefined;
      (isCurrent ? this.#current : this.#history).pass();
      const row = decodeObjectRow(found.row.value);
      const version = standing(row);
      if (version !== undefined) return { key: found.key, version, isLatest: isCurrent };
      // Versions may stand below what has ended.
      this.#last = { key: found.key.toString('utf8') as ObjectKey, version: row.timestamp };
    }
  }

  /** The common prefix that a key is part of. */
  #fold(key: Buffer): Buffer | undefined {
    const end = endOfCommonPrefix({ prefix: this.#prefix, delimiter: this.#delimiter }, key);
    return end < 0 ? undefined : key.subarray(0, end);
  }

  #jumpBehind(prefix: Buffer): void {
    this.#current.seek(behindPrefix(Buffer.concat([this.#currentBase, prefix])));
    this.#history.seek(behindPrefix(Buffer.concat([this.#historyBase, escapeKey(prefix)])));
  }

  /** Row keys behind what was listed before, in both tables. */
  #startOf({ store, partition }: Here): { current: Buffer; history: Buffer } | undefined {
    const { after, bucket, shard } = this.#request;
    if (after === undefined) return undefined;
    const key = Buffer.from(after.key);
    const folded = this.#prefix.equals(key.subarray(0, this.#prefix.length))
      ? this.#fold(key)
      : undefined;
    if (after.version === undefined && folded?.length === key.length) {
      return {
        current: behindPrefix(Buffer.concat([this.#currentBase, key])),
        history: behindPrefix(Buffer.concat([this.#historyBase, escapeKey(key)])),
      };
    }
    const current = Buffer.concat([this.#currentBase, key, NUL]);
    const ended = Buffer.concat([this.#historyBase, endedKey(after.key)]);
    if (after.version === undefined) return { current, history: behindPrefix(ended) };
    const place = { bucket, shard, key: after.key };
    const at = { rows: store, partition, place };
    const found = findListed(at, after.version);
    // Behind the current version is the whole history.
    if (found?.standing === 'current') return { current, history: ended };
    const stamp = found?.row.timestamp ?? (after.version === 'null' ? undefined : after.version);
    const whole = Buffer.concat([this.#currentBase, key]);
    // A null version that is gone stood somewhere: its key is told once more, rather than left out.
    if (stamp === undefined) return { current: whole, history: ended };
    const history = Buffer.concat([historyRowKey(partition, place, stamp), NUL]);
    // What stood below it may have become the current one meanwhile.
    const head = readObjectRow(store, objectRowKey(partition, place));
    const isBelow = head !== undefined && head.timestamp < stamp;
    return { current: isBelow ? whole : current, history };
  }
}

/** By its stamp: other names that a version has may be the stamps of what has ended. */
function findListed(at: KeyRows, version: VersionRef): ReturnType<typeof rowOfStamp> {
  return version === 'null' ? findVersionByRef(at, version) : rowOfStamp(at, version);
}

function keyOfCurrent(rowKeyBytes: Buffer): Buffer {
  return rowKeyBytes.subarray(OBJECT_KEY_AT);
}

function keyOfHistory(rowKeyBytes: Buffer): Buffer {
  return unescapeKey(rowKeyBytes.subarray(OBJECT_KEY_AT)).key;
}

function listedVersion(key: Buffer, row: StoredVersion, isLatest: boolean): ListedVersion {
  const common = {
    kind: 'version' as const,
    key: key.toString('utf8') as ObjectKey,
    version: versionRefOf(row),
    isLatest,
    lastModifiedMs: timestampMs(row.timestamp),
  };
  if (row.kind === 'marker') return { ...common, isMarker: true, sizeBytes: 0, etag: '' };
  const { sizeBytes, etag, checksum } = row;
  const listed = { ...common, isMarker: false, sizeBytes, etag };
  if (checksum === undefined) return listed;
  return { ...listed, checksum: { algorithm: checksum.algorithm, type: checksum.type } };
}
