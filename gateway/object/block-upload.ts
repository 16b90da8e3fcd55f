/**
 * The blocks of one version or part, on their way: stored or referenced, then listed.
 *
 * Owns:          the list as it grows; the manifest rows; what must be released on failure.
 * Knows:         blocks, manifests, owners.
 * Must not know: bodies, digests, the object row.
 *
 * A short list stands in the row of its owner; a long one in manifest rows, each sent as soon as it
 * is full. The owner's row may be sent only after `seal`: every block, every reference and every
 * manifest row is durable then.
 */
import type { BlockAnswer, BlockClient, StoreCompanions } from '../../bus/block-client.ts';
import type { LentBytes } from '../../bus/lent-bytes.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { partitionOfManifest } from '../../bus/table-client.ts';
import type { BlockHash, NodeId } from '../../schemas/ids.ts';
import { MANIFEST_INLINE_BLOCKS_MAX, MANIFEST_ROW_BLOCKS } from '../../schemas/limits.ts';
import type { BlockList, BlockRef } from '../../schemas/records/block-list.ts';
import { packBlocks } from '../../schemas/records/block-list.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { PartContent } from '../../schemas/records/upload-row.ts';
import type { S3Error } from '../s3/s3-error.ts';
import type { BlockDigest } from './block-digest.ts';
import { blockRefusal, tableRefusal } from './refusals.ts';

export type BlockUploadOptions = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly owner: BlockOwner;
};

/** How one block fared; `isSettled`: whoever was asked answered, so nobody reads the bytes now, but
 *  those whom what was lent knows of. */
export type StoreOutcome =
  | { readonly kind: 'stored' }
  /** `heldBy`: replicas that took the reference all the same. */
  | { readonly kind: 'send-it'; readonly heldBy: ReadonlySet<NodeId> }
  | { readonly kind: 'refused'; readonly error: S3Error; readonly isSettled: boolean };

const STORED: StoreOutcome = { kind: 'stored' };

export class BlockUpload {
  readonly owner: BlockOwner;
  readonly #tables: TableClient;
  readonly #blocks: BlockClient;
  readonly #listed: BlockRef[] = [];
  #listedBytes = 0;
  #manifestRows = 0;
  readonly #manifestWrites: Promise<S3Error | undefined>[] = [];

  constructor({ tables, blocks, owner }: BlockUploadOptions) {
    this.owner = owner;
    this.#tables = tables;
    this.#blocks = blocks;
  }

  get sizeBytes(): number {
    return this.#listedBytes;
  }

  /** True once something was asked that a failure must undo. */
  get hasBegun(): boolean {
    return this.#listed.length > 0;
  }

  /** Every block that this owner may have a reference to. */
  get hashes(): readonly BlockHash[] {
    return this.#listed.map(block => block.hash);
  }

  get hasManifestRows(): boolean {
    return this.#manifestRows > 0;
  }

  /** Puts the next block of the body on the list, before it is stored or referenced. */
  list(block: BlockRef): void {
    this.#listed.push(block);
    this.#listedBytes += block.sizeBytes;
    const isRowFull = this.#listed.length % MANIFEST_ROW_BLOCKS === 0;
    if (isRowFull) this.#sendManifestRow();
  }

  /** Stores a listed block. The bytes must stay as they are until this resolves, and until what
   *  was lent of them is free. */
  async store(
    { hash, checksums }: BlockDigest,
    bytes: Uint8Array,
    companions: StoreCompanions = {},
  ): Promise<StoreOutcome> {
    const block = { hash, bytes, checksums, owner: this.owner };
    const answer = await this.#blocks.store(block, companions);
    return answer.kind === 'stored' ? STORED : refused(answer, companions.lent);
  }

  /** References a listed block that should be there already. */
  async reference(hash: BlockHash): Promise<StoreOutcome> {
    const heldBy = new Set<NodeId>();
    const answer = await this.#blocks.addReference(hash, this.owner, heldBy);
    if (answer.kind === 'referenced') return STORED;
    return answer.kind === 'send-it' ? { kind: 'send-it', heldBy } : refused(answer, undefined);
  }

  /** The content of the owner's row, once all manifest rows are durable. Throws S3Error. */
  async seal(): Promise<PartContent> {
    const blockCount = this.#listed.length;
    if (blockCount <= MANIFEST_INLINE_BLOCKS_MAX) {
      return { kind: 'blocks', blocks: packBlocks(this.#listed) };
    }
    if (blockCount % MANIFEST_ROW_BLOCKS > 0) this.#sendManifestRow();
    for (const error of await Promise.all(this.#manifestWrites)) if (error) throw error;
    return { kind: 'manifest', blockCount };
  }

  /** Resolves when no manifest row is under way any more, however it fared. */
  async settled(): Promise<void> {
    await Promise.all(this.#manifestWrites);
  }

  #sendManifestRow(): void {
    const index = this.#manifestRows;
    const first = index * MANIFEST_ROW_BLOCKS;
    const blocks = packBlocks(this.#listed.slice(first, first + MANIFEST_ROW_BLOCKS));
    this.#manifestRows += 1;
    this.#manifestWrites.push(this.#writeManifestRow(index, blocks));
  }

  async #writeManifestRow(index: number, blocks: BlockList): Promise<S3Error | undefined> {
    const { owner } = this;
    const answer = await this.#tables.ask(partitionOfManifest(ownerId(owner)), {
      kind: 'manifest-write',
      owner,
      index,
      blocks,
    });
    return answer.kind === 'written' ? undefined : tableRefusal(answer);
  }
}

function refused(answer: BlockAnswer, lent: LentBytes | undefined): StoreOutcome {
  const isSettled = answer.kind !== 'unavailable' || lent?.wasLent === true;
  return { kind: 'refused', error: blockRefusal(answer), isSettled };
}
