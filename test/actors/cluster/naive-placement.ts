/**
 * The twins of the placement of copies: one looks at every placement there is, one asks the flow of
 * the published graph whether a size can be had.
 *
 * Owns:          nothing.
 * Knows:         the aims, in their order.
 * Must not know: how the real one goes about them.
 */
import { FlowGraph } from '../../../actors/cluster/min-cost-flow.ts';
import type { PlacementNode, PlacementProblem } from '../../../actors/cluster/place-copies.ts';

export type NaivePlacement = { readonly partitionBytes: number; readonly moved: number };

/** The best that can be had; undefined when no partition could hold a single byte. */
export function naivePlacement(problem: PlacementProblem): NaivePlacement | undefined {
  const choices = subsets(problem.nodes, problem.replicationFactor).filter(nodes => {
    return new Set(nodes.map(node => node.zone)).size >= problem.zoneRedundancy;
  });
  const loads = new Map<PlacementNode, number>();
  let best: NaivePlacement | undefined;
  const judge = (moved: number): void => {
    const sizes = problem.nodes.map(node => {
      const copies = loads.get(node) ?? 0;
      return copies === 0 ? Infinity : Math.floor(node.capacity / copies);
    });
    const partitionBytes = Math.min(...sizes);
    if (partitionBytes === 0) return;
    const isLarger = partitionBytes > (best?.partitionBytes ?? 0);
    const isAsLarge = partitionBytes === best?.partitionBytes;
    if (isLarger || (isAsLarge && moved < best!.moved)) best = { partitionBytes, moved };
  };
  const place = (partition: number, moved: number): void => {
    if (partition === problem.partitionCount) return judge(moved);
    const held = problem.previous[partition] ?? [];
    for (const nodes of choices) {
      for (const node of nodes) loads.set(node, (loads.get(node) ?? 0) + 1);
      place(partition + 1, moved + nodes.filter(node => !held.includes(node.id)).length);
      for (const node of nodes) loads.set(node, (loads.get(node) ?? 0) - 1);
    }
  };
  place(0, 0);
  return best;
}

function subsets<Item>(items: readonly Item[], size: number): Item[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, n) => subsets(items.slice(n + 1), size - 1).map(s => [item, ...s]));
}

/** How many copies can be placed when partitions have that size: the paper's graph, as drawn. */
export function copiesThatFit(problem: PlacementProblem, partitionBytes: number): number {
  const names = new Map<string, number>();
  const vertex = (name: string): number => {
    const known = names.get(name) ?? names.size;
    names.set(name, known);
    return known;
  };
  const arcs: { from: number; to: number; capacity: number; cost: number }[] = [];
  const arc = (from: string, to: string, capacity: number): void => {
    arcs.push({ from: vertex(from), to: vertex(to), capacity, cost: 0 });
  };
  const [source, sink] = [vertex('source'), vertex('sink')];
  const rest = problem.replicationFactor - problem.zoneRedundancy;
  const zones = [...new Set(problem.nodes.map(node => node.zone))];
  for (const node of problem.nodes) {
    arc(`node ${node.id}`, 'sink', Math.floor(node.capacity / partitionBytes));
  }
  for (let n = 0; n < problem.partitionCount; n += 1) {
    const partition = String(n);
    arc('source', `spread ${partition}`, problem.zoneRedundancy);
    arc('source', `rest ${partition}`, rest);
    for (const zone of zones) {
      arc(`spread ${partition}`, `${partition} in ${zone}`, 1);
      arc(`rest ${partition}`, `${partition} in ${zone}`, rest);
    }
    for (const node of problem.nodes) arc(`${partition} in ${node.zone}`, `node ${node.id}`, 1);
  }
  const graph = new FlowGraph({ vertices: names.size, source, sink });
  for (const each of arcs) graph.add(each);
  return graph.run();
}
