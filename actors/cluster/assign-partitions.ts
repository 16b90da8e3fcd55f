/**
 * Roles to replicas: which nodes hold which partition in the next layout version.
 *
 * Owns:          the rule, and the figures that operators are shown before they apply it.
 * Knows:         layouts.
 * Must not know: who is alive, what is stored.
 *
 * A node on the embedded bus has no peers, so every partition lies on every storage node, of which
 * there are as many as copies. A cluster, where there is a choice, needs more than this.
 */
import type { AssignedZone, AssignmentStatistics } from '../../schemas/admin-types.ts';
import type { LayoutRole, LayoutVersion, StagedChanges } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';

export type Assignment =
  | {
      readonly kind: 'assigned';
      readonly layout: LayoutVersion;
      readonly statistics: AssignmentStatistics;
    }
  /** One sentence for the operator. */
  | { readonly kind: 'impossible'; readonly reason: string };

/** A partition smaller than this is a capacity given in the wrong unit. */
const PARTITION_BYTES_SENSIBLE = 100;
const USABLE_SHARE_SENSIBLE = 0.8;

type StorageNode = { readonly id: NodeId; readonly role: LayoutRole; readonly capacity: number };

/** The roles as they will be: what is staged laid over what is current, ordered by id. */
export function stagedRoles(
  current: LayoutVersion,
  staged: StagedChanges,
): ReadonlyMap<NodeId, LayoutRole> {
  const roles = new Map(current.roles);
  for (const [id, role] of staged.roles) {
    if (role === null) roles.delete(id);
    else roles.set(id, role);
  }
  return new Map([...roles].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function storageNodes(roles: ReadonlyMap<NodeId, LayoutRole>): StorageNode[] {
  return [...roles].flatMap(([id, role]) =>
    role.capacityBytes === null ? [] : [{ id, role, capacity: role.capacityBytes }],
  );
}

/** Computes the version that applying `staged` on `current` would make. */
export function assignPartitions(current: LayoutVersion, staged: StagedChanges): Assignment {
  const roles = stagedRoles(current, staged);
  const nodes = storageNodes(roles);
  const factor = current.replicationFactor;
  if (nodes.length < factor) return tooFew(nodes.length, factor);
  if (nodes.length > factor) {
    const reason = 'A node on the embedded bus has no peers; give it [nats] to join others.';
    return { kind: 'impossible', reason };
  }
  const redundancy = staged.zoneRedundancy ?? current.zoneRedundancy;
  const zoneCount = new Set(nodes.map(node => node.role.zone)).size;
  const wanted = redundancy === 'maximum' ? Math.min(zoneCount, factor) : redundancy;
  if (wanted > zoneCount) {
    const reason = `Copies are to lie in ${String(wanted)} zones; there are ${String(zoneCount)}.`;
    return { kind: 'impossible', reason };
  }
  const smallest = Math.min(...nodes.map(node => node.capacity));
  const layout: LayoutVersion = {
    version: current.version + 1,
    replicationFactor: factor,
    zoneRedundancy: redundancy,
    roles,
    replicas: Array.from({ length: PARTITION_COUNT }, () => nodes.map(node => node.id)),
    partitionBytes: Math.floor(smallest / PARTITION_COUNT),
  };
  return { kind: 'assigned', layout, statistics: figures(current, layout, nodes, wanted) };
}

function tooFew(count: number, factor: number): Assignment {
  const have = count === 0 ? 'no node' : `${String(count)} of them`;
  const reason =
    `${String(factor)} storage nodes are needed for as many copies, and ${have} has a role; ` +
    'assign one with `garage layout assign`.';
  return { kind: 'impossible', reason };
}

function figures(
  previous: LayoutVersion,
  layout: LayoutVersion,
  nodes: readonly StorageNode[],
  zoneRedundancy: number,
): AssignmentStatistics {
  const usablePerNode = layout.partitionBytes * PARTITION_COUNT;
  const total = nodes.reduce((sum, node) => sum + node.capacity, 0);
  const usable = usablePerNode * nodes.length;
  const held = new Set(previous.replicas[0] ?? []);
  const newNodes = nodes.filter(node => !held.has(node.id)).length;
  return {
    replicationFactor: layout.replicationFactor,
    effectiveZoneRedundancy: zoneRedundancy,
    partitionSize: layout.partitionBytes,
    previousPartitionSize: previous.version === 0 ? null : previous.partitionBytes,
    lowPartitionSize: layout.partitionBytes < PARTITION_BYTES_SENSIBLE,
    usableCapacity: usable,
    totalCapacity: total,
    effectiveCapacity: Math.floor(usable / layout.replicationFactor),
    lowUsableCapacity: usable < total * USABLE_SHARE_SENSIBLE,
    totalMovedPartitions: previous.version === 0 ? null : newNodes * PARTITION_COUNT,
    zones: zoneFigures(nodes, held, usablePerNode),
  };
}

function zoneFigures(
  nodes: readonly StorageNode[],
  held: ReadonlySet<NodeId>,
  usableCapacity: number,
): AssignedZone[] {
  const names = [...new Set(nodes.map(node => node.role.zone))].sort();
  return names.map(name => {
    const members = nodes.filter(node => node.role.zone === name);
    return {
      name,
      nodes: members.map(node => ({
        id: node.id,
        tags: node.role.tags,
        storedPartitions: PARTITION_COUNT,
        newPartitions: held.has(node.id) ? 0 : PARTITION_COUNT,
        totalCapacity: node.capacity,
        usableCapacity,
      })),
      totalReplicatedPartitions: PARTITION_COUNT * members.length,
      uniquePartitions: PARTITION_COUNT,
      totalCapacity: members.reduce((sum, node) => sum + node.capacity, 0),
      usableCapacity: usableCapacity * members.length,
    };
  });
}
