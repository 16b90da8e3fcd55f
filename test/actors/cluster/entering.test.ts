// Method: the order of the steps is what counts, so a journal notes each call of the port; time
// moves only when a test says so.
import test from 'ava';
import { Entering, joinedBy } from '../../../actors/cluster/entering.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import type { NodeId, PartitionId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../../schemas/ids.ts';
import type { LayoutState } from '../../../schemas/layout-state.ts';
import { REQUEST_DEADLINE_MS } from '../../../schemas/limits.ts';
import { after, node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

const one = versionOf('abc');
const two = versionOf('abd', [one]);
const three = versionOf('abc', [two]);

function world(state: LayoutState, self = 'd') {
  const { clock, timers, advance } = manualEnvironment();
  const known = new KnownLayout(3, state);
  const holding = new Set<PartitionId>();
  const journal: string[] = [];
  const faults = {
    setAside: false,
    deaf: new Set<NodeId>(),
    down: new Set<NodeId>(),
    deafIn: new Set<PartitionId>(),
  };
  const entering = new Entering({
    ...{ nodeId: node(self), known, clock, timers, isUp: other => !faults.down.has(other) },
    transfer: {
      noteEmpty: () => Promise.resolve(),
      setAside: async partition => {
        journal.push(`aside ${String(partition)}`);
        if (faults.setAside) return 'failed';
        return holding.delete(partition) ? 'dropped' : 'nothing';
      },
      meetRound: async (partition, source) => {
        journal.push(`meet ${String(partition)}`);
        return faults.deaf.has(source) || faults.deafIn.has(partition) ? 'failed' : 'met';
      },
    },
  });
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 2000; turn += 1) await Promise.resolve();
  };
  return { entering, known, holding, journal, faults, advance, turns };
}

test('who holds a partition by no other version joins it; who does keeps what it has', t => {
  const state = after(stateOf(one, two), 'abc', { acked: [one] });
  t.is(joinedBy(state, node('d'), [two.name]).length, PARTITION_COUNT);
  t.deepEqual(joinedBy(state, node('a'), [two.name]), []);
});

test('a first version is joined by nobody: what is there is where it begins', t => {
  t.deepEqual(joinedBy(stateOf(one), node('a'), [one.name]), []);
});

test('a version that was never acknowledged is no reason to keep anything', t => {
  const state = after(stateOf(two, three), 'c', { acked: [] });
  t.is(joinedBy(state, node('c'), [three.name]).length, PARTITION_COUNT);
  const both = joinedBy(stateOf(two, three), node('d'), [two.name, three.name]);
  t.is(both.length, PARTITION_COUNT, 'told of two versions at a time, it joins by one of them');
});

test('who was skipped while its version retired enters anew', t => {
  // c was a replica of version one, which is over; it comes back to version three.
  const known = after(stateOf(two, three), 'c', { acked: [one], skipped: [two] });
  t.is(joinedBy(known, node('c'), [three.name]).length, PARTITION_COUNT);
});

test('rows go, then a deadline passes, then rounds are met, then it may acknowledge', async t => {
  const { entering, holding, journal, advance, turns } = world(stateOf(one, two));
  holding.add(7 as PartitionId);
  let isReady = false;
  const ready = entering.prepare([two.name]).then(() => {
    isReady = true;
  });
  await turns();
  t.is(journal.filter(entry => entry.startsWith('aside')).length, PARTITION_COUNT);
  t.false(journal.includes('meet 7'));
  t.true(journal.includes('meet 8'), 'who held nothing of it waits for nobody');
  advance(REQUEST_DEADLINE_MS - 1);
  await turns();
  t.false(journal.includes('meet 7'));
  t.false(isReady, 'a write from before may still be stored by those that are pulled from');
  advance(1);
  await ready;
  t.true(journal.filter(entry => entry.startsWith('meet')).length >= PARTITION_COUNT);
});

test('empty hands wait for nothing', async t => {
  const { entering, journal } = world(stateOf(one, two));
  await entering.prepare([two.name]);
  t.is(journal.filter(entry => entry.startsWith('aside')).length, PARTITION_COUNT);
});

test('a store that fails keeps it from acknowledging', async t => {
  const { entering, faults, journal } = world(stateOf(one, two));
  faults.setAside = true;
  await t.throwsAsync(entering.prepare([two.name]));
  t.false(journal.some(entry => entry.startsWith('meet')));
});

test('what was entered is not entered again when the rest is tried again', async t => {
  const { entering, faults, journal } = world(stateOf(one, two));
  faults.deafIn = new Set([9 as PartitionId]);
  await t.throwsAsync(entering.prepare([two.name]));
  const first = journal.splice(0).filter(entry => entry.startsWith('meet'));
  t.true(first.length > 1);
  faults.deafIn.clear();
  await entering.prepare([two.name]);
  const second = journal.filter(entry => entry.startsWith('meet'));
  t.true(second.includes('meet 9'));
  t.deepEqual(
    first.filter(entry => entry !== 'meet 9' && second.includes(entry)),
    [],
  );
});

test('one that tells its round is enough; where none does it waits, unless all are away', async t => {
  const { entering, faults } = world(stateOf(one, two));
  for (const letter of ['a', 'b', 'c']) faults.deaf.add(node(letter));
  await t.throwsAsync(entering.prepare([two.name]));
  faults.deaf.delete(node('a'));
  faults.deaf.delete(node('c'));
  await entering.prepare([two.name]);
  for (const letter of ['a', 'b', 'c']) faults.down.add(node(letter));
  await t.notThrowsAsync(entering.prepare([two.name]));
});

test('the end of the process ends the wait, and nothing is acknowledged', async t => {
  const { entering, holding, turns } = world(stateOf(one, two));
  holding.add(7 as PartitionId);
  const ready = entering.prepare([two.name]);
  await turns();
  entering.stop();
  await t.throwsAsync(ready);
});
