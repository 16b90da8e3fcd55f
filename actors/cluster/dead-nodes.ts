/**
 * Nodes that stay dead: a change of layout goes on without them, or another takes their place.
 *
 * Owns:          who may be skipped, and when that could lose data.
 * Knows:         layout states.
 * Must not know: how the dead are told from the living, how a state is kept.
 *
 * Who is skipped in a version is not waited for by it, nor read from for it. As long as every
 * partition has a read quorum of living replicas by every version before, and a write quorum by the
 * version itself, nothing that was acknowledged is lost. Where it has not, what only the dead held
 * may be lost, and the operator says a second word.
 *
 * So the operator does where the dead are a read quorum of a version before: with an even number of
 * copies half of them are one. If they are alive behind a cut, a gateway on their side reads from
 * them alone by that version, and nobody can tell them that it is over.
 */
import type { SkipDeadResult } from '../../schemas/admin-types.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITIONS } from '../../schemas/ids.ts';
import {
  holdersOf,
  isBefore,
  liveVersions,
  readQuorumOf,
  trackerOf,
  writeQuorumOf,
} from '../../schemas/layout-liveness.ts';
import {
  EMPTY_STATE,
  mergeStates,
  trackerChange,
  versionChange,
  type LayoutState,
  type NamedVersion,
} from '../../schemas/layout-state.ts';

export type SkipRequest = {
  readonly version: number;
  readonly allowMissingData: boolean;
};

/** Whether a node is given up for dead. */
export type IsDead = (node: NodeId) => boolean;

export type Skipping = {
  readonly result: SkipDeadResult;
  /** Undefined: nothing changes. */
  readonly change?: LayoutState;
};

/** Has the changes up to that version go on without the dead. */
export function skipDeadNodes(state: LayoutState, request: SkipRequest, isDead: IsDead): Skipping {
  const pending = liveVersions(state).filter(
    ({ layout, parents }) => parents.length > 0 && layout.version <= request.version,
  );
  const ackUpdated = new Set<NodeId>();
  const syncUpdated = new Set<NodeId>();
  let change = EMPTY_STATE;
  for (const version of pending) {
    const dead = waitedFor(state, version).filter(isDead);
    const reason = dead.length === 0 ? undefined : problemWithout(state, version, isDead);
    if (reason !== undefined && !request.allowMissingData) {
      return { result: { kind: 'refused', reason } };
    }
    for (const node of dead) {
      const { acked, synced } = trackerOf(state, node);
      if (!acked.has(version.name)) ackUpdated.add(node);
      if (!synced.has(version.name)) syncUpdated.add(node);
      change = mergeStates(change, trackerChange(node, { skipped: new Set([version.name]) }));
    }
  }
  const result = {
    kind: 'skipped',
    ackUpdated: [...ackUpdated].sort(),
    syncUpdated: [...syncUpdated].sort(),
  } as const;
  return change === EMPTY_STATE ? { result } : { result, change };
}

/** Why a version may not go on without the dead before a second word; undefined: it may. */
function problemWithout(
  state: LayoutState,
  version: NamedVersion,
  isDead: IsDead,
): string | undefined {
  const lost = lostPartitions(state, version, isDead);
  if (lost > 0) {
    return (
      `${String(lost)} partitions have too few living replicas, so what only the dead ones held ` +
      'would be lost; bring one of them back, or add --allow-missing-data.'
    );
  }
  const stale = stalePartitions(state, version, isDead);
  if (stale === 0) return undefined;
  return (
    `${String(stale)} partitions can be read from the dead nodes alone: should they be cut off, ` +
    'gateways on their side answer with what is out of date. See to it that they do not run, and ' +
    'add --allow-missing-data.'
  );
}

/** The versions that come before one, as far as they are live. */
function versionsBefore(state: LayoutState, { name }: NamedVersion): readonly NamedVersion[] {
  return liveVersions(state).filter(other => isBefore(state, other.name, name));
}

/** Who holds partitions by a version, or by one before it, and is not skipped in it. */
function waitedFor(state: LayoutState, version: NamedVersion): readonly NodeId[] {
  const holders = [version, ...versionsBefore(state, version)].flatMap(({ layout }) => [
    ...holdersOf(layout),
  ]);
  return [...new Set(holders)].filter(node => !trackerOf(state, node).skipped.has(version.name));
}

/** Who is left out once the dead are skipped in this version. */
function isLeftOut(state: LayoutState, { name }: NamedVersion, isDead: IsDead): IsDead {
  return node => isDead(node) || trackerOf(state, node).skipped.has(name);
}

/** Partitions that would go on without a quorum if the dead were skipped in this version. */
export function lostPartitions(state: LayoutState, version: NamedVersion, isDead: IsDead): number {
  const isGone = isLeftOut(state, version, isDead);
  const left = (nodes: readonly NodeId[]): number => nodes.filter(node => !isGone(node)).length;
  const { layout } = version;
  const before = versionsBefore(state, version).map(other => other.layout);
  return layout.replicas.filter((nodes, partition) => {
    if (left(nodes) < writeQuorumOf(layout)) return true;
    return before.some(other => left(other.replicas[partition] ?? []) < readQuorumOf(other));
  }).length;
}

/** Partitions of which those who are left out could still serve reads, by a version before. */
export function stalePartitions(state: LayoutState, version: NamedVersion, isDead: IsDead): number {
  const isGone = isLeftOut(state, version, isDead);
  const before = versionsBefore(state, version).map(other => other.layout);
  return PARTITIONS.filter(partition =>
    before.some(other => replicasOf(other, partition).filter(isGone).length >= readQuorumOf(other)),
  ).length;
}

/** Why a version that replaces a dead node must wait for a second word; undefined: it need not. */
export function replacementProblem(
  state: LayoutState,
  version: NamedVersion,
  isDead: IsDead,
): string | undefined {
  return problemWithout(mergeStates(state, versionChange(version)), version, isDead);
}
