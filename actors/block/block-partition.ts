/**
 * The one owner of one partition's blocks, and of the references to them, on this node.
 *
 * Owns:          the order of file, reference and count for each hash.
 * Knows:         the block messages, block files, the rows of blocks.
 * Must not know: objects; whether an owner is alive.
 *
 * All steps of one hash run one after the other, and a step ends when its batch is durable. A file
 * and the batch with its first reference are written at the same time; `stored` is said when both
 * are durable. What a crash leaves:
 *
 *   nothing, or a temporary file   the file walker removes temporary files of dead processes
 *   the file, no row               an orphan: the walker puts it into the deletion queue
 *   the row, no file               a reference of an owner that was never finished: its release
 *                                  comes with the owner's; meanwhile whoever stores or refers to
 *                                  the block looks for the file, never at the row alone
 *   both, and nobody was told      the same release
 *   tombstone, count 0, the file   the deletion queue has it, by the same batch
 *   count 0, the file removed      the queue still has it; removing again does nothing
 *
 * A file found under its name proves nothing about its durability or its bytes: before a reference
 * to it counts, it is verified against the bytes that were sent, and synced. A message that comes
 * after its owner was released finds a tombstone and is answered `released`: nothing was stored.
 *
 * With peers the tombstone stays longer: a peer that missed the release, and still has the
 * reference live, is told of it when the two compare (reference-sync.ts). The file goes by this
 * replica's count alone: it is the count of what was acknowledged by this replica, or taken over
 * from a peer, and a reference that only others have lives on their disks; when it is taken over
 * after the file went, the file is fetched back. What no replica knows to be dead is found by the
 * reference walker, which asks the replicas of the owner's row.
 */
import { unreachable } from '../../schemas/assert.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import { REPLICATED_TOMBSTONE_KEEP_MS, TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import type {
  BlockRead,
  BlockReply,
  BlockRequest,
  BlockStore,
  LiveReference,
  ReferenceAdd,
  ReferencesRelease,
} from '../../schemas/messages/block.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { RequestContext } from '../../bus/bus.ts';
import type { Actor } from '../runtime/actor.ts';
import type { BlockFiles } from '../storage/block-files.ts';
import { checksumsMatch } from '../storage/block-format.ts';
import type { CommitPurpose, PurposefulStore } from '../storage/commit-purpose.ts';
import { NoSpaceForBlocksError } from '../storage/data-directories.ts';
import { StoreFullError, StoreUnavailableError } from '../storage/store.ts';
import type { Comparison } from './block-comparison.ts';
import { compareWithFile } from './block-comparison.ts';
import { BlockExchange } from './block-exchange.ts';
import type { LedgerChange, ReferencePage } from './block-ledger.ts';
import { BlockLedger } from './block-ledger.ts';
import type { BlockLoad } from './block-load.ts';
import type { BlockParts } from './block-parts.ts';
import { commitReference } from './block-parts.ts';
import { BlockRepair } from './block-repair.ts';
import type { Deletion } from './block-rows.ts';
import type { BlockStats } from './block-stats.ts';
import { HashTurns } from './hash-turns.ts';
import { ReferenceDigest } from './reference-digest.ts';
import type { ResyncQueue } from './resync-queue.ts';

export type BlockPartitionOptions = {
  readonly partition: PartitionId;
  readonly store: PurposefulStore;
  readonly files: BlockFiles;
  /** One for all partitions of a node. */
  readonly load: BlockLoad;
  /** One for all partitions of a node. */
  readonly stats: BlockStats;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a file stays when nothing refers to it any more: readers of a version that was
   *  replaced meanwhile finish. */
  readonly deleteDelayMs: number;
  /** One for all partitions of a node that has peers, now or later. */
  readonly resync?: PeerResync;
};

export type PeerResync = {
  readonly queue: ResyncQueue;
  /** Are there other replicas now? */
  readonly isReplicated: (partition: PartitionId) => boolean;
};

/** `next`: behind which key to go on; absent when nothing more is due. */
export type Collection = {
  readonly done: number;
  readonly failed: number;
  readonly next?: Buffer;
};

/** Steps of one release that run at the same time. */
const RELEASES_AT_ONCE = 256;
const COLLECTED_AT_ONCE = 64;
const RETRY_DELETION_MS = 60_000;

export class BlockPartition implements Actor<BlockRequest, BlockReply> {
  readonly #options: BlockPartitionOptions;
  readonly #ledger: BlockLedger;
  readonly #turns = new HashTurns();
  readonly #parts: BlockParts;
  readonly #exchange: BlockExchange;
  /** Absent where there are no peers. */
  readonly repair: BlockRepair | undefined;
  #earliestDueMs = 0;

  constructor(options: BlockPartitionOptions) {
    this.#options = options;
    this.#ledger = new BlockLedger(options.partition, options.store);
    const { store, files, load, stats, resync } = options;
    this.#parts = {
      ...{ ledger: this.#ledger, turns: this.#turns, digest: new ReferenceDigest() },
      ...{ store, files, load, stats },
    };
    this.#exchange = new BlockExchange(this.#parts);
    this.repair = resync === undefined ? undefined : new BlockRepair(this.#parts, resync.queue);
  }

  get partition(): PartitionId {
    return this.#options.partition;
  }

  receive(request: BlockRequest, context: RequestContext): Promise<BlockReply> {
    if (isOfClient(request)) this.#options.stats.requests += 1;
    switch (request.kind) {
      case 'block-store':
        return this.#answer(() => this.#store(request, context));
      case 'reference-add':
        return this.#answer(() => this.#inTurn(request.hash, context, () => this.#refer(request)));
      case 'references-release':
        return this.#answer(() => this.#release(request));
      case 'block-read':
        return this.#answer(() => this.#read(request, context));
      case 'block-fetch':
      case 'references-compare':
      case 'references-list':
      case 'blocks-have':
        return this.#answer(() => this.#exchange.answer(request));
      default:
        // A newer release may ask what this one does not know.
        return Promise.resolve({ kind: 'not-understood' });
    }
  }

  /** Live references behind `after`; a page may be short or empty and still have a `next`. */
  listReferences(after: Buffer | undefined, limit: number): Promise<ReferencePage> {
    return this.#ledger.listReferences(after, limit);
  }

  /** Blocks that something refers to and whose file is in this leaf of the tree: 0 to 15. */
  referredBlocks(leaf: number): Promise<readonly BlockHash[]> {
    return this.#ledger.referredBlocks(leaf);
  }

  /** Blocks of which it knows anything, behind `after`. */
  knownBlocks(after: BlockHash | undefined, limit: number): Promise<readonly BlockHash[]> {
    return this.#ledger.knownBlocks(after, limit);
  }

  /** Few rows must be read, or none, to know the digests. */
  get isDigestCounted(): boolean {
    return this.#exchange.isCounted;
  }

  /** The digests of its live references, by leaf; undefined while they cannot be had. */
  digestLeaves(): Promise<Buffer | undefined> {
    return this.#exchange.leaves();
  }

  get #isReplicated(): boolean {
    return this.#options.resync?.isReplicated(this.#options.partition) === true;
  }

  /** When the next deletion is due, as far as is known; 0 before anyone looked. */
  get earliestDueMs(): number {
    return this.#earliestDueMs;
  }

  /** Carries out a page of the deletions whose time has come. One that fails stays in the queue. */
  async collect(after: Buffer | undefined): Promise<Collection> {
    const nowMs = this.#options.clock.wallMs();
    // Before the queue is read: what is queued from now on is not seen, and says so by itself.
    if (after === undefined) this.#earliestDueMs = Number.POSITIVE_INFINITY;
    const page = await this.#deletions(after, nowMs);
    const due = page.filter(deletion => deletion.dueMs <= nowMs);
    const notDue = page[due.length];
    if (notDue !== undefined) this.#expectDeletion(notDue.dueMs);
    const results = await Promise.all(due.map(deletion => this.#carryOut(deletion)));
    const done = results.filter(isDone => isDone).length;
    const failed = due.length - done;
    if (failed > 0) this.#expectDeletion(nowMs + RETRY_DELETION_MS);
    const last = due.at(-1);
    if (last === undefined || notDue !== undefined) return { done, failed };
    return { done, failed, next: this.#ledger.deletionKey(last) };
  }

  async #deletions(after: Buffer | undefined, nowMs: number): Promise<readonly Deletion[]> {
    try {
      return await this.#ledger.deletions(after, COLLECTED_AT_ONCE);
    } catch (error) {
      // Of what is due behind the pages before nothing is known.
      this.#expectDeletion(nowMs + RETRY_DELETION_MS);
      throw error;
    }
  }

  /** Is anything known of a block of this name? */
  async knows(hash: BlockHash): Promise<boolean> {
    return (await this.#ledger.block(hash)) !== undefined;
  }

  /** A file of this name was found. One that no row knows goes into the deletion queue. */
  considerFile(hash: BlockHash): Promise<'known' | 'orphan'> {
    return this.#turns.take(hash, async () => {
      if ((await this.#ledger.block(hash)) !== undefined) return 'known';
      const dueMs = this.#options.clock.wallMs() + this.#options.deleteDelayMs;
      try {
        await this.#options.store.commit(this.#ledger.makeDue(hash, dueMs), 'frees-space');
      } finally {
        // A commit that failed may have been made all the same.
        this.#expectDeletion(dueMs);
      }
      this.#options.stats.orphans += 1;
      return 'orphan';
    });
  }

  async #store(request: BlockStore, context: RequestContext): Promise<BlockReply> {
    const { load } = this.#options;
    if (!checksumsMatch(request.bytes, request.checksums)) return { kind: 'garbled' };
    if (!load.takeBytes(request.bytes.length)) return { kind: 'overloaded' };
    try {
      return await this.#inTurn(request.hash, context, () => this.#storeInTurn(request));
    } finally {
      load.giveBackBytes(request.bytes.length);
    }
  }

  async #storeInTurn(request: BlockStore): Promise<BlockReply> {
    const reply = await this.#storeBeside(request);
    if (reply.kind === 'stored') await this.repair?.noteStored(request.hash);
    return reply;
  }

  /** The block beside what is here of it. */
  async #storeBeside(request: BlockStore): Promise<BlockReply> {
    const { hash, owner } = request;
    if (this.#isReleased(request)) return { kind: 'released' };
    const comparison = await this.#compare(request);
    if (comparison === 'overloaded' || comparison === 'garbled') return { kind: comparison };
    const change = await this.#ledger.addReference(hash, owner);
    if (comparison !== 'same') return this.#writeFileAndRows(request, comparison, change);
    await this.#options.files.makeDurable(hash);
    await this.#commit(request, change, 'grows');
    this.#options.stats.deduplicated += 1;
    return { kind: 'stored', added: false };
  }

  /** Without a row the file is not looked for: what may be there is a leftover, and replaced. */
  async #compare(request: BlockStore): Promise<Comparison | 'overloaded'> {
    const { files, load } = this.#options;
    if ((await this.#ledger.block(request.hash)) === undefined) return 'absent';
    const comparing = load.looks.run(() => compareWithFile(files, request));
    const comparison = comparing === undefined ? 'overloaded' : await comparing;
    if (comparison === 'damaged') this.#countDamage(request.hash, 'a block came again');
    return comparison;
  }

  async #writeFileAndRows(
    request: BlockStore,
    comparison: 'absent' | 'damaged',
    change: LedgerChange,
  ): Promise<BlockReply> {
    const { files, load, stats } = this.#options;
    const { hash, bytes, checksums } = request;
    const writing = load.writes.run(() => files.write(hash, bytes, checksums));
    if (writing === undefined) return { kind: 'overloaded' };
    const committing = this.#commit(request, change, 'grows');
    const [file, rows] = await Promise.allSettled([writing, committing]);
    if (file.status === 'rejected') {
      if (rows.status === 'fulfilled' && change.operations.length > 0) await this.#undo(request);
      throw asError(file.reason);
    }
    stats.written += 1;
    stats.writtenBytes += bytes.length;
    if (comparison === 'damaged') stats.rewritten += 1;
    if (rows.status === 'rejected') {
      await this.#removeUnreferenced(hash, rows.reason);
      throw asError(rows.reason);
    }
    return { kind: 'stored', added: comparison === 'absent' };
  }

  /** The file could not be written; nobody was told of the reference, so it may simply go. If this
   *  fails as well, it is left as a crash would have left it. */
  async #undo(request: BlockStore): Promise<void> {
    const change = await this.#ledger.undoReference(request.hash, request.owner);
    await this.#commit(request, change, 'frees-space').catch(() => undefined);
  }

  #commit(
    { hash, owner }: LiveReference,
    change: LedgerChange,
    purpose: CommitPurpose,
  ): Promise<void> {
    return commitReference(this.#parts, { hash, id: ownerId(owner) }, change, [purpose]);
  }

  /** The rows were refused for want of space: certainly not stored, so the file may go at once. */
  async #removeUnreferenced(hash: BlockHash, reason: unknown): Promise<void> {
    if (!(reason instanceof StoreFullError)) return;
    if ((await this.#ledger.block(hash)) !== undefined) return;
    await this.#options.files.remove(hash).catch(() => undefined);
  }

  async #refer(request: ReferenceAdd): Promise<BlockReply> {
    const { files, load } = this.#options;
    const { hash, owner } = request;
    if (this.#isReleased(request)) return { kind: 'released' };
    const looking = load.looks.run(() => files.look(hash));
    if (looking === undefined) return { kind: 'overloaded' };
    const found = await looking;
    if (found.kind === 'damaged')
      this.#countDamage(found.path, 'a reference was added', found.cause);
    if (found.kind !== 'whole') return { kind: 'send-it' };
    await files.makeDurable(hash);
    await this.#commit(request, await this.#ledger.addReference(hash, owner), 'grows');
    return { kind: 'referenced' };
  }

  async #release(request: ReferencesRelease): Promise<BlockReply> {
    const { clock, deleteDelayMs } = this.#options;
    const { owner } = request;
    const id = ownerId(owner);
    const nowMs = clock.wallMs();
    const keepMs = this.#isReplicated ? REPLICATED_TOMBSTONE_KEEP_MS : TOMBSTONE_KEEP_MS;
    const due = { forgetMs: nowMs + keepMs, unlinkMs: nowMs + deleteDelayMs };
    for (let at = 0; at < request.hashes.length; at += RELEASES_AT_ONCE) {
      const steps = request.hashes.slice(at, at + RELEASES_AT_ONCE).map(hash =>
        this.#turns.take(hash, async () => {
          try {
            const change = await this.#ledger.release(hash, id, due);
            await this.#commit({ hash, owner }, change, 'frees-space');
          } finally {
            // Only now: a collection that ran before found nothing, and expects nothing more. A
            // commit that failed may have been made all the same.
            this.#expectDeletion(Math.min(due.forgetMs, due.unlinkMs));
          }
        }),
      );
      // All steps end before one that failed is reported: none goes on behind the answer's back.
      const failed = (await Promise.allSettled(steps)).find(step => step.status === 'rejected');
      if (failed !== undefined) throw asError(failed.reason);
    }
    return { kind: 'released' };
  }

  async #read(request: BlockRead, context: RequestContext): Promise<BlockReply> {
    const { clock, files, load, stats } = this.#options;
    const { hash, blockBytes, first, length, into } = request;
    const reading = load.reads.run(async (): Promise<BlockReply> => {
      if (clock.monotonicMs() > context.deadlineAtMs) return { kind: 'deadline-passed' };
      const content = await files.read(hash, { blockBytes, first, length, into });
      switch (content.kind) {
        case 'bytes':
          stats.readBytes += content.bytes.length;
          return { kind: 'bytes', bytes: content.bytes };
        case 'absent':
          this.lookAfter(hash);
          return { kind: 'absent' };
        case 'damaged':
          this.#countDamage(content.path, 'a block was read', content.cause);
          this.lookAfter(hash);
          return { kind: 'damaged' };
        default:
          return unreachable(content);
      }
    });
    return reading ?? { kind: 'overloaded' };
  }

  /** A block that may not be whole is fetched from a peer, if there is one and it is needed. */
  lookAfter(hash: BlockHash): void {
    const { log } = this.#options;
    if (this.repair === undefined || !this.#isReplicated) return;
    this.repair.want(hash).catch((error: unknown) => {
      log.warn({ error, hash }, 'a block that is not whole could not be queued');
    });
  }

  /** True when the deletion left the queue. */
  async #carryOut(deletion: Deletion): Promise<boolean> {
    const { hash } = deletion;
    try {
      await this.#turns.take(hash, async () => {
        const outcome = await this.#carryOutInTurn(deletion);
        const operations = this.#ledger.endDeletion(deletion, outcome);
        await this.#options.store.commit(operations, 'frees-space');
      });
      return true;
    } catch (error) {
      this.#options.log.warn({ error, hash }, 'a block cannot be deleted now');
      return false;
    }
  }

  /** The row is read again here, in the turn of the hash: it may have been referred to
   *  meanwhile. */
  async #carryOutInTurn(deletion: Deletion): Promise<'done' | 'stale'> {
    if (deletion.kind === 'forget') {
      const row = this.#ledger.reference(deletion.hash, deletion.ownerId);
      if (row?.kind === 'damaged') {
        this.#parts.digest.forget(deletion.hash);
        return 'done';
      }
      return row?.kind === 'released' && row.dueMs === deletion.dueMs ? 'done' : 'stale';
    }
    const row = await this.#ledger.block(deletion.hash);
    if (row?.liveCount !== 0 || row.dueMs !== deletion.dueMs) return 'stale';
    await this.#options.files.remove(deletion.hash);
    this.#options.stats.removed += 1;
    return 'done';
  }

  #expectDeletion(dueMs: number): void {
    this.#earliestDueMs = Math.min(this.#earliestDueMs, dueMs);
  }

  #isReleased({ hash, owner }: BlockStore | ReferenceAdd): boolean {
    return this.#ledger.reference(hash, ownerId(owner))?.kind === 'released';
  }

  /** The step when its turn comes, if the caller still waits for it then. */
  #inTurn(
    hash: BlockHash,
    context: RequestContext,
    step: () => Promise<BlockReply>,
  ): Promise<BlockReply> {
    return this.#turns.take(hash, async () => {
      const isLate = this.#options.clock.monotonicMs() > context.deadlineAtMs;
      return isLate ? { kind: 'deadline-passed' } : step();
    });
  }

  #countDamage(block: string, when: string, cause?: unknown): void {
    this.#options.stats.damaged += 1;
    this.#options.log.error({ block, when, error: cause }, 'a block file is damaged');
  }

  async #answer(work: () => Promise<BlockReply>): Promise<BlockReply> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreFullError || error instanceof NoSpaceForBlocksError) {
        return { kind: 'no-space' };
      }
      if (!(error instanceof StoreUnavailableError)) {
        const { log, partition } = this.#options;
        log.error({ error, partition }, 'a request to a block partition failed');
      }
      return { kind: 'unknown' };
    }
  }
}

function isOfClient({ kind }: BlockRequest): boolean {
  return kind === 'block-store' || kind === 'block-read' || kind === 'reference-add';
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
