/**
 * Roles to replicas: which nodes hold which partition in the next layout version.
 *
 * Owns:          what is asked of a placement, and the sentence when it cannot be had.
 * Knows:         layouts.
 * Must not know: who is alive, what is stored.
 *
 * Every node that computes the next version from the same two arguments gets the same one.
 */
import type { AssignmentStatistics } from '../../schemas/admin-types.ts';
import type { LayoutRole, LayoutVersion, StagedChanges } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import { assignmentStatistics } from './assignment-statistics.ts';
import { placeCopies, type PlacementNode } from './place-copies.ts';

export type Assignment =
  | {
      readonly kind: 'assigned';
      readonly layout: LayoutVersion;
      readonly statistics: AssignmentStatistics;
    }
  /** One sentence for the operator. */
  | { readonly kind: 'impossible'; readonly reason: string };

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
  return inOrder(roles);
}

function inOrder(roles: ReadonlyMap<NodeId, LayoutRole>): ReadonlyMap<NodeId, LayoutRole> {
  return new Map([...roles].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Gateways hold nothing, whatever their role says of tags and zone. */
function storageNodes(roles: ReadonlyMap<NodeId, LayoutRole>): PlacementNode[] {
  return [...roles].flatMap(([id, { zone, capacityBytes }]) =>
    capacityBytes === null ? [] : [{ id, zone, capacity: capacityBytes }],
  );
}

function impossible(...parts: readonly string[]): Assignment {
  return { kind: 'impossible', reason: parts.join('') };
}

type Demand = {
  readonly replicationFactor: number;
  readonly zoneRedundancy: number | 'maximum';
};

/** As many zones as there are and as copies can lie in, unless fewer are asked for. */
function zonesWanted(demand: Demand, nodes: readonly PlacementNode[]): number {
  if (demand.zoneRedundancy !== 'maximum') return demand.zoneRedundancy;
  return Math.min(zoneCount(nodes), demand.replicationFactor);
}

function zoneCount(nodes: readonly PlacementNode[]): number {
  return new Set(nodes.map(node => node.zone)).size;
}

/** Computes the version that applying `staged` on `current` would make. */
export function assignPartitions(current: LayoutVersion, staged: StagedChanges): Assignment {
  const roles = stagedRoles(current, staged);
  const nodes = storageNodes(roles);
  const replicationFactor = staged.replicationFactor ?? current.replicationFactor;
  const zoneRedundancy = staged.zoneRedundancy ?? current.zoneRedundancy;
  const demand = { replicationFactor, zoneRedundancy };
  const refused = problemOf(demand, nodes);
  if (refused !== undefined) return refused;
  const wanted = zonesWanted(demand, nodes);
  const placement = placeCopies({
    partitionCount: PARTITION_COUNT,
    replicationFactor,
    zoneRedundancy: wanted,
    nodes,
    previous: current.replicas,
  });
  if (placement === undefined) {
    return impossible(
      `The capacities are too small for ${String(PARTITION_COUNT)} partitions; `,
      'give nodes a larger one with `garage layout assign -c`.',
    );
  }
  const layout: LayoutVersion = {
    version: current.version + 1,
    replicationFactor,
    zoneRedundancy,
    roles,
    ...placement,
  };
  const statistics = assignmentStatistics(current, layout, wanted);
  return { kind: 'assigned', layout, statistics };
}

function problemOf(demand: Demand, nodes: readonly PlacementNode[]): Assignment | undefined {
  const { replicationFactor } = demand;
  if (nodes.length < replicationFactor) return tooFew(nodes.length, replicationFactor);
  const wanted = zonesWanted(demand, nodes);
  if (wanted > replicationFactor) {
    return impossible(
      `Copies are to lie in ${String(wanted)} zones, and there are ${String(replicationFactor)} `,
      'copies; lower that with `garage layout config -r`.',
    );
  }
  const zones = zoneCount(nodes);
  if (wanted <= zones) return undefined;
  const have = zones === 1 ? 'one zone has' : `${String(zones)} zones have`;
  return impossible(
    `Copies are to lie in ${String(wanted)} zones, and ${have} storage nodes; `,
    'give nodes other zones with `garage layout assign -z`, ',
    'or lower it with `garage layout config -r`.',
  );
}

function tooFew(count: number, factor: number): Assignment {
  const have = count === 0 ? 'no node' : `${String(count)} of them`;
  return impossible(
    `${String(factor)} storage nodes are needed for as many copies, and ${have} has a role; `,
    'assign one with `garage layout assign`.',
  );
}

export type Replacement = {
  readonly old: NodeId;
  readonly by: NodeId;
  /** That of the old node where it is absent. */
  readonly role?: LayoutRole;
};

/**
 * The version in which a node has taken the place of another: it holds exactly what that one held,
 * and nothing else moves.
 */
export function replaceNode(current: LayoutVersion, replacement: Replacement): Assignment {
  const { old, by } = replacement;
  const oldRole = current.roles.get(old);
  if (oldRole === undefined) {
    return impossible(
      `Node ${shortId(old)} has no role to take over; `,
      '`garage layout show` lists those that have.',
    );
  }
  if (current.roles.has(by)) {
    return impossible(
      `Node ${shortId(by)} has a role already; `,
      'replace by a node that is new, or remove the old one with `garage layout remove`.',
    );
  }
  const role = replacement.role ?? oldRole;
  const roles = new Map(current.roles);
  roles.delete(old);
  roles.set(by, role);
  const replicas = current.replicas.map(nodes =>
    nodes.includes(old) ? nodes.map(node => (node === old ? by : node)).sort() : nodes,
  );
  const layout = { ...current, version: current.version + 1, roles: inOrder(roles), replicas };
  return checkedReplacement(current, layout, by);
}

function shortId(id: NodeId): string {
  return id.slice(0, 16);
}

/** A replacement with a role of its own may be too small, or in a zone that has a copy already. */
function checkedReplacement(current: LayoutVersion, layout: LayoutVersion, by: NodeId): Assignment {
  const nodes = storageNodes(layout.roles);
  const refused = problemOf(layout, nodes);
  if (refused !== undefined) return refused;
  const wanted = zonesWanted(layout, nodes);
  const isSpread = layout.replicas.every(copies => {
    return new Set(copies.map(node => layout.roles.get(node)?.zone)).size >= wanted;
  });
  if (!isSpread) {
    return impossible(
      `In the zone of ${shortId(by)} copies would no longer lie in ${String(wanted)} zones; `,
      'give it the zone of the node it replaces, or change the layout with `garage layout assign`.',
    );
  }
  const held = layout.replicas.filter(copies => copies.includes(by)).length;
  const capacity = layout.roles.get(by)?.capacityBytes ?? 0;
  const partitionBytes = held === 0 ? layout.partitionBytes : Math.floor(capacity / held);
  const fitted = { ...layout, partitionBytes: Math.min(layout.partitionBytes, partitionBytes) };
  if (fitted.partitionBytes === 0 && held > 0) {
    return impossible(
      `Node ${shortId(by)} is too small for the ${String(held)} partitions it would hold; `,
      'give it a larger capacity.',
    );
  }
  const statistics = assignmentStatistics(current, fitted, wanted);
  return { kind: 'assigned', layout: fitted, statistics };
}
