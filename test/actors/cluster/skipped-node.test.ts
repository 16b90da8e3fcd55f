// Method: a node that was skipped comes back when the version before has retired. A transfer that
// notes whom it pulls from stands for the rows.
import test from 'ava';
import { LayoutSync, type PartitionTransfer } from '../../../actors/cluster/layout-sync.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import type { NodeId, PartitionId } from '../../../schemas/ids.ts';
import { partitionId } from '../../../schemas/ids.ts';
import { after, node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

const one = versionOf('abc');
const two = versionOf('abd', [one]);
const GAINED = [0, 1, 2].map(partitionId);

/** Version 2 was completed without d, and is the only one left. */
function world() {
  const { clock, timers } = manualEnvironment();
  let state = after(stateOf(one, two), 'd', { skipped: [two] });
  state = after(state, 'ab', { acked: [two], synced: [two], stopped: [two] });
  const known = new KnownLayout(3, after(state, 'c', { stopped: [two] }));
  const pulled: [PartitionId, NodeId][] = [];
  const met: [PartitionId, NodeId][] = [];
  const down = new Set<NodeId>();
  const transfer: PartitionTransfer = {
    pullRows: async (partition, source) => {
      pulled.push([partition, source]);
      return 'done';
    },
    noteEmpty: () => Promise.resolve(),
    setAside: async () => 'nothing',
    meetRound: async (partition, source) => {
      met.push([partition, source]);
      return 'met';
    },
    pullReferences: () => Promise.resolve(),
    blocksInStep: () => new Map(Array.from('ab').map(each => [node(each), clock.monotonicMs()])),
  };
  const sync = new LayoutSync({
    ...{ nodeId: node('d'), known, transfer, clock, timers },
    isUp: other => !down.has(other),
  });
  return { known, sync, pulled, met, down };
}

test('a node that was skipped brings in what the others hold by the version they went on with', async t => {
  const { known, sync, pulled, down } = world();
  t.deepEqual(
    known.live.map(({ version }) => version),
    [2],
  );
  down.add(node('a'));
  t.is(await sync.bringIn(two, GAINED), 'later', 'one of the others may lack something');
  down.clear();
  t.is(await sync.bringIn(two, GAINED), 'done');
  const from = (partition: PartitionId): NodeId[] =>
    pulled.flatMap(([of, source]) => (of === partition ? [source] : [])).sort();
  for (const partition of GAINED) t.deepEqual(from(partition), [node('a'), node('b')]);
});

test('and enters their round of forgetting before it acknowledges', async t => {
  const { sync, met } = world();
  await sync.prepare([two.name]);
  t.deepEqual(new Set(met.map(([, source]) => source)), new Set([node('a'), node('b')]));
});
