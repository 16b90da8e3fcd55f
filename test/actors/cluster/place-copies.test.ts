// Method: on small cases a naive twin looks at every placement there is. On large ones the result
// is checked by what must hold of it: zones, capacities, nothing that moves once all is best; and
// by the published graph, whose maximum flow leaves copies over when partitions are a byte larger.
import test from 'ava';
import fc from 'fast-check';
import {
  largestSize,
  placeCopies,
  type Placement,
  type PlacementNode,
  type PlacementProblem,
} from '../../../actors/cluster/place-copies.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { copiesThatFit, naivePlacement } from './naive-placement.ts';

const nodeId = (n: number): NodeId => n.toString(16).padStart(64, '0') as NodeId;

function problem(
  capacities: readonly (readonly [zone: string, capacity: number])[],
  rest: Partial<PlacementProblem> = {},
): PlacementProblem {
  const nodes = capacities.map(([zone, capacity], n) => ({ id: nodeId(n), zone, capacity }));
  const defaults = { partitionCount: 256, replicationFactor: 3, zoneRedundancy: 3 };
  return { ...defaults, previous: [], nodes, ...rest };
}

function movedCopies(previous: PlacementProblem['previous'], placement: Placement): number {
  const moved = placement.replicas.map(
    (nodes, partition) => nodes.filter(node => !previous[partition]?.includes(node)).length,
  );
  return moved.reduce((sum, count) => sum + count, 0);
}

function load(placement: Placement, id: NodeId): number {
  return placement.replicas.filter(nodes => nodes.includes(id)).length;
}

/** What every placement promises, whatever its size. */
function brokenPromise(asked: PlacementProblem, placement: Placement): string | undefined {
  const zoneOf = new Map(asked.nodes.map(node => [node.id, node.zone]));
  if (placement.replicas.length !== asked.partitionCount) return 'a partition is missing';
  for (const nodes of placement.replicas) {
    if (new Set(nodes).size !== asked.replicationFactor) return 'copies are not distinct';
    if (nodes.length !== asked.replicationFactor) return 'the number of copies is wrong';
    const zones = new Set(nodes.map(node => zoneOf.get(node)));
    if (zones.size < asked.zoneRedundancy || zones.has(undefined)) return 'zones are too few';
    if (nodes.some((node, n) => n > 0 && node <= (nodes[n - 1] ?? ''))) return 'not in order';
  }
  const full = asked.nodes.find(
    node => load(placement, node.id) * placement.partitionBytes > node.capacity,
  );
  return full === undefined ? undefined : 'a node is too full';
}

const smallProblems = fc
  .record({
    nodes: fc.array(
      fc.record({
        zone: fc.constantFrom('a', 'b', 'c'),
        capacity: fc.integer({ min: 0, max: 12 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    partitionCount: fc.integer({ min: 1, max: 3 }),
    replicationFactor: fc.integer({ min: 1, max: 3 }),
    zones: fc.integer({ min: 1, max: 3 }),
    previous: fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }), {
      maxLength: 3,
    }),
  })
  .map(({ nodes, zones, previous, ...rest }): PlacementProblem => {
    return {
      ...rest,
      nodes: nodes.map((node, n): PlacementNode => ({ id: nodeId(n), ...node })),
      zoneRedundancy: Math.min(zones, rest.replicationFactor),
      previous: previous.map(copies => copies.map(nodeId)),
    };
  });

test('on small cases no placement has larger partitions, and none as large moves less', t => {
  let possible = 0;
  fc.assert(
    fc.property(smallProblems, asked => {
      const placement = placeCopies(asked);
      const best = naivePlacement(asked);
      if (placement === undefined || best === undefined) return placement === best;
      possible += 1;
      if (brokenPromise(asked, placement) !== undefined) return false;
      const moved = movedCopies(asked.previous, placement);
      return placement.partitionBytes === best.partitionBytes && moved === best.moved;
    }),
    { numRuns: 1000 },
  );
  t.true(possible > 200, `${String(possible)} of the cases had a placement`);
});

const zoneNames = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');

const largeProblems = fc
  .record({
    nodes: fc.array(fc.tuple(zoneNames, fc.integer({ min: 1, max: 20 })), {
      minLength: 7,
      maxLength: 100,
    }),
    replicationFactor: fc.constantFrom(1, 2, 3, 5, 7),
    zones: fc.integer({ min: 1, max: 7 }),
    leaving: fc.array(fc.nat(), { maxLength: 5 }),
    joining: fc.array(fc.tuple(zoneNames, fc.integer({ min: 1, max: 20 })), {
      maxLength: 5,
    }),
  })
  .map(({ nodes, joining, leaving, replicationFactor, zones }) => {
    const sized = nodes.map(([zone, tb]) => [zone, tb * 1e12] as const);
    const zoneRedundancy = Math.min(zones, replicationFactor, new Set(nodes.map(n => n[0])).size);
    const before = problem(sized, { replicationFactor, zoneRedundancy });
    const gone = new Set(leaving.slice(0, nodes.length - 7).map(n => nodeId(n % nodes.length)));
    const joined = joining.map(([zone, tb], n) => {
      return { id: nodeId(nodes.length + n), zone, capacity: tb * 1e12 };
    });
    const kept = before.nodes.filter(node => !gone.has(node.id));
    return { before, afterNodes: [...kept, ...joined] };
  });

test('on large cases every promise holds, before and after nodes come and go', t => {
  t.timeout(120_000);
  fc.assert(
    fc.property(largeProblems, ({ before, afterNodes }) => {
      const first = placeCopies(before);
      if (first === undefined) return true;
      const after = { ...before, nodes: afterNodes, previous: first.replicas };
      const second = placeCopies(after);
      if (second === undefined) return brokenPromise(before, first) === undefined;
      const broken = brokenPromise(before, first) ?? brokenPromise(after, second);
      // Placing again what is best already moves nothing.
      const again = placeCopies({ ...after, previous: second.replicas });
      const isAtRest = again !== undefined && movedCopies(second.replicas, again) === 0;
      return broken === undefined && isAtRest;
    }),
    { numRuns: 25 },
  );
  t.pass();
});

test('on large cases the size is the largest for which the published graph has a full flow', t => {
  t.timeout(120_000);
  fc.assert(
    fc.property(largeProblems, ({ before }) => {
      const copies = before.partitionCount * before.replicationFactor;
      const size = largestSize(before);
      if (size > 0 && copiesThatFit(before, size) !== copies) return false;
      return copiesThatFit(before, size + 1) < copies;
    }),
    { numRuns: 25 },
  );
  t.pass();
});

test('the order of the answer does not depend on what was computed before', t => {
  const asked = problem(Array.from({ length: 9 }, (_, n) => [`z${String(n % 4)}`, (n + 3) * 1e9]));
  const first = placeCopies(asked);
  placeCopies(
    problem([
      ['a', 1e9],
      ['b', 1e9],
      ['c', 1e9],
    ]),
  );
  t.deepEqual(placeCopies(asked), first);
});

test('a narrow zone bounds the size; the nodes of the others are filled evenly', t => {
  const wide = Array.from({ length: 10 }, () => ['wide', 1e12] as const);
  const asked = problem([...wide, ['b', 1e12], ['c', 1e12]]);
  const placement = placeCopies(asked);
  if (placement === undefined) return t.fail();
  t.is(placement.partitionBytes, Math.floor(1e12 / 256));
  const loads = asked.nodes.slice(0, 10).map(node => load(placement, node.id));
  t.true(Math.min(...loads) >= 16 && Math.max(...loads) <= 32, loads.join());
});

test('a node that is added is given only what makes partitions larger', t => {
  const three = problem([
    ['a', 1e12],
    ['b', 1e12],
    ['c', 1e12],
  ]);
  const before = placeCopies(three);
  if (before === undefined) return t.fail();
  const four = problem([
    ['a', 1e12],
    ['b', 1e12],
    ['c', 1e12],
    ['c', 1e12],
  ]);
  const after = placeCopies({ ...four, previous: before.replicas });
  if (after === undefined) return t.fail();
  t.is(after.partitionBytes, before.partitionBytes, 'zones a and b bound it');
  t.is(movedCopies(before.replicas, after), 0);
  const six = [
    ...three.nodes,
    ...['a', 'b', 'c'].map((zone, n) => ({
      ...{ id: nodeId(3 + n), zone, capacity: 1e12 },
    })),
  ];
  const doubled = placeCopies({ ...three, nodes: six, previous: before.replicas });
  if (doubled === undefined) return t.fail();
  t.is(doubled.partitionBytes, Math.floor(1e12 / 128));
  t.is(movedCopies(before.replicas, doubled), 3 * 128, 'half of each zone, and no more');
});

test('two copies in one zone only where fewer zones are asked for', t => {
  const nodes = [
    ['a', 1e12],
    ['a', 1e12],
    ['b', 1e12],
  ] as const;
  t.is(largestSize(problem(nodes, { zoneRedundancy: 3 })), 0);
  const placement = placeCopies(problem(nodes, { zoneRedundancy: 2 }));
  t.is(placement?.partitionBytes, Math.floor(1e12 / 256));
});
