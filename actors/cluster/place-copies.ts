/**
 * Where the copies of every partition lie: the best placement for the nodes there are.
 *
 * Owns:          the three aims in their order, and the graph whose cheapest flow reaches them.
 * Knows:         zones and capacities of nodes, the placement before.
 * Must not know: layouts, who is alive, what is stored.
 *
 * The aims are those of "An algorithm for geo-distributed and redundant storage in Garage"
 * (M. Oulamara, A. Auvolat, 2023): every partition in at least `zoneRedundancy` zones; then the
 * largest size that a partition may have; then the fewest copies that have to move. Among the
 * placements that are equal in all three we take one that fills nodes evenly.
 *
 *               1             1               1            room
 *            ┌─────▶ spread ─────┐
 *   source ──┤                   ├─▶ partition × zone ──▶ node ────▶ sink
 *            └─────▶ rest ───────┘   (for each pair)        (for each partition)
 *           N − zones       N − zones
 *
 * A unit of flow is a copy. What goes through `spread` reaches as many different zones as are asked
 * for, the rest goes anywhere; a partition × zone passes at most one copy on to each node.
 *
 * The size needs no search through flows. Partitions are all alike, so among the smallest cuts of
 * the graph there is one that treats them alike (the union of smallest cuts is a smallest cut);
 * there are four ways to put `spread` and `rest` on its sides, two of which matter, and each asks
 * of a zone no more than how much its nodes can hold together. That is `fits`.
 */
import { assert } from '../../schemas/assert.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { FlowGraph } from './min-cost-flow.ts';

export type PlacementNode = {
  readonly id: NodeId;
  readonly zone: string;
  readonly capacity: number;
};

export type PlacementProblem = {
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** How many zones each partition is to lie in, at least. */
  readonly zoneRedundancy: number;
  /** Ordered by id: the result is a function of the set of nodes. */
  readonly nodes: readonly PlacementNode[];
  /** By partition: where its copies lie now. */
  readonly previous: readonly (readonly NodeId[])[];
};

export type Placement = {
  /** The size that every partition may have. */
  readonly partitionBytes: number;
  /** By partition: its nodes, ordered by id. */
  readonly replicas: readonly (readonly NodeId[])[];
};

/** undefined: there are too few nodes or zones, or the nodes are too small for one byte each. */
export function placeCopies(problem: PlacementProblem): Placement | undefined {
  const partitionBytes = largestSize(problem);
  if (partitionBytes === 0) return undefined;
  return { partitionBytes, replicas: cheapestReplicas(problem, partitionBytes) };
}

/** The largest size for which there is a placement; 0 when there is none. */
export function largestSize(problem: PlacementProblem): number {
  if (!fits(problem, 1)) return 0;
  let possible = 1;
  let impossible = Math.max(...problem.nodes.map(node => node.capacity)) + 1;
  while (impossible - possible > 1) {
    const middle = Math.floor((possible + impossible) / 2);
    if (fits(problem, middle)) possible = middle;
    else impossible = middle;
  }
  return possible;
}

/** How many partitions of that size a node can hold. */
function roomOf(problem: PlacementProblem, node: PlacementNode, partitionBytes: number): number {
  return Math.min(problem.partitionCount, Math.floor(node.capacity / partitionBytes));
}

/** Whether partitions of that size can be placed: no cut is smaller than what has to flow. */
function fits(problem: PlacementProblem, partitionBytes: number): boolean {
  const { partitionCount, replicationFactor, zoneRedundancy } = problem;
  const zones = new Map<string, number>();
  for (const node of problem.nodes) {
    const room = roomOf(problem, node, partitionBytes);
    zones.set(node.zone, (zones.get(node.zone) ?? 0) + room);
  }
  const perZone = 1 + replicationFactor - zoneRedundancy;
  let spread = 0;
  let all = 0;
  for (const room of zones.values()) {
    spread += Math.min(room, partitionCount);
    all += Math.min(room, partitionCount * perZone);
  }
  const enough = spread >= partitionCount * zoneRedundancy;
  return enough && all >= partitionCount * replicationFactor;
}

const SOURCE = 0;
const SINK = 1;

/** Up to which share of its room a node is filled before any other is filled further. */
const FILL_SHARES = [
  ...[1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1],
];
/** More than even filling can save on any path: a copy never moves for that alone. */
const MOVE_COST = FILL_SHARES.length + 1;

type CopyArc = { readonly node: NodeId; readonly arc: number };

function cheapestReplicas(problem: PlacementProblem, partitionBytes: number): NodeId[][] {
  const { partitionCount, replicationFactor, nodes } = problem;
  const zones = [...new Set(nodes.map(node => node.zone))].sort();
  const perPartition = 2 + zones.length;
  const firstNode = 2 + partitionCount * perPartition;
  const vertices = firstNode + nodes.length;
  const graph = new FlowGraph({ vertices, source: SOURCE, sink: SINK });
  const zoneOfNode = nodes.map(node => zones.indexOf(node.zone));
  const copies = Array.from({ length: partitionCount }, (_, partition) => {
    const vertex = 2 + partition * perPartition;
    addPartition(graph, problem, { vertex, zones: zones.length });
    const held = new Set(problem.previous[partition] ?? []);
    return nodes.map((node, n): CopyArc => {
      const from = vertex + 2 + (zoneOfNode[n] ?? 0);
      const cost = held.has(node.id) ? 0 : MOVE_COST;
      return { node: node.id, arc: graph.add({ from, to: firstNode + n, capacity: 1, cost }) };
    });
  });
  const shares = loadShares(problem, partitionBytes);
  nodes.forEach((node, n) => {
    const room = roomOf(problem, node, partitionBytes);
    addFilling(graph, { vertex: firstNode + n, room, share: shares[n] ?? 0 });
  });
  const placed = graph.run();
  assert(placed === partitionCount * replicationFactor, 'a size that fits has a placement');
  return copies.map(arcs =>
    arcs.filter(({ arc }) => graph.flowOn(arc) > 0).map(({ node }) => node),
  );
}

function addPartition(
  graph: FlowGraph,
  { replicationFactor, zoneRedundancy }: PlacementProblem,
  { vertex, zones }: { readonly vertex: number; readonly zones: number },
): void {
  const [spread, rest] = [vertex, vertex + 1];
  const free = replicationFactor - zoneRedundancy;
  graph.add({ from: SOURCE, to: spread, capacity: zoneRedundancy, cost: 0 });
  graph.add({ from: SOURCE, to: rest, capacity: free, cost: 0 });
  for (let zone = 0; zone < zones; zone += 1) {
    const to = vertex + 2 + zone;
    graph.add({ from: spread, to, capacity: 1, cost: 0 });
    if (free > 0) graph.add({ from: rest, to, capacity: free, cost: 0 });
  }
}

/**
 * What each node would hold if its zone held as much as it may and shared it out by capacity: where
 * another zone is the narrow one, nodes have far more room than they will be asked for.
 */
function loadShares(problem: PlacementProblem, partitionBytes: number): number[] {
  const { partitionCount, replicationFactor, zoneRedundancy, nodes } = problem;
  const zoneMost = partitionCount * (1 + replicationFactor - zoneRedundancy);
  const zones = new Map<string, number>();
  for (const { zone, capacity } of nodes) {
    zones.set(zone, (zones.get(zone) ?? 0) + capacity / partitionBytes);
  }
  return nodes.map(({ zone, capacity }) => {
    const scale = Math.min(1, zoneMost / (zones.get(zone) ?? 1));
    return (capacity / partitionBytes) * scale;
  });
}

/** From a node to the sink: the fuller it is, the dearer. */
function addFilling(
  graph: FlowGraph,
  node: { readonly vertex: number; readonly room: number; readonly share: number },
): void {
  let filled = 0;
  const upTo = (limit: number, cost: number): void => {
    const capacity = Math.min(limit, node.room) - filled;
    if (capacity <= 0) return;
    graph.add({ from: node.vertex, to: SINK, capacity, cost });
    filled += capacity;
  };
  FILL_SHARES.forEach((share, cost) => upTo(Math.ceil(node.share * share), cost));
  upTo(node.room, FILL_SHARES.length);
}
