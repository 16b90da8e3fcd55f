/**
 * Compares this node's references with those of its peers, and takes over what it lacks.
 *
 * Owns:          the round over all partitions, which differences are believed, what is in step.
 * Knows:         digests, the partitions, the peers.
 * Must not know: how blocks come here.
 *
 * A replica that was away misses references; nobody follows it up, this finds them. Each node only
 * takes: what a peer has live and this one does not becomes live here too, and what this one lacks
 * the file of is fetched by the resync. Where this replica holds the tombstone of what the peer has
 * live, the peer missed the release and is told of it. Beyond the life of the tombstones a release
 * that was missed comes back as a reference of an owner that is dead: a leak, which the reference
 * walker gives back.
 *
 * Two replicas that are written to are never quite the same: a leaf must differ twice, a moment
 * apart, before it is exchanged. So nobody waits for them to be the same: a node is in step with a
 * peer once it has all that the peer had at some moment, whatever came since.
 */
import type { BlockPeers } from '../../bus/block-peers.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { BlockHash, NodeId, PartitionId } from '../../schemas/ids.ts';
import type { LiveReference } from '../../schemas/messages/block.ts';
import { pause } from '../../schemas/pause.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { someAtATime } from '../runtime/some-at-a-time.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import type { BlockPartition } from './block-partition.ts';
import { differingLeaves, rootOf } from './reference-digest.ts';
import type { ResyncQueue } from './resync-queue.ts';

export type ReferenceSyncOptions = {
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  readonly peers: Pick<BlockPeers, 'isOurs' | 'peersOf' | 'ask' | 'situation'>;
  readonly queue: ResyncQueue;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

/** Up to when all that a peer had is known here, in monotonic milliseconds. */
export type InStep = ReadonlyMap<NodeId, number>;

/** Leaves that differ, as both were at that time. */
type Compared = { readonly atMs: number; readonly leaves: readonly number[] };

const ROUND_MS = 15_000;
const FIRST_ROUND_MS = 3000;
/** A round follows soon on one that took something over, and on a change among the peers. */
const LOOK_MS = 1000;
const SETTLE_MS = 1000;
const REST_MS_MAX = 1000;
/** Partitions that are compared at the same time. */
const PARTITIONS_AT_ONCE = 16;

export class ReferenceSync implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: ReferenceSyncOptions;
  readonly #inStep = new Map<PartitionId, Map<NodeId, number>>();
  #timer: Timer | undefined;
  #running: Promise<unknown> | undefined;
  #counting: Promise<unknown> = Promise.resolve();
  #isStopped = false;
  #isBusy = false;
  #dueAtMs = 0;
  /** Who the peers were at the last look. */
  #situation = '';
  #merged = 0;

  constructor(options: ReferenceSyncOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  report(): WorkerReport {
    return {
      name: 'Comparison of references',
      state: this.#isBusy ? 'busy' : 'idle',
      freeform: [`References taken over: ${String(this.#merged)}`],
    };
  }

  /** References that were taken over since the start. */
  get merged(): number {
    return this.#merged;
  }

  /** With whom the partition is in step, as of when; nobody while blocks of it are still to be
   *  fetched. For those who watch a layout change. */
  inStep(partition: PartitionId): InStep {
    const isComplete = this.#options.queue.isEmptyIn(partition);
    return (isComplete ? this.#inStep.get(partition) : undefined) ?? new Map<NodeId, number>();
  }

  start(): void {
    this.#lookIn(FIRST_ROUND_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #lookIn(ms: number): void {
    if (this.#isStopped) return;
    const { timers, clock, peers } = this.#options;
    this.#timer = timers.after(ms, () => {
      const situation = peers.situation();
      const isDue = clock.monotonicMs() >= this.#dueAtMs || situation !== this.#situation;
      this.#situation = situation;
      if (!isDue) {
        this.#lookIn(LOOK_MS);
        return;
      }
      void this.round().then(merged => {
        this.#dueAtMs = clock.monotonicMs() + (merged > 0 ? LOOK_MS : ROUND_MS);
        this.#lookIn(LOOK_MS);
      });
    });
  }

  /** One round over all partitions. Never rejects; says how many references were taken over. */
  round(): Promise<number> {
    const round = this.#round();
    this.#running = round;
    return round;
  }

  async #round(): Promise<number> {
    const before = this.#merged;
    this.#isBusy = true;
    const { partitions, peers } = this.#options;
    let failure: unknown;
    await someAtATime(PARTITIONS_AT_ONCE, partitions, async partition => {
      if (this.#isStopped || !peers.isOurs(partition.partition)) return;
      try {
        await this.#syncPartition(partition);
      } catch (error) {
        failure = error;
      }
    });
    this.#isBusy = false;
    if (failure === undefined) this.journal.succeeded();
    else {
      this.journal.failed(failure);
      this.#options.log.warn({ error: failure }, 'references could not be compared');
    }
    return this.#merged - before;
  }

  async #syncPartition(partition: BlockPartition): Promise<void> {
    const suspects: (Compared & { readonly peer: NodeId })[] = [];
    for (const peer of this.#options.peers.peersOf(partition.partition)) {
      const compared = await this.#compare(partition, peer);
      if (compared !== undefined && compared.leaves.length > 0)
        suspects.push({ peer, ...compared });
    }
    if (suspects.length === 0) return;
    await this.#rest(SETTLE_MS);
    for (const { peer, atMs, leaves } of suspects) {
      const again = await this.#compare(partition, peer);
      const both = again?.leaves.filter(leaf => leaves.includes(leaf)) ?? [];
      const isWhole = await this.#takeOver(partition, peer, both);
      if (again !== undefined && isWhole) this.#noteInStep(partition, peer, atMs);
    }
  }

  /** Takes over at once what those peers have that were not in step since `sinceMs`: for a
   *  partition that is new here. What differs only because it is written just now does no harm. */
  async bringIn(partition: PartitionId, sinceMs: number): Promise<void> {
    const ours = this.#options.partitions[partition];
    if (ours === undefined) return;
    for (const peer of this.#options.peers.peersOf(partition)) {
      if ((this.#inStep.get(partition)?.get(peer) ?? -1) >= sinceMs) continue;
      const compared = await this.#compare(ours, peer);
      if (compared === undefined || compared.leaves.length === 0) continue;
      if (await this.#takeOver(ours, peer, compared.leaves)) {
        this.#noteInStep(ours, peer, compared.atMs);
      }
    }
  }

  /** The leaves that differ now, where both can say; where none does the two are in step. */
  async #compare(partition: BlockPartition, peer: NodeId): Promise<Compared | undefined> {
    const { peers, clock } = this.#options;
    const atMs = clock.monotonicMs();
    const ours = await this.#leaves(partition);
    if (ours === undefined) return undefined;
    const request = { kind: 'references-compare', root: rootOf(ours) } as const;
    const reply = await peers.ask(peer, partition.partition, request);
    if (reply?.kind !== 'compared') return undefined;
    const leaves = reply.leaves === undefined ? [] : differingLeaves(ours, reply.leaves);
    if (leaves.length === 0) this.#noteInStep(partition, peer, atMs);
    return { atMs, leaves };
  }

  /** All that the peer had at that time is known here. */
  #noteInStep({ partition }: BlockPartition, peer: NodeId, atMs: number): void {
    const inStep = this.#inStep.get(partition) ?? new Map<NodeId, number>();
    this.#inStep.set(partition, inStep.set(peer, Math.max(atMs, inStep.get(peer) ?? 0)));
  }

  /** After a start all rows are read once: one partition at a time, and no more than half of the
   *  time, because clients go first. */
  #leaves(partition: BlockPartition): Promise<Buffer | undefined> {
    if (partition.isDigestCounted) return partition.digestLeaves();
    const counted = this.#counting.then(async () => {
      const { clock } = this.#options;
      const startedMs = clock.monotonicMs();
      const leaves = await partition.digestLeaves();
      await this.#rest(Math.min(REST_MS_MAX, clock.monotonicMs() - startedMs));
      return leaves;
    });
    this.#counting = counted.catch(() => undefined);
    return counted;
  }

  /** False: not all of it could be had. */
  async #takeOver(
    partition: BlockPartition,
    peer: NodeId,
    leaves: readonly number[],
  ): Promise<boolean> {
    for (const leaf of leaves) {
      if (!(await this.#takeOverLeaf(partition, peer, leaf))) return false;
    }
    return true;
  }

  async #takeOverLeaf(partition: BlockPartition, peer: NodeId, leaf: number): Promise<boolean> {
    const { peers } = this.#options;
    for (let after: Uint8Array | undefined; !this.#isStopped;) {
      const request = { kind: 'references-list', leaf } as const;
      const reply = await peers.ask(
        peer,
        partition.partition,
        after === undefined ? request : { ...request, after },
      );
      if (reply?.kind !== 'references') return false;
      await this.#merge(partition, peer, reply.references);
      if (reply.next === undefined) return true;
      after = reply.next;
    }
    return false;
  }

  async #merge(
    partition: BlockPartition,
    peer: NodeId,
    references: readonly LiveReference[],
  ): Promise<void> {
    if (partition.repair === undefined || references.length === 0) return;
    const outcomes = await partition.repair.merge(references);
    this.#merged += outcomes.filter(outcome => outcome === 'added').length;
    const missed = references.filter((_, index) => outcomes[index] === 'released');
    for (const { owner, hashes } of byOwner(missed)) {
      const request = { kind: 'references-release', owner, hashes } as const;
      await this.#options.peers.ask(peer, partition.partition, request);
    }
  }

  async #rest(ms: number): Promise<void> {
    if (ms > 0 && !this.#isStopped) await pause(this.#options.timers, ms);
  }
}

type OwnersBlocks = { readonly owner: BlockOwner; readonly hashes: BlockHash[] };

function byOwner(references: readonly LiveReference[]): Iterable<OwnersBlocks> {
  const owners = new Map<string, OwnersBlocks>();
  for (const { hash, owner } of references) {
    const id = ownerId(owner);
    const known = owners.get(id) ?? { owner, hashes: [] };
    known.hashes.push(hash);
    owners.set(id, known);
  }
  return owners.values();
}
