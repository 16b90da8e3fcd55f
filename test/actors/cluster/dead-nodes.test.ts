import test from 'ava';
import {
  lostPartitions,
  replacementProblem,
  skipDeadNodes,
  stalePartitions,
} from '../../../actors/cluster/dead-nodes.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { isComplete, settled } from '../../../schemas/layout-liveness.ts';
import { mergeStates, trackerChange, type LayoutState } from '../../../schemas/layout-state.ts';
import { node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';

const first = versionOf('abc');
const second = versionOf('abd', [first]);
const dead = (letters: string) => {
  const nodes = new Set(Array.from(letters).map(node));
  return (id: NodeId): boolean => nodes.has(id);
};

function skip(state: LayoutState, letters: string, allowMissingData = false) {
  return skipDeadNodes(state, { version: 2, allowMissingData }, dead(letters));
}

test('a dead node does not hold a change up once it is skipped', t => {
  const state = stateOf(first, second);
  const { result, change } = skip(state, 'c');
  t.deepEqual(result, { kind: 'skipped', ackUpdated: [node('c')], syncUpdated: [node('c')] });
  if (change === undefined) return t.fail();
  let after = mergeStates(state, change);
  for (const letter of ['a', 'b', 'd']) {
    const done = new Set([second.name]);
    after = mergeStates(after, trackerChange(node(letter), { synced: done, stopped: done }));
  }
  t.true(isComplete(after, second));
  t.deepEqual([...settled(after).versions.keys()], [second.name], 'the old one has retired');
  return t.is(skip(after, 'c').change, undefined, 'nothing is left to skip');
});

test('a node that is waited for and alive is not skipped', t => {
  t.deepEqual(skip(stateOf(first, second), ''), {
    result: { kind: 'skipped', ackUpdated: [], syncUpdated: [] },
  });
});

test('where a quorum is dead a second word is wanted', t => {
  const state = stateOf(first, second);
  const refused = skip(state, 'bc');
  t.is(refused.change, undefined);
  t.regex(
    refused.result.kind === 'refused' ? refused.result.reason : '',
    /^256 partitions .*--allow-missing-data/,
  );
  const forced = skip(state, 'bc', true);
  t.is(forced.result.kind, 'skipped');
  t.not(forced.change, undefined);
});

test('who was skipped before counts as dead, though it lives again', t => {
  const state = mergeStates(
    stateOf(first, second),
    trackerChange(node('a'), { skipped: new Set([second.name]) }),
  );
  t.is(lostPartitions(state, second, dead('')), 0);
  t.is(lostPartitions(state, second, dead('b')), 256);
});

test('a version without one before it has nobody to wait for', t => {
  t.is(skip(stateOf(first), 'c').change, undefined);
});

test('half of an even number of copies could still be read from: a second word is wanted', t => {
  for (const [before, then, letters] of [
    ['ab', 'ac', 'b'],
    ['abcd', 'abce', 'cd'],
  ] as const) {
    const old = versionOf(before, [], before.length);
    const next = versionOf(then, [old], then.length);
    const state = stateOf(old, next);
    t.is(lostPartitions(state, next, dead(letters)), 0);
    t.is(stalePartitions(state, next, dead(letters)), 256);
    const { result, change } = skip(state, letters);
    t.is(change, undefined);
    const expected = /^256 partitions .* out of date.*--allow-missing-data/;
    t.regex(result.kind === 'refused' ? result.reason : '', expected);
    t.regex(replacementProblem(stateOf(old), next, dead(letters)) ?? '', expected);
    t.not(skip(state, letters, true).change, undefined);
    t.is(skip(state, '').result.kind, 'skipped', 'where nobody is dead nothing is asked');
  }
});

test('of four copies one may be skipped, and who was skipped before counts', t => {
  const old = versionOf('abcd', [], 4);
  const next = versionOf('abce', [old], 4);
  const { change } = skip(stateOf(old, next), 'd');
  if (change === undefined) return t.fail();
  const state = mergeStates(stateOf(old, next), change);
  return t.is(skip(state, 'c').result.kind, 'refused');
});
