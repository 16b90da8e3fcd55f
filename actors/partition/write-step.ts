/**
 * What the requests of one batch work on together.
 *
 * Owns:          the batch, the ledger of buckets, and whether the release worker is to be told.
 * Knows:         where release entries and tombstones are queued.
 * Must not know: the requests.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import { COMMIT_BYTES_MAX, COMMIT_OPERATIONS_MAX } from '../../schemas/limits.ts';
import type { ReleaseEntry } from '../../schemas/records/release-entry.ts';
import { encodeReleaseEntry } from '../../schemas/records/release-entry.ts';
import type { TombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import { encodeTombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import type { StoreOperation } from '../storage/store.ts';
import type { BucketMemory } from './bucket-ledger.ts';
import { BucketLedger } from './bucket-ledger.ts';
import type { DurableSequence } from './durable-sequence.ts';
import type { DigestChange, PartitionDigest } from './partition-digest.ts';
import type { Holding } from './quota.ts';
import type { ForgottenMark } from './forgotten-mark.ts';
import { RowBatch } from './row-batch.ts';
import type { HistoryWatch } from './successors.ts';
import { releaseRowKey, tombstoneRowKey } from './row-keys.ts';

/** What stays the same from batch to batch. */
export type StepSurroundings = {
  readonly partition: PartitionId;
  readonly store: PurposefulStore;
  readonly clock: Clock;
  readonly memory: BucketMemory;
  readonly sequence: DurableSequence;
  readonly forgotten: ForgottenMark;
  /** False: refuse what needs space. */
  readonly space: () => boolean;
  readonly soleReplica: boolean;
  readonly watch: HistoryWatch;
  /** Is this stamper (16 hex digits) a process that lives? */
  readonly isLiveStamper: (stamper: string) => boolean;
  /** Whether all that is held came just now: nobody forgets so soon. */
  readonly areRowsYoung: () => boolean;
  /** Told that the others forgot something without this replica. */
  readonly missedRound: () => void;
  /** What other partitions of this node hold of a bucket with so many index shards. */
  readonly heldElsewhere: (bucket: BucketId, shards: number) => Holding;
  /** Absent where no other node holds this partition: there is nothing to compare it with. */
  readonly digest?: PartitionDigest | undefined;
};

export class WriteStep {
  readonly surroundings: StepSurroundings;
  readonly partition: PartitionId;
  readonly batch: RowBatch;
  readonly ledger: BucketLedger;
  #hasReleases = false;
  #hasIndexed = false;
  #hasForgotten = false;
  #indexedBelow: number | undefined;
  #digestChange: DigestChange = [];

  /** `below`: the step whose batch is being committed; it is committed before this one's. */
  constructor(surroundings: StepSurroundings, below?: WriteStep) {
    const { partition, store, memory } = surroundings;
    this.surroundings = surroundings;
    this.partition = partition;
    this.batch = new RowBatch(store, below?.batch);
    this.ledger = new BucketLedger({ partition, memory, batch: this.batch, below: below?.ledger });
  }

  /** What follows can be undone together. */
  begin(): void {
    this.batch.begin();
    this.ledger.begin();
  }

  /** Rows and counters are what they were. */
  undo(): void {
    this.batch.undo();
    this.ledger.undo();
  }

  /** All that changed, to be committed; nothing is decided in this step any more, and the step
   *  below is committed. Throws what Store.get does. */
  finish(): StoreOperation[] {
    this.ledger.write();
    if (this.#hasForgotten) this.surroundings.forgotten.write(this.batch);
    if (this.#hasIndexed) this.#indexedBelow = this.surroundings.sequence.next;
    const operations = this.batch.operations();
    this.#digestChange = this.surroundings.digest?.changeOf(operations) ?? [];
    return operations;
  }

  /** The batch is durable. */
  takeOver(): void {
    this.ledger.takeOver();
    this.surroundings.digest?.apply(this.#digestChange);
  }

  /** The step below is committed. */
  landed(): void {
    this.batch.landed();
    this.ledger.landed();
  }

  get hasRoom(): boolean {
    return this.batch.operationCount < COMMIT_OPERATIONS_MAX && this.batch.bytes < COMMIT_BYTES_MAX;
  }

  get hasReleases(): boolean {
    return this.#hasReleases;
  }

  /** Once it is durable, all entries of the tombstone index with lower numbers are; undefined when
   *  it numbered none. */
  get indexedBelow(): number | undefined {
    return this.#indexedBelow;
  }

  /** Queues what is to be given back, in this batch. */
  release(entry: ReleaseEntry): void {
    this.batch.put(releaseRowKey(this.partition, entry), encodeReleaseEntry(entry));
    this.#hasReleases = true;
  }

  /** A sole replica deletes with no other trace: what was stamped up to here comes too late. */
  forgetNow(stamp: Timestamp): void {
    this.#hasForgotten = true;
    this.surroundings.forgotten.raise(stamp);
  }

  /** Has it forgotten some time after this batch is durable. */
  forgetLater(entry: TombstoneEntry): void {
    this.#hasIndexed = true;
    const sequence = this.surroundings.sequence.take(this.batch);
    this.batch.put(tombstoneRowKey(this.partition, sequence), encodeTombstoneEntry(entry));
  }
}
