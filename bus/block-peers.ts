/**
 * The other replicas of this node's blocks: who they are, and asking one of them.
 *
 * Owns:          the choice of peers.
 * Knows:         the cluster, through its view; the block messages.
 * Must not know: why a peer is asked.
 */
import { replicasIn, replicasOf } from '../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type { BlockReply, BlockRequest } from '../schemas/messages/block.ts';
import type { Address } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import type { PeerCalls } from './peer-calls.ts';

export type BlockPeersOptions = {
  readonly calls: Pick<PeerCalls, 'ask'>;
  readonly view: ClusterView;
  /** This node. */
  readonly node: NodeId;
  readonly address: (node: NodeId, partition: PartitionId) => Address<BlockRequest, BlockReply>;
};

export class BlockPeers {
  readonly #options: BlockPeersOptions;

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

  /** undefined: there was no answer. */
  ask(
    node: NodeId,
    partition: PartitionId,
    request: BlockRequest,
  ): Promise<BlockReply | undefined> {
    const { calls, address } = this.#options;
    return calls.ask(address(node, partition), request);
  }
}
