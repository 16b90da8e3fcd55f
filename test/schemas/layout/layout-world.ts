/**
 * Layout versions and states for tests.
 *
 * Owns:          small versions, the steps that nodes take, random states.
 * Knows:         layout states.
 * Must not know: what is tested.
 */
import fc from 'fast-check';
import type { LayoutRole, LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../../schemas/ids.ts';
import type {
  LayoutState,
  NamedVersion,
  RetiredVersion,
  Tracker,
  VersionName,
} from '../../../schemas/layout-state.ts';
import { EMPTY_STATE, mergeStates, trackerChange } from '../../../schemas/layout-state.ts';
import { nameVersion } from '../../../schemas/records/layout-state-row.ts';
import { makeTimestamp, TIMESTAMP_ZERO, type Timestamp } from '../../../schemas/timestamp.ts';

/** Node ids that are easy to tell apart: `a`, `b`, … */
export function node(letter: string): NodeId {
  return letter.charCodeAt(0).toString(16).padStart(64, '0') as NodeId;
}

export function stamp(ms: number): Timestamp {
  return makeTimestamp(ms, 0, 'a1b2c3d4e5f60718');
}

export function layoutOf(version: number, letters: string, factor = 3): LayoutVersion {
  const nodes = Array.from(letters).map(node);
  const role: LayoutRole = { zone: 'z', tags: [], capacityBytes: 1e9 };
  return {
    ...{ version, replicationFactor: factor, zoneRedundancy: 'maximum', partitionBytes: 1000 },
    roles: new Map(nodes.map(id => [id, role])),
    replicas: Array.from({ length: PARTITION_COUNT }, (_, partition) =>
      Array.from({ length: factor }, (__, index) => nodes[(partition + index) % nodes.length]!),
    ),
  };
}

/** The version of these nodes that follows `parents`. */
export function versionOf(
  letters: string,
  parents: readonly NamedVersion[] = [],
  factor = 3,
): NamedVersion {
  const number = Math.max(0, ...parents.map(parent => parent.layout.version)) + 1;
  const layout = layoutOf(number, letters, factor);
  const at = stamp(number);
  return nameVersion({
    ...{ layout, redundancyStamp: TIMESTAMP_ZERO, factorStamp: TIMESTAMP_ZERO },
    parents: parents.map(({ name }) => name),
    roleStamps: new Map([...layout.roles.keys()].map(id => [id, at])),
  });
}

export function stateOf(...versions: readonly NamedVersion[]): LayoutState {
  return { ...EMPTY_STATE, versions: new Map(versions.map(version => [version.name, version])) };
}

/** The state after these nodes took a step with these versions. */
export function after(
  state: LayoutState,
  letters: string,
  step: Partial<Record<keyof Tracker, readonly NamedVersion[]>>,
): LayoutState {
  const change = Object.fromEntries(
    Object.entries(step).map(([what, versions]) => [
      what,
      new Set(versions.map(({ name }) => name)),
    ]),
  ) as Partial<Tracker>;
  return Array.from(letters).reduce(
    (next, letter) => mergeStates(next, trackerChange(node(letter), change)),
    state,
  );
}

// ---- random states ------------------------------------------------------------------------------

const one = versionOf('abc');
const POOL: readonly NamedVersion[] = (() => {
  const two = versionOf('abd', [one]);
  const other = versionOf('abe', [one]);
  const joined = versionOf('bde', [two, other]);
  return [one, two, other, joined, versionOf('abcdef', [two])];
})();

const names: fc.Arbitrary<ReadonlySet<VersionName>> = fc
  .subarray(POOL.map(({ name }) => name))
  .map(chosen => new Set(chosen));
const letters = fc.constantFrom(...Array.from('abcdef'));
const stamps = fc.nat(4).map(stamp);
const roles = fc.option(
  fc.record({
    zone: fc.constantFrom('z1', 'z2'),
    tags: fc.subarray(['t', 'u']),
    capacityBytes: fc.option(fc.constantFrom(1e9, 2e9)),
  }),
);

function stamped<Value>(values: fc.Arbitrary<Value>) {
  return fc.record({ value: values, stamp: stamps });
}

const versions = fc.subarray([...POOL]).map(chosen => stateOf(...chosen).versions);
const retired = fc
  .subarray([...POOL])
  .map(
    chosen =>
      new Map(
        chosen.map(({ name, parents }): [VersionName, RetiredVersion] => [
          name,
          { parents, storageNodes: 3, gatewayNodes: 0 },
        ]),
      ),
  );
const trackers = fc
  .array(
    fc.tuple(
      letters.map(node),
      fc.record({ acked: names, synced: names, stopped: names, skipped: names }),
    ),
    { maxLength: 4 },
  )
  .map(entries => new Map(entries));
const registers = fc.record({
  roles: fc
    .array(fc.tuple(letters.map(node), stamped(roles)), { maxLength: 4 })
    .map(entries => new Map(entries)),
  zoneRedundancy: fc.option(stamped(fc.constantFrom<number | 'maximum'>('maximum', 1, 2)), {
    nil: undefined,
  }),
  replicationFactor: fc.option(stamped(fc.constantFrom(1, 2, 3)), { nil: undefined }),
  revertedAt: fc.oneof(fc.constant(TIMESTAMP_ZERO), stamps),
});

/** States as nodes have them: nothing of what has retired is in them. */
export const layoutStates: fc.Arbitrary<LayoutState> = fc
  .record({ versions, retired, trackers, staged: registers })
  .map(state => mergeStates(EMPTY_STATE, state));
