/**
 * The one owner of one partition's rows on this node.
 *
 * Owns:          which request is answered by what, and that each is answered once.
 * Knows:         reads look at committed rows at once; writes queue and are committed in batches.
 * Must not know: how messages travel, blocks, HTTP.
 *
 * `object-read` answers without a promise: it is the path of every GET. Lists wait for the disk, so
 * few run at a time and few wait.
 */
import type { RequestContext } from '../../bus/bus.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import { YOUNG_ROWS_MS } from '../../schemas/limits.ts';
import type { TableReply, TableRequest, VersionDelete } from '../../schemas/messages/table.ts';
import type { DigestRows, RowsMerge } from '../../schemas/messages/table-replicas.ts';
import { digestOfReply, isCompared } from '../../schemas/messages/reply-digest.ts';
import { chain } from '../../schemas/soon.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { Actor } from '../runtime/actor.ts';
import { Gate } from '../runtime/gate.ts';
import type { CommitPurpose, PurposefulStore } from '../storage/commit-purpose.ts';
import type { BucketState } from './bucket-ledger.ts';
import { BucketMemory, readBucketState } from './bucket-ledger.ts';
import { probeBucket } from './bucket-probe.ts';
import { CounterRecount } from './counter-recount.ts';
import { digestPage, readDigest } from './digest-pages.ts';
import { DurableSequence } from './durable-sequence.ts';
import { ForgottenMark } from './forgotten-mark.ts';
import { applyFence, applyUnfence } from './fences.ts';
import { applyManifestWrite, dropManifest, readManifest } from './manifest-rows.ts';
import { listObjects } from './object-list.ts';
import { readObject } from './object-reads.ts';
import { applyObjectChange } from './object-changes.ts';
import { applyObjectWrite } from './object-writes.ts';
import { applyOwnerAbort, applyOwnersCheck } from './owners.ts';
import { PartitionDigest } from './partition-digest.ts';
import type { Holding } from './quota.ts';
import { holdingOf, NOTHING_HELD } from './quota.ts';
import { sequenceRowKey } from './row-keys.ts';
import {
  applyRoundEnter,
  applyRoundPrepare,
  applyRoundPromise,
  checkRound,
  readRound,
} from './rounds.ts';
import type { KnownBelow } from './row-merges.ts';
import { applyRowsMerge, mayEndVersion, mergeRows } from './row-merges.ts';
import { readRows } from './row-reads.ts';
import { dropRows, holdsRows } from './set-aside.ts';
import { listUploads } from './upload-list.ts';
import { listParts, readPart, readUpload, readVersionParts } from './upload-reads.ts';
import { applyPartWrite, applyUploadAbort, applyUploadCreate } from './upload-writes.ts';
import { HistoryWatch, SuccessorSearch } from './successors.ts';
import { checkVersion } from './version-checks.ts';
import type { DeletionAttempt } from './version-deletes.ts';
import { deleteVersion } from './version-deletes.ts';
import { listVersions } from './version-list.ts';
import { replyToFailure, WriteQueue } from './write-queue.ts';
import { weightOf } from './write-weight.ts';
import type { StepSurroundings, WriteStep } from './write-step.ts';

export type TablePartitionOptions = {
  readonly partition: PartitionId;
  readonly store: PurposefulStore;
  readonly clock: Clock;
  /** False while the metadata disk has less than it must keep: what needs space is refused. */
  readonly space: () => boolean;
  /** Told after each batch that queued something to be released. */
  readonly kickRelease: () => void;
  /** No other node holds this partition: what is absent here was never anywhere. */
  readonly soleReplica: boolean;
  /** Is this stamper (16 hex digits) a process that lives? */
  readonly isLiveStamper: (stamper: string) => boolean;
  /** What other partitions of this node hold of a bucket; absent where there are none. */
  readonly heldElsewhere?: StepSurroundings['heldElsewhere'];
  /** The key of the cluster's digests; absent where no other node holds this partition. */
  readonly digestKey?: Uint8Array | undefined;
  /** Told whenever it turns out that others forgot something without this replica. */
  readonly missedRound?: () => void;
  readonly log?: Log;
};

/** Writes of this kind of request change rows in one step. */
type TableWrite = Extract<
  TableRequest,
  {
    kind:
      | 'object-write'
      | 'object-change'
      | 'manifest-write'
      | 'upload-create'
      | 'upload-abort'
      | 'part-write'
      | 'owner-abort'
      | 'owners-check'
      | 'bucket-fence'
      | 'bucket-unfence'
      | 'round-promise'
      | 'round-prepare'
      | 'round-enter';
  }
>;

const LISTS_RUNNING_MAX = 8;
const LISTS_WAITING_MAX = 256;
/** Of the partition's own chores; they are repeated when they fail. */
const CHORE_WEIGHT = 1024;
const NOTHING_KNOWN: KnownBelow = new Map();

export class TablePartition implements Actor<TableRequest, TableReply> {
  readonly partition: PartitionId;
  readonly store: PurposefulStore;
  readonly isSoleReplica: boolean;
  /** Absent where no other node holds this partition. */
  readonly digest: PartitionDigest | undefined;
  readonly #options: TablePartitionOptions;
  readonly #memory = new BucketMemory();
  readonly #sequence: DurableSequence;
  readonly #forgotten: ForgottenMark;
  readonly #watch = new HistoryWatch();
  readonly #queue: WriteQueue;
  readonly #lists = new Gate({ runningMax: LISTS_RUNNING_MAX, waitingMax: LISTS_WAITING_MAX });
  readonly #recount: CounterRecount;
  #indexedBelow: number | undefined;
  #isSetAside = false;
  /** When the first row may have come (monotonic) since it was known to hold none. */
  #rowsSince: 'unknown' | 'looking' | 'none' | number = 'unknown';

  constructor(options: TablePartitionOptions) {
    const { partition, store, clock, space, soleReplica, isLiveStamper, log } = options;
    this.#options = options;
    this.partition = partition;
    this.store = store;
    this.isSoleReplica = soleReplica;
    this.#sequence = new DurableSequence(sequenceRowKey(partition), () => clock.wallMs());
    const { digestKey: clusterKey } = options;
    this.digest = clusterKey && new PartitionDigest({ partition, store, clock, clusterKey });
    const forgotten = new ForgottenMark({ partition, store, clock });
    this.#forgotten = forgotten;
    const surroundings: StepSurroundings = {
      partition,
      store,
      clock,
      memory: this.#memory,
      sequence: this.#sequence,
      forgotten,
      watch: this.#watch,
      space,
      soleReplica,
      isLiveStamper,
      heldElsewhere: options.heldElsewhere ?? (() => NOTHING_HELD),
      areRowsYoung: () => this.#areRowsYoung,
      missedRound: () => {
        this.missedRound();
      },
      digest: this.digest,
    };
    this.#recount = new CounterRecount({ partition, store, change: apply => this.change(apply) });
    const events = {
      onCommitted: (step: WriteStep) => this.#committed(step),
      onFailed: () => {
        this.#recount.cancel();
        this.#forgotten.invalidate();
        this.digest?.invalidate();
      },
    };
    this.#queue = new WriteQueue(surroundings, events, log);
    store.onReopened(() => this.#reopened());
  }

  receive(request: TableRequest, context: RequestContext): TableReply | Promise<TableReply> {
    if (context.deadlineAtMs <= this.#options.clock.monotonicMs()) {
      return { kind: 'deadline-passed' };
    }
    if (this.#isSetAside) return { kind: 'unknown' };
    switch (request.kind) {
      case 'object-read':
        return this.#answer(() => readObject(this.store, this.partition, request));
      case 'manifest-read':
        return this.#answer(() => readManifest(this.store, this.partition, request));
      case 'upload-read':
        return this.#answer(() => readUpload(this.store, this.partition, request));
      case 'part-read':
        return this.#answer(() => readPart(this.store, this.partition, request));
      case 'version-parts-read':
        return this.#answer(() => readVersionParts(this.store, this.partition, request));
      case 'counters-read':
        return this.#answer(() => this.#counters(request.bucket));
      case 'rows-read':
        return this.#answer(() => readRows(this, request));
      case 'digest-read':
        return this.#answer(() => this.#readDigest());
      case 'round-check':
        return this.#answer(() => checkRound(this.store, this.partition, request));
      case 'digest-rows':
        return this.#list(context, () => this.#digestPage(request));
      case 'reply-digest':
        return chain(this.receive(request.of, context), digestIfAnswer);
      case 'object-list':
        return this.#list(context, () => listObjects(this, request));
      case 'upload-list':
        return this.#list(context, () => listUploads(this, request));
      case 'part-list':
        return this.#list(context, () => listParts(this, request));
      case 'bucket-probe':
        return this.#list(context, () => probeBucket(this, request));
      case 'version-list':
        return this.#list(context, () => listVersions(this, request));
      case 'version-delete':
        return this.#deleteVersion(request, context);
      case 'version-check':
        return this.#list(context, () => checkVersion(this, request));
      case 'rows-merge':
        return this.#mergeRows(request, context);
      case 'manifest-drop':
        return this.#list(context, () => dropManifest(this, request, apply => this.change(apply)));
      default:
        return this.#write(request, context);
    }
  }

  /**
   * Runs a chore of this node in turn with the writes, and makes what it changed durable. It may
   * run and fail all the same: chores look again at what they meant to change.
   */
  change(apply: (step: WriteStep) => void): Promise<'done' | 'failed'> {
    return this.#isSetAside ? Promise.resolve('failed') : this.#chore(apply);
  }

  /** Others are in a round that went on without this replica, which holds rows from before. */
  missedRound(): void {
    this.#options.missedRound?.();
  }

  /** Looks whether it holds nothing. If so, it is known from then on how old its rows are. */
  async noteEmpty(): Promise<void> {
    const isIdle = this.#queue.length === 0 && this.#queue.underWay.length === 0;
    if (this.#isSetAside || !isIdle) return;
    this.#rowsSince = 'looking';
    const isEmpty = !(await holdsRows(this));
    if (this.#rowsSince === 'looking') this.#rowsSince = isEmpty ? 'none' : 'unknown';
  }

  get #areRowsYoung(): boolean {
    const since = this.#rowsSince;
    return typeof since === 'number' && this.#options.clock.monotonicMs() - since < YOUNG_ROWS_MS;
  }

  #noteChange(): void {
    if (this.#rowsSince === 'looking') this.#rowsSince = 'unknown';
    if (this.#rowsSince === 'none') this.#rowsSince = this.#options.clock.monotonicMs();
  }

  /**
   * Drops all that this replica holds, and answers nothing meanwhile. `nothing`: there was nothing,
   * or nothing that is old enough to have been forgotten by others.
   * What was accepted before may not be stored by another replica yet, until its deadline passes.
   * Rejects as the store does.
   */
  async setAside(): Promise<'dropped' | 'nothing' | 'failed'> {
    if (this.#isSetAside) return 'failed';
    if (this.#areRowsYoung) return 'nothing';
    this.#isSetAside = true;
    this.#rowsSince = 'unknown';
    try {
      // What is under way ends first: the batch of this chore is behind it.
      if ((await this.#chore(() => undefined)) === 'failed') return 'failed';
      const holds = await holdsRows(this);
      if (holds) {
        this.#recount.cancel();
        this.digest?.invalidate();
        const outcome = await dropRows(this, apply => this.#chore(apply));
        if (outcome === 'failed') return 'failed';
      }
      this.#rowsSince = 'none';
      return holds ? 'dropped' : 'nothing';
    } finally {
      this.#memory.clear();
      this.#forgotten.invalidate();
      this.digest?.invalidate();
      this.#isSetAside = false;
    }
  }

  #chore(apply: (step: WriteStep) => void): Promise<'done' | 'failed'> {
    return new Promise(resolve => {
      const write = {
        deadlineAtMs: Number.POSITIVE_INFINITY,
        purpose: 'frees-space' as const,
        company: 'alone' as const,
        apply: (step: WriteStep): TableReply => {
          apply(step);
          return { kind: 'written' };
        },
        answer: (reply: TableReply) => resolve(reply.kind === 'written' ? 'done' : 'failed'),
      };
      this.#queue.add(write, CHORE_WEIGHT);
    });
  }

  /**
   * All entries of the tombstone index with lower numbers are durable. Throws what Store.get does.
   */
  indexedBelow(): number {
    this.#indexedBelow ??= this.#sequence.start(this.store);
    return this.#indexedBelow;
  }

  /**
   * What a bucket holds here. What is decided and not yet committed counts when it adds, and not
   * when it frees: it may fail. Throws what Store.get and the rows' decoders throw.
   */
  holding(bucket: BucketId): Holding {
    const state = this.#memory.get(bucket) ?? this.#loadState(bucket);
    let { objects, bytes } = holdingOf(state.counters);
    for (const { ledger } of this.#queue.underWay) {
      const decided = ledger.changed(bucket);
      if (decided === undefined) continue;
      const held = holdingOf(decided.counters);
      objects = Math.max(objects, held.objects);
      bytes = Math.max(bytes, held.bytes);
    }
    return { objects, bytes };
  }

  #loadState(bucket: BucketId): BucketState {
    const state = readBucketState(this.store, this.partition, bucket);
    this.#memory.set(bucket, state);
    return state;
  }

  #write(request: TableWrite, context: RequestContext): Promise<TableReply> {
    const how = { purpose: purposeOf(request), weight: weightOf(request) };
    return this.#attempt(context, how, step => applyWrite(step, request));
  }

  #deleteVersion(request: VersionDelete, context: RequestContext): Promise<TableReply> {
    return this.#searching(context, 'frees-space', (attempt, search) =>
      deleteVersion(request, attempt, search),
    );
  }

  #mergeRows(request: RowsMerge, context: RequestContext): Promise<TableReply> {
    if (request.rows.some(mayEndVersion)) {
      return this.#searching(context, 'grows', (attempt, search) =>
        mergeRows(request, attempt, search),
      );
    }
    return this.#attempt(context, { purpose: 'grows', weight: weightOf(request) }, step => {
      const merged = applyRowsMerge(step, request, NOTHING_KNOWN);
      return merged.kind === 'walk' ? { kind: 'unknown' } : merged;
    });
  }

  /** Work that may have to walk before it can be decided. */
  #searching(
    context: RequestContext,
    purpose: CommitPurpose,
    work: (attempt: DeletionAttempt, search: SuccessorSearch) => Promise<TableReply>,
  ): Promise<TableReply> {
    const attempt: DeletionAttempt = apply =>
      this.#attempt(context, { purpose, weight: CHORE_WEIGHT }, apply);
    return this.#list(context, async () => {
      const search = new SuccessorSearch(this, this.#watch);
      try {
        return await work(attempt, search);
      } finally {
        search.end();
      }
    });
  }

  #attempt(
    { deadlineAtMs }: RequestContext,
    { purpose, weight }: { readonly purpose: CommitPurpose; readonly weight: number },
    apply: (step: WriteStep) => TableReply,
  ): Promise<TableReply> {
    if (this.#isSetAside) return Promise.resolve({ kind: 'unknown' });
    this.#noteChange();
    return new Promise(resolve => {
      const write = { deadlineAtMs, purpose, company: 'any', apply, answer: resolve } as const;
      this.#queue.add(write, weight);
    });
  }

  #answer(read: () => TableReply): TableReply {
    try {
      return read();
    } catch (error) {
      return replyToFailure(error, this.#options.log);
    }
  }

  #list(context: RequestContext, work: () => Promise<TableReply>): Promise<TableReply> {
    const running = this.#lists.run(async () => {
      if (context.deadlineAtMs <= this.#options.clock.monotonicMs()) {
        return { kind: 'deadline-passed' } as const;
      }
      try {
        return await work();
      } catch (error) {
        return replyToFailure(error, this.#options.log);
      }
    });
    return running ?? Promise.resolve({ kind: 'overloaded' });
  }

  #readDigest(): TableReply {
    const { round } = readRound(this.store, this.partition);
    return readDigest(this.digest, this.#options.clock.monotonicMs(), round);
  }

  async #digestPage(request: DigestRows): Promise<TableReply> {
    const { digestKey } = this.#options;
    if (digestKey === undefined) return { kind: 'digest-page', rows: [] };
    return { kind: 'digest-page', ...(await digestPage(this, digestKey, request)) };
  }

  #counters(bucket: Parameters<typeof readBucketState>[2]): TableReply {
    const state = this.#memory.get(bucket) ?? readBucketState(this.store, this.partition, bucket);
    return { kind: 'counters', counters: state.counters };
  }

  /** What a failed batch carried may be there all the same: its entries wait to be looked after. */
  #reopened(): void {
    this.#memory.clear();
    this.#recount.cancel();
    this.#forgotten.invalidate();
    this.digest?.invalidate();
    if (this.#indexedBelow !== undefined) this.#indexedBelow = this.#sequence.next;
    this.#options.kickRelease();
  }

  #committed(step: WriteStep): void {
    this.#indexedBelow = step.indexedBelow ?? this.#indexedBelow;
    this.#recount.committed(step.ledger);
    if (step.hasReleases) this.#options.kickRelease();
  }
}

/** A refusal is none that could be compared. */
function digestIfAnswer(reply: TableReply): TableReply {
  return isCompared(reply) ? { kind: 'reply-digest', digest: digestOfReply(reply) } : reply;
}

/** Deletions, and what leads to them, go on below the limit that stops all that grows. */
function purposeOf(request: TableWrite): CommitPurpose {
  switch (request.kind) {
    case 'object-write':
      return request.row.kind === 'version' ? 'grows' : 'frees-space';
    case 'object-change':
    case 'manifest-write':
    case 'upload-create':
    case 'part-write':
      return 'grows';
    default:
      return 'frees-space';
  }
}

function applyWrite(step: WriteStep, request: TableWrite): TableReply {
  switch (request.kind) {
    case 'object-write':
      return applyObjectWrite(step, request);
    case 'object-change':
      return applyObjectChange(step, request);
    case 'manifest-write':
      return applyManifestWrite(step, request);
    case 'upload-create':
      return applyUploadCreate(step, request);
    case 'upload-abort':
      return applyUploadAbort(step, request);
    case 'part-write':
      return applyPartWrite(step, request);
    case 'owner-abort':
      return applyOwnerAbort(step, request);
    case 'owners-check':
      return applyOwnersCheck(step, request);
    case 'bucket-fence':
      return applyFence(step, request);
    case 'bucket-unfence':
      return applyUnfence(step, request);
    case 'round-promise':
      return applyRoundPromise(step, request);
    case 'round-prepare':
      return applyRoundPrepare(step, request);
    case 'round-enter':
      return applyRoundEnter(step, request);
    default:
      // A kind of a later release.
      return { kind: 'not-understood' };
  }
}
