/**
 * From what an operator wants to registers that merge, and from those to a version.
 *
 * Owns:          the stamps of changes.
 * Knows:         layout states.
 * Must not know: who asked.
 *
 * A version carries the stamp of each role's last change. That is how staged changes are known to
 * be applied, on this side of a cut or on the other, without being taken back anywhere.
 */
import type { RoleChange } from '../../schemas/admin-types.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type {
  LayoutState,
  NamedVersion,
  Stamped,
  StagedRegisters,
} from '../../schemas/layout-state.ts';
import { nameVersion } from '../../schemas/records/layout-state-row.ts';
import { TIMESTAMP_ZERO, type Timestamp } from '../../schemas/timestamp.ts';
import { roleOf } from './layout-view.ts';

export type WantedChanges = {
  readonly roles: readonly RoleChange[];
  readonly redundancy?: number | 'maximum' | undefined;
  readonly replicationFactor?: number | undefined;
};

export function stagedRegisters(
  { roles, redundancy, replicationFactor }: WantedChanges,
  stamp: () => Timestamp,
): Partial<StagedRegisters> {
  const stamped = <Value>(value: Value): Stamped<Value> => ({ value, stamp: stamp() });
  return {
    roles: new Map(roles.map(change => [change.id as NodeId, stamped(roleOf(change))])),
    ...(redundancy === undefined ? {} : { zoneRedundancy: stamped(redundancy) }),
    ...(replicationFactor === undefined ? {} : { replicationFactor: stamped(replicationFactor) }),
  };
}

function latestOf(stamps: Iterable<Timestamp>): Timestamp {
  let latest = TIMESTAMP_ZERO;
  for (const stamp of stamps) if (stamp > latest) latest = stamp;
  return latest;
}

/** The latest stamp in a state: a change that is made knowing it is stamped above. */
export function latestStamp({ versions, staged }: LayoutState): Timestamp {
  const { roles, zoneRedundancy, replicationFactor, revertedAt } = staged;
  return latestOf([
    revertedAt,
    ...[...roles.values()].map(role => role.stamp),
    ...[zoneRedundancy, replicationFactor].flatMap(field => (field ? [field.stamp] : [])),
    ...[...versions.values()].flatMap(version => [
      ...version.roleStamps.values(),
      version.redundancyStamp,
      version.factorStamp,
    ]),
  ]);
}

/** The version that follows `head` with these roles changed, whatever is staged. */
export function changedVersion(
  head: NamedVersion,
  layout: LayoutVersion,
  change: { readonly roles: readonly NodeId[]; readonly stamp: Timestamp },
): NamedVersion {
  const { redundancyStamp, factorStamp } = head;
  const roleStamps = new Map(head.roleStamps);
  for (const id of change.roles) roleStamps.set(id, change.stamp);
  return nameVersion({ layout, roleStamps, parents: [head.name], redundancyStamp, factorStamp });
}

/** The version that follows `head` with what is staged. */
export function appliedVersion(
  { staged }: LayoutState,
  head: NamedVersion | undefined,
  layout: LayoutVersion,
): NamedVersion {
  const applied = (
    before: Timestamp | undefined,
    register: Stamped<unknown> | undefined,
  ): Timestamp => {
    const isGivenUp = register !== undefined && register.stamp <= staged.revertedAt;
    return latestOf([
      before ?? TIMESTAMP_ZERO,
      ...(register && !isGivenUp ? [register.stamp] : []),
    ]);
  };
  const roleStamps = new Map(head?.roleStamps);
  for (const [id, register] of staged.roles) {
    roleStamps.set(id, applied(roleStamps.get(id), register));
  }
  return nameVersion({
    ...{ layout, roleStamps },
    parents: head === undefined ? [] : [head.name],
    redundancyStamp: applied(head?.redundancyStamp, staged.zoneRedundancy),
    factorStamp: applied(head?.factorStamp, staged.replicationFactor),
  });
}
