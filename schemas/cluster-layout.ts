/**
 * Which nodes there are, and which of them holds which partition.
 *
 * Owns:          one layout version's fields, and the staged changes beside it.
 * Knows:         ids.
 * Must not know: how an assignment is computed, who is alive.
 */
import type { NodeId, PartitionId } from './ids.ts';

export type LayoutRole = {
  readonly zone: string;
  readonly tags: readonly string[];
  /** Bytes; null: a gateway, which holds no partition. */
  readonly capacityBytes: number | null;
};

export type LayoutVersion = {
  /** 0 before the first one was applied. */
  readonly version: number;
  readonly replicationFactor: number;
  readonly zoneRedundancy: number | 'maximum';
  readonly roles: ReadonlyMap<NodeId, LayoutRole>;
  /** By partition: its replicas. Empty in version 0. */
  readonly replicas: readonly (readonly NodeId[])[];
  /** What one partition may hold on one node; 0 in version 0. */
  readonly partitionBytes: number;
};

export type StagedChanges = {
  /** null: the node is to leave. */
  readonly roles: ReadonlyMap<NodeId, LayoutRole | null>;
  readonly zoneRedundancy?: number | 'maximum';
  readonly replicationFactor?: number;
};

export type ClusterLayout = {
  readonly current: LayoutVersion;
  readonly staged: StagedChanges;
};

export function replicasOf(layout: LayoutVersion, partition: PartitionId): readonly NodeId[] {
  return layout.replicas[partition] ?? [];
}

/** Who holds the partition in any of these versions. */
export function replicasIn(
  live: readonly LayoutVersion[],
  partition: PartitionId,
): ReadonlySet<NodeId> {
  return new Set(live.flatMap(version => replicasOf(version, partition)));
}

/** Nodes that are there to store; the others are gateways. */
export function storageNodesOf({ roles }: LayoutVersion): NodeId[] {
  return [...roles].flatMap(([id, role]) => (role.capacityBytes === null ? [] : [id]));
}
