/**
 * Works off the release queues of all partitions of a node.
 *
 * Owns:          when which queue is walked, how much at a time, and when again after a failure.
 * Knows:         the queues' rows.
 * Must not know: what releasing an entry takes (release.ts).
 *
 * The queue itself is in the store, in the batches that made its entries; here is only which
 * partition is to be walked. At the start that is all of them: nobody knows what a crash left.
 */
import { assert } from '../../schemas/assert.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { ReleaseEntry } from '../../schemas/records/release-entry.ts';
import { decodeReleaseEntry } from '../../schemas/records/release-entry.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { Gate } from '../runtime/gate.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { orDamage } from '../storage/row-damage.ts';
import type { ReleaseOutcome, ReleasePorts } from './release.ts';
import { Release } from './release.ts';
import type { WalkedRow } from './row-walk.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';
import type { TablePartition } from './table-partition.ts';

export type ReleaseWorkerOptions = ReleasePorts & {
  readonly partitions: readonly TablePartition[];
  /** Whether the store may have forgotten something: nothing is released then. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

const PARTITIONS_AT_ONCE = 4;
/** Entries of one partition that are released at a time. */
const ENTRIES_AT_ONCE = 16;
const BACK_OFF_MS_MIN = 1000;
const BACK_OFF_MS_MAX = 64_000;

/** What is known of one partition's queue. */
type Queue = {
  readonly partition: TablePartition;
  readonly release: Release;
  /** `waiting` for a pause after a failure to end; kicks do not cut it short. */
  state: 'idle' | 'walking' | 'waiting';
  isKicked: boolean;
  backOffMs: number;
  timer: Timer | undefined;
};

export class ReleaseWorker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: ReleaseWorkerOptions;
  readonly #queues = new Map<PartitionId, Queue>();
  readonly #gate: Gate;
  readonly #walks = new Set<Promise<void>>();
  #isStopped = true;

  constructor(options: ReleaseWorkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
    const { partitions } = options;
    this.#gate = new Gate({ runningMax: PARTITIONS_AT_ONCE, waitingMax: partitions.length });
    for (const partition of partitions) {
      const release = new Release(partition, options);
      const memory = { state: 'idle', isKicked: false, backOffMs: 0, timer: undefined } as const;
      this.#queues.set(partition.partition, { partition, release, ...memory });
    }
  }

  /** Walks all queues once, and then those that are kicked. */
  start(): void {
    this.#isStopped = false;
    for (const queue of this.#queues.values()) this.#walkSoon(queue);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { timer } of this.#queues.values()) timer?.cancel();
    await this.settled();
  }

  /** There is something new in the partition's queue. */
  kick(partition: PartitionId): void {
    const queue = this.#queues.get(partition);
    if (queue !== undefined) this.#walkSoon(queue);
  }

  /** Partitions whose queue is walked now, or waits for a pause to end. */
  get busyPartitions(): number {
    return [...this.#queues.values()].filter(queue => queue.state !== 'idle').length;
  }

  report(): WorkerReport {
    const busy = this.busyPartitions;
    return {
      name: 'Release of references',
      state: this.#walks.size > 0 ? 'busy' : 'idle',
      queueLength: busy,
    };
  }

  /** Resolves once no walk is under way. */
  async settled(): Promise<void> {
    while (this.#walks.size > 0) await Promise.all(this.#walks);
  }

  #walkSoon(queue: Queue): void {
    queue.isKicked = true;
    if (this.#isStopped || queue.state !== 'idle') return;
    queue.state = 'walking';
    const walk = this.#gate.run(() => this.#walkWhileKicked(queue));
    assert(walk !== undefined, 'every partition finds a place in the line');
    const tracked = walk.finally(() => this.#walks.delete(tracked));
    this.#walks.add(tracked);
  }

  async #walkWhileKicked(queue: Queue): Promise<void> {
    let outcome: ReleaseOutcome = 'released';
    while (queue.isKicked && outcome === 'released' && !this.#isStopped) {
      queue.isKicked = false;
      outcome = this.#options.isBehind?.() === true ? 'failed' : await this.#walk(queue);
    }
    if (outcome === 'released') {
      this.journal.succeeded();
      queue.state = 'idle';
      queue.backOffMs = 0;
    } else this.#wait(queue);
  }

  #wait(queue: Queue): void {
    queue.state = 'waiting';
    queue.backOffMs = Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, queue.backOffMs * 2));
    if (this.#isStopped) return;
    queue.timer = this.#options.timers.after(queue.backOffMs, () => {
      queue.state = 'idle';
      this.#walkSoon(queue);
    });
  }

  /** From the first entry to the last; `failed` when one of them must be tried again. */
  async #walk(queue: Queue): Promise<ReleaseOutcome> {
    const { partition, store } = queue.partition;
    let range = rowRange(partition, TABLE.release);
    let hasFailed = false;
    try {
      while (!this.#isStopped) {
        const rows = await rowsOfRange(store, range, ENTRIES_AT_ONCE);
        const last = rows[rows.length - 1];
        if (last === undefined) break;
        const outcomes = await Promise.all(rows.map(row => this.#release(queue, row)));
        hasFailed ||= outcomes.includes('failed');
        range = behindKey(range, last.key);
      }
    } catch (error) {
      this.journal.failed(error);
      this.#options.log.warn({ error, partition }, 'the release queue could not be walked');
      return 'failed';
    }
    return hasFailed ? 'failed' : 'released';
  }

  async #release(queue: Queue, row: WalkedRow): Promise<ReleaseOutcome> {
    const { partition } = queue.partition;
    try {
      const entry = readEntry(row);
      if (entry !== 'damaged') return await queue.release.run(entry);
      this.#options.log.warn({ partition }, 'a damaged entry of the release queue is dropped');
      const dropped = await queue.partition.change(step => step.batch.delete(row.key));
      return dropped === 'done' ? 'released' : 'failed';
    } catch (error) {
      this.journal.failed(error);
      this.#options.log.warn({ error, partition }, 'a release failed and is tried again');
      return 'failed';
    }
  }
}

/** What a damaged entry held is found by the walk over all references. */
function readEntry(row: WalkedRow): ReleaseEntry | 'damaged' {
  return row.kind === 'row' ? orDamage(() => decodeReleaseEntry(row.value)) : 'damaged';
}
