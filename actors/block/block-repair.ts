/**
 * Brings the blocks of one partition back to what the references say.
 *
 * Owns:          references that come from peers, whether a block is whole, putting one back.
 * Knows:         rows and files of its partition, the queue of what is to be looked after.
 * Must not know: where blocks are fetched, when.
 *
 * A reference that comes from a peer is live at once, whether its block is here or not: what is not
 * here goes into the queue by the same batch. It counts towards no quorum: those who write are told
 * `stored` or `referenced` only where the verified file is.
 *
 * What can happen between two steps: a block is fetched outside of its turn, and meanwhile its last
 * reference may go, its file may be stored by a client, or be removed. So the count is read again
 * in the turn that writes the file, and a file that nothing refers to is not written. A crash after
 * the file and before the end of its row leaves the row: the file is found whole then.
 */
import type { BlockHash } from '../../schemas/ids.ts';
import { partitionOfBlock } from '../../schemas/ids.ts';
import type { LiveReference } from '../../schemas/messages/block.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import { isNamed } from './block-comparison.ts';
import type { BlockParts } from './block-parts.ts';
import { commitReference } from './block-parts.ts';
import { NO_CHANGE, type QueueChange, type ResyncQueue } from './resync-queue.ts';

/** A block from a peer. */
export type FetchedBlock = { readonly bytes: Uint8Array; readonly checksums: Uint8Array };

/** `kept`: whole on disk, every byte verified. `missing`: absent or damaged. */
export type BlockNeed = 'kept' | 'missing' | 'unneeded';

export type MergeOutcome = 'added' | 'known' | 'released';

export class BlockRepair {
  readonly #parts: BlockParts;
  readonly #queue: ResyncQueue;

  constructor(parts: BlockParts, queue: ResyncQueue) {
    this.#parts = parts;
    this.#queue = queue;
  }

  /** Takes references over that a peer holds live. Rejects when one could not be stored; those
   *  that were are. `released`: this replica was told that they ended. */
  merge(references: readonly LiveReference[]): Promise<readonly MergeOutcome[]> {
    const { turns } = this.#parts;
    return Promise.all(
      references.map(reference => turns.take(reference.hash, () => this.#merge(reference))),
    );
  }

  async #merge({ hash, owner }: LiveReference): Promise<MergeOutcome> {
    const { ledger, files } = this.#parts;
    const id = ownerId(owner);
    const before = ledger.reference(hash, id);
    if (before?.kind === 'released') return 'released';
    if (before?.kind === 'live') return 'known';
    const change = await ledger.addReference(hash, owner);
    const isHere = (await files.look(hash)).kind === 'whole';
    if (isHere) await files.makeDurable(hash);
    const { operations, commitBy } = isHere ? NO_CHANGE : this.#queue.add(hash);
    const reference = { hash, id };
    await commitBy(() => commitReference(this.#parts, reference, change, ['grows', operations]));
    return 'added';
  }

  /** The block may be damaged or missing: it is looked after, if something refers to it. */
  want(hash: BlockHash): Promise<void> {
    const { ledger, turns } = this.#parts;
    return turns.take(hash, async () => {
      const block = await ledger.block(hash);
      if (block !== undefined && block.liveCount > 0) await this.#commit(this.#queue.add(hash));
    });
  }

  /** What is waiting for its next try is tried at once. */
  hasten(hash: BlockHash): Promise<void> {
    return this.#parts.turns.take(hash, () => this.#commit(this.#queue.hasten(hash)));
  }

  /** In the hash's turn: it came by itself, and is durable. */
  async noteStored(hash: BlockHash): Promise<void> {
    if (this.#queue.isEmptyIn(partitionOfBlock(hash))) return;
    await this.#commit(this.#queue.remove(hash));
  }

  /** Looks at a queued block; one that needs nothing leaves the queue. */
  examine(hash: BlockHash): Promise<BlockNeed> {
    return this.#parts.turns.take(hash, async () => {
      const need = await this.#need(hash);
      if (need !== 'missing') await this.#commit(this.#queue.remove(hash));
      return need;
    });
  }

  async #need(hash: BlockHash): Promise<BlockNeed> {
    const { ledger, files } = this.#parts;
    const block = await ledger.block(hash);
    if (block === undefined || block.liveCount === 0) return 'unneeded';
    const found = await files.look(hash);
    if (found.kind !== 'whole') return 'missing';
    const { lengthBytes } = found;
    const wanted = { blockBytes: lengthBytes, first: 0, length: lengthBytes };
    const content = await files.read(hash, wanted);
    if (content.kind !== 'bytes' || !isNamed(content.bytes, hash)) return 'missing';
    await files.makeDurable(hash);
    return 'kept';
  }

  /** The block is here again. Its bytes were verified by whoever fetched them. Rejects when it
   *  cannot be written. */
  restore(hash: BlockHash, { bytes, checksums }: FetchedBlock): Promise<'restored' | 'unneeded'> {
    const { ledger, turns, files, load, stats } = this.#parts;
    return turns.take(hash, async () => {
      const block = await ledger.block(hash);
      const isNeeded = block !== undefined && block.liveCount > 0;
      if (isNeeded) {
        const writing = load.writes.run(() => files.write(hash, bytes, checksums));
        if (writing === undefined) throw new Error('too many blocks are being written');
        await writing;
        stats.restored += 1;
        stats.restoredBytes += bytes.length;
      }
      await this.#commit(this.#queue.remove(hash));
      return isNeeded ? 'restored' : 'unneeded';
    });
  }

  /**
   * Other nodes hold the block now: rows and file go from here. A crash between the two leaves a
   * file without a row, which the file walker finds.
   */
  drop(hash: BlockHash): Promise<void> {
    const { ledger, turns, store, files, digest, stats } = this.#parts;
    return turns.take(hash, async () => {
      const operations = await ledger.forgetBlock(hash);
      const queued = this.#queue.remove(hash);
      const all = [...operations, ...queued.operations];
      await queued.commitBy(() => store.commit(all, 'frees-space'));
      digest.forget(hash);
      await files.remove(hash);
      stats.removed += 1;
    });
  }

  /** It could not be had now. */
  postpone(hash: BlockHash, nowMs: number): Promise<void> {
    const { turns } = this.#parts;
    return turns.take(hash, () => this.#commit(this.#queue.postpone(hash, nowMs)));
  }

  async #commit({ operations, commitBy }: QueueChange): Promise<void> {
    // Without operations it would wait for what others commit.
    if (operations.length === 0) return;
    await commitBy(() => this.#parts.store.commit(operations, 'frees-space'));
  }
}
