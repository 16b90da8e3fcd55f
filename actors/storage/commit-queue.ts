/**
 * Gathers commits into batches: at most one is being written, all others wait for the next.
 *
 * Owns:          the waiting commits, and the count that each batch carries.
 * Knows:         the shape of LevelDB's batches.
 * Must not know: what to do after a failure; its owner is told once and calls `abandon`.
 *
 * A batch is filled while the one before it is being written, so that nothing but the write itself
 * stands between the two. A commit that finds nothing under way is written in the same tick.
 */
import { assert } from '../../schemas/assert.ts';
import {
  COMMIT_BYTES_MAX,
  COMMIT_OPERATIONS_MAX,
  COMMIT_QUEUE_BYTES_MAX,
} from '../../schemas/limits.ts';
import { sealValue } from './row-checksum.ts';
import type { StoreOperation } from './store.ts';
import { StoreUnavailableError } from './store.ts';

/** What is used of classic-level's chained batch. */
export interface RawBatch {
  put(key: Buffer, value: Buffer): unknown;
  del(key: Buffer): unknown;
  write(options: { readonly sync: boolean }): Promise<void>;
  close(): Promise<void>;
}

export type CommitQueueOptions = {
  readonly newBatch: () => RawBatch;
  readonly sync: boolean;
  /** Under which key the count of batches is kept. */
  readonly countKey: Buffer;
  /** The count that the database held when it was opened. */
  readonly count: number;
  readonly onFailure: (error: unknown) => void;
};

type Waiter = { readonly resolve: () => void; readonly reject: (error: Error) => void };

type Group = {
  readonly batch: RawBatch;
  readonly waiters: Waiter[];
  operations: number;
  bytes: number;
};

/** Room for the keys, lengths and checksums that LevelDB and we add to an operation. */
const OPERATION_OVERHEAD_BYTES = 32;

export function bytesOf(operations: readonly StoreOperation[]): number {
  let bytes = 0;
  for (const operation of operations) {
    bytes += operation.key.length + OPERATION_OVERHEAD_BYTES;
    if (operation.kind === 'put') bytes += operation.value.length;
  }
  return bytes;
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #waiting: Group[] = [];
  #inFlight: Group | undefined;
  #waitingBytes = 0;
  #count: number;
  #acknowledged: number;
  #failure: StoreUnavailableError | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#count = options.count;
    this.#acknowledged = options.count;
  }

  /** The count of the newest batch that is durable. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Was a batch written since the database was opened? */
  get hasAcknowledged(): boolean {
    return this.#acknowledged > this.#options.count;
  }

  /** Resolves when durable; without operations, when all that was committed before is. */
  commit(operations: readonly StoreOperation[], bytes: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (operations.length === 0) return this.#joinNewest();
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > COMMIT_QUEUE_BYTES_MAX) {
      return Promise.reject(new StoreUnavailableError('too much waits to be committed'));
    }
    return new Promise((resolve, reject) => {
      const group = this.#groupFor(operations.length, bytes);
      fill(group.batch, operations);
      group.waiters.push({ resolve, reject });
      if (this.#inFlight === undefined) this.#writeNext();
    });
  }

  /** Rejects all that wait or are under way; nothing is taken any more. */
  abandon(error: StoreUnavailableError): void {
    this.#failure = error;
    const groups =
      this.#inFlight === undefined ? this.#waiting : [this.#inFlight, ...this.#waiting];
    for (const group of groups) {
      for (const waiter of group.waiters) waiter.reject(error);
    }
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#inFlight = undefined;
    this.#onIdle?.();
  }

  /** Resolves when nothing is under way and nothing waits. */
  async idle(): Promise<void> {
    while (this.#inFlight !== undefined) {
      await new Promise<void>(resolve => {
        this.#onIdle = resolve;
      });
    }
  }

  #joinNewest(): Promise<void> {
    const newest = this.#waiting.at(-1) ?? this.#inFlight;
    if (newest === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      newest.waiters.push({ resolve, reject });
    });
  }

  #groupFor(operations: number, bytes: number): Group {
    let group = this.#waiting.at(-1);
    if (group === undefined || !hasRoom(group, operations, bytes)) {
      group = { batch: this.#options.newBatch(), waiters: [], operations: 0, bytes: 0 };
      this.#waiting.push(group);
    }
    group.operations += operations;
    group.bytes += bytes;
    this.#waitingBytes += bytes;
    return group;
  }

  #writeNext(): void {
    const group = this.#waiting.shift();
    if (group === undefined) {
      this.#onIdle?.();
      return;
    }
    assert(this.#inFlight === undefined, 'one batch is under way');
    this.#inFlight = group;
    this.#waitingBytes -= group.bytes;
    this.#count += 1;
    const { countKey, sync } = this.#options;
    group.batch.put(countKey, sealValue(countKey, encodeCount(this.#count)));
    const count = this.#count;
    group.batch.write({ sync }).then(
      () => this.#written(group, count),
      (error: unknown) => this.#failed(group, error),
    );
  }

  #written(group: Group, count: number): void {
    if (this.#inFlight !== group) return;
    this.#acknowledged = count;
    this.#inFlight = undefined;
    this.#writeNext();
    for (const waiter of group.waiters) waiter.resolve();
  }

  #failed(group: Group, error: unknown): void {
    if (this.#inFlight === group) this.#options.onFailure(error);
  }
}

function hasRoom(group: Group, operations: number, bytes: number): boolean {
  return (
    group.operations + operations <= COMMIT_OPERATIONS_MAX &&
    group.bytes + bytes <= COMMIT_BYTES_MAX
  );
}

function fill(batch: RawBatch, operations: readonly StoreOperation[]): void {
  for (const operation of operations) {
    assert(operation.key.length > 0, 'the empty key is the store’s own');
    const key = operation.key as Buffer;
    if (operation.kind === 'put') batch.put(key, sealValue(key, operation.value));
    else batch.del(key);
  }
}

const COUNT_BYTES = 8;

function encodeCount(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(COUNT_BYTES);
  bytes.writeBigUInt64BE(BigInt(count));
  return bytes;
}

export function decodeCount(bytes: Buffer): number {
  return bytes.length === COUNT_BYTES ? Number(bytes.readBigUInt64BE()) : 0;
}
