/**
 * A maximum flow of least cost through a directed graph.
 *
 * Owns:          the residual graph and the two steps that improve a flow.
 * Knows:         vertices and arcs by number.
 * Must not know: what flows.
 *
 * The primal-dual method (Ford and Fulkerson 1962; Ahuja, Magnanti, Orlin, "Network Flows", 9.8):
 * Dijkstra finds the least cost at which one more unit can reach the sink, then Dinic's blocking
 * flows send all units that can go at exactly that cost; and again, until nothing reaches the sink.
 * After each round the flow is the cheapest of its size, so the last one is the cheapest maximum.
 * Rounds are as many as there are different path costs: a handful where costs are small integers.
 *
 * Every vertex has a potential. Invariant between rounds: on every arc with room left,
 * cost + potential(from) − potential(to) ≥ 0; arcs where it is 0 lie on cheapest paths.
 *
 * Arc i and its reverse i ^ 1 are neighbours; what flows is the room of the reverse. The result is
 * a pure function of the order in which arcs were added.
 */
import { assert } from '../../schemas/assert.ts';

const NONE = -1;

export type Arc = {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
  /** A whole number, not negative. */
  readonly cost: number;
};

export class FlowGraph {
  readonly #vertices: number;
  readonly #source: number;
  readonly #sink: number;
  readonly #to: number[] = [];
  readonly #room: number[] = [];
  readonly #cost: number[] = [];
  /** By arc: the next arc that leaves the same vertex. */
  readonly #next: number[] = [];
  /** By vertex: the first arc that leaves it; it is the one that was added last. */
  readonly #first: Int32Array;
  readonly #potential: Float64Array;
  /** By vertex: steps from the source over arcs of cheapest paths; NONE: not reached. */
  readonly #level: Int32Array;
  /** By vertex: the arc that the search for a blocking flow tries next. */
  readonly #trying: Int32Array;

  constructor(graph: {
    readonly vertices: number;
    readonly source: number;
    readonly sink: number;
  }) {
    this.#vertices = graph.vertices;
    this.#source = graph.source;
    this.#sink = graph.sink;
    this.#first = new Int32Array(graph.vertices).fill(NONE);
    this.#potential = new Float64Array(graph.vertices);
    this.#level = new Int32Array(graph.vertices);
    this.#trying = new Int32Array(graph.vertices);
  }

  /** Returns the arc's number, for `flowOn`. */
  add({ from, to, capacity, cost }: Arc): number {
    assert(capacity >= 0 && cost >= 0, 'capacities and costs are not negative');
    const arc = this.#to.length;
    this.#half(from, to, capacity, cost);
    this.#half(to, from, 0, -cost);
    return arc;
  }

  flowOn(arc: number): number {
    return this.#room[arc ^ 1] ?? 0;
  }

  /** Sends as much as can be sent, as cheaply as that much can be; returns how much. */
  run(): number {
    let sent = 0;
    while (this.#lowerPotentials()) {
      while (this.#findLevels()) sent += this.#blockingFlow();
    }
    return sent;
  }

  #half(from: number, to: number, room: number, cost: number): void {
    this.#next.push(this.#first[from] ?? NONE);
    this.#first[from] = this.#to.length;
    this.#to.push(to);
    this.#room.push(room);
    this.#cost.push(cost);
  }

  /** 0 on an arc of a cheapest path, more elsewhere. */
  #reducedCost(arc: number, from: number): number {
    return this.#cost[arc]! + this.#potential[from]! - this.#potential[this.#to[arc]!]!;
  }

  /**
   * Dijkstra over reduced costs, with a bucket for each distance since distances are small whole
   * numbers. False when the sink cannot be reached.
   */
  #lowerPotentials(): boolean {
    const distance = new Float64Array(this.#vertices).fill(Infinity);
    distance[this.#source] = 0;
    const buckets: number[][] = [[this.#source]];
    let bound = Infinity;
    for (let at = 0; at < buckets.length && at < bound; at += 1) {
      // It may grow while it is walked: by vertices that cost nothing more to reach.
      for (const vertex of buckets[at] ?? []) {
        if (distance[vertex] !== at) continue;
        if (vertex === this.#sink) bound = at;
        this.#relax(vertex, distance, buckets);
      }
    }
    if (bound === Infinity) return false;
    for (let vertex = 0; vertex < this.#vertices; vertex += 1) {
      this.#potential[vertex]! += Math.min(distance[vertex]!, bound);
    }
    return true;
  }

  #relax(vertex: number, distance: Float64Array, buckets: number[][]): void {
    for (let arc = this.#first[vertex]!; arc !== NONE; arc = this.#next[arc]!) {
      if (this.#room[arc] === 0) continue;
      const to = this.#to[arc]!;
      const through = distance[vertex]! + this.#reducedCost(arc, vertex);
      if (through >= distance[to]!) continue;
      distance[to] = through;
      while (buckets.length <= through) buckets.push([]);
      buckets[through]!.push(to);
    }
  }

  #leadsOn(arc: number, from: number): boolean {
    if (this.#room[arc] === 0) return false;
    return this.#reducedCost(arc, from) === 0;
  }

  /** Breadth first over arcs of cheapest paths. False when the sink is not reached any more. */
  #findLevels(): boolean {
    this.#level.fill(NONE);
    this.#level[this.#source] = 0;
    const queue = [this.#source];
    for (const vertex of queue) {
      for (let arc = this.#first[vertex]!; arc !== NONE; arc = this.#next[arc]!) {
        const to = this.#to[arc]!;
        if (this.#level[to] !== NONE || !this.#leadsOn(arc, vertex)) continue;
        this.#level[to] = this.#level[vertex]! + 1;
        queue.push(to);
      }
    }
    return this.#level[this.#sink] !== NONE;
  }

  /**
   * Depth first along rising levels, an arc that led nowhere never tried again. The path is kept in
   * a list of its own: with many nodes it may be longer than the call stack is deep.
   */
  #blockingFlow(): number {
    this.#trying.set(this.#first);
    const path: number[] = [];
    let sent = 0;
    for (;;) {
      const last = path.at(-1);
      const vertex = last === undefined ? this.#source : this.#to[last]!;
      if (vertex === this.#sink) {
        sent += this.#sendAlong(path);
        continue;
      }
      const arc = this.#nextRising(vertex);
      if (arc !== NONE) {
        path.push(arc);
        continue;
      }
      if (last === undefined) return sent;
      path.pop();
      const before = this.#to[last ^ 1]!;
      this.#trying[before] = this.#next[last]!;
    }
  }

  #nextRising(vertex: number): number {
    for (let arc = this.#trying[vertex]!; arc !== NONE; arc = this.#next[arc]!) {
      const rises = this.#level[this.#to[arc]!] === this.#level[vertex]! + 1;
      if (!rises || !this.#leadsOn(arc, vertex)) continue;
      this.#trying[vertex] = arc;
      return arc;
    }
    this.#trying[vertex] = NONE;
    return NONE;
  }

  /** Fills the path, and cuts it back to where room is left. */
  #sendAlong(path: number[]): number {
    const amount = Math.min(...path.map(arc => this.#room[arc]!));
    let full = path.length;
    for (let n = path.length - 1; n >= 0; n -= 1) {
      const arc = path[n]!;
      this.#room[arc]! -= amount;
      this.#room[arc ^ 1]! += amount;
      if (this.#room[arc] === 0) full = n;
    }
    path.length = full;
    return amount;
  }
}
