/**
 * Keeps this node's rows equal to those of the other replicas, without anybody's help.
 *
 * Owns:          when digests are made, told and compared, and when rows are pulled.
 * Knows:         the layout, through a view; the gossip of roots.
 * Must not know: how a row is merged.
 *
 * Every few seconds it tells the roots of the partitions it holds. Where another replica's root
 * differs it pulls what that one has and this one lacks (row-pull.ts); the other does the same. A
 * write that a straggler missed is so found in seconds, a day's absence as fast as rows can be
 * read.
 */
import type { Bus, Subscription } from '../../bus/bus.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import type { Subjects } from '../../bus/subjects.ts';
import { replicasIn, replicasOf } from '../../schemas/cluster-layout.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import type { DigestGossip } from '../../schemas/messages/digest-gossip.ts';
import { packRoots, readRoots } from '../../schemas/messages/digest-gossip.ts';
import { pause } from '../../schemas/pause.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { TablePartition } from '../partition/table-partition.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import type { PullOutcome, RowPullPorts } from './row-pull.ts';
import { RowPull } from './row-pull.ts';
import type { Suspicion } from './suspicions.ts';
import { OVERDUE_MS, Suspicions } from './suspicions.ts';

export type EntropyWorkerOptions = Pick<RowPullPorts, 'ask' | 'clusterKey'> & {
  readonly self: NodeId;
  readonly partitions: readonly TablePartition[];
  /** Whether the store may have forgotten something: its roots tell nobody anything then, and it
   *  pulls nothing by itself. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly view: ClusterView;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

export type EntropyStatus = {
  /** Partitions whose rows differ from another replica's, as far as is known. */
  readonly partitionsDiffering: number;
  readonly rowsPulled: number;
  readonly digestsMissing: number;
};

const GOSSIP_MS = 3000;
const TICK_MS = 1000;
const PULLS_MAX = 2;
const REST_MS = 5;

export class EntropyWorker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: EntropyWorkerOptions;
  readonly #suspicions = new Suspicions();
  readonly #pull: RowPull;
  readonly #pulls = new Set<Promise<void>>();
  #building: Promise<void> | undefined;
  #listening: Subscription | undefined;
  #ticking: Timer | undefined;
  #telling: Timer | undefined;
  #isStopped = true;
  #rowsPulled = 0;

  constructor(options: EntropyWorkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
    const { ask, clusterKey, self, clock } = options;
    this.#pull = new RowPull({
      ...{ ask, clusterKey, self, nowMs: () => clock.monotonicMs() },
      rest: () => this.#rest(),
    });
  }

  get status(): EntropyStatus {
    return {
      partitionsDiffering: this.#suspicions.partitions,
      rowsPulled: this.#rowsPulled,
      digestsMissing: this.#held().filter(({ digest }) => digest?.tree === undefined).length,
    };
  }

  report(): WorkerReport {
    const { partitionsDiffering, rowsPulled, digestsMissing } = this.status;
    return {
      name: 'Comparison of rows',
      state: this.#pulls.size > 0 ? 'busy' : 'idle',
      queueLength: partitionsDiffering,
      freeform: [
        `Rows taken over: ${String(rowsPulled)}`,
        `Partitions without a digest yet: ${String(digestsMissing)}`,
      ],
    };
  }

  start(): void {
    const { bus, subjects } = this.#options;
    this.#isStopped = false;
    this.#listening = bus.listen(subjects.digests(), gossip => {
      this.#hear(gossip);
    });
    this.#tickLater();
    this.#tellLater();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#listening?.close();
    this.#ticking?.cancel();
    this.#telling?.cancel();
    await Promise.all([...this.#pulls, this.#building]);
  }

  /**
   * Pulls all rows that `source` holds of the partition: for a replica that is new to it. `failed`:
   * what was merged stays, and it may be tried again. `missed-round`: tombstones were forgotten
   * without this replica, so nothing is merged before what it holds was set aside.
   */
  async pullAll(
    partition: PartitionId,
    source: NodeId,
  ): Promise<'done' | 'failed' | 'missed-round'> {
    const table = this.#options.partitions[partition];
    if (table === undefined) return 'failed';
    const outcome = await this.#pull.run(table, source, 'everything');
    if (outcome.kind === 'missed-round') return 'missed-round';
    if (outcome.kind === 'pulled') this.#rowsPulled += outcome.rows;
    return outcome.kind === 'pulled' ? 'done' : 'failed';
  }

  /** How old the rows are that this node gets of the partition is known from now on. */
  async noteEmpty(partition: PartitionId): Promise<void> {
    await this.#options.partitions[partition]?.noteEmpty();
  }

  /** Drops what this node holds of the partition. */
  async setAside(partition: PartitionId): Promise<'dropped' | 'nothing' | 'failed'> {
    const outcome = (await this.#options.partitions[partition]?.setAside()) ?? 'failed';
    if (outcome === 'dropped') {
      this.#options.log.info({ partition }, 'what was held from before of a partition was dropped');
    }
    return outcome;
  }

  /** Enters the round of forgetting that `source` is in. */
  async meetRound(partition: PartitionId, source: NodeId): Promise<'met' | 'failed'> {
    const table = this.#options.partitions[partition];
    return table === undefined ? 'failed' : this.#pull.meetRound(table, source);
  }

  #rest(): Promise<void> {
    return pause(this.#options.timers, REST_MS);
  }

  /** Those that this node and at least one other hold, in any live version. */
  #held(): TablePartition[] {
    const { partitions, self, view } = this.#options;
    const { live } = view;
    return partitions.filter(({ partition }) => {
      // The sets are made only for those of this node: all others are looked at every second, too.
      if (!live.some(version => replicasOf(version, partition).includes(self))) return false;
      return this.#replicas(partition).size > 1;
    });
  }

  #replicas(partition: PartitionId): ReadonlySet<NodeId> {
    return replicasIn(this.#options.view.live, partition);
  }

  // ---- telling and hearing ----------------------------------------------------------------------

  #tellLater(): void {
    if (this.#isStopped) return;
    this.#telling = this.#options.timers.after(GOSSIP_MS, () => {
      this.#tell();
      this.#tellLater();
    });
  }

  #tell(): void {
    const { bus, subjects, self, isBehind } = this.#options;
    if (isBehind?.() === true) return;
    const roots = this.#held().flatMap(({ partition, digest }) =>
      digest?.tree === undefined ? [] : [[partition, digest.tree.root] as const],
    );
    if (roots.length > 0) bus.publish(subjects.digests(), packRoots(self, roots));
  }

  #hear(gossip: DigestGossip): void {
    const { partitions, self, clock } = this.#options;
    if (gossip.node === self) return;
    const nowMs = clock.monotonicMs();
    for (const [index, root] of readRoots(gossip)) {
      const table = partitions[index];
      const mine = table?.digest?.tree;
      if (table === undefined || mine === undefined) continue;
      const replicas = this.#replicas(table.partition);
      if (!replicas.has(self) || !replicas.has(gossip.node)) continue;
      const differs = Buffer.compare(mine.root, root) !== 0;
      this.#suspicions.heard(table.partition, gossip.node, { differs, nowMs });
    }
  }

  // ---- working ----------------------------------------------------------------------------------

  #tickLater(): void {
    if (this.#isStopped) return;
    this.#ticking = this.#options.timers.after(TICK_MS, () => {
      this.#tick();
      this.#tickLater();
    });
  }

  #tick(): void {
    this.#building ??= this.#noted(this.#buildAbsent()).finally(() => {
      this.#building = undefined;
    });
    this.#suspicions.keepOnly((partition, node) => this.#replicas(partition).has(node));
    this.#lookIntoMore();
  }

  /** As many at a time as may be; when one ends the next begins. */
  #lookIntoMore(): void {
    const { view, clock, isBehind } = this.#options;
    if (isBehind?.() === true) return;
    while (this.#pulls.size < PULLS_MAX && !this.#isStopped) {
      const suspicion = this.#suspicions.next(clock.monotonicMs());
      if (suspicion === undefined) return;
      if (view.isUp(suspicion.node)) this.#begin(this.#lookInto(suspicion));
      else this.#suspicions.tried(suspicion, clock.monotonicMs());
    }
  }

  #begin(pull: Promise<void>): void {
    const noted = this.#noted(pull).finally(() => {
      this.#pulls.delete(noted);
      this.#lookIntoMore();
    });
    this.#pulls.add(noted);
  }

  /** Never rejects. */
  #noted(work: Promise<void>): Promise<void> {
    const noted = work.then(() => {
      this.journal.succeeded();
    });
    return noted.catch((error: unknown) => {
      this.journal.failed(error);
      this.#options.log.warn({ error }, 'replicas could not be compared; it is tried again');
    });
  }

  /** One after the other: a digest costs a walk over its partition. */
  async #buildAbsent(): Promise<void> {
    for (const table of this.#held()) {
      if (this.#isStopped) return;
      if (table.digest?.isAbsent !== true) continue;
      await table.digest.build(
        apply => table.change(apply),
        () => this.#rest(),
      );
    }
  }

  async #lookInto(suspicion: Suspicion): Promise<void> {
    const { partitions, clock, log } = this.#options;
    const { partition, node, sinceMs } = suspicion;
    const table = partitions[partition];
    if (table === undefined) return;
    const isOverdue = clock.monotonicMs() - sinceMs > OVERDUE_MS;
    let outcome: PullOutcome = { kind: 'failed', why: 'an error' };
    try {
      outcome = await this.#pull.run(table, node, isOverdue ? 'overdue' : 'differing');
    } finally {
      const nowMs = clock.monotonicMs();
      const helped = outcome.kind === 'same' || (outcome.kind === 'pulled' && outcome.rows > 0);
      if (helped) this.#suspicions.settled(suspicion, nowMs);
      else this.#suspicions.tried(suspicion, nowMs);
    }
    if (outcome.kind !== 'pulled' || outcome.rows === 0) return;
    this.#rowsPulled += outcome.rows;
    const fields = { partition, from: node.slice(0, 16), rows: outcome.rows };
    log.info(fields, 'rows that were missing here were pulled from another replica');
  }
}
