/**
 * Which blocks of this node are to be looked after: referred to, and perhaps not whole on disk.
 *
 * Owns:          the rows of the queue, how many there are, when each is due.
 * Knows:         the store.
 * Must not know: why a block is in the queue, how it is brought back.
 *
 * A row is written in the batch of what makes it necessary, in the turn of its hash, and goes when
 * the block was looked after: a crash between the two looks twice, and never forgets.
 *
 * The counts are in memory, and only as good as what is known of each commit. After a start they
 * are read from the rows, partition by partition; and again where a commit failed, because what it
 * carried may be there all the same. A count that was taken while something changed is worth
 * nothing: the partition stays uncounted until the next time. Nobody takes an uncounted one for
 * empty.
 */
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import { PARTITIONS, partitionOfBlock } from '../../schemas/ids.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import { nextEntries, orDamage, readRow } from '../storage/row-damage.ts';
import type { StoreOperation } from '../storage/store.ts';
import type { ResyncRow } from './block-rows.ts';
import {
  decodeResync,
  encodeResync,
  hashInResyncKey,
  resyncKey,
  resyncsOfPartition,
} from './block-rows.ts';

export type QueuedBlock = ResyncRow & { readonly hash: BlockHash };

/** `next`: behind which key to go on; absent at the end. */
export type QueuePage = { readonly blocks: readonly QueuedBlock[]; readonly next?: Buffer };

/** What is to be committed. */
export type QueueChange = {
  readonly operations: readonly StoreOperation[];
  /** Calls what commits the operations, alone or among others, and counts them if they are durable
   *  then. Rejects as that does. */
  readonly commitBy: (commit: () => Promise<void>) => Promise<void>;
};

const FIRST_DELAY_MS = 60_000;
/** 64 minutes. */
const DOUBLINGS_MAX = 6;
const PAGE_ROWS = 256;
const AT_ONCE: ResyncRow = { dueMs: 0, errors: 0 };
export const NO_CHANGE: QueueChange = { operations: [], commitBy: commit => commit() };

/** What is known of the rows of one partition. */
type Tally = {
  rows: number;
  /** Rows of blocks that were tried in vain. */
  errored: number;
  isCounted: boolean;
  /** Commits that may or may not be seen by whoever counts now. */
  underWay: number;
  /** Commits that ended. */
  ended: number;
};

export class ResyncQueue {
  readonly #store: PurposefulStore;
  readonly #tallies: readonly Tally[] = PARTITIONS.map(() => ({
    ...{ rows: 0, errored: 0, isCounted: false, underWay: 0, ended: 0 },
  }));
  /** Told when something is due at once. */
  onAdded: () => void = () => undefined;

  constructor(store: PurposefulStore) {
    this.#store = store;
  }

  get length(): number {
    return this.#tallies.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Those that were tried in vain. */
  get errored(): number {
    return this.#tallies.reduce((sum, { errored }) => sum + errored, 0);
  }

  /** False as well where that is not known. */
  isEmptyIn(partition: PartitionId): boolean {
    const { isCounted, rows } = this.#tallies[partition]!;
    return isCounted && rows === 0;
  }

  /** Counts the partitions that are not counted, if nothing changes there meanwhile. */
  async load(): Promise<void> {
    for (const partition of PARTITIONS) {
      if (!this.#tallies[partition]!.isCounted) await this.#loadPartition(partition);
    }
  }

  async #loadPartition(partition: PartitionId): Promise<void> {
    const tally = this.#tallies[partition]!;
    if (tally.underWay > 0) return;
    const { ended } = tally;
    let rows = 0;
    let errored = 0;
    for (let after: Buffer | undefined; ;) {
      const page = await this.page(partition, after, PAGE_ROWS);
      rows += page.blocks.length;
      errored += page.blocks.filter(block => block.errors > 0).length;
      if (page.next === undefined) break;
      after = page.next;
    }
    if (tally.underWay > 0 || tally.ended !== ended) return;
    Object.assign(tally, { rows, errored, isCounted: true });
  }

  /** In the hash's turn. One that waits already goes on waiting. */
  add(hash: BlockHash): QueueChange {
    if (this.#row(hash) !== undefined) return NO_CHANGE;
    return this.#change(hash, AT_ONCE, tally => {
      tally.rows += 1;
      this.onAdded();
    });
  }

  /** In the hash's turn: it was looked after. */
  remove(hash: BlockHash): QueueChange {
    const row = this.#row(hash);
    if (row === undefined) return NO_CHANGE;
    return this.#change(hash, undefined, tally => {
      tally.rows = Math.max(0, tally.rows - 1);
      if (row.errors > 0) tally.errored = Math.max(0, tally.errored - 1);
    });
  }

  /** In the hash's turn: it was tried in vain, and is tried again later, if it still waits. */
  postpone(hash: BlockHash, nowMs: number): QueueChange {
    const row = this.#row(hash);
    if (row === undefined) return NO_CHANGE;
    const delayMs = FIRST_DELAY_MS * 2 ** Math.min(row.errors, DOUBLINGS_MAX);
    const later = { dueMs: Math.floor(nowMs) + delayMs, errors: row.errors + 1 };
    return this.#change(hash, later, tally => {
      if (row.errors === 0) tally.errored += 1;
    });
  }

  /** In the hash's turn: what waits for its time is tried at once. */
  hasten(hash: BlockHash): QueueChange {
    const row = this.#row(hash);
    if (row === undefined || row.dueMs === 0) return NO_CHANGE;
    return this.#change(hash, { ...row, dueMs: 0 }, () => {
      this.onAdded();
    });
  }

  /** A page of the queue in the order of the hashes, whether due or not. */
  async page(partition: PartitionId, after: Buffer | undefined, limit: number): Promise<QueuePage> {
    const { from, to } = resyncsOfPartition(partition);
    const start = after === undefined ? from : Buffer.concat([after, Buffer.of(0)]);
    const cursor = this.#store.cursor({ from: start, to });
    try {
      const entries = await nextEntries(cursor, limit);
      const blocks = entries.map(({ key, value }) => ({
        hash: hashInResyncKey(key),
        ...atOnceIfDamaged(orDamage(() => decodeResync(value))),
      }));
      const last = entries.at(-1);
      return last === undefined ? { blocks } : { blocks, next: last.key };
    } finally {
      await cursor.close();
    }
  }

  /** Without a row: the hash's row goes. */
  #change(hash: BlockHash, row: ResyncRow | undefined, count: (tally: Tally) => void): QueueChange {
    const partition = partitionOfBlock(hash);
    const tally = this.#tallies[partition]!;
    const key = resyncKey(partition, hash);
    const operation: StoreOperation =
      row === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: encodeResync(row) };
    const commitBy = async (commit: () => Promise<void>): Promise<void> => {
      tally.underWay += 1;
      try {
        await commit();
        count(tally);
      } catch (error) {
        tally.isCounted = false;
        throw error;
      } finally {
        tally.underWay -= 1;
        tally.ended += 1;
      }
    };
    return { operations: [operation], commitBy };
  }

  #row(hash: BlockHash): ResyncRow | undefined {
    const key = resyncKey(partitionOfBlock(hash), hash);
    return atOnceIfDamaged(orDamage(() => readRow(this.#store, key, decodeResync)));
  }
}

/** A damaged row still says which block it is about: that is tried at once. */
function atOnceIfDamaged<Row extends ResyncRow | undefined>(row: Row | 'damaged'): Row | ResyncRow {
  return row === 'damaged' ? AT_ONCE : row;
}
