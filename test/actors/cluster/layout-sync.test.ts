import test from 'ava';
import { LayoutSync, type PartitionTransfer } from '../../../actors/cluster/layout-sync.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import type { NodeId, PartitionId } from '../../../schemas/ids.ts';
import { replicasOf } from '../../../schemas/cluster-layout.ts';
import { partitionId } from '../../../schemas/ids.ts';
import type { LayoutState } from '../../../schemas/layout-state.ts';
import { after, node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

const one = versionOf('abc');
const two = versionOf('abd', [one]);
const GAINED = [0, 1, 2].map(partitionId);

/** Node d gains what c held. */
function world(state: LayoutState) {
  const { clock, timers, advance } = manualEnvironment();
  const known = new KnownLayout(3, state);
  const down = new Set<NodeId>();
  const failing = new Set<NodeId>();
  const missed = new Set<NodeId>();
  const setAside: PartitionId[] = [];
  const pulled: [PartitionId, NodeId][] = [];
  const inStep = new Map<NodeId, number>();
  const transfer: PartitionTransfer = {
    pullRows: async (partition, source) => {
      pulled.push([partition, source]);
      if (missed.has(source)) return 'missed-round';
      return failing.has(source) ? 'failed' : 'done';
    },
    noteEmpty: () => Promise.resolve(),
    setAside: async partition => {
      setAside.push(partition);
      missed.clear();
      return 'nothing';
    },
    meetRound: async () => 'met',
    pullReferences: () => Promise.resolve(),
    blocksInStep: () => inStep,
  };
  const sync = new LayoutSync({
    ...{ nodeId: node('d'), known, transfer, clock, timers },
    isUp: other => !down.has(other),
  });
  const bringIn = () => sync.bringIn(two, GAINED);
  /** The blocks are the same as theirs, as of now. */
  const step = (letters: string): void => {
    for (const letter of Array.from(letters)) inStep.set(node(letter), clock.monotonicMs());
  };
  return { sync, known, down, failing, missed, setAside, pulled, inStep, step, bringIn, advance };
}

test('rows are read from a quorum, each after it acknowledged the version, and only once', async t => {
  const { bringIn, pulled, known, step } = world(stateOf(one, two));
  step('abc');
  t.is(await bringIn(), 'later');
  t.deepEqual(pulled, [], 'nobody has acknowledged');
  known.learn(after(known.state, 'b', { acked: [two] }));
  t.is(await bringIn(), 'later');
  t.deepEqual(
    pulled.map(([, from]) => from),
    [node('b'), node('b'), node('b')],
  );
  known.learn(after(known.state, 'ac', { acked: [two] }));
  t.is(await bringIn(), 'done');
  t.is(pulled.length, 6, 'two of three are a read quorum');
});

test('a source that fails, or is down, is left out for another one', async t => {
  const { bringIn, pulled, down, failing, step, sync } = world(
    after(stateOf(one, two), 'abc', { acked: [two] }),
  );
  step('abc');
  down.add(node('a'));
  failing.add(node('b'));
  t.is(await bringIn(), 'later');
  t.is(sync.partitionsLeft, 3);
  t.true(pulled.every(([, from]) => from !== node('a')));
  failing.clear();
  t.is(await bringIn(), 'done');
  t.is(sync.partitionsLeft, 0);
});

test('a version is not synced before its blocks are here', async t => {
  const { bringIn, step, advance, pulled } = world(
    after(stateOf(one, two), 'abc', { acked: [two] }),
  );
  step('abc');
  advance(1000);
  t.is(await bringIn(), 'later', 'they were the same before the rows came');
  const before = pulled.length;
  step('a');
  t.is(await bringIn(), 'later', 'one is no quorum');
  step('c');
  t.is(await bringIn(), 'done');
  t.is(pulled.length, before, 'rows are not pulled again');
});

test('who is skipped is not asked for', async t => {
  const state = after(stateOf(one, two), 'b', { acked: [two] });
  const { bringIn, step, pulled } = world(after(state, 'ac', { skipped: [two] }));
  step('b');
  t.is(await bringIn(), 'done');
  t.deepEqual(new Set(pulled.map(([, from]) => from)), new Set([node('b')]));
});

test('what is synced from two branches is read from a quorum of each', async t => {
  const other = versionOf('efg');
  const joined = versionOf('abd', [one, other]);
  const state = after(stateOf(one, other, joined), 'abcefg', { acked: [joined] });
  const { sync, pulled, step } = world(state);
  step('abcefg');
  t.is(await sync.bringIn(joined, [partitionId(0)]), 'done');
  const from = new Set(pulled.map(([, source]) => source));
  t.is([...from].filter(id => 'abc'.includes(String.fromCharCode(parseInt(id, 16)))).length, 2);
  t.is([...from].filter(id => 'efg'.includes(String.fromCharCode(parseInt(id, 16)))).length, 2);
});

test('what was read before a round that was missed is set aside, and all is read again', async t => {
  const { bringIn, missed, setAside, pulled, step } = world(
    after(stateOf(one, two), 'abc', { acked: [two] }),
  );
  step('abc');
  // Partition 0 comes from a, b and c; the first was read when the second tells of the round.
  missed.add(node('b'));
  t.is(await bringIn(), 'later');
  t.true(setAside.length > 0);
  const partition = setAside[0]!;
  const before = pulled.filter(([of]) => of === partition).length;
  t.is(await bringIn(), 'done');
  const again = pulled.filter(([of]) => of === partition).length - before;
  t.is(again, 2, 'a read quorum, from the beginning');
});

test('a store that missed a round is emptied only where the rest can be had at once', async t => {
  const { sync, known, missed, setAside, down, pulled } = world(stateOf(one));
  known.learn(after(stateOf(two), 'abd', { synced: [two] }));
  missed.add(node('a'));
  down.add(node('b'));
  t.false(await sync.bringInAgain());
  t.deepEqual(setAside, []);
  down.clear();
  t.false(await sync.bringInAgain());
  t.true(setAside.length > 0);
  pulled.length = 0;
  t.true(await sync.bringInAgain());
  const sources = pulled.filter(([of]) => of === setAside[0]).map(([, from]) => from);
  t.deepEqual(sources.sort(), [node('a'), node('b')]);
});

test('a store that is found behind a second time is brought in a second time', async t => {
  const { sync, pulled } = world(after(stateOf(two), 'abd', { synced: [two] }));
  t.true(await sync.bringInAgain());
  const { length } = pulled;
  t.true(length > 0);
  t.true(await sync.bringInAgain());
  t.is(pulled.length, 2 * length);
});

test('what was brought in again from replicas that are read no more is brought in once more', async t => {
  const three = versionOf('bcd', [two]);
  const { sync, known, pulled } = world(stateOf(two));
  const again = sync.bringInAgain();
  // While the first partitions are pulled, reads go over to other replicas.
  known.learn(after(stateOf(two, three), 'bcd', { synced: [three] }));
  t.false(await again);
  const first = partitionId(0);
  t.deepEqual(
    pulled.filter(([of]) => of === first).map(([, from]) => from),
    [node('a'), node('b')],
  );
  pulled.length = 0;
  t.true(await sync.bringInAgain());
  t.deepEqual(
    pulled.filter(([of]) => of === first).map(([, from]) => from),
    [node('b'), node('c')],
  );
});

test('a quorum of a version that retires while it is read does not count', async t => {
  const before = versionOf('abc');
  const between = versionOf('aef', [before]);
  const last = versionOf('dgh', [between]);
  const { sync, known, pulled, step } = world(
    after(stateOf(before, between, last), 'c', { acked: [last] }),
  );
  step('abcefgh');
  const partition = partitionId(2);
  t.is(replicasOf(before.layout, partition)[0], node('c'));
  const bringing = sync.bringIn(last, [partition]);
  // A cut heals while c is read: on its other side the version between was completed, and the one
  // before has retired.
  let state = after(known.state, 'aef', { synced: [between] });
  state = after(state, 'abc', { stopped: [between] });
  known.learn(after(state, 'abef', { acked: [last] }));
  t.is(await bringing, 'later');
  t.is(await sync.bringIn(last, [partition]), 'done');
  const sources = pulled.map(([, from]) => from);
  t.is(sources.filter(from => replicasOf(between.layout, partition).includes(from)).length, 2);
});
