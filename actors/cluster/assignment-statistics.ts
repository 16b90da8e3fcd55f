/**
 * What operators are told of an assignment before they apply it.
 *
 * Owns:          the figures: sizes, capacities, copies that move; for each zone and node.
 * Knows:         the layout before and the one that was computed.
 * Must not know: how it was computed, how the figures are printed.
 */
import type {
  AssignedNode,
  AssignedZone,
  AssignmentStatistics,
} from '../../schemas/admin-types.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';

/** A partition smaller than this is a capacity given in the wrong unit. */
const PARTITION_BYTES_SENSIBLE = 100;
const USABLE_SHARE_SENSIBLE = 0.8;

export function assignmentStatistics(
  previous: LayoutVersion,
  layout: LayoutVersion,
  effectiveZoneRedundancy: number,
): AssignmentStatistics {
  const zones = zoneFigures(previous, layout);
  const { replicationFactor, partitionBytes } = layout;
  const usable = partitionBytes * PARTITION_COUNT * replicationFactor;
  const total = sum(zones.map(zone => zone.totalCapacity));
  const moved = sum(zones.flatMap(zone => zone.nodes).map(node => node.newPartitions));
  const isFirst = previous.version === 0;
  return {
    replicationFactor,
    effectiveZoneRedundancy,
    partitionSize: partitionBytes,
    previousPartitionSize: isFirst ? null : previous.partitionBytes,
    lowPartitionSize: partitionBytes < PARTITION_BYTES_SENSIBLE,
    usableCapacity: usable,
    totalCapacity: total,
    effectiveCapacity: Math.floor(usable / replicationFactor),
    lowUsableCapacity: usable < total * USABLE_SHARE_SENSIBLE,
    totalMovedPartitions: isFirst ? null : moved,
    zones,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** By node: the partitions of which it holds a copy. */
function holdings(layout: LayoutVersion): ReadonlyMap<NodeId, ReadonlySet<number>> {
  const held = new Map<NodeId, Set<number>>();
  layout.replicas.forEach((nodes, partition) => {
    for (const node of nodes) {
      const partitions = held.get(node) ?? new Set();
      held.set(node, partitions.add(partition));
    }
  });
  return held;
}

type Member = { readonly zone: string; readonly node: AssignedNode; readonly id: NodeId };

function zoneFigures(previous: LayoutVersion, layout: LayoutVersion): AssignedZone[] {
  const [before, after] = [holdings(previous), holdings(layout)];
  const nothing: ReadonlySet<number> = new Set();
  const members = [...layout.roles].flatMap(([id, role]): Member[] => {
    if (role.capacityBytes === null) return [];
    const held = before.get(id) ?? nothing;
    const stored = after.get(id) ?? nothing;
    const node: AssignedNode = {
      id,
      tags: role.tags,
      storedPartitions: stored.size,
      newPartitions: [...stored].filter(partition => !held.has(partition)).length,
      totalCapacity: role.capacityBytes,
      usableCapacity: stored.size * layout.partitionBytes,
    };
    return [{ zone: role.zone, id, node }];
  });
  const names = [...new Set(members.map(({ zone }) => zone))].sort();
  return names.map(name => {
    const inZone = members.filter(({ zone }) => zone === name);
    const nodes = inZone.map(({ node }) => node);
    const partitions = inZone.flatMap(({ id }) => [...(after.get(id) ?? nothing)]);
    return {
      name,
      nodes,
      totalReplicatedPartitions: partitions.length,
      uniquePartitions: new Set(partitions).size,
      totalCapacity: sum(nodes.map(node => node.totalCapacity)),
      usableCapacity: sum(nodes.map(node => node.usableCapacity)),
    };
  });
}
