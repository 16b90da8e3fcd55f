/**
 * Takes away what the lifecycle rules of buckets say is due, once a day.
 *
 * Owns:          which partition is walked, how far the walk is, which day each has finished.
 * Knows:         bucket rows, through the settings; the tables, through their client.
 * Must not know: how rules are matched (lifecycle-page.ts), what a deletion takes.
 *
 * A day begins at midnight of the calendar. A partition that has come to its end remembers the day
 * durably; one that was interrupted begins anew, which does no harm: what was done is gone. After
 * days without power the next walk finds all that became due meanwhile. Rules are read again for
 * every page: who takes a rule away is not told tomorrow that it has just deleted.
 *
 * Its time is a little behind that of the clock, by as much as a write may be under way: a delete
 * marker that is stamped with it lies below every write that its replicas have yet to hear of, and
 * belongs to the day of the walk all the same.
 */
import type { SettingsClient } from '../../bus/settings-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { FieldReader, pack } from '../../schemas/codec.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import { dayOf, startOfDay } from '../../schemas/lifecycle-calendar.ts';
import { REQUEST_DEADLINE_MS, TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { LifecycleRule } from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { readRowOr } from '../storage/row-damage.ts';
import type { ConfirmingTables } from './lifecycle-confirmation.ts';
import { readHistoryPage } from './lifecycle-history.ts';
import type {
  LifecyclePage,
  LifecycleStage,
  PageQuestion,
  PageStart,
  Removal,
} from './lifecycle-page.ts';
import { readObjectPage, readUploadPage } from './lifecycle-page.ts';
import { lifecycleRowKey } from './row-keys.ts';
import type { TablePartition } from './table-partition.ts';

export type LifecycleWorkerOptions = {
  readonly partitions: readonly TablePartition[];
  /** Whether the store may have forgotten something: nothing expires then. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly settings: Pick<SettingsClient, 'list' | 'read'>;
  readonly tables: ConfirmingTables & Pick<TableClient, 'askPlace' | 'deleteVersion'>;
  readonly calendar: LifecycleCalendar;
  readonly stamper: Stamper;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

export type LifecycleStatus = {
  readonly state: 'stopped' | 'resting' | 'walking';
  /** The last day that was finished since the start; undefined: none yet. */
  readonly finishedDay: number | undefined;
  /** Of the walk that is under way, or of the last one. */
  readonly expired: number;
  /** Noncurrent versions, and delete markers that had nothing below them. */
  readonly versions: number;
  readonly aborted: number;
};

const PAGE_ROWS = 256;
/** After a page it rests so many times as long as the page took, within these bounds. */
const REST_FACTOR = 4;
const REST_MS_MIN = 5;
const REST_MS_MAX = 10_000;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 64_000;
/** Midnight is waited for in pieces: the wall clock may be set meanwhile. */
const WAIT_MS_MAX = 600_000;
/** How far it is behind the clock: writes end within their deadline, and clocks that agree differ
 *  by much less than the rest. What replicas have forgotten is older. Of shortened days, less. */
const BEHIND_MS = (REQUEST_DEADLINE_MS + TOMBSTONE_KEEP_MS) / 2;
const BEHIND_OF_DAY = 1 / 8;
const FORMAT = 1;
const STAGES: readonly LifecycleStage[] = ['objects', 'history', 'uploads'];

/** A shard of a bucket with rules; its rows are in one partition. */
type Shard = { readonly bucket: BucketId; readonly shard: number };

/** What is left of a partition: shards, and the place in the first of them. */
type Left = {
  readonly partition: TablePartition;
  readonly shards: Shard[];
  stage: LifecycleStage;
  start: PageStart | undefined;
};

/** Where a page fails, its partition goes to the end: the others do not wait for it. */
type Walk = { readonly day: number; readonly left: Left[] };

export class LifecycleWorker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: LifecycleWorkerOptions;
  #walk: Walk | undefined;
  #finishedDay: number | undefined;
  #expired = 0;
  #versions = 0;
  #aborted = 0;
  #state: LifecycleStatus['state'] = 'stopped';
  #failures = 0;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LifecycleWorkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  get status(): LifecycleStatus {
    return {
      state: this.#state,
      finishedDay: this.#finishedDay,
      expired: this.#expired,
      versions: this.#versions,
      aborted: this.#aborted,
    };
  }

  report(): WorkerReport {
    return {
      name: 'Object lifecycle worker',
      state: this.#state === 'walking' ? 'busy' : 'idle',
      queueLength: this.#walk?.left.length ?? 0,
      freeform: [
        `Last completed: ${this.lastCompleted}`,
        `Objects expired: ${String(this.#expired)}`,
        `Versions deleted: ${String(this.#versions)}`,
        `Uploads aborted: ${String(this.#aborted)}`,
      ],
    };
  }

  /** The day, as `2026-11-23`. */
  get lastCompleted(): string {
    if (this.#finishedDay === undefined) return 'never';
    const { dayMs } = this.#options.calendar;
    return new Date(this.#finishedDay * dayMs).toISOString().slice(0, 10);
  }

  start(): void {
    this.#state = 'resting';
    this.#stepAfter(REST_MS_MIN);
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#timer?.cancel();
    await this.#running;
  }

  /** One page, or the beginning or end of a walk. `idle`: today is done; `waiting`: the store may
   *  have forgotten something, as after each start. Never rejects. */
  async step(): Promise<'more' | 'idle' | 'waiting' | 'failed'> {
    const { calendar, clock, log } = this.#options;
    if (this.#options.isBehind?.() === true) return 'waiting';
    try {
      if (clock.agreesWithMajority === false)
        throw new Error('the clock is not that of most nodes');
      if (this.#walk === undefined) {
        const today = dayOf(calendar, this.#nowMs());
        if (this.#finishedDay !== undefined && this.#finishedDay >= today) return 'idle';
        this.#walk = await this.#begin(today);
      } else await this.#pageOrLater(this.#walk);
      this.#failures = 0;
      this.journal.succeeded();
      return 'more';
    } catch (error) {
      this.#failures += 1;
      this.journal.failed(error);
      log.warn({ error }, 'lifecycle rules could not be carried out; they are tried again');
      return 'failed';
    }
  }

  #nowMs(): number {
    const { calendar, clock } = this.#options;
    const behindMs = Math.min(BEHIND_MS, calendar.dayMs * BEHIND_OF_DAY);
    return Math.floor(clock.wallMs() - behindMs);
  }

  #stepAfter(delayMs: number): void {
    if (this.#state === 'stopped') return;
    this.#timer = this.#options.timers.after(delayMs, () => {
      this.#running = this.#stepAndRest();
    });
  }

  async #stepAndRest(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'walking';
    const { calendar, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const outcome = await this.step();
    // It may have been stopped meanwhile.
    if ((this.#state as LifecycleStatus['state']) === 'stopped') return;
    if (outcome === 'more') {
      const restMs = (clock.monotonicMs() - startedMs) * REST_FACTOR;
      this.#stepAfter(Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, restMs)));
    } else if (outcome === 'waiting') {
      this.#stepAfter(RETRY_MS_MIN);
    } else if (outcome === 'failed') {
      this.#stepAfter(Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failures - 1, 6)));
    } else {
      this.#state = 'resting';
      const nowMs = this.#nowMs();
      const untilMs = startOfDay(calendar, dayOf(calendar, nowMs) + 1) - nowMs;
      this.#stepAfter(Math.min(WAIT_MS_MAX, Math.max(REST_MS_MIN, untilMs)));
    }
  }

  async #begin(day: number): Promise<Walk> {
    const { partitions, settings, tables } = this.#options;
    const shards = new Map<PartitionId, Shard[]>();
    for (const row of await settings.list('bucket')) {
      if (rulesOf(row).length === 0) continue;
      for (let shard = 0; shard < row.indexShards; shard += 1) {
        const partition = tables.partitionOf({ bucket: row.id, shard });
        shards.set(partition, [...(shards.get(partition) ?? []), { bucket: row.id, shard }]);
      }
    }
    this.#expired = 0;
    this.#versions = 0;
    this.#aborted = 0;
    const left = partitions.flatMap(partition => {
      const own = shards.get(partition.partition);
      const isDone = own === undefined || this.#hasFinished(partition, day);
      if (isDone) return [];
      return [{ partition, shards: own, stage: 'objects' as const, start: undefined }];
    });
    return { day, left };
  }

  /** Days of another length count differently: then it is as if nothing had been finished. */
  #hasFinished({ store, partition }: TablePartition, day: number): boolean {
    const isDone = (bytes: Buffer): boolean => {
      const { fields } = FieldReader.open(bytes, [FORMAT]);
      return fields.integer() === this.#options.calendar.dayMs && fields.integer() >= day;
    };
    return readRowOr(store, lifecycleRowKey(partition), isDone, false);
  }

  /** Once its day is over, a partition where a page fails is left to the next walk, which begins
   *  with what no walk has finished: one that fails for long keeps no other from its day. */
  async #pageOrLater(walk: Walk): Promise<void> {
    try {
      await this.#page(walk);
    } catch (error) {
      const failed = walk.left.shift();
      const isToday = dayOf(this.#options.calendar, this.#nowMs()) <= walk.day;
      if (failed !== undefined && isToday) walk.left.push(failed);
      throw error;
    }
  }

  async #page(walk: Walk): Promise<void> {
    const current = walk.left[0];
    const shard = current?.shards[0];
    if (current === undefined) {
      this.#finish(walk);
      return;
    }
    if (shard === undefined) {
      await this.#remember(current.partition, walk.day);
      walk.left.shift();
      return;
    }
    const next = await this.#pageOf(walk.day, current, shard);
    current.start = next;
    if (next !== undefined) return;
    const following = STAGES[STAGES.indexOf(current.stage) + 1];
    current.stage = following ?? 'objects';
    if (following === undefined) current.shards.shift();
  }

  async #pageOf(day: number, left: Left, at: Shard): Promise<PageStart | undefined> {
    const { settings, calendar, stamper, tables } = this.#options;
    const bucket = await settings.read('bucket', at.bucket);
    const rules = rulesOf(bucket);
    const { stage, start } = left;
    const readPage = pageReaderOf(stage, rules);
    if (readPage === undefined) return undefined;
    const { store, partition } = left.partition;
    const page = await readPage({
      ...{ store, partition, ...at, start, limit: PAGE_ROWS },
      ...{ rules, calendar, day, stamper, tables, markedAtMs: this.#nowMs() },
      ...(bucket?.versioning === undefined ? {} : { versioning: bucket.versioning }),
    });
    await Promise.all(page.due.map(removal => this.#takeAway(removal)));
    return page.next;
  }

  async #takeAway(removal: Removal): Promise<void> {
    const { tables } = this.#options;
    const answer =
      removal.kind === 'version-delete'
        ? await tables.deleteVersion(removal)
        : await tables.askPlace(removal);
    switch (answer.kind) {
      case 'written':
        if (removal.kind === 'object-write') this.#expired += 1;
        else if (removal.kind === 'version-delete') this.#versions += 1;
        else this.#aborted += 1;
        return;
      // A lock keeps it; or somebody was faster: it was overwritten, deleted or completed.
      case 'version-locked':
      case 'older':
      case 'condition-failed':
      case 'no-such-upload':
      case 'bucket-closed':
      case 'damaged':
        return;
      default:
        throw new Error(`a deletion was answered: ${answer.kind}`);
    }
  }

  async #remember(partition: TablePartition, day: number): Promise<void> {
    const { dayMs } = this.#options.calendar;
    const outcome = await partition.change(step => {
      step.batch.put(lifecycleRowKey(step.partition), pack([FORMAT, dayMs, day]));
    });
    if (outcome === 'failed') throw new Error('the day could not be remembered');
  }

  #finish({ day }: Walk): void {
    this.#walk = undefined;
    this.#finishedDay = day;
    const { expired, versions, aborted } = this.status;
    if (expired + versions + aborted === 0) return;
    this.#options.log.info({ expired, versions, aborted }, 'lifecycle rules were carried out');
  }
}

/** undefined: no rule is about what the stage looks at. */
function pageReaderOf(
  stage: LifecycleStage,
  rules: readonly LifecycleRule[],
): ((question: PageQuestion) => Promise<LifecyclePage>) | undefined {
  switch (stage) {
    case 'objects':
      return rules.some(rule => rule.expiration !== undefined) ? readObjectPage : undefined;
    case 'history':
      return rules.some(rule => rule.noncurrent !== undefined) ? readHistoryPage : undefined;
    case 'uploads':
      return rules.some(rule => rule.abortUploadsDays !== undefined) ? readUploadPage : undefined;
  }
}

/** The rules that say something, of a bucket that is there. */
function rulesOf(row: BucketRow | undefined): readonly LifecycleRule[] {
  if (row?.state !== 'active') return [];
  return row.lifecycle?.filter(rule => rule.enabled) ?? [];
}
