// Method: the laws of the merge on random states over a few versions; the bytes of states, and
// those of the release before this one.
import test from 'ava';
import fc from 'fast-check';
import type { NodeId } from '../../../schemas/ids.ts';
import { isBefore, settled } from '../../../schemas/layout-liveness.ts';
import { mergeStates, type LayoutState } from '../../../schemas/layout-state.ts';
import { encodeLayout } from '../../../schemas/records/layout-row.ts';
import {
  decodeLayoutState,
  encodeLayoutState,
  layoutDigest,
  nameVersion,
} from '../../../schemas/records/layout-state-row.ts';
import { TIMESTAMP_ZERO } from '../../../schemas/timestamp.ts';
import { after, layoutOf, layoutStates, node, stamp, stateOf, versionOf } from './layout-world.ts';

const same = (a: LayoutState, b: LayoutState): boolean =>
  encodeLayoutState(a).equals(encodeLayoutState(b));

test('states merge the same in any order and grouping', t => {
  fc.assert(
    fc.property(layoutStates, layoutStates, layoutStates, (a, b, c) => {
      const inOrder = mergeStates(mergeStates(a, b), c);
      return (
        same(mergeStates(a, b), mergeStates(b, a)) &&
        same(inOrder, mergeStates(a, mergeStates(b, c)))
      );
    }),
  );
  t.pass();
});

test('what brings nothing new leaves a state as it is', t => {
  fc.assert(
    fc.property(layoutStates, layoutStates, (a, b) => {
      const both = mergeStates(a, b);
      return mergeStates(a, a) === a && mergeStates(both, b) === both;
    }),
  );
  t.pass();
});

test('who hears the same in another order settles on the same live versions', t => {
  fc.assert(
    fc.property(layoutStates, layoutStates, layoutStates, (a, b, c) => {
      const one = [b, c].reduce((state, next) => settled(mergeStates(state, next)), settled(a));
      const other = [a, b].reduce((state, next) => settled(mergeStates(state, next)), settled(c));
      // What one of them retired early it still knows of; so they tell each other.
      const told = settled(mergeStates(one, other));
      return same(told, settled(mergeStates(other, one)));
    }),
  );
  t.pass();
});

test('a retired version stays retired, whoever comes back with it', t => {
  fc.assert(
    fc.property(layoutStates, layoutStates, (a, b) => {
      const merged = mergeStates(a, b);
      const trackers = [...merged.trackers.values()];
      return [...a.retired.keys(), ...b.retired.keys()].every(
        name =>
          !merged.versions.has(name) &&
          trackers.every(({ acked, synced }) => !acked.has(name) && !synced.has(name)),
      );
    }),
  );
  t.pass();
});

test('a state survives its bytes, and equal states have equal digests', t => {
  fc.assert(
    fc.property(layoutStates, layoutStates, (a, b) => {
      const bytes = encodeLayoutState(a);
      t.deepEqual(encodeLayoutState(decodeLayoutState(bytes)), bytes);
      return same(a, b) === (layoutDigest(a) === layoutDigest(b));
    }),
  );
  t.pass();
});

test('a version with more than 256 nodes survives its bytes', t => {
  const nodes = Array.from({ length: 300 }, (_, i) => i.toString(16).padStart(64, '0') as NodeId);
  const layout = layoutOf(1, 'a');
  const version = nameVersion({
    ...{ parents: [], redundancyStamp: TIMESTAMP_ZERO, factorStamp: stamp(5) },
    layout: {
      ...layout,
      roles: new Map(nodes.map(id => [id, { zone: 'z', tags: ['x'], capacityBytes: null }])),
      replicas: layout.replicas.map((_, i) => [0, 1, 2].map(k => nodes[(i + k * 100) % 300]!)),
    },
    roleStamps: new Map(nodes.map(id => [id, stamp(3)])),
  });
  const read = decodeLayoutState(encodeLayoutState(stateOf(version)));
  t.deepEqual(read.versions.get(version.name), version);
});

test('the same version made by two nodes has one name, another has another', t => {
  t.is(versionOf('abc').name, versionOf('abc').name);
  t.not(versionOf('abc').name, versionOf('abd').name);
  const one = versionOf('abc');
  t.not(versionOf('abc', [one]).name, versionOf('abc', [versionOf('abcd')]).name);
});

test('a row of the release before is read: one version, and what was staged on it', t => {
  const current = layoutOf(4, 'abc');
  const role = { zone: 'z2', tags: ['t'], capacityBytes: 5 };
  const staged = { roles: new Map([[node('d'), role]]), zoneRedundancy: 2 };
  const state = decodeLayoutState(encodeLayout({ current, staged }));
  const [version] = [...state.versions.values()];
  t.deepEqual(version?.layout, current);
  t.deepEqual(version?.parents, []);
  t.deepEqual(state.staged.roles.get(node('d'))?.value, role);
  t.is(state.staged.zoneRedundancy?.value, 2);
  t.true((state.staged.roles.get(node('d'))?.stamp ?? '') > TIMESTAMP_ZERO);
  const again = decodeLayoutState(encodeLayout({ current, staged }));
  t.is(mergeStates(state, again), state, 'two nodes that read it know the same');
});

const STORED = [
  '9502919ab2322e633063353065666261336361303162340202c4100000000000020000a1b2c3d4e5f6071800',
  'c4100000000000010000a1b2c3d4e5f607189395c42000000000000000000000000000000000000000000000',
  '00000000000000000061c4100000000000030000a1b2c3d4e5f60718a17ace3b9aca009095c4200000000000',
  '000000000000000000000000000000000000000000000000000062c4100000000000040000a1b2c3d4e5f607',
  '18a17ace3b9aca009092c4200000000000000000000000000000000000000000000000000000000000000063',
  'c4100000000000050000a1b2c3d4e5f60718c4004d91b2312e306164613361383565393061643966349194b2',
  '312e306164613361383565393061643966349002009195c42000000000000000000000000000000000000000',
  '0000000000000000000000006191b2322e6330633530656662613363613031623491b2322e63306335306566',
  '62613363613031623491b2322e6330633530656662613363613031623491b2322e6330633530656662613363',
  '6130316234949292c4200000000000000000000000000000000000000000000000000000000000000061c410',
  '0000000000060000a1b2c3d4e5f6071895c42000000000000000000000000000000000000000000000000000',
  '00000000000064c4100000000000070000a1b2c3d4e5f60718a17ac091a1749200c4100000000000080000a1',
  'b2c3d4e5f60718c0c4100000000000090000a1b2c3d4e5f60718',
].join('');

test('the stored bytes of a state are read, and written the same', t => {
  const layout = { ...layoutOf(1, 'ab', 2), partitionBytes: 77, replicas: [] };
  const one = nameVersion({
    ...{ layout, parents: [], redundancyStamp: stamp(1), factorStamp: stamp(2) },
    roleStamps: new Map([
      [node('a'), stamp(3)],
      [node('b'), stamp(4)],
      [node('c'), stamp(5)],
    ]),
  });
  const two = nameVersion({ ...one, layout: { ...layout, version: 2 }, parents: [one.name] });
  const state = after(
    {
      ...stateOf(two),
      retired: new Map([[one.name, { parents: [], storageNodes: 2, gatewayNodes: 0 }]]),
      staged: {
        roles: new Map([
          [node('a'), { value: null, stamp: stamp(6) }],
          [node('d'), { value: { zone: 'z', tags: ['t'], capacityBytes: null }, stamp: stamp(7) }],
        ]),
        zoneRedundancy: { value: 'maximum', stamp: stamp(8) },
        replicationFactor: undefined,
        revertedAt: stamp(9),
      },
    },
    'a',
    { acked: [two], synced: [two], stopped: [two], skipped: [two] },
  );
  t.is(encodeLayoutState(state).toString('hex'), STORED);
  const read = decodeLayoutState(Buffer.from(STORED, 'hex'));
  t.deepEqual(read, state);
  t.true(isBefore(read, one.name, two.name), 'what has retired still says what came before');
});
