/**
 * Versions that do not follow one another, joined into one that follows them all.
 *
 * Owns:          the rule, which gives every node that knows the same versions the same successor.
 * Knows:         layout states; a function that assigns partitions.
 * Must not know: who is alive.
 *
 * Of every role, and of every setting, the change that was staged last is taken. Where no
 * assignment is possible for all of them together, or the newest branch has them all already, the
 * newest branch is taken as it is: so two releases that assign differently come to an end too.
 */
import type { LayoutRole, LayoutVersion, StagedChanges } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { headsOf, isNewer } from '../../schemas/layout-liveness.ts';
import type { LayoutState, NamedVersion } from '../../schemas/layout-state.ts';
import { nameVersion } from '../../schemas/records/layout-state-row.ts';
import { TIMESTAMP_ZERO, type Timestamp } from '../../schemas/timestamp.ts';
import { assignPartitions } from './assign-partitions.ts';

/** undefined: there are no branches. */
export function mergedSuccessor(state: LayoutState): NamedVersion | undefined {
  const heads = headsOf(state);
  if (heads.length < 2) return undefined;
  const base = heads.reduce((best, head) => (isNewer(head, best) ? head : best));
  const latest = latestRoles(heads);
  const byRedundancy = latestOf(heads, head => head.redundancyStamp);
  const byFactor = latestOf(heads, head => head.factorStamp);
  const layout = joined(base.layout, {
    roles: changedRoles(base.layout, latest),
    zoneRedundancy: byRedundancy.layout.zoneRedundancy,
    replicationFactor: byFactor.layout.replicationFactor,
  });
  return nameVersion({
    layout: { ...layout, version: base.layout.version + 1 },
    parents: heads.map(({ name }) => name),
    roleStamps: new Map([...latest].map(([id, { stamp }]) => [id, stamp])),
    redundancyStamp: byRedundancy.redundancyStamp,
    factorStamp: byFactor.factorStamp,
  });
}

type Latest = { readonly stamp: Timestamp; readonly role: LayoutRole | null };

/** Of one stamp there may be a role and none (a merge that took a branch as it was): the role. */
function latestRoles(heads: readonly NamedVersion[]): ReadonlyMap<NodeId, Latest> {
  const latest = new Map<NodeId, Latest>();
  for (const { roleStamps, layout } of heads) {
    for (const id of new Set([...roleStamps.keys(), ...layout.roles.keys()])) {
      const stamp = roleStamps.get(id) ?? TIMESTAMP_ZERO;
      const role = layout.roles.get(id) ?? null;
      const known = latest.get(id);
      const isLater =
        known === undefined ||
        stamp > known.stamp ||
        (stamp === known.stamp && textOf(role) > textOf(known.role));
      if (isLater) latest.set(id, { stamp, role });
    }
  }
  return new Map([...latest].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Orders roles; null comes first. */
function textOf(role: LayoutRole | null): string {
  return role === null ? '' : JSON.stringify([role.zone, role.capacityBytes, role.tags]);
}

function latestOf(
  heads: readonly NamedVersion[],
  stampOf: (head: NamedVersion) => Timestamp,
): NamedVersion {
  return heads.reduce((best, head) => {
    if (stampOf(head) !== stampOf(best)) return stampOf(head) > stampOf(best) ? head : best;
    return isNewer(head, best) ? head : best;
  });
}

function changedRoles(
  base: LayoutVersion,
  latest: ReadonlyMap<NodeId, Latest>,
): Map<NodeId, LayoutRole | null> {
  const changed = [...latest].filter(
    ([id, { role }]) => textOf(role) !== textOf(base.roles.get(id) ?? null),
  );
  return new Map(changed.map(([id, { role }]) => [id, role]));
}

function joined(base: LayoutVersion, changes: Required<StagedChanges>): LayoutVersion {
  const isSame =
    changes.roles.size === 0 &&
    changes.zoneRedundancy === base.zoneRedundancy &&
    changes.replicationFactor === base.replicationFactor;
  if (isSame) return base;
  const { replicationFactor, ...staged } = changes;
  const assignment = assignPartitions({ ...base, replicationFactor }, staged);
  return assignment.kind === 'assigned' ? assignment.layout : base;
}
