/**
 * A layout as operators are shown it.
 *
 * Owns:          the translation from the layout's own fields to those of the admin API.
 * Knows:         both.
 * Must not know: how either is stored or sent.
 */
import type {
  LayoutHistory,
  LayoutParameters,
  LayoutRole as RoleView,
  LayoutView,
  NodeRole,
  RoleChange,
} from '../../schemas/admin-types.ts';
import type {
  ClusterLayout,
  LayoutRole,
  LayoutVersion,
  StagedChanges,
} from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';

export function roleView(role: LayoutRole): NodeRole {
  return { zone: role.zone, tags: role.tags, capacity: role.capacityBytes };
}

function parametersView(redundancy: number | 'maximum'): LayoutParameters {
  return { zoneRedundancy: redundancy === 'maximum' ? 'maximum' : { atLeast: redundancy } };
}

export function redundancyOf(parameters: LayoutParameters): number | 'maximum' {
  const { zoneRedundancy } = parameters;
  return zoneRedundancy === 'maximum' ? 'maximum' : zoneRedundancy.atLeast;
}

function storedPartitions(layout: LayoutVersion, id: NodeId): number {
  return layout.replicas.filter(nodes => nodes.includes(id)).length;
}

function currentRole(layout: LayoutVersion, id: NodeId, role: LayoutRole): RoleView {
  const isGateway = role.capacityBytes === null;
  const stored = storedPartitions(layout, id);
  return {
    id,
    ...roleView(role),
    storedPartitions: isGateway ? null : stored,
    usableCapacity: isGateway ? null : stored * layout.partitionBytes,
  };
}

function stagedChange(id: NodeId, role: LayoutRole | null): RoleChange {
  return role === null ? { id, remove: true } : { id, ...roleView(role) };
}

export function layoutView({ current, staged }: ClusterLayout): LayoutView {
  return {
    version: current.version,
    roles: [...current.roles].map(([id, role]) => currentRole(current, id, role)),
    parameters: parametersView(current.zoneRedundancy),
    partitionSize: current.partitionBytes,
    stagedRoleChanges: [...staged.roles].map(([id, role]) => stagedChange(id, role)),
    stagedParameters:
      staged.zoneRedundancy === undefined ? null : parametersView(staged.zoneRedundancy),
  };
}

export function layoutHistory({ current }: ClusterLayout): LayoutHistory {
  const roles = [...current.roles.values()];
  const gateways = roles.filter(role => role.capacityBytes === null).length;
  const line = {
    version: current.version,
    status: 'Current',
    storageNodes: roles.length - gateways,
    gatewayNodes: gateways,
  } as const;
  return {
    currentVersion: current.version,
    minAck: current.version,
    versions: [line],
    updateTrackers: null,
  };
}

/** A change back to what is current leaves nothing staged for that node. */
export function stageRoles(
  current: LayoutVersion,
  staged: StagedChanges,
  changes: readonly RoleChange[],
): Map<NodeId, LayoutRole | null> {
  const roles = new Map(staged.roles);
  for (const change of changes) {
    const id = change.id as NodeId;
    const role =
      'remove' in change
        ? null
        : { zone: change.zone, tags: change.tags, capacityBytes: change.capacity };
    if (isSameRole(current.roles.get(id) ?? null, role)) roles.delete(id);
    else roles.set(id, role);
  }
  return roles;
}

function isSameRole(a: LayoutRole | null, b: LayoutRole | null): boolean {
  if (a === null || b === null) return a === b;
  const sameTags = a.tags.length === b.tags.length && a.tags.every((tag, i) => tag === b.tags[i]);
  return a.zone === b.zone && a.capacityBytes === b.capacityBytes && sameTags;
}
