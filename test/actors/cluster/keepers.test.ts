// Method: the real keepers of several nodes on a simulated network that is cut and healed, with
// processes that die and start again from what was durable.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { LayoutFence } from '../../../actors/cluster/layout-fence.ts';
import type { PartitionSync } from '../../../actors/cluster/layout-progress.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../../schemas/ids.ts';
import { encodeLayoutState } from '../../../schemas/records/layout-state-row.ts';
import { applyAt, KeeperNode, Network, nodeOf } from '../../support/keeper-cluster.ts';

function cluster(letters: string, sync?: PartitionSync) {
  const network = new Network();
  const nodes = Array.from(letters).map(
    letter => new KeeperNode(network, letter, sync === undefined ? {} : { sync }),
  );
  return { network, nodes };
}

function agree(t: ExecutionContext, nodes: readonly KeeperNode[], live: readonly number[]): void {
  t.is(new Set(nodes.map(({ digest }) => digest)).size, 1, 'all know the same');
  for (const node of nodes) t.deepEqual(node.live, live);
}

test('nodes that were never told of each other agree on the first version in a moment', async t => {
  const { network, nodes } = cluster('abc');
  await network.pass(1000);
  const reply = await applyAt(nodes[1]!, 'abc');
  t.is(reply.kind === 'layout-applied' && reply.result.kind, 'applied');
  await network.pass(2000);
  agree(t, nodes, [1]);
  for (const { known, id } of nodes) {
    t.is(known.read.version, 1);
    const tracker = known.state.trackers.get(id);
    t.is(tracker?.acked.size, 1);
    t.is(tracker?.synced.size, 1);
  }
  t.deepEqual(network.failures, []);
});

test('a node that nobody has heard of gets no role', async t => {
  const { network, nodes } = cluster('abc');
  await network.pass(1000);
  const reply = await applyAt(nodes[0]!, 'abcx');
  t.is(reply.kind === 'layout-staged' && reply.result.kind, 'refused');
});

/** Lets partitions in when a test says so. */
function gatedSync() {
  let open: () => void = () => undefined;
  const gate = new Promise<void>(resolve => (open = resolve));
  const asked: { version: number; partitions: number }[] = [];
  const sync: PartitionSync = {
    prepare: () => Promise.resolve(),
    bringIn: async (version, gained) => {
      asked.push({ version: version.layout.version, partitions: gained.length });
      await gate;
      return 'done';
    },
  };
  return {
    sync,
    asked,
    open: () => {
      open();
    },
  };
}

test('a new version is read by only when everyone has brought in what it gained', async t => {
  const { sync, asked, open } = gatedSync();
  const { network, nodes } = cluster('abcd', sync);
  await network.pass(1000);
  await applyAt(nodes[0]!, 'abc');
  await network.pass(1000);
  t.deepEqual(asked, [], 'the first version brings nothing in');
  await applyAt(nodes[0]!, 'd', 'c');
  await network.pass(3000);
  agree(t, nodes, [1, 2]);
  t.true(nodes.every(({ known }) => known.read.version === 1 && known.current.version === 2));
  t.deepEqual(asked, [{ version: 2, partitions: 256 }], 'd alone gains, all that c held');
  open();
  await network.pass(3000);
  agree(t, nodes, [2]);
  t.true(nodes.every(({ known }) => known.read.version === 2));
});

/** Applies the next version with so many copies. */
async function applyFactor(at: KeeperNode, replicationFactor: number): Promise<void> {
  const parameters = { zoneRedundancy: 'maximum', replicationFactor } as const;
  await at.ask({ kind: 'layout-stage', roles: [], parameters });
  await at.ask({ kind: 'layout-apply', version: at.known.current.version + 1 });
}

for (const [before, then] of [
  [3, 1],
  [3, 2],
  [5, 3],
] as const) {
  const copies = `${String(before)} → ${String(then)}`;
  test(`fewer copies, ${copies}: a read hears fewer, so each brings in all it holds`, async t => {
    const { sync, asked, open } = gatedSync();
    const { network, nodes } = cluster('abcde'.slice(0, before), sync);
    const [a] = nodes as [KeeperNode];
    await network.pass(1000);
    await applyAt(a, 'abc');
    await network.pass(1000);
    if (before !== 3) {
      await applyAt(a, 'abcde'.slice(3));
      await applyFactor(a, before);
      open();
      await network.pass(3000);
    }
    const old = a.known.current.version;
    asked.length = 0;
    await applyFactor(a, then);
    await network.pass(3000);
    t.is(a.known.current.replicationFactor, then);
    const partitions = asked.reduce((sum, each) => sum + each.partitions, 0);
    t.is(partitions, PARTITION_COUNT * then, 'every replica of every partition');
    open();
    await network.pass(3000);
    agree(t, nodes, [old + 1]);
  });
}

test('as many copies, or more: who holds a partition already brings nothing in', async t => {
  for (const factor of [3, 4]) {
    const { sync, asked, open } = gatedSync();
    open();
    const { network, nodes } = cluster('abcd', sync);
    const [a] = nodes as [KeeperNode];
    await network.pass(1000);
    await applyAt(a, 'abc');
    await network.pass(1000);
    await a.ask({
      ...{ kind: 'layout-stage', roles: [] },
      parameters: { zoneRedundancy: 'maximum', replicationFactor: factor },
    });
    await applyAt(a, 'd', factor === 3 ? 'c' : '');
    await network.pass(3000);
    t.deepEqual(asked, [{ version: 2, partitions: PARTITION_COUNT }], 'd alone');
    t.is(a.known.read.version, 2);
  }
});

test('two operators on two sides of a cut: one layout afterwards, with what both wanted', async t => {
  const { network, nodes } = cluster('abcdef');
  const [a, , c, d] = nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(a, 'abcd');
  await network.pass(2000);
  agree(t, nodes, [1]);
  network.cut('abe', 'cdf');
  await network.pass(3000);
  t.false(a.view.isUp(d.id));
  const one = await applyAt(a, 'e');
  const other = await applyAt(c, 'f');
  t.is(one.kind === 'layout-applied' && one.result.kind, 'applied');
  t.is(other.kind === 'layout-applied' && other.result.kind, 'applied');
  await network.pass(3000);
  t.deepEqual(a.live, [1, 2], 'a side of a cut cannot be sure, and retires nothing');
  t.is(a.known.current.version, 2);
  t.is(c.known.current.version, 2);
  t.not(a.digest, c.digest);
  network.cut();
  await network.pass(10_000);
  agree(t, nodes, [3]);
  t.deepEqual([...a.known.current.roles.keys()].sort(), Array.from('abcdef').map(nodeOf));
  t.is(new Set(a.known.current.replicas.flat()).size, 6, 'all six hold partitions');
  t.deepEqual(network.failures, []);
});

test('operators who staged on two sides of a cut both see both', async t => {
  const { network, nodes } = cluster('abcde');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(1000);
  network.cut('ac', 'bde');
  const role = { zone: 'z', tags: [], capacity: 1e9 };
  await a.ask({ kind: 'layout-stage', roles: [{ id: nodeOf('a'), ...role }] });
  await b.ask({ kind: 'layout-stage', roles: [{ id: nodeOf('b'), ...role }] });
  network.cut();
  await network.pass(2000);
  t.deepEqual([...a.known.staged.roles.keys()], [nodeOf('a'), nodeOf('b')]);
  await b.ask({ kind: 'layout-revert' });
  await network.pass(2000);
  t.is(a.known.staged.roles.size, 0);
  agree(t, nodes, [0]);
});

test('a process that starts again before its silence is noticed is told as down once', async t => {
  const { network, nodes } = cluster('ab');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(1000);
  const down: NodeId[] = [];
  a.view.onDown(node => down.push(node));
  const store = b.kill();
  const again = new KeeperNode(network, 'b', { store });
  await network.pass(2000);
  t.deepEqual(down, [again.id], 'what the process before it was asked nobody answers');
  t.true(a.view.isUp(again.id));
});

test('a way that is cut in one direction: neither side takes the other for up', async t => {
  const { network, nodes } = cluster('ab');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(3000);
  const down: NodeId[] = [];
  a.view.onDown(node => down.push(node));
  network.cutOneWay(a.id, b.id);
  await network.pass(6500);
  t.false(b.view.isUp(a.id), 'b hears nothing of a');
  t.true(a.membership.isHeard(b.id), 'a hears b');
  t.false(a.view.isUp(b.id), 'and is not answered');
  t.deepEqual(down, [b.id]);
  network.cut();
  await network.pass(4000);
  t.true(a.view.isUp(b.id) && b.view.isUp(a.id));
});

test('a process that dies at any moment goes on where it was', async t => {
  for (const momentMs of [0, 50, 150, 300]) {
    const { network, nodes } = cluster('abcd');
    const [a, b, , d] = nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode];
    await network.pass(1000);
    await applyAt(a, 'abc');
    await network.pass(2000);
    const applied = applyAt(a, 'd', 'c');
    await network.pass(momentMs);
    const store = d.kill();
    await applied;
    await network.pass(4000);
    if (momentMs === 0) t.deepEqual(b.live, [1, 2], 'it is waited for');
    t.false(b.view.isUp(d.id));
    const again = new KeeperNode(network, 'd', { store });
    await network.pass(4000);
    agree(t, [a, b, again], [2]);
    t.true(b.view.isUp(d.id));
  }
});

test('a node is given up within three seconds of its death, and is back with its first beat', async t => {
  const { network, nodes } = cluster('abc');
  const [a, , c] = nodes as [KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  const down: NodeId[] = [];
  a.view.onDown(node => down.push(node));
  const store = c.kill();
  await network.pass(1500);
  t.true(a.view.isUp(c.id));
  await network.pass(1500);
  t.false(a.view.isUp(c.id));
  t.deepEqual(down, [c.id]);
  const status = await a.ask({ kind: 'cluster-status' });
  if (status.kind !== 'status') return t.fail();
  const shown = status.status.nodes.find(({ id }) => id === c.id);
  t.is(shown?.isUp, false);
  t.is(shown?.hostname, 'c');
  t.is(shown?.lastSeenSecsAgo, 3);
  new KeeperNode(network, 'c', { store });
  await network.pass(600);
  return t.true(a.view.isUp(c.id));
});

test('a node that leaves says so', async t => {
  const { network, nodes } = cluster('abc');
  const [a, , c] = nodes as [KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  c.membership.stop();
  await network.pass(100);
  t.false(a.view.isUp(c.id));
});

test('the fence refuses what does not know an acknowledged version, and tells of it', async t => {
  const { network, nodes } = cluster('abcd');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(a, 'abc');
  await network.pass(1000);
  const first = b.view.liveIds;
  t.is(b.fence.refuses(first), undefined);
  t.not(b.fence.refuses(undefined), undefined, 'nor what knows of no layout');
  await applyAt(a, 'd', 'c');
  await network.pass(3000);
  const state = b.fence.refuses(first);
  t.deepEqual(state, encodeLayoutState(b.known.state));
  const late = new KeeperNode(network, 'x');
  network.cut('abcd', 'x');
  late.view.takeOver(Buffer.from('no state'));
  late.view.takeOver(state ?? Buffer.alloc(0));
  t.is(b.fence.refuses(late.view.liveIds), undefined);
  t.is(late.view.current.version, 2);
});

test('a request that was let through holds the acknowledgement up until it has ended', async t => {
  const { network, nodes } = cluster('abcd');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(a, 'abc');
  await network.pass(1000);
  let end: () => void = () => undefined;
  const work = new Promise<void>(resolve => (end = resolve));
  const serve = b.fence.guard(async () => {
    await work;
    return { kind: 'written' };
  });
  const context = { deadlineAtMs: 0, layouts: b.view.liveIds };
  const reply = Promise.resolve(serve({}, context));
  await applyAt(a, 'd', 'c');
  await network.pass(2000);
  const two = a.known.head?.name ?? ('' as never);
  const acked = (node: KeeperNode): boolean =>
    a.known.state.trackers.get(node.id)?.acked.has(two) ?? false;
  t.true(acked(a));
  t.false(acked(b));
  t.deepEqual(await Promise.resolve(serve({}, context)).then(({ kind }) => kind), 'stale-layout');
  end();
  t.deepEqual(await reply, { kind: 'written' });
  await network.pass(1000);
  t.true(acked(b));
});

test('replicas are asked own first, then by round trip, those that are down last', async t => {
  const { network, nodes } = cluster('abc');
  const [a, b, c] = nodes as [KeeperNode, KeeperNode, KeeperNode];
  await network.pass(3000);
  const list = [c.id, b.id, a.id];
  t.is(a.view.nearest(list)[0], a.id);
  b.kill();
  await network.pass(3000);
  t.deepEqual(a.view.nearest(list), [a.id, c.id, b.id]);
  t.is(a.view.nearest(list), a.view.nearest(list), 'sorted once');
  t.not(a.membership.roundTripMs(c.id), undefined);
});

test('clocks of other processes are known from their answers', async t => {
  const { network, nodes } = cluster('abc');
  const [a, b] = nodes as [KeeperNode, KeeperNode];
  await network.pass(6000);
  const now = network.environment.clock.monotonicMs();
  t.is(a.offsets.sentAtHere(b.process, now - 20), now - 20);
  t.is(a.clock.correctionMs, 0);
});

test('nodes that are dead are skipped, but only while nothing can be lost', async t => {
  const { network, nodes } = cluster('abcd');
  const [a, b, c, d] = nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(a, 'abc');
  await network.pass(2000);
  const skip = async (version: number, allowMissingData = false) => {
    const reply = await a.ask({ kind: 'layout-skip-dead', version, allowMissingData });
    return reply.kind === 'layout-skipped' ? reply.result : undefined;
  };
  const nobody = { kind: 'skipped', ackUpdated: [], syncUpdated: [] } as const;
  t.deepEqual(await skip(2), nobody, 'nobody is dead');
  await applyAt(a, 'd', 'c');
  const store = d.kill();
  await network.pass(4000);
  t.deepEqual(a.live, [1, 2]);
  t.deepEqual(await skip(2), { kind: 'skipped', ackUpdated: [d.id], syncUpdated: [d.id] });
  t.deepEqual(await skip(2), nobody, 'nothing waits for it any more');
  await network.pass(2000);
  t.deepEqual(c.live, [2]);
  t.is(b.known.read.version, 2);
  const again = new KeeperNode(network, 'd', { store });
  await network.pass(3000);
  t.true(again.known.state.trackers.get(d.id)?.synced.has(a.known.head!.name), 'it caught up');
});

test('a dead node is replaced with one command, and nothing else moves', async t => {
  const { network, nodes } = cluster('abcd');
  const [a, b, c, d] = nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(a, 'abc');
  await network.pass(2000);
  const before = a.known.current;
  c.kill();
  await network.pass(3000);
  const replace = { kind: 'layout-replace', old: c.id, by: d.id, allowMissingData: false } as const;
  const reply = await b.ask(replace);
  t.is(reply.kind === 'layout-applied' && reply.result.kind, 'applied');
  await network.pass(3000);
  agree(t, [a, b, d], [2]);
  const { replicas, roles } = a.known.current;
  t.false(roles.has(c.id));
  t.deepEqual(roles.get(d.id), before.roles.get(c.id));
  before.replicas.forEach((had, partition) => {
    const expected = had.map(node => (node === c.id ? d.id : node)).sort();
    t.deepEqual([...(replicas[partition] ?? [])].sort(), expected);
  });
  const strange = await b.ask({ ...replace, by: nodeOf('y'), old: a.id });
  t.is(strange.kind === 'layout-applied' && strange.result.kind, 'impossible');
});

test('a node that left two versions ago refuses what goes by the one it left', async t => {
  const { network, nodes } = cluster('abcdefghi');
  const [left, , , later] = nodes as [KeeperNode, KeeperNode, KeeperNode, KeeperNode];
  await network.pass(1000);
  await applyAt(left, 'abc');
  await network.pass(3000);
  const old = left.known.liveIds;
  const isRefused = (): boolean => new LayoutFence(left.id, left.known).refuses(old) !== undefined;
  t.false(isRefused());
  await applyAt(left, 'def', 'abc');
  await network.pass(5000);
  t.true(isRefused());
  await applyAt(later, 'ghi', 'def');
  await network.pass(5000);
  agree(t, nodes, [3]);
  t.true(isRefused());
});
