/**
 * What a partition knows of its buckets: their counters, and whether they are closed.
 *
 * Owns:          the remembered state of the buckets used last, and the changes of one batch to it.
 * Knows:         counters rows and fence rows.
 * Must not know: what is counted.
 *
 * Remembered state is what is committed: a batch works on its own ledger, which is taken over only
 * once the batch is durable, and everything is forgotten when a batch failed. Several requests
 * share a batch: as in its rows (row-batch.ts), what one of them changes can be undone.
 */
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import type { BucketCounters, CountersTrust } from '../../schemas/records/bucket-counters.ts';
import {
  addCounters,
  decodeCounters,
  encodeCounters,
  NO_COUNTERS,
} from '../../schemas/records/bucket-counters.ts';
import { decodeFence, encodeFence } from '../../schemas/records/fence-row.ts';
import type { Rows } from '../storage/row-damage.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import type { RowBatch } from './row-batch.ts';
import { countersRowKey, fenceRowKey } from './row-keys.ts';

export type BucketState = {
  readonly counters: BucketCounters;
  /** `recount`: something damaged was counted; a recount puts it right. */
  readonly trust: CountersTrust;
  /** Who closed the bucket; undefined while it is open. */
  readonly fence: string | undefined;
};

/** The token of a fence whose row is damaged: the bucket was closed, so it stays closed. */
export const FENCE_DAMAGED = 'damaged';

/** Buckets whose state one partition remembers. */
const BUCKETS_MAX = 256;

/** Reads the state from its rows. A damaged counters row is one to count again. */
export function readBucketState(rows: Rows, partition: PartitionId, bucket: BucketId): BucketState {
  const counters = orDamage(() => readRow(rows, countersRowKey(partition, bucket), decodeCounters));
  const fence = orDamage(() => readRow(rows, fenceRowKey(partition, bucket), decodeFence));
  return {
    ...(counters === 'damaged'
      ? { counters: NO_COUNTERS, trust: 'recount' }
      : (counters ?? { counters: NO_COUNTERS, trust: 'exact' })),
    fence: fence === 'damaged' ? FENCE_DAMAGED : fence,
  };
}

/** The states that a partition remembers between batches. */
export class BucketMemory {
  readonly #states = new Map<BucketId, BucketState>();

  get(bucket: BucketId): BucketState | undefined {
    return this.#states.get(bucket);
  }

  set(bucket: BucketId, state: BucketState): void {
    const [oldest] = this.#states.keys();
    if (this.#states.size >= BUCKETS_MAX && oldest !== undefined && !this.#states.has(bucket)) {
      this.#states.delete(oldest);
    }
    this.#states.set(bucket, state);
  }

  clear(): void {
    this.#states.clear();
  }
}

/** A bucket before a request changes it. */
type Before = {
  readonly state: BucketState;
  readonly delta: BucketCounters | undefined;
  readonly isFenced: boolean;
};

/** The buckets as one batch leaves them. */
export class BucketLedger {
  readonly #partition: PartitionId;
  readonly #memory: BucketMemory;
  readonly #batch: RowBatch;
  readonly #opened = new Map<BucketId, BucketState>();
  readonly #deltas = new Map<BucketId, BucketCounters>();
  readonly #fenced = new Set<BucketId>();
  /** Of the request that is being decided. */
  readonly #before = new Map<BucketId, Before>();

  /** The ledger of the batch before this one, until it is committed. */
  #below: BucketLedger | undefined;

  constructor(parts: {
    readonly partition: PartitionId;
    readonly memory: BucketMemory;
    readonly batch: RowBatch;
    readonly below: BucketLedger | undefined;
  }) {
    this.#partition = parts.partition;
    this.#memory = parts.memory;
    this.#batch = parts.batch;
    this.#below = parts.below;
  }

  /** The batch before this one is committed. */
  landed(): void {
    this.#below = undefined;
  }

  /** The bucket's state with the changes of this batch. */
  open(bucket: BucketId): BucketState {
    let state = this.#opened.get(bucket);
    if (state === undefined) {
      state = this.#below?.changed(bucket) ?? this.#memory.get(bucket);
      if (state === undefined) {
        state = readBucketState(this.#batch, this.#partition, bucket);
        this.#memory.set(bucket, state);
      }
      this.#opened.set(bucket, state);
    }
    return state;
  }

  /** The state that this batch leaves, if it changes it. */
  changed(bucket: BucketId): BucketState | undefined {
    const isChanged = this.#deltas.has(bucket) || this.#fenced.has(bucket);
    return isChanged ? this.#opened.get(bucket) : undefined;
  }

  /** What follows can be undone together. */
  begin(): void {
    if (this.#before.size > 0) this.#before.clear();
  }

  undo(): void {
    for (const [bucket, { state, delta, isFenced }] of this.#before) {
      this.#opened.set(bucket, state);
      if (delta === undefined) this.#deltas.delete(bucket);
      else this.#deltas.set(bucket, delta);
      if (!isFenced) this.#fenced.delete(bucket);
    }
    this.#before.clear();
  }

  /** To be changed: what it was before is remembered. */
  #openToChange(bucket: BucketId): BucketState {
    const state = this.open(bucket);
    if (!this.#before.has(bucket)) {
      const delta = this.#deltas.get(bucket);
      this.#before.set(bucket, { state, delta, isFenced: this.#fenced.has(bucket) });
    }
    return state;
  }

  /** Never throws for a bucket that was opened: it comes last in a request. */
  count(bucket: BucketId, delta: BucketCounters): void {
    const state = this.#openToChange(bucket);
    this.#opened.set(bucket, { ...state, counters: addCounters(state.counters, delta) });
    this.#deltas.set(bucket, addCounters(this.#deltas.get(bucket) ?? NO_COUNTERS, delta));
  }

  /** What was counted is not known: count all again. */
  distrust(bucket: BucketId): void {
    this.#opened.set(bucket, { ...this.#openToChange(bucket), trust: 'recount' });
    this.#deltas.set(bucket, this.#deltas.get(bucket) ?? NO_COUNTERS);
  }

  /** The counters as a recount found them, with what this batch changed. */
  replace(bucket: BucketId, counted: BucketCounters): void {
    const delta = this.#deltas.get(bucket) ?? NO_COUNTERS;
    const counters = addCounters(counted, delta);
    this.#opened.set(bucket, { ...this.#openToChange(bucket), counters, trust: 'exact' });
    this.#deltas.set(bucket, delta);
  }

  fence(bucket: BucketId, token: string | undefined): void {
    this.#opened.set(bucket, { ...this.#openToChange(bucket), fence: token });
    this.#fenced.add(bucket);
  }

  /** Puts the rows of what changed into the batch. */
  write(): void {
    for (const bucket of this.#deltas.keys()) {
      const { counters, trust } = this.open(bucket);
      const key = countersRowKey(this.#partition, bucket);
      if (trust === 'exact' && isNothing(counters)) this.#batch.delete(key);
      else this.#batch.put(key, encodeCounters(counters, trust));
    }
    for (const bucket of this.#fenced) {
      const { fence } = this.open(bucket);
      const key = fenceRowKey(this.#partition, bucket);
      if (fence === undefined) this.#batch.delete(key);
      else this.#batch.put(key, encodeFence(fence));
    }
  }

  /** The batch is durable. */
  takeOver(): void {
    for (const bucket of this.#deltas.keys()) this.#memory.set(bucket, this.open(bucket));
    for (const bucket of this.#fenced) this.#memory.set(bucket, this.open(bucket));
  }

  /** What this batch adds to each bucket. */
  get deltas(): ReadonlyMap<BucketId, BucketCounters> {
    return this.#deltas;
  }

  /** One of this batch's buckets whose counters must be counted again. */
  distrusted(): BucketId | undefined {
    for (const [bucket, { trust }] of this.#opened) if (trust === 'recount') return bucket;
    return undefined;
  }
}

function isNothing(c: BucketCounters): boolean {
  return c.objects + c.bytes + c.uploads + c.uploadParts + c.uploadBytes === 0;
}
