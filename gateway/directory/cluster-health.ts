/**
 * Whether the cluster can serve, as one process sees it.
 *
 * Owns:          what "healthy", "degraded" and "unavailable" mean.
 * Knows:         what the process knows of the cluster; quorums.
 * Must not know: who asks.
 *
 * Healthy: every storage node is up. Degraded: some are not, and every partition still takes
 * writes. Partitions are judged by every live layout version, as writes are.
 */
import type { ClusterView } from '../../bus/cluster-view.ts';
import { WriteGoal, type ConsistencyMode } from '../../bus/quorums.ts';
import type { ClusterHealth } from '../../schemas/admin-types.ts';
import { storageNodesOf } from '../../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, PARTITIONS } from '../../schemas/ids.ts';

/** By node: whether it is up. The process that asks is. */
export type UpNodes = (node: NodeId) => boolean;

export type HealthSources = {
  readonly view: ClusterView;
  readonly mode: ConsistencyMode;
  readonly localNodeId: NodeId;
  /** Nodes that were heard, in the layout or not. */
  readonly heard: () => Iterable<NodeId>;
};

export function clusterHealth({ view, mode, localNodeId, heard }: HealthSources): ClusterHealth {
  const isUp: UpNodes = node => node === localNodeId || view.isUp(node);
  const live = view.live.filter(layout => layout.version > 0);
  const inLayouts = live.flatMap(layout => [...layout.roles.keys()]);
  const known = new Set([localNodeId, ...heard(), ...inLayouts]);
  const storage = new Set(live.flatMap(storageNodesOf));
  const storageUp = [...storage].filter(isUp).length;
  const goals = (partition: PartitionId): WriteGoal[] =>
    live.map(layout => new WriteGoal(layout, partition, mode));
  const withQuorum = PARTITIONS.filter(
    partition => live.length > 0 && goals(partition).every(goal => goal.isReachedBy(isUp)),
  );
  const withAll = withQuorum.filter(partition =>
    goals(partition).every(goal => goal.replicas.every(isUp)),
  );
  return {
    status: statusOf(withQuorum.length, storageUp === storage.size && storage.size > 0),
    knownNodes: known.size,
    connectedNodes: [...known].filter(isUp).length,
    storageNodes: storage.size,
    storageNodesUp: storageUp,
    partitions: PARTITION_COUNT,
    partitionsQuorum: withQuorum.length,
    partitionsAllOk: withAll.length,
  };
}

function statusOf(partitionsQuorum: number, allNodesUp: boolean): ClusterHealth['status'] {
  if (partitionsQuorum < PARTITION_COUNT) return 'unavailable';
  return allNodesUp ? 'healthy' : 'degraded';
}
