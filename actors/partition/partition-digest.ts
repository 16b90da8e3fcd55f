/**
 * The digest of one partition's rows, kept beside them in memory.
 *
 * Owns:          the tree, and whether it tells the truth yet.
 * Knows:         batches before and after they are durable; snapshots of the store.
 * Must not know: who compares it with what.
 *
 * It is made anew at each start, and after each failed batch: nothing of it is stored, so nothing
 * of it can be wrong after a crash. It costs one walk over the partition. Writes go on meanwhile:
 * the walk sees a snapshot taken between two batches, and each later batch adds what it changes.
 * A damaged row has no item: it differs from the other replicas', which is how it is found.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import { nameOfKey, rowRange } from '../../schemas/row-tables.ts';
import type { Store, StoreCursor, StoreOperation } from '../storage/store.ts';
import { DamagedRowError } from '../storage/store.ts';
import { isDamage } from '../storage/row-damage.ts';
import { DigestTree, leafOf } from './digest-tree.ts';
import { asBuffer } from './row-batch.ts';
import { COMPARED_TABLES, isCompared, itemOf } from './row-items.ts';

export type PartitionDigestOptions = {
  readonly partition: PartitionId;
  readonly store: Store;
  readonly clock: Clock;
  /** The same on all nodes of the cluster, and known to nobody else. */
  readonly clusterKey: Uint8Array;
};

/** Items that a batch takes away and adds; `unknown`: a row that it replaces is damaged. */
export type DigestChange = readonly (readonly [leaf: number, item: Buffer])[] | 'unknown';

type State = 'absent' | 'building' | 'ready';

const PAGE_ROWS = 500;

export class PartitionDigest {
  readonly #options: PartitionDigestOptions;
  /** Made when it is first walked: most partitions are those of other nodes. */
  #tree: DigestTree | undefined;
  #state: State = 'absent';
  /** Of the walk that is under way: one that was overtaken by a failure gives up. */
  #walk = 0;

  constructor(options: PartitionDigestOptions) {
    this.#options = options;
  }

  /** The leaves and their root; undefined while they do not tell what is stored. */
  get tree(): DigestTree | undefined {
    return this.#state === 'ready' ? this.#tree : undefined;
  }

  get isAbsent(): boolean {
    return this.#state === 'absent';
  }

  /** What is stored is not known any more: all is to be walked again. */
  invalidate(): void {
    this.#state = 'absent';
    this.#walk += 1;
  }

  /** Of a batch about to be committed, when all batches before it are. */
  changeOf(operations: readonly StoreOperation[]): DigestChange {
    if (this.#state === 'absent') return [];
    const changes: [number, Buffer][] = [];
    try {
      for (const operation of operations) this.#collect(operation, changes);
    } catch (error) {
      if (isDamage(error)) return 'unknown';
      throw error;
    }
    return changes;
  }

  #collect(operation: StoreOperation, changes: [number, Buffer][]): void {
    if (!isCompared(operation.key[1])) return;
    const { store, clusterKey } = this.#options;
    const name = nameOfKey(operation.key);
    const leaf = leafOf(name);
    const before = store.get(operation.key);
    if (before !== undefined) changes.push([leaf, itemOf(clusterKey, name, before)]);
    if (operation.kind === 'delete') return;
    changes.push([leaf, itemOf(clusterKey, name, asBuffer(operation.value))]);
  }

  /** The batch is durable. */
  apply(change: DigestChange): void {
    if (change === 'unknown') {
      this.invalidate();
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    for (const [leaf, item] of change) {
      this.#tree?.toggle(leaf, item);
      this.#tree?.touch(leaf, nowMs);
    }
  }

  /**
   * Walks the partition; `change` runs a step in turn with the writes. Resolves when the digest is
   * ready, or was overtaken: then it is absent again. Rejects with what the store throws.
   */
  async build(
    change: (apply: () => void) => Promise<'done' | 'failed'>,
    rest: () => Promise<void>,
  ): Promise<void> {
    const cursors: StoreCursor[] = [];
    this.invalidate();
    const walk = this.#walk;
    try {
      const outcome = await change(() => {
        this.#begin(cursors);
      });
      if (outcome === 'failed') this.invalidate();
      for (const cursor of cursors) {
        while (this.#walk === walk && (await this.#addPage(cursor, walk))) await rest();
      }
      if (this.#walk === walk) this.#state = 'ready';
    } catch (error) {
      if (this.#walk === walk) this.invalidate();
      throw error;
    } finally {
      for (const cursor of cursors) await cursor.close();
    }
  }

  /** Between two batches: what was durable is in the snapshot, what comes is a change. */
  #begin(cursors: StoreCursor[]): void {
    const { partition, store } = this.#options;
    this.#tree ??= new DigestTree();
    this.#tree.clear();
    for (const table of COMPARED_TABLES) cursors.push(store.cursor(rowRange(partition, table)));
    this.#state = 'building';
  }

  async #addPage(cursor: StoreCursor, walk: number): Promise<boolean> {
    const { clusterKey } = this.#options;
    try {
      const page = await cursor.next(PAGE_ROWS);
      if (this.#walk !== walk) return false;
      for (const { key, value } of page) {
        const name = nameOfKey(key);
        this.#tree?.toggle(leafOf(name), itemOf(clusterKey, name, value));
      }
      return page.length > 0;
    } catch (error) {
      if (error instanceof DamagedRowError) return true;
      throw error;
    }
  }
}
