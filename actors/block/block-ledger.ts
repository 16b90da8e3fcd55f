/**
 * Reads and changes the rows of one partition's blocks.
 *
 * Owns:          which row changes belong together: a reference and the count of its block.
 * Knows:         the rows, the store.
 * Must not know: files; whose turn it is.
 *
 * Everything here is about one hash and must run in that hash's turn: a count is read from the
 * store, changed, and committed, and nobody else may do so meanwhile. Operations are returned, so
 * that the caller commits them in one batch, and waits for it before the turn ends.
 *
 * A damaged count is counted anew from the references; a damaged reference counts as a live one
 * there, because a file too many is better than a file too few.
 */
import { assert } from '../../schemas/assert.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import type { LiveReference } from '../../schemas/messages/block.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { ROW_PREFIX_BYTES } from '../../schemas/row-tables.ts';
import { nextEntries, orDamage, readRow } from '../storage/row-damage.ts';
import type { Store, StoreEntry, StoreOperation } from '../storage/store.ts';
import type { BlockRow, Deletion, ReferenceRow } from './block-rows.ts';
import {
  blockKey,
  blocksOfLeaf,
  blocksOfPartition,
  decodeBlock,
  decodeReference,
  deletionKey,
  deletionsOfPartition,
  encodeBlock,
  encodeReference,
  hashInBlockKey,
  hashInReferenceKey,
  parseDeletionKey,
  referenceKey,
  referencesOfBlock,
  referencesOfLeaf,
  referencesOfPartition,
} from './block-rows.ts';

/** Rows that change together. `toggles`: the reference begins, or ceases, to be live. */
export type LedgerChange = {
  readonly operations: readonly StoreOperation[];
  readonly toggles: boolean;
};

/** `next`: where to go on; absent at the end. */
export type ReferencePage = {
  readonly references: readonly LiveReference[];
  readonly next?: Buffer;
};

type Damaged = { readonly kind: 'damaged' };
const DAMAGED: Damaged = { kind: 'damaged' };

const PAGE_ROWS = 256;
const NOTHING = Buffer.alloc(0);
const NO_CHANGE: LedgerChange = { operations: [], toggles: false };

export class BlockLedger {
  readonly #partition: PartitionId;
  readonly #store: Store;

  constructor(partition: PartitionId, store: Store) {
    this.#partition = partition;
    this.#store = store;
  }

  /** undefined: there never was one, or it was forgotten. */
  reference(hash: BlockHash, id: string): ReferenceRow | Damaged | undefined {
    return this.#read(referenceKey(this.#partition, hash, id), decodeReference);
  }

  /** undefined: nothing is known of the block; a file of that name is a leftover. */
  async block(hash: BlockHash): Promise<BlockRow | undefined> {
    const row = this.#read(blockKey(this.#partition, hash), decodeBlock);
    if (row === undefined || !('kind' in row)) return row;
    return { liveCount: await this.#countReferences(hash), dueMs: 0 };
  }

  /** Adds a live reference; nothing to do when it is there. A tombstone must not be there. */
  async addReference(hash: BlockHash, owner: BlockOwner): Promise<LedgerChange> {
    const id = ownerId(owner);
    const before = this.reference(hash, id);
    assert(before?.kind !== 'released', 'what was released is not revived');
    if (before?.kind === 'live') return NO_CHANGE;
    const block = await this.block(hash);
    const liveCount =
      before === undefined ? (block?.liveCount ?? 0) + 1 : await this.#countReferences(hash);
    const operations = [
      this.#putReference(hash, id, { kind: 'live', owner }),
      this.#putBlock(hash, { liveCount, dueMs: 0 }),
    ];
    if (block !== undefined && block.dueMs > 0) {
      operations.push(this.#deleteDeletion({ kind: 'unlink', hash, dueMs: block.dueMs }));
    }
    // A damaged one counts as live.
    return { operations, toggles: before === undefined };
  }

  /** Takes back what `addReference` did, before anyone was told of it. */
  async undoReference(hash: BlockHash, owner: BlockOwner): Promise<LedgerChange> {
    const id = ownerId(owner);
    if (this.reference(hash, id)?.kind !== 'live') return NO_CHANGE;
    const block = await this.block(hash);
    const liveCount = (block?.liveCount ?? 1) - 1;
    const key = referenceKey(this.#partition, hash, id);
    const operations: StoreOperation[] = [{ kind: 'delete', key }];
    if (liveCount > 0) operations.push(this.#putBlock(hash, { liveCount, dueMs: 0 }));
    else operations.push({ kind: 'delete', key: blockKey(this.#partition, hash) });
    return { operations, toggles: true };
  }

  /** Replaces a reference, there or not, by a tombstone; the last one makes the file due. */
  async release(
    hash: BlockHash,
    id: string,
    due: { readonly forgetMs: number; readonly unlinkMs: number },
  ): Promise<LedgerChange> {
    const before = this.reference(hash, id);
    if (before?.kind === 'released') return NO_CHANGE;
    const operations = [
      this.#putReference(hash, id, { kind: 'released', dueMs: due.forgetMs }),
      this.#putDeletion({ kind: 'forget', hash, ownerId: id, dueMs: due.forgetMs }),
    ];
    if (before === undefined) return { operations, toggles: false };
    const counted =
      before.kind === 'live'
        ? (await this.block(hash))?.liveCount
        : await this.#countReferences(hash);
    const liveCount = Math.max((counted ?? 1) - 1, 0);
    const rest =
      liveCount > 0
        ? [this.#putBlock(hash, { liveCount, dueMs: 0 })]
        : this.makeDue(hash, due.unlinkMs);
    return { operations: [...operations, ...rest], toggles: true };
  }

  /** Nothing refers to the block: its file goes at `dueMs`. */
  makeDue(hash: BlockHash, dueMs: number): StoreOperation[] {
    return [
      this.#putBlock(hash, { liveCount: 0, dueMs }),
      this.#putDeletion({ kind: 'unlink', hash, dueMs }),
    ];
  }

  /** The deletion is done, or stale: it leaves the queue, with the row it was about. */
  endDeletion(deletion: Deletion, outcome: 'done' | 'stale'): StoreOperation[] {
    const operations: StoreOperation[] = [this.#deleteDeletion(deletion)];
    if (outcome === 'stale') return operations;
    const key =
      deletion.kind === 'unlink'
        ? blockKey(this.#partition, deletion.hash)
        : referenceKey(this.#partition, deletion.hash, deletion.ownerId);
    return [...operations, { kind: 'delete', key }];
  }

  /** Live references in the order of their hashes, behind `after`; at most `limit` rows are
   *  read. */
  async listReferences(
    after: Buffer | undefined,
    limit: number,
    leaf?: number,
  ): Promise<ReferencePage> {
    const whole = this.#references(leaf);
    const references: LiveReference[] = [];
    let last: Buffer | undefined;
    let rows = 0;
    for await (const entry of this.#rows(behind(whole, after))) {
      const row = this.#decode(entry.value, decodeReference);
      if (row.kind === 'live') {
        references.push({ hash: hashInReferenceKey(entry.key), owner: row.owner });
      }
      last = entry.key;
      rows += 1;
      if (rows >= limit) return { references, next: last };
    }
    return { references };
  }

  /** Hash and owner id of each reference, of one leaf or of all, that is live, or damaged, which
   *  counts so. */
  async *liveMembers(leaf: number | undefined): AsyncGenerator<Buffer, void> {
    for await (const { key, value } of this.#rows(this.#references(leaf))) {
      if (this.#decode(value, decodeReference).kind === 'released') continue;
      yield key.subarray(ROW_PREFIX_BYTES);
    }
  }

  /** The blocks of a leaf of the tree of files (the third digit of their hash) that something
   *  refers to. A damaged row may be one. */
  async referredBlocks(leaf: number): Promise<BlockHash[]> {
    const hashes: BlockHash[] = [];
    for await (const { key, value } of this.#rows(blocksOfLeaf(this.#partition, leaf))) {
      const row = this.#decode(value, decodeBlock);
      if ('kind' in row || row.liveCount > 0) hashes.push(hashInBlockKey(key));
    }
    return hashes;
  }

  /** Blocks of which anything is known, in the order of their hashes. */
  async knownBlocks(after: BlockHash | undefined, limit: number): Promise<BlockHash[]> {
    const hashes: BlockHash[] = [];
    const from = after === undefined ? undefined : blockKey(this.#partition, after);
    for await (const { key } of this.#rows(behind(blocksOfPartition(this.#partition), from))) {
      hashes.push(hashInBlockKey(key));
      if (hashes.length >= limit) break;
    }
    return hashes;
  }

  /** Everything that is known of a block goes; the file is to be removed after. */
  async forgetBlock(hash: BlockHash): Promise<StoreOperation[]> {
    const keys = [blockKey(this.#partition, hash)];
    for await (const { key } of this.#rows(referencesOfBlock(this.#partition, hash))) {
      keys.push(key);
    }
    return keys.map(key => ({ kind: 'delete', key }));
  }

  #references(leaf: number | undefined): RowRange {
    return leaf === undefined
      ? referencesOfPartition(this.#partition)
      : referencesOfLeaf(this.#partition, leaf);
  }

  /** Queued deletions by due time, behind `after`. All that they say is in their keys, so that a
   *  damaged entry is as good as another. */
  async deletions(after: Buffer | undefined, limit: number): Promise<Deletion[]> {
    const whole = deletionsOfPartition(this.#partition);
    const deletions: Deletion[] = [];
    for await (const entry of this.#rows(behind(whole, after))) {
      const deletion = parseDeletionKey(entry.key);
      if (deletion !== undefined) deletions.push(deletion);
      if (deletions.length >= limit) break;
    }
    return deletions;
  }

  deletionKey(deletion: Deletion): Buffer {
    return deletionKey(this.#partition, deletion);
  }

  async #countReferences(hash: BlockHash): Promise<number> {
    let count = 0;
    for await (const { value } of this.#rows(referencesOfBlock(this.#partition, hash))) {
      if (this.#decode(value, decodeReference).kind !== 'released') count += 1;
    }
    return count;
  }

  /** A damaged row comes with an empty value, which no decoder accepts. */
  async *#rows(range: RowRange): AsyncGenerator<StoreEntry, void> {
    const cursor = this.#store.cursor(range);
    try {
      for (;;) {
        const page = await nextEntries(cursor, PAGE_ROWS);
        if (page.length === 0) return;
        yield* page;
      }
    } finally {
      await cursor.close();
    }
  }

  #read<Row>(key: Buffer, decode: (bytes: Buffer) => Row): Row | Damaged | undefined {
    const row = orDamage(() => readRow(this.#store, key, decode));
    return row === 'damaged' ? DAMAGED : row;
  }

  #decode<Row>(bytes: Buffer, decode: (bytes: Buffer) => Row): Row | Damaged {
    const row = orDamage(() => decode(bytes));
    return row === 'damaged' ? DAMAGED : row;
  }

  #putReference(hash: BlockHash, id: string, row: ReferenceRow): StoreOperation {
    const key = referenceKey(this.#partition, hash, id);
    return { kind: 'put', key, value: encodeReference(row) };
  }

  #putBlock(hash: BlockHash, row: BlockRow): StoreOperation {
    return { kind: 'put', key: blockKey(this.#partition, hash), value: encodeBlock(row) };
  }

  #putDeletion(deletion: Deletion): StoreOperation {
    return { kind: 'put', key: deletionKey(this.#partition, deletion), value: NOTHING };
  }

  #deleteDeletion(deletion: Deletion): StoreOperation {
    return { kind: 'delete', key: deletionKey(this.#partition, deletion) };
  }
}

function behind(range: RowRange, key: Buffer | undefined): RowRange {
  return key === undefined ? range : { from: Buffer.concat([key, Buffer.of(0)]), to: range.to };
}
