import test from 'ava';
import { assignPartitions, replaceNode } from '../../../actors/cluster/assign-partitions.ts';
import type { LayoutRole, LayoutVersion, StagedChanges } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';

const PARIS = 'aa'.repeat(32) as NodeId;
const LILLE = 'bb'.repeat(32) as NodeId;
const LYON = 'cc'.repeat(32) as NodeId;
const NANTES = 'dd'.repeat(32) as NodeId;

const TB = 1e12;

function role(zone: string, capacityBytes: number | null = TB): LayoutRole {
  return { zone, capacityBytes, tags: [] };
}

function empty(replicationFactor = 3): LayoutVersion {
  return {
    ...{ version: 0, replicationFactor, zoneRedundancy: 'maximum' },
    ...{ roles: new Map(), replicas: [], partitionBytes: 0 },
  };
}

type Roles = readonly (readonly [NodeId, LayoutRole | null])[];

function assigned(current: LayoutVersion, roles: Roles, rest: Partial<StagedChanges> = {}) {
  const result = assignPartitions(current, { roles: new Map(roles), ...rest });
  if (result.kind !== 'assigned') throw new Error(result.reason);
  return result;
}

function reason(current: LayoutVersion, roles: Roles, rest: Partial<StagedChanges> = {}): string {
  const result = assignPartitions(current, { roles: new Map(roles), ...rest });
  return result.kind === 'impossible' ? result.reason : '';
}

const THREE: Roles = [
  [PARIS, role('paris')],
  [LILLE, role('lille')],
  [LYON, role('lyon')],
];

test('one node holds everything, and the figures say so', t => {
  const { layout, statistics } = assigned(empty(1), [[PARIS, role('dc1')]]);
  t.is(layout.version, 1);
  t.is(layout.partitionBytes, Math.floor(TB / 256));
  t.true(layout.replicas.every(nodes => nodes.length === 1 && nodes[0] === PARIS));
  t.is(statistics.totalMovedPartitions, null);
  t.is(statistics.previousPartitionSize, null);
  t.is(statistics.usableCapacity, TB);
  t.is(statistics.effectiveZoneRedundancy, 1);
});

test('a gateway holds nothing, and its zone is none for copies', t => {
  const { layout, statistics } = assigned(empty(), [...THREE, [NANTES, role('nantes', null)]]);
  t.true(layout.roles.has(NANTES));
  t.false(layout.replicas.flat().includes(NANTES));
  t.deepEqual(
    statistics.zones.map(zone => zone.name),
    ['lille', 'lyon', 'paris'],
  );
});

test('the figures of a change count what moves, by zone and by node', t => {
  const before = assigned(empty(), THREE).layout;
  const moved = assigned(before, [
    [LYON, null],
    [NANTES, role('nantes', TB / 2)],
  ]);
  const { statistics } = moved;
  t.is(statistics.totalMovedPartitions, 256);
  t.is(statistics.previousPartitionSize, Math.floor(TB / 256));
  t.is(statistics.partitionSize, Math.floor(TB / 512));
  t.is(statistics.totalCapacity, 2.5 * TB);
  t.is(statistics.usableCapacity, Math.floor(TB / 512) * 768);
  t.is(statistics.effectiveCapacity, Math.floor(TB / 512) * 256);
  t.true(statistics.lowUsableCapacity);
  const nantes = statistics.zones.find(zone => zone.name === 'nantes');
  t.is(nantes?.uniquePartitions, 256);
  t.is(nantes?.nodes[0]?.newPartitions, 256);
  t.is(statistics.zones.find(zone => zone.name === 'paris')?.nodes[0]?.newPartitions, 0);
});

test('what cannot be had is said in one sentence with the next step', t => {
  t.regex(reason(empty(), THREE.slice(0, 2)), /3 storage nodes are needed.*layout assign/);
  const oneZone: Roles = THREE.map(([id]) => [id, role('paris')]);
  const threeZones = { zoneRedundancy: 3 };
  t.regex(reason(empty(), oneZone, threeZones), /one zone has storage nodes.*layout config -r/);
  t.regex(reason(empty(), THREE, { zoneRedundancy: 4 }), /there are 3 copies.*layout config -r/);
  const small: Roles = [...THREE.slice(0, 2), [LYON, role('lyon', 200)]];
  t.regex(reason(empty(), small), /too small.*layout assign -c/);
});

test('the order in which roles were given makes no difference', t => {
  const forward = assigned(empty(), THREE).layout;
  const backward = assigned(empty(), [...THREE].reverse()).layout;
  t.deepEqual(backward.replicas, forward.replicas);
  t.deepEqual([...backward.roles], [...forward.roles]);
});

test('a node that replaces another holds exactly what that one held', t => {
  const four: Roles = [...THREE, [NANTES, role('lyon')]];
  const before = assigned(empty(), four).layout;
  const heir = '11'.repeat(32) as NodeId;
  const replaced = replaceNode(before, { old: NANTES, by: heir });
  if (replaced.kind !== 'assigned') return t.fail(replaced.reason);
  const { layout, statistics } = replaced;
  t.is(layout.version, before.version + 1);
  t.is(layout.partitionBytes, before.partitionBytes);
  t.false(layout.roles.has(NANTES));
  t.deepEqual(layout.roles.get(heir), before.roles.get(NANTES));
  before.replicas.forEach((nodes, partition) => {
    const expected = nodes.map(node => (node === NANTES ? heir : node)).sort();
    t.deepEqual(layout.replicas[partition], expected);
  });
  const held = before.replicas.filter(nodes => nodes.includes(NANTES)).length;
  return t.is(statistics.totalMovedPartitions, held);
});

test('a replacement that would break a promise is refused', t => {
  const before = assigned(empty(), THREE).layout;
  const refusal = (replacement: Parameters<typeof replaceNode>[1]): string => {
    const result = replaceNode(before, replacement);
    return result.kind === 'impossible' ? result.reason : '';
  };
  const heir = '11'.repeat(32) as NodeId;
  t.regex(refusal({ old: NANTES, by: heir }), /has no role/);
  t.regex(refusal({ old: LYON, by: PARIS }), /has a role already/);
  t.regex(refusal({ old: LYON, by: heir, role: role('lyon', 100) }), /too small/);
  t.regex(refusal({ old: LYON, by: heir, role: role('lyon', null) }), /3 storage nodes are needed/);
});

test('a replacement with a smaller disk makes partitions smaller', t => {
  const before = assigned(empty(), THREE).layout;
  const heir = '11'.repeat(32) as NodeId;
  const replaced = replaceNode(before, { old: LYON, by: heir, role: role('lyon', TB / 2) });
  t.is(replaced.kind === 'assigned' && replaced.layout.partitionBytes, Math.floor(TB / 512));
});
