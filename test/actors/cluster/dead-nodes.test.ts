import test from 'ava';
import { lostPartitions, skipDeadNodes } from '../../../actors/cluster/dead-nodes.ts';
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
