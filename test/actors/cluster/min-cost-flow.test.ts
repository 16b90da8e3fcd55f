// Method: random small graphs; the twin augments one unit at a time along a cheapest path that
// Bellman and Ford's relaxation finds, which is right for a reason that anyone can check.
import test from 'ava';
import fc from 'fast-check';
import { type Arc, FlowGraph } from '../../../actors/cluster/min-cost-flow.ts';

type Graph = { readonly vertices: number; readonly arcs: readonly Arc[] };
type Flow = { readonly amount: number; readonly cost: number };

const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 2, max: 8 }).chain(vertices => {
  const vertex = fc.nat({ max: vertices - 1 });
  const count = fc.nat({ max: 4 });
  const arc = fc.record({ from: vertex, to: vertex, capacity: count, cost: count });
  return fc.array(arc, { maxLength: 24 }).map(arcs => ({ vertices, arcs }));
});

function naiveFlow({ vertices, arcs }: Graph): Flow {
  const edges = arcs.flatMap(({ from, to, capacity, cost }) => [
    { from, to, room: capacity, cost },
    { from: to, to: from, room: 0, cost: -cost },
  ]);
  let [amount, total] = [0, 0];
  for (;;) {
    const distance = Array.from({ length: vertices }, (_, v) => (v === 0 ? 0 : Infinity));
    const by = Array.from({ length: vertices }, () => -1);
    for (let round = 0; round < vertices; round += 1) {
      edges.forEach(({ from, to, room, cost }, n) => {
        const through = (distance[from] ?? Infinity) + cost;
        if (room === 0 || through >= (distance[to] ?? 0)) return;
        distance[to] = through;
        by[to] = n;
      });
    }
    if (distance[1] === Infinity) return { amount, cost: total };
    for (let vertex = 1; vertex !== 0;) {
      const n = by[vertex] ?? 0;
      edges[n]!.room -= 1;
      edges[n ^ 1]!.room += 1;
      total += edges[n]!.cost;
      vertex = edges[n]!.from;
    }
    amount += 1;
  }
}

test('a flow is as large as any, and as cheap as any of its size', t => {
  let flows = 0;
  fc.assert(
    fc.property(graphs, graph => {
      const flow = new FlowGraph({ vertices: graph.vertices, source: 0, sink: 1 });
      const numbers = graph.arcs.map(arc => flow.add(arc));
      const amount = flow.run();
      const cost = graph.arcs.reduce((sum, arc, n) => sum + arc.cost * flow.flowOn(numbers[n]!), 0);
      const best = naiveFlow(graph);
      if (amount > 0) flows += 1;
      return amount === best.amount && cost === best.cost;
    }),
    { numRuns: 2000 },
  );
  t.true(flows > 300, `${String(flows)} graphs let something through`);
});

test('what enters a vertex leaves it, and no arc carries more than it can', t => {
  fc.assert(
    fc.property(graphs, graph => {
      const flow = new FlowGraph({ vertices: graph.vertices, source: 0, sink: 1 });
      const numbers = graph.arcs.map(arc => flow.add(arc));
      flow.run();
      const balance = Array.from({ length: graph.vertices }, () => 0);
      graph.arcs.forEach((arc, n) => {
        balance[arc.from]! -= flow.flowOn(numbers[n]!);
        balance[arc.to]! += flow.flowOn(numbers[n]!);
      });
      const isBounded = graph.arcs.every((arc, n) => {
        const carried = flow.flowOn(numbers[n]!);
        return carried >= 0 && carried <= arc.capacity;
      });
      return isBounded && balance.slice(2).every(amount => amount === 0);
    }),
  );
  t.pass();
});
