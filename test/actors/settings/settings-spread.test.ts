// Method: several nodes with their copies on a flaky network; decisions that some of them miss
// because they are cut off or stopped; then time passes, and the copies must be the same.
import test from 'ava';
import { SettingsSpread } from '../../../actors/settings/settings-spread.ts';
import type { SettingsClient } from '../../../bus/settings-client.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { AccessKeyId, NodeId } from '../../../schemas/ids.ts';
import { SETTINGS_UNDECIDED_MAX } from '../../../schemas/limits.ts';
import type { AccessKeyRow } from '../../../schemas/records/settings-rows.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import {
  SettingsCluster,
  layoutOf,
  viewOf,
  type SettingsAsker,
} from '../../support/settings-cluster.ts';

function putKey(settings: SettingsClient, name: string): Promise<AccessKeyRow | undefined> {
  const id = `GK${name}` as AccessKeyId;
  return settings.change('key', id, () => ({
    ...{ kind: 'key', id, secret: 's', name, createdMs: 1, canCreateBucket: false },
    deleted: false,
  }));
}

async function copyOf(cluster: SettingsCluster, node: NodeId, id: string) {
  const reply = await cluster.network.during(
    cluster.actor(node).receive({ kind: 'settings-read', table: 'key', id }, { deadlineAtMs: 1e9 }),
  );
  return reply.kind === 'settings-row' ? reply.row : reply.kind;
}

test('a node that was away receives what was decided meanwhile', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 1, spread: true });
  const { network, nodes } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 20 };
  const away = nodes[2] as NodeId;
  const { settings } = cluster.client('paris');
  await network.during(putKey(settings, 'before'));
  cluster.crash(away);
  for (let n = 0; n < 20; n += 1) await network.during(putKey(settings, `during-${String(n)}`));
  cluster.start(away);
  await network.pass(5000);
  for (let n = 0; n < 20; n += 1) {
    const id = `GKduring-${String(n)}`;
    t.deepEqual(await copyOf(cluster, away, id), await copyOf(cluster, nodes[0] as NodeId, id));
    t.truthy(await copyOf(cluster, away, id));
  }
});

test('a copy that is behind is not read, and another one is', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 2, spread: true });
  const { network, nodes } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 20 };
  const away = nodes[2] as NodeId;
  const { settings } = cluster.client('paris', viewOf([cluster.layout], away));
  await network.pass(1000);
  cluster.crash(away);
  await network.during(putKey(settings, 'new'));
  for (const node of nodes.slice(0, 2)) network.cut(away, node);
  cluster.start(away);
  t.is(await copyOf(cluster, away, 'GKnew'), 'behind');
  t.is((await network.during(settings.read('key', 'GKnew')))?.name, 'new');
  network.heal();
  await network.pass(1000);
  t.truthy(await copyOf(cluster, away, 'GKnew'));
});

test('a copy whose peers stay away is read after some seconds', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 3, spread: true });
  const { network, nodes } = cluster;
  const { settings } = cluster.client('paris');
  await network.during(putKey(settings, 'old'));
  await network.pass(1000);
  for (const node of nodes) cluster.crash(node);
  const alone = nodes[0] as NodeId;
  cluster.start(alone);
  await network.pass(5000);
  t.is(await copyOf(cluster, alone, 'GKold'), 'behind');
  await network.pass(6000);
  t.truthy(await copyOf(cluster, alone, 'GKold'));
});

test('what a dead proposer left undecided is settled by those who hold it', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 4, spread: true });
  const { network, nodes } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 10 };
  await network.pass(1000);
  const { settings, process } = cluster.client('paris');
  // Its acceptance reaches one replica alone, and it dies.
  for (const node of nodes.slice(1)) {
    network.environment.timers.after(20, () => network.cut('paris', node));
  }
  void putKey(settings, 'left');
  await network.pass(60);
  process.kill();
  await network.pass(8000);
  const copies = await Promise.all(nodes.map(node => copyOf(cluster, node, 'GKleft')));
  t.is(new Set(copies.map(copy => JSON.stringify(copy))).size, 1);
  for (const node of nodes) {
    t.deepEqual((await network.during(cluster.actor(node).summary())).undecided, []);
  }
});

test('many rows come in pages, and a second comparison finds nothing', async t => {
  const cluster = new SettingsCluster({ nodes: 2, seed: 5 });
  const { network, nodes } = cluster;
  const [full, fresh] = nodes as [NodeId, NodeId];
  const alone = cluster.client('paris', viewOf([layoutOf([full])])).settings;
  const stamper = new Stamper(network.environment.clock, network.environment.random);
  const rows = Array.from({ length: 2300 }, (_, n) => ({
    row: {
      ...{ kind: 'key' as const, timestamp: stamper.now(), id: `GK${String(n)}` as AccessKeyId },
      ...{ secret: 's', name: 'n', createdMs: 1, canCreateBucket: false, deleted: false },
    },
    ancestors: [],
  }));
  t.true(await network.during(cluster.actor(full).takeOver(rows)));
  const { environment } = network;
  let pulls = 0;
  const process = network.process(fresh);
  const bus = {
    ...{ publish: () => undefined, listen: process.listen, serve: process.serve.bind(process) },
    request: ((address: never, request: { kind: string }, options: never) => {
      if (request.kind === 'settings-pull') pulls += 1;
      return process.request(address, request as never, options);
    }) as typeof process.request,
  };
  const spread = new SettingsSpread({
    ...{ nodeId: fresh, actor: cluster.actor(fresh), settings: alone, bus, environment },
    ...{ view: viewOf([cluster.layout]), subjects: cluster.subjects, log: new QuietLog() },
  });
  t.is(await network.during(spread.bringIn(layoutOf([full]))), 'done');
  t.is(pulls, 3);
  t.is(
    (await network.during(cluster.client('x', viewOf([layoutOf([fresh])])).settings.list('key')))
      .length,
    2300,
  );
  t.is(await network.during(spread.bringIn(layoutOf([full]))), 'done');
  t.is(pulls, 3);
});

test('before a node decides by a new version it needs a read quorum of the old one', async t => {
  const cluster = new SettingsCluster({ nodes: 4, seed: 6 });
  const { network, nodes } = cluster;
  const old = layoutOf(nodes.slice(0, 3));
  const { settings } = cluster.client('paris', viewOf([old]));
  await network.during(putKey(settings, 'kept'));
  const fresh = nodes[3] as NodeId;
  const spread = new SettingsSpread({
    ...{ nodeId: fresh, actor: cluster.actor(fresh), settings, bus: network.process(fresh) },
    ...{ view: viewOf([old]), subjects: cluster.subjects, log: new QuietLog() },
    environment: network.environment,
  });
  cluster.crash(nodes[0] as NodeId);
  cluster.crash(nodes[1] as NodeId);
  t.is(await network.during(spread.bringIn(old)), 'later');
  cluster.start(nodes[1] as NodeId);
  t.is(await network.during(spread.bringIn(old)), 'done');
  t.truthy(await copyOf(cluster, fresh, 'GKkept'));
});

function keyRow(name: string): Omit<AccessKeyRow, 'timestamp'> {
  return {
    ...{ kind: 'key', id: 'GKone' as AccessKeyId, secret: 's', name, createdMs: 1 },
    ...{ canCreateBucket: false, deleted: false },
  };
}

/** Unless there is one already. */
function putFirst({ settings }: SettingsAsker, name: string) {
  return settings.change('key', keyRow(name).id, current =>
    current === undefined ? keyRow(name) : undefined,
  );
}

/** Comparing as a node does that reaches the others in this order, on behalf of its own copy. */
function spreadOf(
  cluster: SettingsCluster,
  nodeId: NodeId,
  options: {
    readonly live?: readonly LayoutVersion[];
    readonly order?: readonly NodeId[];
    readonly mayVote?: () => boolean;
  } = {},
): SettingsSpread {
  const { network, subjects } = cluster;
  const { live = [cluster.layout], order, ...others } = options;
  const known = viewOf(live, nodeId);
  return new SettingsSpread({
    ...{ nodeId, actor: cluster.actor(nodeId), subjects, bus: network.process(`${nodeId} asks`) },
    ...{ view: { ...known, ...(order && { nearest: () => order }) }, log: new QuietLog() },
    ...{ settings: cluster.client(`${nodeId} asks`, known).settings, ...others },
    environment: network.environment,
  });
}

test('a wiped replica does not count itself: it has a read quorum of others before it votes', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 9 });
  const [wiped, other, missed] = cluster.nodes as [NodeId, NodeId, NodeId];
  const { network } = cluster;
  cluster.crash(missed);
  t.is((await network.during(putFirst(cluster.client('paris'), 'first')))?.name, 'first');
  cluster.wipe(wiped);
  cluster.start(wiped);
  cluster.start(missed);
  cluster.crash(other);
  const order = [wiped, missed, other];
  const spread = spreadOf(cluster, wiped, { order, mayVote: () => false });
  t.is(
    await network.during(spread.bringIn(cluster.layout)),
    'later',
    'one other may have missed it',
  );
  cluster.start(other);
  t.is(await network.during(spread.bringIn(cluster.layout)), 'done');
  network.cut('lyon', other);
  const late = cluster.client('lyon');
  t.is(await network.during(putFirst(late, 'second')), undefined);
  t.is((await network.during(late.settings.readDecided('key', keyRow('').id)))?.name, 'first');
});

test('a wiped replica that has fewer others brings in what they have', async t => {
  for (const nodes of [1, 2]) {
    const cluster = new SettingsCluster({ nodes, seed: 10 });
    const { network, layout } = cluster;
    const [wiped, other] = cluster.nodes as [NodeId, NodeId?];
    if (other !== undefined) await network.during(putFirst(cluster.client('paris'), 'first'));
    cluster.wipe(wiped);
    cluster.start(wiped);
    const spread = spreadOf(cluster, wiped, { mayVote: () => false });
    if (other !== undefined) {
      cluster.crash(other);
      t.is(await network.during(spread.bringIn(layout)), 'later');
      cluster.start(other);
    }
    t.is(await network.during(spread.bringIn(layout)), 'done');
    if (other !== undefined) t.truthy(await copyOf(cluster, wiped, keyRow('').id));
  }
});

test('who is skipped is not asked, and not waited for', async t => {
  const cluster = new SettingsCluster({ nodes: 4, seed: 12 });
  const { network, nodes } = cluster;
  const [first, ...dead] = nodes.slice(0, 3) as [NodeId, NodeId, NodeId];
  const old = layoutOf(nodes.slice(0, 3));
  await network.during(putFirst(cluster.client('paris', viewOf([old])), 'first'));
  const joins = nodes[3] as NodeId;
  const spread = spreadOf(cluster, joins, { live: [old] });
  for (const node of dead) cluster.crash(node);
  t.is(await network.during(spread.bringIn(old)), 'later');
  t.is(await network.during(spread.bringIn(old, node => node !== first)), 'done');
  t.truthy(await copyOf(cluster, joins, keyRow('').id));
});

test('one with more undecided rows than it tells of at once counts once they are settled', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 11 });
  const { network } = cluster;
  const [own, other, third] = cluster.nodes as [NodeId, NodeId, NodeId];
  const { stamper } = cluster.client('paris');
  for (let n = 0; n <= SETTINGS_UNDECIDED_MAX; n += 1) {
    const ballot = stamper.now();
    const id = `GK${String(n)}` as AccessKeyId;
    const row = { ...keyRow('left'), id, timestamp: stamper.now() };
    const request = { kind: 'settings-accept', ballot, row } as const;
    for (const node of [other, third]) {
      await network.during(cluster.actor(node).receive(request, { deadlineAtMs: 1e9 }));
    }
  }
  cluster.crash(third);
  const spread = spreadOf(cluster, own);
  t.is(await network.during(spread.bringIn(cluster.layout)), 'later');
  t.is(await network.during(spread.bringIn(cluster.layout)), 'done');
  const { undecided } = await network.during(cluster.actor(other).summary());
  t.deepEqual(undecided, []);
});

test('a replica that is to decide alone has learnt what the others decided before', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 8 });
  const { network, nodes, layout } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 10 };
  const [sole] = nodes as [NodeId];
  // It accepted something, and its proposer died; then the two others decided without it.
  const { process: dead, stamper } = cluster.client('paris');
  dead.kill();
  const ballot = stamper.now();
  const row = { ...keyRow('accepted'), timestamp: stamper.now() };
  const request = { kind: 'settings-accept', ballot, row } as const;
  const reply = cluster.actor(sole).receive(request, { deadlineAtMs: 1e9 });
  t.is((await network.during(reply)).kind, 'accepted');
  network.cut('lyon', sole);
  t.is((await network.during(putFirst(cluster.client('lyon'), 'decided')))?.name, 'decided');
  t.is((await network.during(cluster.actor(sole).summary())).undecided.length, 1);

  const next = layoutOf([sole], 2);
  const spread = spreadOf(cluster, sole, { live: [layout, next] });
  t.is(await network.during(spread.bringIn(layout)), 'done');
  const alone = cluster.client('rome', viewOf([next]));
  t.is(await network.during(putFirst(alone, 'too late')), undefined);
  t.is((await network.during(alone.settings.readDecided('key', 'GKone')))?.name, 'decided');
});
