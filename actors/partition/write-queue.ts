/**
 * The writes of one partition, one after the other, many to a batch.
 *
 * Owns:          the mailbox of writes and the one batch that is being committed.
 * Knows:         how a batch is built, committed, taken over or given up.
 * Must not know: what a write does; that is its `apply`.
 *
 * An idle queue commits what arrives at once; what arrives meanwhile waits, and goes together into
 * the next batch. That is the group commit: no timer, no wait for company. A request that changed
 * nothing still waits for the batch it was decided in: what it saw there may yet fail.
 */
import { COMMIT_BYTES_MAX, MAILBOX_MESSAGES_MAX } from '../../schemas/limits.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { Mailbox } from '../runtime/mailbox.ts';
import type { CommitPurpose } from '../storage/commit-purpose.ts';
import type { StoreOperation } from '../storage/store.ts';
import { StoreFullError, StoreUnavailableError } from '../storage/store.ts';
import { isDamage } from './stored-rows.ts';
import type { StepSurroundings } from './write-step.ts';
import { WriteStep } from './write-step.ts';

export type QueuedWrite = {
  /** Monotonic milliseconds. */
  readonly deadlineAtMs: number;
  readonly purpose: CommitPurpose;
  /** Runs in turn. Decides everything before it changes anything; what it throws is undone. */
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
type TakeNext = () => QueuedWrite | undefined;

export class WriteQueue {
  readonly #surroundings: StepSurroundings;
  readonly #events: WriteQueueEvents;
  readonly #log: Log | undefined;
  readonly #mailbox = new Mailbox<QueuedWrite>({
    itemsMax: MAILBOX_MESSAGES_MAX,
    weightMax: COMMIT_BYTES_MAX,
  });
  #isCommitting = false;

  constructor(surroundings: StepSurroundings, events: WriteQueueEvents, log: Log | undefined) {
    this.#surroundings = surroundings;
    this.#events = events;
    this.#log = log;
  }

  /** Writes that wait for a batch. */
  get length(): number {
    return this.#mailbox.length;
  }

  /** `weight` is the memory it holds while it waits, about. */
  add(write: QueuedWrite, weight: number): void {
    if (!this.#mailbox.offer(write, weight)) {
      write.answer({ kind: 'overloaded' });
      return;
    }
    if (!this.#isCommitting) this.#drain();
  }

  #drain(): void {
    while (this.#mailbox.length > 0) {
      if (this.#runBatch(() => this.#mailbox.take()) === 'committing') return;
    }
  }

  /** `done`: nothing had to be committed, and all is answered. */
  #runBatch(takeNext: TakeNext): 'committing' | 'done' {
    const step = new WriteStep(this.#surroundings);
    const decided = this.#decideAll(step, takeNext);
    step.ledger.write();
    const operations = step.batch.operations();
    if (operations.length > 0) {
      this.#commit(step, operations, decided);
      return 'committing';
    }
    for (const { write, reply } of decided) write.answer(reply);
    return 'done';
  }

  #decideAll(step: WriteStep, takeNext: TakeNext): Decided[] {
    const decided: Decided[] = [];
    while (step.hasRoom) {
      const write = takeNext();
      if (write === undefined) break;
      decided.push({ write, reply: this.#decide(step, write) });
    }
    return decided;
  }

  #decide(step: WriteStep, write: QueuedWrite): TableReply {
    const { clock, sequence } = this.#surroundings;
    if (write.deadlineAtMs <= clock.monotonicMs()) return { kind: 'deadline-passed' };
    step.batch.begin();
    try {
      return write.apply(step);
    } catch (error) {
      step.batch.undo();
      sequence.forgetReservation();
      return replyToFailure(error, this.#log);
    }
  }

  #commit(step: WriteStep, operations: StoreOperation[], decided: readonly Decided[]): void {
    this.#isCommitting = true;
    const grows = decided.some(({ write }) => write.purpose === 'grows');
    this.#surroundings.store.commit(operations, grows ? 'grows' : 'frees-space').then(
      () => {
        step.ledger.takeOver();
        this.#events.onCommitted(step);
        this.#finish(decided);
      },
      (error: unknown) => this.#failed(decided, error),
    );
  }

  #failed(decided: readonly Decided[], error: unknown): void {
    this.#surroundings.memory.clear();
    this.#surroundings.sequence.forgetReservation();
    this.#events.onFailed();
    const reply = replyToFailure(error, this.#log);
    const refused = decided.filter(({ write }) => write.purpose === 'grows');
    const isRefusedForSpace = error instanceof StoreFullError && refused.length > 0;
    if (!isRefusedForSpace) {
      this.#finish(decided.map(({ write }) => ({ write, reply })));
      return;
    }
    // Nothing was written. What frees space must not fail for what shared its batch.
    for (const { write } of refused) write.answer(reply);
    this.#retry(decided.map(({ write }) => write).filter(write => write.purpose !== 'grows'));
  }

  #retry(writes: QueuedWrite[]): void {
    this.#isCommitting = false;
    const outcome = this.#runBatch(() => writes.shift());
    for (const { answer } of writes) answer({ kind: 'overloaded' });
    if (outcome === 'done') this.#drain();
  }

  #finish(decided: readonly Decided[]): void {
    this.#isCommitting = false;
    for (const { write, reply } of decided) write.answer(reply);
    if (!this.#isCommitting) this.#drain();
  }
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
