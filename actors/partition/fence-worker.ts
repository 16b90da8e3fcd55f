/**
 * Opens buckets that a deletion closed and left closed.
 *
 * Owns:          which partition is looked at next.
 * Knows:         fence rows; bucket rows, through the settings.
 * Must not know: how a bucket is deleted.
 *
 * Whoever gives a deletion up decides the bucket `active` and lifts its fences then; it may die in
 * between, or a replica may be away. A bucket row that is active, and was decided later than the
 * token of a fence, has nobody behind that fence: each replica lifts its own. The copy of the
 * settings may be behind, but what it holds was decided.
 */
import type { SettingsClient } from '../../bus/settings-client.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import type { Timer, Timers } from '../../schemas/environment.ts';
import type { BucketId } from '../../schemas/ids.ts';
import { decodeFence } from '../../schemas/records/fence-row.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { ROW_PREFIX_BYTES, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { orDamage } from '../storage/row-damage.ts';
import { behindKey, rowsOfRange, type WalkedRow } from './row-walk.ts';
import type { TablePartition } from './table-partition.ts';

export type FenceWorkerOptions = {
  readonly partitions: readonly TablePartition[];
  readonly settings: Pick<SettingsClient, 'read'>;
  readonly timers: Timers;
  readonly log: Log;
};

/** All partitions are looked at once in a minute or so; each page has its turn. */
const STEP_MS = 250;
const PAGE_ROWS = 128;

export class FenceWorker {
  readonly #options: FenceWorkerOptions;
  #partition = 0;
  /** What is left of the partition's walk; undefined: all of it. */
  #left: RowRange | undefined;
  #timer: Timer | undefined;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: FenceWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stepLater();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #stepLater(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.timers.after(STEP_MS, () => {
      this.#running = this.step().finally(() => {
        this.#stepLater();
      });
    });
  }

  /** One page of one partition. Never rejects. */
  async step(): Promise<void> {
    const { partitions, log } = this.#options;
    const partition = partitions[this.#partition];
    if (partition === undefined) return;
    try {
      const range = this.#left ?? rowRange(partition.partition, TABLE.fence);
      const page = await rowsOfRange(partition.store, range, PAGE_ROWS);
      for (const row of page) await this.#look(partition, row);
      const last = page.at(-1);
      if (page.length < PAGE_ROWS || last === undefined) this.#next();
      else this.#left = behindKey(range, last.key);
    } catch (error) {
      // A store that reopens, settings that are away: the next round comes.
      if (!(error instanceof SettingsUnavailableError)) {
        log.warn({ error }, 'fences of deletions could not be looked at');
      }
      this.#next();
    }
  }

  #next(): void {
    this.#partition = (this.#partition + 1) % this.#options.partitions.length;
    this.#left = undefined;
  }

  async #look(partition: TablePartition, row: WalkedRow): Promise<void> {
    const bucket = row.key.toString('hex', ROW_PREFIX_BYTES) as BucketId;
    const token = row.kind === 'row' ? orDamage(() => decodeFence(row.value)) : 'damaged';
    if (token === 'damaged') {
      this.#options.log.warn({ bucket }, 'the fence of a deletion is damaged');
      return;
    }
    const known = await this.#options.settings.read('bucket', bucket);
    if (known?.state !== 'active' || known.timestamp <= token) return;
    await partition.receive(
      { kind: 'bucket-unfence', bucket, token },
      { deadlineAtMs: Number.POSITIVE_INFINITY },
    );
  }
}
