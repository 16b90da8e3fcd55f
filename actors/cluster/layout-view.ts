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
  LayoutVersionStatus,
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
import { holdersOf, isBefore, liveVersions, trackerOf } from '../../schemas/layout-liveness.ts';
import type { LayoutState, Tracker, VersionName } from '../../schemas/layout-state.ts';

export function roleView(role: LayoutRole): NodeRole {
  return { zone: role.zone, tags: role.tags, capacity: role.capacityBytes };
}

function parametersView(redundancy: number | 'maximum'): LayoutParameters {
  return { zoneRedundancy: redundancy === 'maximum' ? 'maximum' : { atLeast: redundancy } };
}

function stagedParameters(current: LayoutVersion, staged: StagedChanges): LayoutParameters | null {
  const { zoneRedundancy, replicationFactor } = staged;
  if (zoneRedundancy === undefined && replicationFactor === undefined) return null;
  return {
    ...parametersView(zoneRedundancy ?? current.zoneRedundancy),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  };
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
    stagedParameters: stagedParameters(current, staged),
  };
}

export function noChanges(): StagedChanges {
  return { roles: new Map() };
}

/** A role as an operator gave it. */
export function roleOf(change: RoleChange): LayoutRole | null {
  if ('remove' in change) return null;
  return { zone: change.zone, tags: change.tags, capacityBytes: change.capacity };
}

// ---- history ------------------------------------------------------------------------------------

function versionStatus(
  { version, roles }: LayoutVersion,
  status: LayoutVersionStatus['status'],
): LayoutVersionStatus {
  const gatewayNodes = [...roles.values()].filter(role => role.capacityBytes === null).length;
  return { version, status, storageNodes: roles.size - gatewayNodes, gatewayNodes };
}

/** Of retired versions so many are shown. */
const HISTORICAL_MAX = 5;

export function layoutHistory(state: LayoutState, current: LayoutVersion): LayoutHistory {
  const live = liveVersions(state).map(({ layout }) => layout);
  const others = live.filter(layout => layout !== current);
  const retired = [...state.retired]
    .map(([name, { storageNodes, gatewayNodes }]): LayoutVersionStatus => ({
      ...{ version: Number.parseInt(name, 10), status: 'Historical', storageNodes, gatewayNodes },
    }))
    .sort((a, b) => b.version - a.version)
    .slice(0, HISTORICAL_MAX);
  const trackers = updateTrackers(state, current);
  return {
    currentVersion: current.version,
    minAck: Math.min(current.version, ...Object.values(trackers).map(({ ack }) => ack)),
    versions: [
      versionStatus(current, 'Current'),
      ...others.reverse().map(layout => versionStatus(layout, 'Draining')),
      ...retired,
    ],
    updateTrackers: others.length === 0 ? null : trackers,
  };
}

type TrackerView = { readonly ack: number; readonly sync: number; readonly syncAck: number };

/** As numbers, which is how operators think of versions: the newest up to which there is no gap. */
function updateTrackers(state: LayoutState, current: LayoutVersion): Record<string, TrackerView> {
  const live = liveVersions(state);
  const holders = new Set(live.flatMap(({ layout }) => [...holdersOf(layout)]));
  const upTo = (has: (name: VersionName) => boolean): number => {
    const gap = live.findIndex(({ name }) => !has(name));
    if (gap < 0) return current.version;
    return live[gap - 1]?.layout.version ?? Math.max(0, (live[0]?.layout.version ?? 1) - 1);
  };
  const viewOf = (node: NodeId): TrackerView => {
    const { acked, synced, stopped, skipped }: Tracker = trackerOf(state, node);
    const stop = (name: VersionName): boolean =>
      [...stopped].some(later => later === name || isBefore(state, name, later));
    return {
      ack: upTo(name => acked.has(name) || skipped.has(name)),
      sync: upTo(name => {
        const version = state.versions.get(name);
        const mustHold = version !== undefined && holdersOf(version.layout).has(node);
        return !mustHold || version.parents.length === 0 || synced.has(name) || skipped.has(name);
      }),
      syncAck: upTo(name => stop(name) || skipped.has(name)),
    };
  };
  return Object.fromEntries([...holders].sort().map(node => [node, viewOf(node)]));
}
