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
 */
import type { SkipDeadResult } from '../../schemas/admin-types.ts';
import type { NodeId } from '../../schemas/ids.ts';
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
    const lost = lostPartitions(state, version, isDead);
    if (dead.length > 0 && lost > 0 && !request.allowMissingData) {
      return { result: { kind: 'refused', reason: quorumReason(lost) } };
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

function quorumReason(lost: number): string {
  return (
    `${String(lost)} partitions have too few living replicas, so what only the dead ones held ` +
    'would be lost; bring one of them back, or add --allow-missing-data.'
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

/** Partitions that would go on without a quorum if the dead were skipped in this version. */
export function lostPartitions(state: LayoutState, version: NamedVersion, isDead: IsDead): number {
  const isGone = (node: NodeId): boolean =>
    isDead(node) || trackerOf(state, node).skipped.has(version.name);
  const left = (nodes: readonly NodeId[]): number => nodes.filter(node => !isGone(node)).length;
  const { layout } = version;
  const before = versionsBefore(state, version).map(other => other.layout);
  return layout.replicas.filter((nodes, partition) => {
    if (left(nodes) < writeQuorumOf(layout)) return true;
    return before.some(other => left(other.replicas[partition] ?? []) < readQuorumOf(other));
  }).length;
}

/** Why a version that replaces a dead node must wait for a second word; undefined: it need not. */
export function replacementProblem(
  state: LayoutState,
  version: NamedVersion,
  isDead: IsDead,
): string | undefined {
  const after = mergeStates(state, {
    ...EMPTY_STATE,
    versions: new Map([[version.name, version]]),
  });
  const lost = lostPartitions(after, version, isDead);
  return lost === 0 ? undefined : quorumReason(lost);
}
