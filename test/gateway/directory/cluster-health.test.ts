// Method: views are made up; health is compared with what a naive count of every partition says.
import test from 'ava';
import fc from 'fast-check';
import { fixedView, type ClusterView } from '../../../bus/cluster-view.ts';
import { clusterHealth } from '../../../gateway/directory/cluster-health.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';

const nodeId = (n: number): NodeId => n.toString(16).padStart(64, '0') as NodeId;
const LOCAL = nodeId(0);

/** Each partition on three of so many nodes, each node in a zone of its own; one gateway. */
function layoutOf(nodes: number, version = 1): LayoutVersion {
  const ids = Array.from({ length: nodes }, (_, n) => nodeId(n));
  const role = (zone: string, capacityBytes: number | null) => ({ zone, tags: [], capacityBytes });
  return {
    ...{ version, replicationFactor: 3, zoneRedundancy: 'maximum', partitionBytes: 1 },
    roles: new Map([
      ...ids.map((id, n) => [id, role(`z${String(n)}`, 1e9)] as const),
      [nodeId(99), role('edge', null)],
    ]),
    replicas: Array.from({ length: 256 }, (_, p) =>
      [0, 1, 2].map(replica => nodeId((p + replica) % nodes)),
    ),
  };
}

function viewOf(live: readonly LayoutVersion[], down: ReadonlySet<NodeId>): ClusterView {
  const current = live.at(-1)!;
  return { ...fixedView({ current }), current, live, isUp: node => !down.has(node) };
}

function health(live: readonly LayoutVersion[], down: readonly number[]) {
  return clusterHealth({
    ...{ view: viewOf(live, new Set(down.map(nodeId))), mode: 'consistent', localNodeId: LOCAL },
    heard: () => [nodeId(99), nodeId(77)],
  });
}

test('a cluster is healthy, degraded, or unavailable', t => {
  t.deepEqual(health([layoutOf(3)], []), {
    ...{ status: 'healthy', knownNodes: 5, connectedNodes: 5, storageNodes: 3 },
    ...{ storageNodesUp: 3, partitions: 256, partitionsQuorum: 256, partitionsAllOk: 256 },
  });
  t.like(health([layoutOf(3)], [1]), {
    ...{ status: 'degraded', connectedNodes: 4, storageNodesUp: 2 },
    ...{ partitionsQuorum: 256, partitionsAllOk: 0 },
  });
  t.like(health([layoutOf(3)], [1, 2]), { status: 'unavailable', partitionsQuorum: 0 });
  t.like(health([layoutOf(6)], [1, 2]), { status: 'unavailable', partitionsQuorum: 170 });
  t.like(health([layoutOf(3)], [99]), { status: 'healthy', connectedNodes: 4 });
});

test('before a layout was applied nothing can be served', t => {
  const none = { ...layoutOf(3, 0), roles: new Map(), replicas: [] };
  t.like(health([none], []), { status: 'unavailable', knownNodes: 3, storageNodes: 0 });
});

test('partitions are counted as a naive count of every live version does', t => {
  const downs = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 9 }),
      fc.integer({ min: 3, max: 9 }),
      downs,
      (a, b, d) => {
        const live = [layoutOf(a, 1), layoutOf(b, 2)];
        const down = new Set(d.map(nodeId));
        const up = live.map(({ replicas }) =>
          replicas.map(nodes => nodes.filter(node => !down.has(node)).length),
        );
        const count = (least: number): number =>
          Array.from({ length: 256 }, (_, p) => up.every(counts => counts[p]! >= least)).filter(
            Boolean,
          ).length;
        const { partitionsQuorum, partitionsAllOk } = health(live, d);
        return partitionsQuorum === count(2) && partitionsAllOk === count(3);
      },
    ),
  );
  t.pass();
});
