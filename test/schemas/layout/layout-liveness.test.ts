import test from 'ava';
import { KnownLayout } from '../../../bus/known-layout.ts';
import {
  coversAll,
  currentOf,
  headsOf,
  layoutIdsOf,
  liveVersions,
  parseLayoutIds,
  readQuorumOf,
  readsTooOld,
  readVersionOf,
  settled,
  sourcesOf,
  stagedOver,
  writeQuorumOf,
} from '../../../schemas/layout-liveness.ts';
import { mergeStates, stagedChange, type LayoutState } from '../../../schemas/layout-state.ts';
import { after, layoutOf, node, stamp, stateOf, versionOf } from './layout-world.ts';

const one = versionOf('abc');
const two = versionOf('abd', [one]);

const live = (state: LayoutState): number[] =>
  liveVersions(state).map(({ layout }) => layout.version);

test('a write quorum and a read quorum of one version always meet', t => {
  for (const factor of [1, 2, 3, 5, 7]) {
    const layout = { ...layoutOf(1, 'abc'), replicationFactor: factor };
    t.true(writeQuorumOf(layout) + readQuorumOf(layout) > factor);
  }
});

test('reads go by the version before until all have synced the new one', t => {
  let state = stateOf(one, two);
  t.is(readVersionOf(state), one);
  state = after(state, 'ab', { synced: [two] });
  t.is(readVersionOf(state), one);
  state = after(state, 'd', { synced: [two] });
  t.is(readVersionOf(state), two);
});

test('a version retires when a write quorum of each partition has stopped answering for it', t => {
  let state = settled(after(stateOf(one, two), 'abd', { acked: [two], synced: [two] }));
  t.deepEqual(live(state), [1, 2]);
  state = settled(after(state, 'a', { stopped: [two] }));
  t.deepEqual(live(state), [1, 2], 'one of three is no quorum');
  state = settled(after(state, 'd', { stopped: [two] }));
  t.deepEqual(live(state), [1, 2], 'who was no replica of it does not count');
  state = settled(after(state, 'c', { stopped: [two] }));
  t.deepEqual(live(state), [2]);
  t.deepEqual(settled(mergeStates(stateOf(one), state)).versions, state.versions);
});

test('a version does not retire before one that came before it', t => {
  const three = versionOf('abe', [two]);
  const all = after(stateOf(one, two, three), 'abcde', { synced: [two, three] });
  const early = settled(after(all, 'bd', { stopped: [three] }));
  t.deepEqual(live(early), [1, 2, 3]);
  t.deepEqual(live(settled(after(early, 'c', { stopped: [three] }))), [3]);
});

test('nodes that are skipped hold nothing up', t => {
  let state = after(stateOf(one, two), 'bd', { acked: [two], synced: [two] });
  state = after(state, 'ac', { skipped: [two] });
  t.is(readVersionOf(state), two);
  t.deepEqual(live(settled(after(state, 'b', { stopped: [two] }))), [2]);
});

test('nodes that are skipped by several versions do not make up a version that is over', t => {
  const first = versionOf('abcd', [], 4);
  const second = versionOf('abde', [first], 4);
  const third = versionOf('abef', [second], 4);
  let state = after(stateOf(first, second, third), 'abdef', { synced: [second, third] });
  state = after(state, 'c', { skipped: [second] });
  state = after(state, 'd', { skipped: [third] });
  state = settled(after(state, 'ab', { stopped: [third] }));
  t.deepEqual(live(state), [1, 2, 3], 'c and d are enough to be read from by the first');
  t.deepEqual(live(settled(after(state, 'd', { stopped: [second] }))), [2, 3]);
  t.deepEqual(live(settled(after(state, 'c', { skipped: [third] }))), [2, 3], 'as was said');
});

test('of two versions with one number both are live, and the name decides by which is read', t => {
  const other = versionOf('abe', [one]);
  const state = after(stateOf(one, two, other), 'abde', { synced: [two, other] });
  t.deepEqual(live(state), [1, 2, 2]);
  const [, last] = [two.name, other.name].sort();
  t.is(readVersionOf(state)?.name, last);
  t.is(currentOf(state)?.name, last);
  t.deepEqual(
    headsOf(state).map(({ name }) => name),
    [two.name, other.name].sort(),
  );
});

test('a version is synced from the newest complete ones, of each branch', t => {
  const other = versionOf('abe', [one]);
  const joined = versionOf('abde', [two, other]);
  const state = stateOf(one, two, other, joined);
  t.deepEqual(sourcesOf(state, joined), [one]);
  const half = after(state, 'abd', { synced: [two] });
  t.deepEqual(sourcesOf(half, joined), [two]);
  t.deepEqual(sourcesOf(half, other), [two], 'a branch is synced from the other one');
  const both = after(half, 'abe', { synced: [other] });
  t.deepEqual(
    sourcesOf(both, joined)
      .map(({ name }) => name)
      .sort(),
    [two.name, other.name].sort(),
  );
  t.deepEqual(sourcesOf(half, two), [one, two], 'by who was skipped in it');
  const second = versionOf('def');
  t.deepEqual(sourcesOf(stateOf(one, second), one), [second], 'two beginnings');
});

test('names of versions go along with requests, and say by which is read', t => {
  const state = stateOf(one, two);
  const text = layoutIdsOf(state);
  t.is(text, `${one.name}*,${two.name}`);
  t.deepEqual(parseLayoutIds(text), { live: [one.name, two.name], read: one.name });
  t.deepEqual(parseLayoutIds(''), { live: [], read: undefined });
});

test('a set of versions must have what was acknowledged, or what came after it', t => {
  const three = versionOf('abe', [two]);
  const state = stateOf(one, two, three);
  const covers = (names: readonly string[], acked: readonly string[]): boolean =>
    coversAll(state, parseLayoutIds(names.join()), acked as never);
  t.true(covers([one.name, two.name], [one.name, two.name]));
  t.false(covers([one.name], [one.name, two.name]));
  t.true(covers([three.name], [one.name, two.name]), 'the older ones retired');
  t.false(covers(['9.0123456789abcdef'], [one.name]), 'nobody knows what came before that');
  t.false(covers([], [one.name]));
});

test('who reads by a version before one that is complete is too old', t => {
  const state = stateOf(one, two);
  t.true(readsTooOld(state, { live: [], read: one.name }, [two.name]));
  t.false(readsTooOld(state, { live: [], read: two.name }, [two.name]));
  t.false(readsTooOld(state, { live: [], read: two.name }, []));
});

test('what is staged is what was neither applied, nor given up, nor is as it is anyhow', t => {
  const role = { zone: 'z9', tags: [], capacityBytes: 7 };
  const staged = (letter: string, at: number, value: typeof role | null = role): LayoutState =>
    stagedChange({ roles: new Map([[node(letter), { value, stamp: stamp(at) }]]) });
  const open = (state: LayoutState): number => stagedOver(state, two, two.layout).roles.size;
  const state = stateOf(one, two);
  t.is(open(mergeStates(state, staged('a', 9))), 1);
  t.is(open(mergeStates(state, staged('a', 2))), 0, 'stamped as the version is: applied');
  t.is(open(mergeStates(state, staged('z', 9, null))), 0, 'it is not there anyhow');
  const reverted = stagedChange({ revertedAt: stamp(9) });
  t.is(open(mergeStates(mergeStates(state, staged('a', 9)), reverted)), 0);
  t.is(open(mergeStates(mergeStates(state, staged('a', 10)), reverted)), 1);
});

test('what is known grows by what is heard, and says so once', t => {
  const known = new KnownLayout(3);
  t.is(known.current.version, 0);
  t.is(known.liveIds, '');
  let told = 0;
  const subscription = known.onChange(() => (told += 1));
  t.true(known.learn(stateOf(one)));
  t.false(known.learn(stateOf(one)));
  t.is(told, 1);
  t.is(known.current, one.layout);
  t.is(known.read, one.layout);
  subscription.close();
  t.true(known.learn(stateOf(two)));
  t.is(told, 1);
  t.deepEqual(known.live, [one.layout, two.layout]);
});
