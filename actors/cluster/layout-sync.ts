/**
 * Brings in the partitions that this node gained by a layout version.
 *
 * Owns:          from whom each is brought in, and what of it is done.
 * Knows:         layout states, who is up; through a port, how one partition is pulled from a node.
 * Must not know: rows, blocks.
 *
 * A partition counts as brought in once its rows were read from a read quorum of each version that
 * it is synced from, of nodes that had acknowledged the new version by then: what is written after
 * that is written to this node too. Its blocks follow: the version is not synced before they are
 * here. Who is skipped in the new version is not asked for; whoever skipped nodes below a quorum
 * has said that what only they had may be lost.
 *
 * What this node held of a partition before it joined it is dropped (entering.ts), so that nothing
 * returns which all others have forgotten meanwhile.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { Clock, Timers } from '../../schemas/environment.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITIONS } from '../../schemas/ids.ts';
import { readQuorumOf, sourcesOf, trackerOf } from '../../schemas/layout-liveness.ts';
import type { LayoutState, NamedVersion, VersionName } from '../../schemas/layout-state.ts';
import { someAtATime } from '../runtime/some-at-a-time.ts';
import { Entering } from './entering.ts';
import type { PartitionSync } from './layout-progress.ts';

export interface PartitionTransfer {
  /** Takes over all rows of the partition that the other node has. `missed-round`: the others have
   *  forgotten tombstones without this node, which holds rows from before that. */
  pullRows(partition: PartitionId, source: NodeId): Promise<'done' | 'failed' | 'missed-round'>;
  /** The node is no replica: how old the rows are that it gets is known from now on. */
  noteEmpty(partition: PartitionId): Promise<void>;
  /** Drops what this node holds of the partition's rows, but for what came just now. */
  setAside(partition: PartitionId): Promise<'dropped' | 'nothing' | 'failed'>;
  /** Enters the round of forgetting that the other node is in. */
  meetRound(partition: PartitionId, source: NodeId): Promise<'met' | 'failed'>;
  /** Takes over what of its blocks others refer to who were not in step since then (monotonic). */
  pullReferences(partition: PartitionId, sinceMs: number): Promise<void>;
  /** With whom the blocks are in step, as of when (monotonic); nobody while some are still to be
   *  fetched. */
  blocksInStep(partition: PartitionId): ReadonlyMap<NodeId, number>;
}

export type LayoutSyncOptions = {
  readonly nodeId: NodeId;
  readonly known: KnownLayout;
  readonly transfer: PartitionTransfer;
  readonly isUp: (node: NodeId) => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
};

/** Those of which so many must be heard. */
type Quorum = { readonly nodes: readonly NodeId[]; readonly needed: number };

/** What is done of one version. */
type Progress = {
  /** By partition: who was read, each after it had acknowledged the version. */
  readonly read: Map<PartitionId, Set<NodeId>>;
  /** Rows are here since then. */
  readonly rowsAtMs: Map<PartitionId, number>;
  readonly done: Set<PartitionId>;
  left: number;
};

/** Each waits for round trips, most of the time: the others may be far away. */
const PARTITIONS_AT_ONCE = 16;

export class LayoutSync implements PartitionSync {
  readonly #options: LayoutSyncOptions;
  readonly #progress = new Map<VersionName, Progress>();
  /** What was brought in since the store was found to be behind. */
  readonly #again = new Set<PartitionId>();
  readonly #entering: Entering;
  #isStopped = false;

  constructor(options: LayoutSyncOptions) {
    this.#options = options;
    this.#entering = new Entering(options);
  }

  /** Partitions that are still to be brought in, over all versions. */
  get partitionsLeft(): number {
    return Math.max(0, ...[...this.#progress.values()].map(({ left }) => left));
  }

  /** At the start. */
  begin(): Promise<void> {
    return this.#entering.begin();
  }

  stop(): void {
    this.#isStopped = true;
    this.#entering.stop();
  }

  prepare(names: readonly VersionName[]): Promise<void> {
    return this.#entering.prepare(names);
  }

  async bringIn(version: NamedVersion, gained: readonly PartitionId[]): Promise<'done' | 'later'> {
    const progress = this.#progressOf(version.name);
    const open = gained.filter(partition => !progress.done.has(partition));
    progress.left = open.length;
    await someAtATime(PARTITIONS_AT_ONCE, open, async partition => {
      if (this.#isStopped) return;
      if (!(await this.#bringInOne(version, partition, progress))) return;
      progress.done.add(partition);
      progress.left -= 1;
    });
    return progress.left > 0 ? 'later' : 'done';
  }

  /**
   * Brings in all that this node holds once more, because its store may have forgotten some of it:
   * the rows of every partition, from a read quorum of others. False: not all of it is here yet.
   */
  async bringInAgain(): Promise<boolean> {
    const { nodeId, known } = this.#options;
    const held = PARTITIONS.filter(partition =>
      known.live.some(layout => replicasOf(layout, partition).includes(nodeId)),
    );
    let isWhole = true;
    const open = held.filter(partition => !this.#again.has(partition));
    await someAtATime(PARTITIONS_AT_ONCE, open, async partition => {
      if (this.#isStopped) return;
      const { read } = known;
      const replicas = replicasOf(read, partition);
      const others = replicas.filter(node => node !== nodeId);
      const needed = Math.min(readQuorumOf(read), others.length);
      const isHere = await this.#pullFrom(partition, others, needed);
      // Where others are read by now, these may have held nothing of it any more.
      const isStillRead = replicasOf(known.read, partition).join() === replicas.join();
      if (isHere && isStillRead) this.#again.add(partition);
      else isWhole = false;
    });
    if (!isWhole || this.#isStopped) return false;
    // Should it be found behind once more, all is brought in once more.
    this.#again.clear();
    return true;
  }

  /** So many of them, each completely. */
  async #pullFrom(
    partition: PartitionId,
    nodes: readonly NodeId[],
    needed: number,
  ): Promise<boolean> {
    const { isUp, transfer } = this.#options;
    let pulled = 0;
    for (const node of nodes) {
      if (pulled >= needed || this.#isStopped) break;
      if (!isUp(node)) continue;
      const outcome = await transfer.pullRows(partition, node);
      if (outcome === 'done') pulled += 1;
      // Only where all can be brought in again at once: it may be the second copy of something.
      if (outcome === 'missed-round' && nodes.filter(isUp).length >= needed) {
        await this.#entering.anew(partition, [node]);
        return false;
      }
    }
    return pulled >= needed;
  }

  #progressOf(name: VersionName): Progress {
    const { known } = this.#options;
    for (const other of this.#progress.keys()) {
      if (!known.state.versions.has(other)) this.#progress.delete(other);
    }
    const progress = this.#progress.get(name);
    if (progress !== undefined) return progress;
    const made = { read: new Map(), rowsAtMs: new Map(), done: new Set<PartitionId>(), left: 0 };
    this.#progress.set(name, made);
    return made;
  }

  /** False: not all of it is here yet. */
  async #bringInOne(
    version: NamedVersion,
    partition: PartitionId,
    progress: Progress,
  ): Promise<boolean> {
    const { known, clock, transfer } = this.#options;
    const read = progress.read.get(partition) ?? new Set<NodeId>();
    progress.read.set(partition, read);
    const heard = read.size;
    for (const quorum of this.#quorums(known.state, version, partition)) {
      if (!(await this.#readQuorum(version, partition, quorum, read))) return false;
    }
    // While these were read, others may have become those from whom it is synced.
    const quorums = this.#quorums(known.state, version, partition);
    if (!quorums.every(quorum => isRead(quorum, read))) return false;
    if (read.size > heard) progress.rowsAtMs.delete(partition);
    const rowsAtMs = progress.rowsAtMs.get(partition) ?? clock.monotonicMs();
    progress.rowsAtMs.set(partition, rowsAtMs);
    await transfer.pullReferences(partition, rowsAtMs);
    return this.#hasBlocks(version, partition, rowsAtMs);
  }

  /** Of each version that this one is synced from: who may be read, and how many must be. */
  #quorums(state: LayoutState, version: NamedVersion, partition: PartitionId): readonly Quorum[] {
    const { nodeId } = this.#options;
    return sourcesOf(state, version).map(source => {
      const replicas = replicasOf(source.layout, partition);
      const asked = replicas.filter(
        node => node !== nodeId && !trackerOf(state, node).skipped.has(version.name),
      );
      const { synced, skipped } = trackerOf(state, nodeId);
      const isWhole = source.parents.length === 0 || synced.has(source.name);
      // What this node holds by that version already it need not ask for.
      const own = replicas.includes(nodeId) && isWhole && !skipped.has(version.name) ? 1 : 0;
      return {
        nodes: asked,
        needed: Math.min(readQuorumOf(source.layout) - own, asked.length),
      };
    });
  }

  async #readQuorum(
    version: NamedVersion,
    partition: PartitionId,
    quorum: Quorum,
    read: Set<NodeId>,
  ): Promise<boolean> {
    const { known, isUp, transfer } = this.#options;
    for (const node of quorum.nodes) {
      if (isRead(quorum, read)) break;
      if (read.has(node) || this.#isStopped || !isUp(node)) continue;
      if (!trackerOf(known.state, node).acked.has(version.name)) continue;
      const outcome = await transfer.pullRows(partition, node);
      if (outcome === 'done') read.add(node);
      if (outcome !== 'missed-round') continue;
      read.clear();
      await this.#entering.anew(partition, [node]);
      return false;
    }
    return isRead(quorum, read);
  }

  #hasBlocks(version: NamedVersion, partition: PartitionId, sinceMs: number): boolean {
    const { known, transfer } = this.#options;
    const inStep = transfer.blocksInStep(partition);
    return this.#quorums(known.state, version, partition).every(({ nodes, needed }) => {
      return nodes.filter(node => (inStep.get(node) ?? -1) >= sinceMs).length >= needed;
    });
  }
}

function isRead({ nodes, needed }: Quorum, read: ReadonlySet<NodeId>): boolean {
  return nodes.filter(node => read.has(node)).length >= needed;
}
