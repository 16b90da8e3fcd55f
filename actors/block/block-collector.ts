/**
 * Carries out the deletions of all block partitions of a node when their time has come.
 *
 * Owns:          when it looks, and how long it rests.
 * Knows:         the partitions' deletion queues.
 * Must not know: files, rows.
 *
 * Whether a block may really go is decided by its partition, in the turn of its hash. The first
 * round after a start looks into every partition; later ones only where something is due.
 */
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import { pause } from '../../schemas/pause.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import type { BlockPartition } from './block-partition.ts';

export type BlockCollectorOptions = {
  readonly partitions: readonly BlockPartition[];
  /** Whether the store may have forgotten something: nothing is collected then. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

const ROUND_INTERVAL_MS = 1000;

export class BlockCollector implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: BlockCollectorOptions;
  #timer: Timer | undefined;
  #round: Promise<number> | undefined;
  #isStopped = false;
  #collected = 0;

  constructor(options: BlockCollectorOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  /** Deletions carried out since the start. */
  get collected(): number {
    return this.#collected;
  }

  report(): WorkerReport {
    return {
      name: 'Block deletion',
      state: this.#round === undefined ? 'idle' : 'busy',
      freeform: [`Deletions carried out: ${String(this.#collected)}`],
    };
  }

  start(): void {
    this.#timer = this.#options.timers.after(ROUND_INTERVAL_MS, () => {
      void this.collect().finally(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#round;
  }

  /** One round, or the one that runs; says how many deletions were carried out. Never rejects. */
  collect(): Promise<number> {
    this.#round ??= this.#collectAll().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #collectAll(): Promise<number> {
    const { partitions, clock, log } = this.#options;
    if (this.#options.isBehind?.() === true) return 0;
    let done = 0;
    // One line a round: a store that is being reopened fails them all.
    let failed = 0;
    let failure: unknown;
    for (const partition of partitions) {
      if (this.#isStopped || partition.earliestDueMs > clock.wallMs()) continue;
      try {
        done += await this.#collectIn(partition);
      } catch (error) {
        failed += 1;
        failure = error;
      }
    }
    if (failed > 0) {
      const fields = { error: failure, partitions: failed };
      this.journal.failed(failure);
      log.warn(fields, 'deletions of blocks wait: their rows cannot be read now');
    } else this.journal.succeeded();
    this.#collected += done;
    return done;
  }

  async #collectIn(partition: BlockPartition): Promise<number> {
    const { clock, timers } = this.#options;
    let done = 0;
    let after: Buffer | undefined;
    while (!this.#isStopped) {
      const startedMs = clock.monotonicMs();
      const page = await partition.collect(after);
      done += page.done;
      if (page.next === undefined) break;
      after = page.next;
      // Half of the time at most: requests go first.
      const elapsedMs = clock.monotonicMs() - startedMs;
      if (elapsedMs > 0) await pause(timers, elapsedMs);
    }
    return done;
  }
}
