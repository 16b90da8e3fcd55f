/**
 * The other replicas of this node's blocks: who they are, and asking one of them.
 *
 * Owns:          the choice of peers.
 * Knows:         the cluster, through its view; the block messages.
 * Must not know: why a peer is asked.
 */
import { replicasIn, replicasOf } from '../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import type { BlockReply, BlockRequest } from '../schemas/messages/block.ts';
import type { Address, Bus } from './bus.ts';
import { isNoAnswer } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';

export type BlockPeersOptions = {
  readonly bus: Bus;
  readonly view: ClusterView;
  /** This node. */
  readonly node: NodeId;
  readonly address: (node: NodeId, partition: PartitionId) => Address<BlockRequest, BlockReply>;
};

export class BlockPeers {
  readonly #options: BlockPeersOptions;
  /** How those who wait for an answer are told that there is none. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(options: BlockPeersOptions) {
    this.#options = options;
  }

  /** Does this node hold the partition, in any live layout version? */
  isOurs(partition: PartitionId): boolean {
    const { view, node } = this.#options;
    return view.live.some(version => replicasOf(version, partition).includes(node));
  }

  /** Does another node hold it? */
  isReplicated(partition: PartitionId): boolean {
    const { view, node } = this.#options;
    return view.live.some(version => replicasOf(version, partition).some(other => other !== node));
  }

  /** The others that hold the partition in any live version and answer, nearest first. */
  peersOf(partition: PartitionId): readonly NodeId[] {
    const { view, node } = this.#options;
    const holders = [...replicasIn(view.live, partition)];
    return view.nearest(holders.filter(other => other !== node && view.isUp(other)));
  }

  /** The live layout versions and the nodes of them that answer, as a text: another one when
   *  something changed. */
  situation(): string {
    const { view } = this.#options;
    const nodes = new Set(view.live.flatMap(version => [...version.roles.keys()]));
    return [view.liveIds, ...[...nodes].filter(node => view.isUp(node)).sort()].join(' ');
  }

  /** Those that hold it in the newest layout version. */
  ownersOf(partition: PartitionId): readonly NodeId[] {
    return replicasOf(this.#options.view.current, partition);
  }

  /** undefined: there was no answer. One that was asked under too old a set of live layout
   *  versions is asked once more under the new one. */
  async ask(
    node: NodeId,
    partition: PartitionId,
    request: BlockRequest,
  ): Promise<BlockReply | undefined> {
    const { view } = this.#options;
    const reply = await this.#askOnce(node, partition, request);
    if (reply?.kind !== 'stale-layout') return reply;
    view.takeOver(reply.state);
    return this.#askOnce(node, partition, request);
  }

  /** Nobody waits for an answer any more: the process ends. */
  close(): void {
    this.#isClosed = true;
    for (const giveUp of this.#waiting) giveUp();
  }

  #askOnce(
    node: NodeId,
    partition: PartitionId,
    request: BlockRequest,
  ): Promise<BlockReply | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    const { bus, view, address } = this.#options;
    const options = { timeoutMs: REQUEST_DEADLINE_MS, layouts: view.liveIds };
    return new Promise(resolve => {
      const giveUp = (): void => {
        resolve(undefined);
      };
      this.#waiting.add(giveUp);
      void Promise.resolve(bus.request(address(node, partition), request, options)).then(reply => {
        this.#waiting.delete(giveUp);
        resolve(isNoAnswer(reply) ? undefined : reply);
      });
    });
  }
}
