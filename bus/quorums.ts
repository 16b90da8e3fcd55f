/**
 * How many replicas must have a write, and how many a read must hear.
 *
 * Owns:          the arithmetic of quorums, for each consistency mode.
 * Knows:         a layout version.
 * Must not know: requests, answers.
 *
 * Read and write quorum together are more than all replicas, so that a read meets every write that
 * was acknowledged. The two modes that give this up have Garage's names.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import { replicasOf } from '../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';

/** `degraded`: one replica is enough to read. `dangerous`: to write as well. */
export type ConsistencyMode = 'consistent' | 'degraded' | 'dangerous';

export type Quorums = { readonly read: number; readonly write: number };

export function quorumsOf(replicationFactor: number, mode: ConsistencyMode): Quorums {
  const read = Math.ceil(replicationFactor / 2);
  return {
    read: mode === 'consistent' ? read : 1,
    write: mode === 'dangerous' ? 1 : replicationFactor + 1 - read,
  };
}

/** A write is to survive the loss of a zone. */
const ZONES_OF_A_WRITE = 2;

/** What a write needs in one layout version: so many of these replicas, in so many zones. */
export class WriteGoal {
  readonly replicas: readonly NodeId[];
  /** Of each replica. */
  readonly #zoneNames: readonly string[];
  readonly #quorum: number;
  readonly #zones: number;

  constructor(layout: LayoutVersion, partition: PartitionId, mode: ConsistencyMode) {
    this.replicas = replicasOf(layout, partition);
    this.#zoneNames = this.replicas.map(node => layout.roles.get(node)?.zone ?? '');
    this.#quorum = quorumsOf(layout.replicationFactor, mode).write;
    const zones = this.#quorum === 1 ? 1 : new Set(this.#zoneNames).size;
    this.#zones = Math.min(zones, ZONES_OF_A_WRITE);
  }

  /** Would these replicas do? */
  isReachedBy(isCounted: (node: NodeId) => boolean): boolean {
    let count = 0;
    let zones = 0;
    let firstZone: string | undefined;
    for (let index = 0; index < this.replicas.length; index += 1) {
      if (!isCounted(this.replicas[index]!)) continue;
      count += 1;
      const zone = this.#zoneNames[index]!;
      if (zones === 0) zones = 1;
      else if (zone !== firstZone) zones = ZONES_OF_A_WRITE;
      firstZone ??= zone;
    }
    return count >= this.#quorum && zones >= this.#zones;
  }
}

/** The goals of a version are made once. */
export class WriteGoals {
  readonly #mode: ConsistencyMode;
  readonly #known = new WeakMap<LayoutVersion, Map<PartitionId, WriteGoal>>();

  constructor(mode: ConsistencyMode) {
    this.#mode = mode;
  }

  of(layout: LayoutVersion, partition: PartitionId): WriteGoal {
    let goals = this.#known.get(layout);
    if (goals === undefined) {
      goals = new Map();
      this.#known.set(layout, goals);
    }
    const known = goals.get(partition);
    if (known !== undefined) return known;
    const goal = new WriteGoal(layout, partition, this.#mode);
    goals.set(partition, goal);
    return goal;
  }
}
