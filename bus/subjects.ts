/**
 * Every subject of the bus, built here and nowhere else.
 *
 * Owns:          the names.
 * Knows:         NATS's rules for subjects: tokens joined by dots.
 * Must not know: who listens.
 */
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../schemas/ids.ts';
import type { Subject } from './bus.ts';

export type ReplicaService = 'table' | 'block';

export class Subjects {
  readonly #root: string;
  /** By node and service: subjects are made once, not per request. */
  readonly #replicas = new Map<string, readonly Subject[]>();

  constructor(clusterName: string) {
    this.#root = `garage.${clusterName}`;
  }

  /** The actor of one partition's replica on one node. */
  replica(node: NodeId, service: ReplicaService, partition: PartitionId): Subject {
    const known = this.#replicas.get(`${service}${node}`);
    const subjects = known ?? this.#makeReplicas(node, service);
    return subjects[partition] as Subject;
  }

  #makeReplicas(node: NodeId, service: ReplicaService): readonly Subject[] {
    const subjects = Array.from(
      { length: PARTITION_COUNT },
      (_, index) =>
        `${this.#root}.node.${node}.${service}.${String(partitionId(index))}` as Subject,
    );
    this.#replicas.set(`${service}${node}`, subjects);
    return subjects;
  }

  /** The full-copy rows of one node. */
  settings(node: NodeId): Subject {
    return `${this.#root}.node.${node}.settings` as Subject;
  }

  /** The keeper of one node's view of the layout. */
  cluster(node: NodeId): Subject {
    return `${this.#root}.node.${node}.cluster` as Subject;
  }

  /** Event: a settings row changed. */
  settingsChanged(): Subject {
    return `${this.#root}.gossip.settings` as Subject;
  }

  /** Event: the layout changed. */
  layoutChanged(): Subject {
    return `${this.#root}.gossip.layout` as Subject;
  }
}
