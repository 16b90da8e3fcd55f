/**
 * Which blocks of this node are to be looked after: referred to, and perhaps not whole on disk.
 *
 * Owns:          the rows of the queue, how many there are, when each is due.
 * Knows:         the store.
 * Must not know: why a block is in the queue, how it is brought back.
 *
 * A row is written in the batch of what makes it necessary, in the turn of its hash, and goes when
 * the block was looked after: a crash between the two looks twice, and never forgets. The counts
 * are in memory; after a start they are read from the rows.
 */
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId, partitionOfBlock } from '../../schemas/ids.ts';
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

/** What is to be committed; `commit` does, and `done` is told by those who commit themselves. */
export type QueueChange = {
  readonly operations: readonly StoreOperation[];
  /** Once the operations are durable. */
  readonly done: () => void;
};

const FIRST_DELAY_MS = 60_000;
/** 64 minutes. */
const DOUBLINGS_MAX = 6;
const PAGE_ROWS = 256;
const AT_ONCE: ResyncRow = { dueMs: 0, errors: 0 };
const NO_CHANGE: QueueChange = { operations: [], done: () => undefined };

export class ResyncQueue {
  readonly #store: PurposefulStore;
  readonly #lengths = new Uint32Array(PARTITION_COUNT);
  #length = 0;
  #errored = 0;
  #isCounted = false;
  /** Told when something is due at once. */
  onAdded: () => void = () => undefined;

  constructor(store: PurposefulStore) {
    this.#store = store;
  }

  get length(): number {
    return this.#length;
  }

  /** Those that were tried in vain. */
  get errored(): number {
    return this.#errored;
  }

  lengthIn(partition: PartitionId): number {
    return this.#lengths[partition]!;
  }

  /** Counts what the last process left; counts of what changed meanwhile are made good. */
  async load(): Promise<void> {
    if (this.#isCounted) return;
    for (let index = 0; index < PARTITION_COUNT; index += 1) {
      await this.#loadPartition(partitionId(index));
    }
    this.#isCounted = true;
    if (this.#length > 0) this.onAdded();
  }

  async #loadPartition(partition: PartitionId): Promise<void> {
    let count = 0;
    for (let after: Buffer | undefined; ;) {
      const page = await this.page(partition, after, PAGE_ROWS);
      count += page.blocks.length;
      this.#errored += page.blocks.filter(block => block.errors > 0).length;
      if (page.next === undefined) break;
      after = page.next;
    }
    this.#length += count - this.#lengths[partition]!;
    this.#lengths[partition] = count;
  }

  /** In the hash's turn. One that waits already goes on waiting. */
  add(hash: BlockHash): QueueChange {
    if (this.#row(hash) !== undefined) return NO_CHANGE;
    return this.#change(hash, AT_ONCE, () => {
      this.#count(hash, 1);
      this.onAdded();
    });
  }

  /** In the hash's turn: it was looked after. */
  remove(hash: BlockHash): QueueChange {
    const row = this.#row(hash);
    if (row === undefined) return NO_CHANGE;
    const key = resyncKey(partitionOfBlock(hash), hash);
    return {
      operations: [{ kind: 'delete', key }],
      done: () => {
        this.#count(hash, -1);
        if (row.errors > 0) this.#errored -= 1;
      },
    };
  }

  /** In the hash's turn: it was tried in vain, and is tried again later. */
  postpone(hash: BlockHash, nowMs: number): QueueChange {
    const row = this.#row(hash) ?? AT_ONCE;
    const delayMs = FIRST_DELAY_MS * 2 ** Math.min(row.errors, DOUBLINGS_MAX);
    const later = { dueMs: Math.floor(nowMs) + delayMs, errors: row.errors + 1 };
    return this.#change(hash, later, () => {
      if (row.errors === 0) this.#errored += 1;
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

  #change(hash: BlockHash, row: ResyncRow, done: () => void): QueueChange {
    const key = resyncKey(partitionOfBlock(hash), hash);
    return { operations: [{ kind: 'put', key, value: encodeResync(row) }], done };
  }

  #count(hash: BlockHash, by: 1 | -1): void {
    const partition = partitionOfBlock(hash);
    this.#lengths[partition] = Math.max(0, this.#lengths[partition]! + by);
    this.#length = Math.max(0, this.#length + by);
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
