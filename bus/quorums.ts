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
  readonly #layout: LayoutVersion;
  readonly #quorum: number;
  readonly #zones: number;

  constructor(layout: LayoutVersion, partition: PartitionId, mode: ConsistencyMode) {
    this.#layout = layout;
    this.replicas = replicasOf(layout, partition);
    this.#quorum = quorumsOf(layout.replicationFactor, mode).write;
    const zones = this.#quorum === 1 ? 1 : this.#zonesOf(() => true);
    this.#zones = Math.min(zones, ZONES_OF_A_WRITE);
  }

  /** Would these replicas do? */
  isReachedBy(isCounted: (node: NodeId) => boolean): boolean {
    let count = 0;
    for (const node of this.replicas) if (isCounted(node)) count += 1;
    return count >= this.#quorum && (this.#zones < 2 || this.#zonesOf(isCounted) >= this.#zones);
  }

  #zonesOf(isCounted: (node: NodeId) => boolean): number {
    const zones = new Set<string>();
    for (const node of this.replicas) {
      if (isCounted(node)) zones.add(this.#layout.roles.get(node)?.zone ?? '');
    }
    return zones.size;
  }
}
