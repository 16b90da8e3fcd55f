import test from 'ava';
import { ClusterActor } from '../../../actors/cluster/cluster-actor.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NODE = 'ab'.repeat(32) as NodeId;
const STRANGER = 'cd'.repeat(32);

function world(store = new MemoryStore()) {
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
  const actor = new ClusterActor({
    ...{ nodeId: NODE, replicationFactor: 1, store, facts },
    layoutChanged: layout => applied.push(layout),
  });
  return { actor, store, applied };
}

const role = (capacity: number) => ({ id: NODE, zone: 'dc1', tags: ['a'], capacity });

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
  t.is(applied.length, 1);
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
