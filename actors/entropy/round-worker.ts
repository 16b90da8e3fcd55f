/**
 * Has all replicas of a partition forget, together, what has been dead for long.
 *
 * Owns:          what is worth forgetting, and the steps of a round; this node coordinates where it
 *                is the first of a partition's replicas.
 * Knows:         the index of tombstones, the layout, the messages of rounds (rounds.ts).
 * Must not know: wall clocks: what was indexed is old when it was old in two ticks.
 *
 * A round needs every replica of the one live version, and where there are no copies only itself;
 * while one is away, or the layout changes, nothing is forgotten, and nothing else suffers. It may
 * end at any step: the next one asks what was prepared before it begins anything.
 */
import type { TableAnswer } from '../../bus/table-client.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import type { TableRequest } from '../../schemas/messages/table.ts';
import type { Forgotten, PreparedRound } from '../../schemas/records/round-row.ts';
import type { TombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import { decodeTombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import { nameOfKey } from '../../schemas/row-tables.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Log } from '../../schemas/telemetry.ts';
import {
  endedUploadRowKey,
  historyRowKey,
  objectRowKey,
  releaseRowKey,
  tombstoneRowKey,
} from '../partition/row-keys.ts';
import { mayForget } from '../partition/rounds.ts';
import { behindKey, rowsOfRange, type WalkedRow } from '../partition/row-walk.ts';
import { readEndedUpload } from '../partition/stored-rows.ts';
import type { TablePartition } from '../partition/table-partition.ts';
import { orDamage } from '../storage/row-damage.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import type { RowPullPorts } from './row-pull.ts';

export type RoundWorkerOptions = Pick<RowPullPorts, 'ask' | 'self'> & {
  readonly partitions: readonly TablePartition[];
  readonly view: ClusterView;
  /** Whether the store may have forgotten something: nothing is collected then. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly stamper: Stamper;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/** How far the index of a partition was durable when; and where the walk over it goes on. */
type Note = { readonly atMs: number; readonly below: number };
type Memory = { note: Note | undefined; ripeBelow: number; after: Buffer | undefined };

const TICK_MS = TOMBSTONE_KEEP_MS / 2;
/** Entries of a partition that are looked at in one tick; a round forgets no more. */
const ENTRIES_AT_ONCE = 512;

export class RoundWorker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: RoundWorkerOptions;
  readonly #memories = new Map<TablePartition, Memory>();
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #isBusy = false;
  #rounds = 0;

  constructor(options: RoundWorkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  report(): WorkerReport {
    return {
      name: 'Forgetting in rounds',
      state: this.#isBusy ? 'busy' : 'idle',
      freeform: [`Rounds led to their end: ${String(this.#rounds)}`],
    };
  }

  start(): void {
    this.#isStopped = false;
    this.#tickLater();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #tickLater(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.timers.after(TICK_MS, () => {
      this.#running = this.tick().finally(() => {
        this.#tickLater();
      });
    });
  }

  /** Once over all partitions. Never rejects: what fails is tried in the next tick. */
  async tick(): Promise<void> {
    if (this.#options.isBehind?.() === true) return;
    this.#isBusy = true;
    for (const table of this.#options.partitions) {
      if (this.#isStopped) break;
      const replicas = this.#replicas(table);
      if (replicas === undefined) continue;
      try {
        await this.#tickOne(table, replicas);
        this.journal.succeeded();
      } catch (error) {
        this.journal.failed(error);
        const fields = { error, partition: table.partition };
        this.#options.log.warn(fields, 'tombstones could not be forgotten; it is tried again');
      }
    }
    this.#isBusy = false;
  }

  /** Where this node is one of the replicas, and nothing changes about them. One that is alone goes
   *  through the same steps: a replica that joins it later must find in which round it is. */
  #replicas({ partition }: TablePartition): readonly NodeId[] | undefined {
    const { view, self } = this.#options;
    if (view.live.length !== 1) return undefined;
    const replicas = replicasOf(view.read, partition);
    return replicas.includes(self) ? replicas : undefined;
  }

  async #tickOne(table: TablePartition, replicas: readonly NodeId[]): Promise<void> {
    const ripe = await this.#ripe(table);
    const { view, self } = this.#options;
    const isFirst = replicas[0] === self;
    if (!isFirst || ripe.length === 0 || !replicas.every(node => view.isUp(node))) return;
    await this.#round(table, replicas, ripe);
  }

  // ---- what is worth forgetting -----------------------------------------------------------------

  /** Some entries that are old enough; those whose row is not the one they mean any more go. */
  async #ripe(table: TablePartition): Promise<Forgotten[]> {
    const memory = this.#ripen(table);
    const all = {
      from: tombstoneRowKey(table.partition, 0),
      to: tombstoneRowKey(table.partition, memory.ripeBelow),
    };
    const range = memory.after === undefined ? all : behindKey(all, memory.after);
    const rows = await rowsOfRange(table.store, range, ENTRIES_AT_ONCE);
    memory.after = rows.length < ENTRIES_AT_ONCE ? undefined : rows[rows.length - 1]?.key;
    const stale: Buffer[] = [];
    const ripe: Forgotten[] = [];
    for (const row of rows) {
      const found = forgettable(table, row);
      if (found === 'stale') stale.push(row.key);
      else if (found !== 'later') ripe.push(found);
    }
    if (stale.length > 0) {
      await table.change(step => {
        for (const key of stale) step.batch.delete(key);
      });
    }
    return ripe;
  }

  #ripen(table: TablePartition): Memory {
    const now = this.#options.clock.monotonicMs();
    const memory = this.#memories.get(table) ?? { note: undefined, ripeBelow: 0, after: undefined };
    this.#memories.set(table, memory);
    if (memory.note !== undefined && memory.note.atMs + TOMBSTONE_KEEP_MS <= now) {
      memory.ripeBelow = memory.note.below;
      memory.note = undefined;
    }
    memory.note ??= { atMs: now, below: table.indexedBelow() };
    return memory;
  }

  // ---- a round ----------------------------------------------------------------------------------

  async #round(
    table: TablePartition,
    replicas: readonly NodeId[],
    ripe: readonly Forgotten[],
  ): Promise<void> {
    const askAll = (request: TableRequest): Promise<TableAnswer[]> =>
      Promise.all(replicas.map(node => this.#options.ask(node, table.partition, request)));
    // Under a layout that came meanwhile others would have to be asked as well.
    const { view } = this.#options;
    const { liveIds } = view;
    const isOver = (): boolean => view.liveIds !== liveIds;
    const ballot = this.#options.stamper.now();
    const states = await askAll({ kind: 'round-promise', ballot });
    const current = currentRound(states);
    if (current === undefined || isOver()) return;
    const { round, prepared } = current;
    if (!(await this.#catchUp(table, replicas, { round, states }))) return;
    const list = prepared?.list ?? (await agreed(askAll, ripe));
    if (list.length === 0 || isOver()) return;
    const next = { ballot, round: round + 1, list };
    const kept = await askAll({ kind: 'round-prepare', prepared: next });
    if (isOver() || !kept.every(reply => reply.kind === 'written')) return;
    await askAll({ kind: 'round-enter', round: round + 1 });
    this.#rounds += 1;
  }

  /** A replica that missed the end of the last round has its list: nobody entered without. */
  async #catchUp(
    table: TablePartition,
    replicas: readonly NodeId[],
    { round, states }: { readonly round: number; readonly states: readonly TableAnswer[] },
  ): Promise<boolean> {
    for (const [index, node] of replicas.entries()) {
      const state = states[index];
      if (state?.kind !== 'round' || state.round === round) continue;
      const request = { kind: 'round-enter', round } as const;
      const entered = await this.#options.ask(node, table.partition, request);
      if (entered.kind !== 'written') return false;
    }
    return true;
  }
}

/** The latest round of all, and the list that may have been prepared everywhere for the next. */
function currentRound(
  states: readonly TableAnswer[],
): { readonly round: number; readonly prepared: PreparedRound | undefined } | undefined {
  let round = 0;
  for (const state of states) {
    if (state.kind !== 'round') return undefined;
    round = Math.max(round, state.round);
  }
  let prepared: PreparedRound | undefined;
  for (const state of states) {
    if (state.kind !== 'round' || state.prepared?.round !== round + 1) continue;
    if (prepared === undefined || state.prepared.ballot > prepared.ballot) {
      prepared = state.prepared;
    }
  }
  return { round, prepared };
}

/** What every replica holds, with nothing left to release. */
async function agreed(
  askAll: (request: TableRequest) => Promise<TableAnswer[]>,
  ripe: readonly Forgotten[],
): Promise<readonly Forgotten[]> {
  const replies = await askAll({ kind: 'round-check', list: ripe });
  if (!replies.every(reply => reply.kind === 'round-held')) return [];
  return ripe.filter((_, index) => replies.every(({ held }) => held[index] === true));
}

function forgettable(table: TablePartition, row: WalkedRow): Forgotten | 'stale' | 'later' {
  if (row.kind === 'damaged') return 'stale';
  const entry = orDamage(() => decodeTombstoneEntry(row.value));
  if (entry === 'damaged') return 'stale';
  // A mark stays: whoever it stops may try after any time.
  if (entry.kind === 'aborted-mark') return 'later';
  const found = orDamage(() => rowOf(table, entry));
  if (found === 'damaged') return 'later';
  return found ?? 'stale';
}

/** Undefined: the row that is meant is not there any more. */
function rowOf(
  { store, partition }: TablePartition,
  entry: Exclude<TombstoneEntry, { kind: 'aborted-mark' }>,
): Forgotten | 'later' | undefined {
  if (entry.kind === 'ended-upload') {
    const name = nameOfKey(endedUploadRowKey(partition, entry, entry.uploadId));
    const { uploadId } = entry;
    const ended = readEndedUpload(store, { partition, place: entry, uploadId });
    return ended && { name, timestamp: ended.timestamp };
  }
  const { timestamp } = entry;
  const key =
    entry.kind === 'object'
      ? objectRowKey(partition, entry)
      : historyRowKey(partition, entry, timestamp);
  const found = { name: nameOfKey(key), timestamp };
  if (!mayForget(store, partition, found)) return undefined;
  if (entry.releases === undefined) return found;
  const released = { kind: 'version', versionId: entry.releases } as const;
  return store.get(releaseRowKey(partition, released)) === undefined ? found : 'later';
}
