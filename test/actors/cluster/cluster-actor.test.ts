import test from 'ava';
import { ClusterActor } from '../../../actors/cluster/cluster-actor.ts';
import { NO_MEMBERS, type ClusterMembers } from '../../../actors/cluster/cluster-status.ts';
import { LayoutFence } from '../../../actors/cluster/layout-fence.ts';
import { LayoutKeeper } from '../../../actors/cluster/layout-keeper.ts';
import { LayoutProgress, NOTHING_TO_BRING } from '../../../actors/cluster/layout-progress.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import { PeerOffsets } from '../../../bus/peer-offsets.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';

const NODE = 'ab'.repeat(32) as NodeId;
const STRANGER = 'cd'.repeat(32);

function world(store = new MemoryStore(), members: ClusterMembers = NO_MEMBERS, copies = 1) {
  const applied: LayoutVersion[] = [];
  const facts = {
    hostname: 'here',
    address: '127.0.0.1:3901',
    info: () => ({
      ...{ nodeId: NODE, hostname: 'here', garageVersion: '0', garageFeatures: [] },
      ...{ rustVersion: '', dbEngine: '' },
    }),
    statistics: () =>
      Promise.resolve({ tables: [], rcEntries: 0, resyncQueueLength: 0, resyncErrors: 0 }),
    space: () => Promise.resolve(undefined),
  };
  const { clock, random, timers } = manualEnvironment();
  const known = new KnownLayout(copies);
  const keeper = new LayoutKeeper(store, known);
  known.onChange(() => {
    if (known.current !== applied.at(-1)) applied.push(known.current);
  });
  const stamper = new Stamper(clock, random);
  const actor = new ClusterActor({
    ...{ nodeId: NODE, known, keeper, stamper, facts, clock, process: 1 },
    ...{ offsets: new PeerOffsets(clock), members },
    remembered: () => {
      store.get(Buffer.of(1));
      return undefined;
    },
  });
  const progress = new LayoutProgress({
    ...{ nodeId: NODE, known, keeper, timers, log: new QuietLog() },
    ...{ fence: new LayoutFence(NODE, known), sync: NOTHING_TO_BRING },
  });
  return { actor, store, applied, known, progress };
}

const role = (capacity: number) => ({ id: NODE, zone: 'dc1', tags: ['a'], capacity });

test('what a store that is being opened again remembers is not known', async t => {
  const { actor, store } = world();
  const recall = { kind: 'mark-recall', node: NODE } as const;
  t.is((await actor.receive(recall)).kind, 'mark');
  store.failNext('lost');
  await t.throwsAsync(store.commit([{ kind: 'put', key: Buffer.of(1), value: Buffer.of(1) }]));
  t.is((await actor.receive(recall)).kind, 'unknown');
});

test('a role is staged, shown, applied with the next version, and found after a restart', async t => {
  const { actor, store, applied } = world();
  await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  const shown = await actor.receive({ kind: 'layout-show' });
  if (shown.kind !== 'layout-view') return t.fail();
  t.deepEqual(shown.view.stagedRoleChanges, [role(1e9)]);
  t.is(shown.view.version, 0);
  const reply = await actor.receive({ kind: 'layout-apply', version: 1 });
  if (reply.kind !== 'layout-applied' || reply.result.kind !== 'applied') return t.fail();
  t.is(reply.result.statistics.usableCapacity, 1_000_000_000);
  t.is(applied.at(-1)?.version, 1);
  const again = world(store).actor;
  t.is(again.layout.version, 1);
  t.deepEqual(again.layout.replicas[255], [NODE]);
  return t.deepEqual(again.layout.roles.get(NODE), {
    zone: 'dc1',
    tags: ['a'],
    capacityBytes: 1e9,
  });
});

test('a version that is not the next one is refused, and says which is', async t => {
  const { actor } = world();
  await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  const reply = await actor.receive({ kind: 'layout-apply', version: 2 });
  t.deepEqual(reply, { kind: 'layout-applied', result: { kind: 'wrong-version', expected: 1 } });
});

test('nothing can be applied before a node has a role', async t => {
  const { actor } = world();
  const reply = await actor.receive({ kind: 'layout-apply', version: 1 });
  t.is(reply.kind === 'layout-applied' && reply.result.kind, 'impossible');
});

test('a node that is not known cannot be given a role', async t => {
  const { actor } = world();
  const roles = [{ ...role(1e9), id: STRANGER }];
  const reply = await actor.receive({ kind: 'layout-stage', roles });
  t.is(reply.kind === 'layout-staged' && reply.result.kind, 'refused');
});

test('a change back to what is current leaves nothing staged, and revert forgets all', async t => {
  const { actor } = world();
  await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  await actor.receive({ kind: 'layout-apply', version: 1 });
  const staged = async (capacity: number): Promise<number | undefined> => {
    const reply = await actor.receive({ kind: 'layout-stage', roles: [role(capacity)] });
    if (reply.kind !== 'layout-staged' || reply.result.kind !== 'staged') return undefined;
    return reply.result.layout.stagedRoleChanges.length;
  };
  t.is(await staged(2e9), 1);
  t.is(await staged(1e9), 0);
  t.is(await staged(3e9), 1);
  const reverted = await actor.receive({ kind: 'layout-revert' });
  t.deepEqual(reverted.kind === 'layout-view' && reverted.view.stagedRoleChanges, []);
});

test('two who apply the same version at once: one wins, the other is told the next version', async t => {
  const { actor } = world();
  await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  const replies = await Promise.all([
    actor.receive({ kind: 'layout-apply', version: 1 }),
    actor.receive({ kind: 'layout-apply', version: 1 }),
  ]);
  const kinds = replies.map(reply => reply.kind === 'layout-applied' && reply.result.kind);
  t.deepEqual(kinds, ['applied', 'wrong-version']);
});

test('a change whose commit failed is unknown, and the layout is as it was', async t => {
  const { actor, store } = world();
  store.failNext('lost');
  const reply = await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  t.is(reply.kind, 'unknown');
  const shown = await actor.receive({ kind: 'layout-show' });
  t.deepEqual(shown.kind === 'layout-view' && shown.view.stagedRoleChanges, []);
});

test('a node on its own goes through its versions by itself: the older one retires', async t => {
  const { actor, known, progress, store } = world();
  for (const [version, capacity] of [1e9, 2e9, 3e9].entries()) {
    await actor.receive({ kind: 'layout-stage', roles: [role(capacity)] });
    await actor.receive({ kind: 'layout-apply', version: version + 1 });
  }
  t.deepEqual(
    known.live.map(({ version }) => version),
    [1, 2, 3],
  );
  progress.kick();
  await progress.whenIdle();
  t.deepEqual(
    known.live.map(({ version }) => version),
    [3],
  );
  t.is(known.read.version, 3);
  const reply = await world(store).actor.receive({ kind: 'layout-history' });
  if (reply.kind !== 'layout-history') return t.fail();
  t.deepEqual(
    reply.history.versions.map(({ version, status }) => [version, status]),
    [
      [3, 'Current'],
      [2, 'Historical'],
      [1, 'Historical'],
    ],
  );
  return t.is(reply.history.updateTrackers, null);
});

const OTHERS = ['11', '22', '33'].map(two => two.repeat(32) as NodeId);
const [SECOND, THIRD, HEIR] = OTHERS as [NodeId, NodeId, NodeId];

/** Three nodes of three copies, and one that is new; some of them are not heard any more. */
async function cluster(silent: readonly NodeId[]) {
  const beat = { roles: [], hostname: 'h', address: 'a:1', garageVersion: '1' };
  const peers = new Map(
    OTHERS.map(node => [
      node,
      {
        beat: { ...beat, node, process: 1, layoutDigest: '', layoutVersion: 1, isLeaving: false },
        heardAtMs: 0,
      },
    ]),
  );
  const isHeard = (node: NodeId): boolean => peers.has(node) && !silent.includes(node);
  const made = world(new MemoryStore(), { peers, isHeard }, 3);
  const roles = [NODE, SECOND, THIRD].map((id, n) => {
    return { id, zone: `z${String(n)}`, tags: [], capacity: 1e9 };
  });
  await made.actor.receive({ kind: 'layout-stage', roles });
  await made.actor.receive({ kind: 'layout-apply', version: 1 });
  return made;
}

async function replaced(made: Awaited<ReturnType<typeof cluster>>, allowMissingData: boolean) {
  const request = { old: THIRD, by: HEIR, allowMissingData };
  const reply = await made.actor.receive({ kind: 'layout-replace', ...request });
  return reply.kind === 'layout-applied' ? reply.result : undefined;
}

test('a new node takes the place of a dead one at once, and the dead one is not waited for', async t => {
  const made = await cluster([THIRD]);
  const staged = { id: SECOND, zone: 'elsewhere', tags: [], capacity: 2e9 };
  await made.actor.receive({ kind: 'layout-stage', roles: [staged] });
  const result = await replaced(made, false);
  t.is(result?.kind, 'applied');
  t.is(made.known.current.version, 2);
  t.true(made.known.current.replicas.every(nodes => nodes.includes(HEIR)));
  t.false(made.known.current.roles.has(THIRD));
  const { name } = made.known.head!;
  t.true(made.known.state.trackers.get(THIRD)?.skipped.has(name));
  const shown = await made.actor.receive({ kind: 'layout-show' });
  t.deepEqual(shown.kind === 'layout-view' && shown.view.stagedRoleChanges, [staged]);
});

test('where a quorum is dead the replacement wants a second word', async t => {
  const made = await cluster([SECOND, THIRD]);
  const refused = await replaced(made, false);
  t.regex(refused?.kind === 'impossible' ? refused.reason : '', /--allow-missing-data/);
  t.is(made.known.current.version, 1);
  t.is((await replaced(made, true))?.kind, 'applied');
});

test('dead nodes are skipped in a change that is under way', async t => {
  const made = await cluster([THIRD]);
  const remove = [
    { id: THIRD, remove: true as const },
    { id: HEIR, zone: 'z9', tags: [], capacity: 1e9 },
  ];
  await made.actor.receive({ kind: 'layout-stage', roles: remove });
  await made.actor.receive({ kind: 'layout-apply', version: 2 });
  const request = { version: 2, allowMissingData: false };
  const reply = await made.actor.receive({ kind: 'layout-skip-dead', ...request });
  t.deepEqual(reply, {
    kind: 'layout-skipped',
    result: { kind: 'skipped', ackUpdated: [THIRD], syncUpdated: [THIRD] },
  });
});

test('the number of copies is staged, shown and applied like everything else', async t => {
  const { actor, known } = world();
  await actor.receive({ kind: 'layout-stage', roles: [role(1e9)] });
  await actor.receive({ kind: 'layout-apply', version: 1 });
  const parameters = { zoneRedundancy: 'maximum', replicationFactor: 3 } as const;
  await actor.receive({ kind: 'layout-stage', roles: [], parameters });
  const shown = await actor.receive({ kind: 'layout-show' });
  if (shown.kind !== 'layout-view') return t.fail();
  t.deepEqual(shown.view.stagedParameters, parameters);
  const applied = await actor.receive({ kind: 'layout-apply', version: 2 });
  if (applied.kind !== 'layout-applied') return t.fail();
  t.is(applied.result.kind, 'impossible', 'one node cannot hold three copies');
  t.is(known.current.replicationFactor, 1);
  await actor.receive({ kind: 'layout-revert' });
  const reverted = await actor.receive({ kind: 'layout-show' });
  return t.is(reverted.kind === 'layout-view' ? reverted.view.stagedParameters : 0, null);
});
