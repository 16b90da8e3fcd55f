// Method: three nodes on one in-process bus; what two of them answer is made up.
import test from 'ava';
import { ClusterClient } from '../../../bus/cluster-client.ts';
import { fixedView } from '../../../bus/cluster-view.ts';
import { serveGuarded } from '../../../bus/guarded.ts';
import { MemoryBus } from '../../../bus/memory-bus.ts';
import { Subjects } from '../../../bus/subjects.ts';
import { BusClusterControl } from '../../../gateway/directory/cluster-control.ts';
import type { NodeStatus } from '../../../schemas/admin-types.ts';
import { AdminUnavailableError } from '../../../schemas/admin-types.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import type { ClusterReply, ClusterRequest } from '../../../schemas/messages/cluster.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

const PARIS = 'aa'.repeat(32) as NodeId;
const LILLE = 'bb'.repeat(32) as NodeId;
const LYON = 'cc'.repeat(32) as NodeId;
const GATEWAY = 'dd'.repeat(32) as NodeId;

const role = { zone: 'z', tags: [], capacityBytes: 1e9 };
const layout: LayoutVersion = {
  ...{ version: 3, replicationFactor: 3, zoneRedundancy: 1, partitionBytes: 1 },
  roles: new Map([PARIS, LILLE, LYON].map(id => [id, role])),
  replicas: Array.from({ length: 256 }, () => [PARIS, LILLE, LYON]),
};

function described(id: NodeId): NodeStatus {
  return {
    ...{ id, garageVersion: '1', addr: 'here:3901', hostname: `host-${id.slice(0, 2)}` },
    ...{ isUp: true, lastSeenSecsAgo: null, draining: false },
    role: { zone: 'z', tags: [], capacity: 1e9 },
  };
}

function world(local: NodeId, down: readonly NodeId[] = []) {
  const { clock, timers } = manualEnvironment();
  const bus = new MemoryBus({ clock, timers, onServerFailure: () => undefined });
  const subjects = new Subjects('test');
  const asked: string[] = [];
  for (const id of [PARIS, LILLE, LYON]) {
    if (down.includes(id)) continue;
    serveGuarded(bus, subjects.cluster(id), (request: ClusterRequest): ClusterReply => {
      asked.push(`${id.slice(0, 2)} ${request.kind}`);
      if (request.kind === 'cluster-status') {
        return { kind: 'status', status: { layoutVersion: 3, nodes: [described(id)] } };
      }
      if (request.kind === 'worker-variables') {
        return { kind: 'worker-variables', variables: { of: id.slice(0, 2) } };
      }
      if (request.kind === 'repair-launch') return { kind: 'refused', reason: 'Not today.' };
      return { kind: 'not-understood' };
    });
  }
  const view = { ...fixedView({ current: layout }), isUp: (node: NodeId) => !down.includes(node) };
  const control = new BusClusterControl({
    ...{ localNodeId: local, keepsLayout: local !== GATEWAY, mode: 'consistent' as const },
    ...{ client: new ClusterClient(bus, subjects), view, heard: () => [] },
  });
  return { control, asked };
}

test('every node is shown as it describes itself, and one that is down as down', async t => {
  const { control } = world(PARIS, [LYON]);
  const { nodes, layoutVersion } = await control.status();
  t.is(layoutVersion, 3);
  t.deepEqual(
    nodes.map(({ id, hostname, isUp }) => [id.slice(0, 2), hostname, isUp]),
    [
      ['aa', 'host-aa', true],
      ['bb', 'host-bb', true],
      ['cc', null, false],
    ],
  );
  t.is((await control.health()).status, 'degraded');
});

test('what a node says of itself is asked of that node', async t => {
  const { control, asked } = world(PARIS, [LYON]);
  t.deepEqual(await control.workerVariables(LILLE), { kind: 'answered', value: { of: 'bb' } });
  t.deepEqual(asked, ['bb worker-variables']);
  const dead = await control.workerVariables(LYON);
  t.regex(dead.kind === 'failed' ? dead.message : '', /cccccccccccccccc does not answer/);
  const refused = await control.launchRepair(LILLE, 'blocks');
  t.deepEqual(refused, { kind: 'failed', message: 'Not today.' });
});

test('a gateway asks the next keeper of the layout when one does not answer', async t => {
  const { control } = world(GATEWAY, [PARIS, LILLE]);
  const { nodes } = await control.status();
  t.is(nodes.find(node => node.id === LYON)?.hostname, 'host-cc');
  const alone = world(GATEWAY, [PARIS, LILLE, LYON]);
  await t.throwsAsync(alone.control.status(), { instanceOf: AdminUnavailableError });
});
