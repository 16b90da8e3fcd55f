/**
 * The writes of one partition, one after the other, many to a batch.
 *
 * Owns:          the mailbox of writes, the batch that is being committed, and the one behind it.
 * Knows:         how a batch is built, committed, taken over or given up.
 * Must not know: what a write does; that is its `apply`.
 *
 * An idle queue commits what arrives at once. What arrives while a batch is being committed is
 * decided then and there, on top of that batch, and is committed as soon as the batch is durable:
 * that is the group commit, with no timer, no wait for company, and nothing left to decide between
 * two batches. Where the batch fails, what was decided on top of it is decided again without it. A
 * request that changed nothing still waits for the batch before: what it saw there may yet fail.
 *
 * A chore that wants to be alone is decided only when no batch is under way: it looks into the
 * store itself.
 */
import { COMMIT_BYTES_MAX, MAILBOX_MESSAGES_MAX } from '../../schemas/limits.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { Mailbox } from '../runtime/mailbox.ts';
import type { CommitPurpose } from '../storage/commit-purpose.ts';
import type { StoreOperation } from '../storage/store.ts';
import { StoreFullError, StoreUnavailableError } from '../storage/store.ts';
import { isDamage } from '../storage/row-damage.ts';
import type { StepSurroundings } from './write-step.ts';
import { WriteStep } from './write-step.ts';

export type QueuedWrite = {
  /** Monotonic milliseconds. */
  readonly deadlineAtMs: number;
  readonly purpose: CommitPurpose;
  /** `alone`: only when all writes before it are committed. */
  readonly company: 'any' | 'alone';
  /** Runs in turn, perhaps again. Decides everything before it changes anything; what it throws is
   *  undone. */
  readonly apply: (step: WriteStep) => TableReply;
  readonly answer: (reply: TableReply) => void;
};

export type WriteQueueEvents = {
  /** After a batch is durable, before its answers. */
  readonly onCommitted: (step: WriteStep) => void;
  /** After a batch failed: what is remembered of rows may be wrong. */
  readonly onFailed: () => void;
};

type Decided = { readonly write: QueuedWrite; readonly reply: TableReply };
type Batch = { readonly step: WriteStep; readonly decided: Decided[] };

export class WriteQueue {
  readonly #surroundings: StepSurroundings;
  readonly #events: WriteQueueEvents;
  readonly #log: Log | undefined;
  readonly #mailbox = new Mailbox<QueuedWrite>({
    itemsMax: MAILBOX_MESSAGES_MAX,
    weightMax: COMMIT_BYTES_MAX,
  });
  /** Decided before and not carried out: to be decided again, before the mailbox. */
  readonly #again: QueuedWrite[] = [];
  #committing: Batch | undefined;
  /** Decided on top of the batch that is being committed. */
  #next: Batch | undefined;

  constructor(surroundings: StepSurroundings, events: WriteQueueEvents, log: Log | undefined) {
    this.#surroundings = surroundings;
    this.#events = events;
    this.#log = log;
  }

  /** Writes that are not decided yet. */
  get length(): number {
    return this.#again.length + this.#mailbox.length;
  }

  /** What is decided and not yet durable: the batch that is being committed, the one behind it. */
  get underWay(): readonly WriteStep[] {
    const batches = [this.#committing, this.#next];
    return batches.flatMap(batch => (batch === undefined ? [] : [batch.step]));
  }

  /** `weight` is the memory it holds while it waits, about. */
  add(write: QueuedWrite, weight: number): void {
    if (!this.#mailbox.offer(write, weight)) {
      write.answer({ kind: 'overloaded' });
      return;
    }
    this.#advance();
  }

  /** Decides what can be decided, and commits if nothing is being committed. */
  #advance(): void {
    for (;;) {
      this.#gather();
      if (this.#committing !== undefined || this.#next === undefined) return;
      const batch = this.#next;
      this.#next = undefined;
      this.#commit(batch);
    }
  }

  #gather(): void {
    for (;;) {
      const write = this.#again[0] ?? this.#mailbox.peek();
      if (write === undefined) return;
      if (this.#next?.step.hasRoom === false) return;
      if (write.company === 'alone' && this.#committing !== undefined) return;
      if (this.#again.length > 0) this.#again.shift();
      else this.#mailbox.take();
      this.#next ??= this.#newBatch();
      this.#next.decided.push({ write, reply: this.#decide(this.#next.step, write) });
    }
  }

  #newBatch(): Batch {
    return { step: new WriteStep(this.#surroundings, this.#committing?.step), decided: [] };
  }

  #decide(step: WriteStep, write: QueuedWrite): TableReply {
    const { clock, sequence } = this.#surroundings;
    if (write.deadlineAtMs <= clock.monotonicMs()) return { kind: 'deadline-passed' };
    step.begin();
    try {
      return write.apply(step);
    } catch (error) {
      step.undo();
      sequence.forgetReservation();
      return replyToFailure(error, this.#log);
    }
  }

  #commit(batch: Batch): void {
    let operations: StoreOperation[];
    try {
      operations = batch.step.finish();
    } catch (error) {
      // The store is being reopened, and some of it had to be read.
      this.#failed(batch, error);
      return;
    }
    if (operations.length === 0) {
      answerAll(batch.decided);
      return;
    }
    this.#committing = batch;
    this.#surroundings.store.commit(operations, purposeOf(batch)).then(
      () => this.#committed(batch),
      (error: unknown) => this.#failed(batch, error),
    );
  }

  /** What was decided meanwhile goes on its way before anyone hears of this batch. */
  #committed(batch: Batch): void {
    batch.step.takeOver();
    this.#events.onCommitted(batch.step);
    this.#committing = undefined;
    this.#next?.step.landed();
    this.#advance();
    answerAll(batch.decided);
  }

  #failed(batch: Batch, error: unknown): void {
    this.#surroundings.memory.clear();
    this.#surroundings.sequence.forgetReservation();
    this.#events.onFailed();
    const again = this.#next?.decided.map(({ write }) => write) ?? [];
    this.#committing = undefined;
    this.#next = undefined;
    const reply = replyToFailure(error, this.#log);
    // Nothing was written. What frees space must not fail for what shared its batch.
    const isRefused = error instanceof StoreFullError && purposeOf(batch) === 'grows';
    const failed = batch.decided.filter(({ write }) => !isRefused || write.purpose === 'grows');
    const spared = batch.decided.filter(({ write }) => isRefused && write.purpose !== 'grows');
    this.#again.unshift(...spared.map(({ write }) => write), ...again);
    for (const { write } of failed) write.answer(reply);
    this.#advance();
  }
}

function answerAll(decided: readonly Decided[]): void {
  for (const { write, reply } of decided) write.answer(reply);
}

function purposeOf({ decided }: Batch): CommitPurpose {
  return decided.some(({ write }) => write.purpose === 'grows') ? 'grows' : 'frees-space';
}

/** What a caller is told; what is neither damage nor the store's trouble is a bug, and logged. */
export function replyToFailure(error: unknown, log: Log | undefined): TableReply {
  if (isDamage(error)) {
    log?.warn({ error }, 'a row is damaged');
    return { kind: 'damaged' };
  }
  if (error instanceof StoreFullError) return { kind: 'no-space' };
  if (!(error instanceof StoreUnavailableError)) {
    log?.error({ error }, 'a request failed in a way that is not foreseen');
  }
  return { kind: 'unknown' };
}
