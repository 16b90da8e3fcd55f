/**
 * What follows from a layout state: which versions are live, by which is read, which may retire.
 *
 * Owns:          these rules, for every node the same.
 * Knows:         layout states.
 * Must not know: who is alive, how states travel.
 *
 *   applied ──▶ acknowledged ──▶ synced ──▶ stopped for those before ──▶ those before retire
 *              (by each node)   (by each)   (by each)
 *
 * A version is complete once all who hold partitions by it have synced it; reads go by the newest
 * complete one. A version without parents has nothing to bring in and is complete at once. One that
 * is not complete holds up the retirement of those before it, however many come after it.
 */
import { assert } from './assert.ts';
import type { LayoutRole, LayoutVersion, StagedChanges } from './cluster-layout.ts';
import type { NodeId } from './ids.ts';
import type {
  LayoutState,
  NamedVersion,
  RetiredVersion,
  StagedRegisters,
  Tracker,
  VersionName,
} from './layout-state.ts';
import { EMPTY_STATE, mergeStates, NEW_TRACKER } from './layout-state.ts';

/** The layout before the first version. */
export function versionZero(replicationFactor: number): LayoutVersion {
  return {
    version: 0,
    replicationFactor,
    zoneRedundancy: 'maximum',
    roles: new Map(),
    replicas: [],
    partitionBytes: 0,
  };
}

/** How many of a partition's replicas make a write durable. */
export function writeQuorumOf({ replicationFactor }: LayoutVersion): number {
  return Math.floor(replicationFactor / 2) + 1;
}

/** How many of them must be read so that one of them has what was acknowledged. */
export function readQuorumOf(version: LayoutVersion): number {
  return version.replicationFactor + 1 - writeQuorumOf(version);
}

export function isNewer(a: NamedVersion, b: NamedVersion): boolean {
  if (a.layout.version !== b.layout.version) return a.layout.version > b.layout.version;
  return a.name > b.name;
}

/** Oldest first. */
export function liveVersions({ versions }: LayoutState): readonly NamedVersion[] {
  return [...versions.values()].sort((a, b) => (isNewer(a, b) ? 1 : -1));
}

function newest(versions: readonly NamedVersion[]): NamedVersion | undefined {
  return versions.reduce<NamedVersion | undefined>(
    (best, version) => (best === undefined || isNewer(version, best) ? version : best),
    undefined,
  );
}

/** Those without a successor, sorted by name: more than one after a cut. */
export function headsOf({ versions }: LayoutState): readonly NamedVersion[] {
  const parents = new Set([...versions.values()].flatMap(version => version.parents));
  return [...versions.values()]
    .filter(({ name }) => !parents.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The newest head; undefined before the first version. */
export function currentOf(state: LayoutState): NamedVersion | undefined {
  return newest(headsOf(state));
}

/** Whether `older` is reached from `newer` by going to parents; false for a version itself. */
export function isBefore(state: LayoutState, older: VersionName, newer: VersionName): boolean {
  const seen = new Set<VersionName>();
  const open = [newer];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const { parents = [] } = state.versions.get(name) ?? state.retired.get(name) ?? {};
    for (const parent of parents) {
      if (parent === older) return true;
      if (!seen.has(parent)) open.push(parent);
      seen.add(parent);
    }
  }
  return false;
}

const HOLDERS = new WeakMap<LayoutVersion, ReadonlySet<NodeId>>();

/** The nodes that hold a partition by this version. */
export function holdersOf(version: LayoutVersion): ReadonlySet<NodeId> {
  const known = HOLDERS.get(version);
  if (known !== undefined) return known;
  const holders = new Set(version.replicas.flat());
  HOLDERS.set(version, holders);
  return holders;
}

export function trackerOf({ trackers }: LayoutState, node: NodeId): Tracker {
  return trackers.get(node) ?? NEW_TRACKER;
}

/** All who hold partitions by it have what they are to hold, or are not waited for. */
export function isComplete(state: LayoutState, { name, layout, parents }: NamedVersion): boolean {
  if (parents.length === 0) return true;
  return [...holdersOf(layout)].every(node => {
    const { synced, skipped } = trackerOf(state, node);
    return synced.has(name) || skipped.has(name);
  });
}

/** By which is read: the newest complete one, on whichever branch. */
export function readVersionOf(state: LayoutState): NamedVersion | undefined {
  const live = liveVersions(state);
  return newest(live.filter(version => isComplete(state, version))) ?? live[0];
}

/**
 * From which a version is synced: the complete ones, without those that came before another. One
 * that is complete itself is still synced by who was skipped in it: from those who went on.
 */
export function sourcesOf(state: LayoutState, version: NamedVersion): readonly NamedVersion[] {
  const complete = liveVersions(state).filter(
    other => other.name !== version.name && isComplete(state, other),
  );
  const sources = complete.filter(
    ({ name }) =>
      !isBefore(state, version.name, name) &&
      !complete.some(other => isBefore(state, name, other.name)),
  );
  const isLate = version.parents.length > 0 && isComplete(state, version);
  return isLate ? [...sources, version] : sources;
}

// ---- retiring -----------------------------------------------------------------------------------

function mayRetire(state: LayoutState, version: NamedVersion): boolean {
  const live = liveVersions(state);
  if (live.some(({ name }) => isBefore(state, name, version.name))) return false;
  const after = live.filter(
    other => isBefore(state, version.name, other.name) && isComplete(state, other),
  );
  if (after.length === 0) return false;
  const isStopped = (node: NodeId): boolean =>
    after.some(({ name }) => trackerOf(state, node).stopped.has(name));
  // By one version: together, those who are skipped by several may be enough to be read from.
  const isSkipped = (node: NodeId, { name }: NamedVersion): boolean =>
    trackerOf(state, node).skipped.has(name);
  const quorum = writeQuorumOf(version.layout);
  return version.layout.replicas.every(
    nodes =>
      nodes.filter(isStopped).length >= quorum ||
      after.some(other => nodes.every(node => isStopped(node) || isSkipped(node, other))),
  );
}

function lineOf({ layout, parents }: NamedVersion): RetiredVersion {
  const gatewayNodes = [...layout.roles.values()].filter(
    role => role.capacityBytes === null,
  ).length;
  return { parents, storageNodes: layout.roles.size - gatewayNodes, gatewayNodes };
}

/** The state without the versions that may retire: whoever knows the state comes to the same. */
export function settled(state: LayoutState): LayoutState {
  const over = liveVersions(state).find(version => mayRetire(state, version));
  if (over === undefined) return state;
  const retired = new Map([[over.name, lineOf(over)]]);
  return settled(mergeStates(state, { ...EMPTY_STATE, retired }));
}

// ---- staged changes -----------------------------------------------------------------------------

function sameRole(a: LayoutRole | null, b: LayoutRole | null): boolean {
  if (a === null || b === null) return a === b;
  const sameTags = a.tags.length === b.tags.length && a.tags.every((tag, i) => tag === b.tags[i]);
  return a.zone === b.zone && a.capacityBytes === b.capacityBytes && sameTags;
}

/** What of the staged changes is neither applied, nor given up, nor as it is anyhow. */
export function stagedOver(
  { staged }: LayoutState,
  current: NamedVersion | undefined,
  layout: LayoutVersion,
): StagedChanges {
  const isOpen = (stamp: string, applied: string | undefined): boolean =>
    stamp > staged.revertedAt && stamp > (applied ?? '');
  const roles = [...staged.roles].flatMap(([id, { value, stamp }]) =>
    isOpen(stamp, current?.roleStamps.get(id)) && !sameRole(value, layout.roles.get(id) ?? null)
      ? [[id, value] as const]
      : [],
  );
  const { zoneRedundancy, replicationFactor } = openSettings(staged, current, isOpen);
  return {
    roles: new Map(roles.sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(zoneRedundancy === undefined || zoneRedundancy === layout.zoneRedundancy
      ? {}
      : { zoneRedundancy }),
    ...(replicationFactor === undefined || replicationFactor === layout.replicationFactor
      ? {}
      : { replicationFactor }),
  };
}

function openSettings(
  staged: StagedRegisters,
  current: NamedVersion | undefined,
  isOpen: (stamp: string, applied: string | undefined) => boolean,
): { zoneRedundancy: number | 'maximum' | undefined; replicationFactor: number | undefined } {
  const { zoneRedundancy: redundancy, replicationFactor: factor } = staged;
  return {
    zoneRedundancy:
      redundancy !== undefined && isOpen(redundancy.stamp, current?.redundancyStamp)
        ? redundancy.value
        : undefined,
    replicationFactor:
      factor !== undefined && isOpen(factor.stamp, current?.factorStamp) ? factor.value : undefined,
  };
}

// ---- what requests carry ------------------------------------------------------------------------

const BETWEEN_NAMES = ',';
/** Stands behind the name of the version by which is read. */
const READ_MARK = '*';

/** Names of the live versions as they go along with requests. */
export function layoutIdsOf(state: LayoutState): string {
  const read = readVersionOf(state)?.name;
  return liveVersions(state)
    .map(({ name }) => (name === read ? name + READ_MARK : name))
    .join(BETWEEN_NAMES);
}

export type NamedLayouts = {
  readonly live: readonly VersionName[];
  readonly read: VersionName | undefined;
};

export function parseLayoutIds(text: string): NamedLayouts {
  const names = text === '' ? [] : text.split(BETWEEN_NAMES);
  const marked = names.find(name => name.endsWith(READ_MARK));
  const bare = (name: string): VersionName => name.replace(READ_MARK, '') as VersionName;
  return { live: names.map(bare), read: marked === undefined ? undefined : bare(marked) };
}

/** Whether a set of live versions leaves none of `acked` out: it has it, or one that came after. */
export function coversAll(
  state: LayoutState,
  { live }: NamedLayouts,
  acked: Iterable<VersionName>,
): boolean {
  for (const name of acked) {
    if (live.includes(name) || !state.versions.has(name)) continue;
    if (!live.some(other => isBefore(state, name, other))) return false;
  }
  return true;
}

/** Whether all that is named has retired. What was acknowledged of later versions is forgotten with
 *  them; nobody who holds nothing by those that are live now acknowledged these either. */
export function isOver({ retired }: LayoutState, { live }: NamedLayouts): boolean {
  return live.length > 0 && live.every(name => retired.has(name));
}

/** Whether it would be read by a version before one of `stopped`. */
export function readsTooOld(
  state: LayoutState,
  { read }: NamedLayouts,
  stopped: Iterable<VersionName>,
): boolean {
  if (read === undefined) return false;
  return [...stopped].some(name => isBefore(state, read, name));
}

/** Names of versions are short, and a request carries few of them. */
export const LIVE_VERSIONS_MAX = 24;
const NAME_LENGTH_MAX = 40;
assert(LIVE_VERSIONS_MAX * NAME_LENGTH_MAX < 1024, 'the names fit in the head of a request');
