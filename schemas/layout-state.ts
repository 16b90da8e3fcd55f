/**
 * What a node knows of the cluster's layout: versions, how far everyone is with them, and what is
 * staged. States merge, in any order and grouping: operators on two sides of a cut lose nothing.
 *
 * Owns:          the state's fields and its merge.
 * Knows:         layout versions, timestamps.
 * Must not know: what follows from a state (layout-liveness.ts), how an assignment is computed.
 *
 * A version is named by its number and its hash, and names its parents: versions form a tree with
 * joins, of which usually one branch is there. It never changes. What grows are sets of names, by
 * node: acknowledged, synced, stopped. Once a version has retired only a line of it is kept, and
 * that line wins: a node that was away for long does not bring it back to life.
 */
import type { LayoutRole, LayoutVersion } from './cluster-layout.ts';
import type { NodeId } from './ids.ts';
import { TIMESTAMP_ZERO, type Timestamp } from './timestamp.ts';

/** The number, a dot, and 16 hex digits of the hash. */
export type VersionName = string & { readonly __brand: 'VersionName' };

export type NamedVersion = {
  readonly name: VersionName;
  readonly layout: LayoutVersion;
  /** Sorted; none: nothing was stored before it. */
  readonly parents: readonly VersionName[];
  /** When each role was staged; nodes that have left are still in here. */
  readonly roleStamps: ReadonlyMap<NodeId, Timestamp>;
  readonly redundancyStamp: Timestamp;
  readonly factorStamp: Timestamp;
};

/** What is kept of a version that nobody reads or writes by any more. */
export type RetiredVersion = {
  readonly parents: readonly VersionName[];
  readonly storageNodes: number;
  readonly gatewayNodes: number;
};

/** How far one node is with the versions that are live. */
export type Tracker = {
  /** It refuses requests that do not know them. */
  readonly acked: ReadonlySet<VersionName>;
  /** It holds all that it is to hold by them. */
  readonly synced: ReadonlySet<VersionName>;
  /** They are completely synced, and it refuses to be read by those before them. */
  readonly stopped: ReadonlySet<VersionName>;
  /** It was dead, and an operator said that it is not to be waited for. */
  readonly skipped: ReadonlySet<VersionName>;
};

export type Stamped<Value> = { readonly value: Value; readonly stamp: Timestamp };

/** The latest change of each thing, whether it was applied meanwhile or not. */
export type StagedRegisters = {
  /** null: the node is to leave. */
  readonly roles: ReadonlyMap<NodeId, Stamped<LayoutRole | null>>;
  readonly zoneRedundancy?: Stamped<number | 'maximum'> | undefined;
  readonly replicationFactor?: Stamped<number> | undefined;
  /** What was staged up to then was given up. */
  readonly revertedAt: Timestamp;
};

export type LayoutState = {
  /** Those that are live. */
  readonly versions: ReadonlyMap<VersionName, NamedVersion>;
  readonly retired: ReadonlyMap<VersionName, RetiredVersion>;
  readonly trackers: ReadonlyMap<NodeId, Tracker>;
  readonly staged: StagedRegisters;
};

export const NOTHING_STAGED: StagedRegisters = { roles: new Map(), revertedAt: TIMESTAMP_ZERO };

/** Before the first version was applied. */
export const EMPTY_STATE: LayoutState = {
  versions: new Map(),
  retired: new Map(),
  trackers: new Map(),
  staged: NOTHING_STAGED,
};

const NONE: ReadonlySet<VersionName> = new Set();
export const NEW_TRACKER: Tracker = { acked: NONE, synced: NONE, stopped: NONE, skipped: NONE };

/** Commutative, associative, idempotent. Answers `a` itself where `b` has nothing new. */
export function mergeStates(a: LayoutState, b: LayoutState): LayoutState {
  const retired = mergeMaps(a.retired, b.retired, own => own);
  const versions = mergeMaps(
    withoutRetired(a.versions, retired),
    withoutRetired(b.versions, retired),
    own => own,
  );
  const trackers = mergeMaps(
    liveTrackers(a.trackers, retired),
    liveTrackers(b.trackers, retired),
    mergeTrackers,
  );
  const staged = mergeStaged(a.staged, b.staged);
  const isSame =
    retired === a.retired &&
    versions === a.versions &&
    trackers === a.trackers &&
    staged === a.staged;
  return isSame ? a : { versions, retired, trackers, staged };
}

/** Answers `a` itself where nothing is added or changed. */
function mergeMaps<Key, Value>(
  a: ReadonlyMap<Key, Value>,
  b: ReadonlyMap<Key, Value>,
  merge: (own: Value, other: Value) => Value,
): ReadonlyMap<Key, Value> {
  let merged: Map<Key, Value> | undefined;
  for (const [key, other] of b) {
    const own = a.get(key);
    const value = own === undefined ? other : merge(own, other);
    if (value !== own) (merged ??= new Map(a)).set(key, value);
  }
  return merged ?? a;
}

function withoutRetired(
  versions: LayoutState['versions'],
  retired: LayoutState['retired'],
): LayoutState['versions'] {
  const left = [...versions].filter(([name]) => !retired.has(name));
  return left.length === versions.size ? versions : new Map(left);
}

function liveTrackers(
  trackers: LayoutState['trackers'],
  retired: LayoutState['retired'],
): LayoutState['trackers'] {
  let pruned: Map<NodeId, Tracker> | undefined;
  for (const [node, tracker] of trackers) {
    const live = liveTracker(tracker, retired);
    if (live === tracker && !isNew(live)) continue;
    pruned ??= new Map(trackers);
    if (isNew(live)) pruned.delete(node);
    else pruned.set(node, live);
  }
  return pruned ?? trackers;
}

function liveTracker(tracker: Tracker, retired: LayoutState['retired']): Tracker {
  return mapTracker(tracker, names =>
    [...names].some(name => retired.has(name))
      ? new Set([...names].filter(name => !retired.has(name)))
      : names,
  );
}

function isNew({ acked, synced, stopped, skipped }: Tracker): boolean {
  return acked.size + synced.size + stopped.size + skipped.size === 0;
}

/** Answers the tracker itself where no set changes. */
function mapTracker(
  tracker: Tracker,
  change: (names: ReadonlySet<VersionName>, what: keyof Tracker) => ReadonlySet<VersionName>,
): Tracker {
  const acked = change(tracker.acked, 'acked');
  const synced = change(tracker.synced, 'synced');
  const stopped = change(tracker.stopped, 'stopped');
  const skipped = change(tracker.skipped, 'skipped');
  const isSame =
    acked === tracker.acked &&
    synced === tracker.synced &&
    stopped === tracker.stopped &&
    skipped === tracker.skipped;
  return isSame ? tracker : { acked, synced, stopped, skipped };
}

export function mergeTrackers(a: Tracker, b: Tracker): Tracker {
  return mapTracker(a, (names, what) => {
    const added = [...b[what]].filter(name => !names.has(name));
    return added.length === 0 ? names : new Set([...names, ...added]);
  });
}

// ---- staged changes -----------------------------------------------------------------------------

/** The later one; of two with one stamp, which are the same unless a stamper is broken, either. */
function later<Value>(a: Stamped<Value>, b: Stamped<Value>): Stamped<Value> {
  if (a.stamp !== b.stamp) return a.stamp > b.stamp ? a : b;
  return JSON.stringify(a.value) >= JSON.stringify(b.value) ? a : b;
}

function laterOf<Value>(
  a: Stamped<Value> | undefined,
  b: Stamped<Value> | undefined,
): Stamped<Value> | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return later(a, b);
}

function mergeStaged(a: StagedRegisters, b: StagedRegisters): StagedRegisters {
  const roles = mergeMaps(a.roles, b.roles, later);
  const zoneRedundancy = laterOf(a.zoneRedundancy, b.zoneRedundancy);
  const replicationFactor = laterOf(a.replicationFactor, b.replicationFactor);
  const revertedAt = a.revertedAt >= b.revertedAt ? a.revertedAt : b.revertedAt;
  const isSame =
    roles === a.roles &&
    zoneRedundancy === a.zoneRedundancy &&
    replicationFactor === a.replicationFactor &&
    revertedAt === a.revertedAt;
  return isSame ? a : { roles, zoneRedundancy, replicationFactor, revertedAt };
}

// ---- small changes, each a merge ----------------------------------------------------------------

/** A state that holds no more than what one node says of itself, or is said of it. */
export function trackerChange(node: NodeId, change: Partial<Tracker>): LayoutState {
  return { ...EMPTY_STATE, trackers: new Map([[node, { ...NEW_TRACKER, ...change }]]) };
}

export function versionChange(version: NamedVersion): LayoutState {
  return { ...EMPTY_STATE, versions: new Map([[version.name, version]]) };
}

export function stagedChange(staged: Partial<StagedRegisters>): LayoutState {
  return { ...EMPTY_STATE, staged: { ...NOTHING_STAGED, ...staged } };
}
