/**
 * Forgets what has been dead for so long that nothing sent before can still arrive.
 *
 * Owns:          since when which entries of the index have been durable, and taking them out.
 * Knows:         the index of each partition: numbered in the order of the batches.
 * Must not know: wall clocks: a restart begins the wait anew.
 *
 * Every so often the lowest number that is not durable yet is noted with the time; once such a note
 * is old enough, all entries below its number go. A partition costs a handful of notes, however
 * many tombstones it has.
 */
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import { TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import { decodeTombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { orDamage } from '../storage/row-damage.ts';
import { forget } from './forgetting.ts';
import { tombstoneRowKey } from './row-keys.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';
import type { TablePartition } from './table-partition.ts';

export type TombstoneCollectorOptions = {
  readonly partitions: readonly TablePartition[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/** What one partition costs. Notes are the oldest first. */
type Memory = { notes: Note[]; collectedBelow: number };
type Note = { readonly atMs: number; readonly below: number };

const TICK_MS = TOMBSTONE_KEEP_MS / 6;
const ENTRIES_AT_ONCE = 512;

export class TombstoneCollector implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: TombstoneCollectorOptions;
  readonly #memories: Map<TablePartition, Memory>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isBusy = false;

  constructor(options: TombstoneCollectorOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
    this.#memories = new Map(
      options.partitions.map(partition => [partition, { notes: [], collectedBelow: 0 }]),
    );
  }

  report(): WorkerReport {
    return { name: 'Tombstone collection', state: this.#isBusy ? 'busy' : 'idle' };
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.tick().finally(() => this.#tickLater());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** One round over all partitions. Never rejects: what fails is tried in the next round. */
  async tick(): Promise<void> {
    this.#isBusy = true;
    for (const [partition, memory] of this.#memories) {
      if (this.#isStopped) break;
      // Another replica may lack what a tombstone here deleted: in a cluster only rounds forget
      // (entropy/round-worker.ts), also where there are no copies today.
      if (!partition.isSoleReplica) continue;
      try {
        await this.#tickOne(partition, memory);
        this.journal.succeeded();
      } catch (error) {
        const fields = { error, partition: partition.partition };
        this.journal.failed(error);
        this.#options.log.warn(fields, 'tombstones could not be collected');
      }
    }
    this.#isBusy = false;
  }

  #tickLater(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.timers.after(TICK_MS, () => {
      this.#running = this.tick().finally(() => this.#tickLater());
    });
  }

  async #tickOne(partition: TablePartition, memory: Memory): Promise<void> {
    const now = this.#options.clock.monotonicMs();
    const below = partition.indexedBelow();
    const newest = memory.notes.at(-1)?.below ?? memory.collectedBelow;
    if (below !== newest) memory.notes.push({ atMs: now, below });
    const due = memory.notes.findLast(note => note.atMs + TOMBSTONE_KEEP_MS <= now);
    if (due === undefined) return;
    await this.#collect(partition, due.below);
    memory.collectedBelow = due.below;
    memory.notes = memory.notes.slice(memory.notes.indexOf(due) + 1);
  }

  async #collect(partition: TablePartition, below: number): Promise<void> {
    const { store } = partition;
    let range = {
      from: tombstoneRowKey(partition.partition, 0),
      to: tombstoneRowKey(partition.partition, below),
    };
    for (;;) {
      const rows = await rowsOfRange(store, range, ENTRIES_AT_ONCE);
      const last = rows[rows.length - 1];
      if (last === undefined) return;
      const entries = rows.map(row => ({
        key: row.key,
        entry: row.kind === 'row' ? orDamage(() => decodeTombstoneEntry(row.value)) : 'damaged',
      }));
      const outcome = await partition.change(step => {
        for (const { key, entry } of entries) {
          step.batch.delete(key);
          if (entry !== 'damaged') forget(step, entry);
        }
      });
      if (outcome === 'failed') throw new Error('the batch failed');
      range = behindKey(range, last.key);
    }
  }
}
