/**
 * How long the next layout version of a large cluster takes to compute.
 *
 * Owns:          the cluster of the example: nodes of uneven size, one of which is new.
 * Knows:         the assignment of partitions.
 * Must not know: how rows are recorded.
 */
import { assignPartitions } from '../../actors/cluster/assign-partitions.ts';
import type { LayoutRole, LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { hashOf } from './limits.ts';
import { atMost, type BenchRow } from './report.ts';
import { median } from './small-rows.ts';

const NODES = 100;
const ZONES = 7;
const AIM_MS = 1000;

function nodeId(n: number): NodeId {
  return n.toString(16).padStart(64, '0') as NodeId;
}

/** Capacities of 1 to 13 TB in no order. */
function role(n: number): LayoutRole {
  const capacityBytes = (1 + ((n * 7919) % 13)) * 1e12;
  return { zone: `zone-${String(n % ZONES)}`, tags: [], capacityBytes };
}

const EMPTY: LayoutVersion = {
  ...{ version: 0, replicationFactor: 3, zoneRedundancy: 'maximum' },
  ...{ roles: new Map(), replicas: [], partitionBytes: 0 },
};

function assign(current: LayoutVersion, from: number, to: number): LayoutVersion {
  const joining = Array.from({ length: to - from }, (_, n) => from + n);
  const roles = new Map(joining.map(n => [nodeId(n), role(n)] as const));
  const result = assignPartitions(current, { roles });
  if (result.kind !== 'assigned') throw new Error(result.reason);
  return result.layout;
}

/** The slower of two: all nodes at once, and the last one added to the others. */
export function assignmentRow(rounds: number): BenchRow {
  const works: number[] = [];
  const times = Array.from({ length: rounds }, () => {
    const startMs = performance.now();
    assign(EMPTY, 0, NODES);
    const freshMs = performance.now() - startMs;
    const before = assign(EMPTY, 0, NODES - 1);
    const addedMs = performance.now();
    const after = assign(before, NODES - 1, NODES);
    works.push(after.partitionBytes);
    return Math.max(freshMs, performance.now() - addedMs);
  });
  const ms = median(times);
  return atMost(1, {
    work: `assignment of 256 partitions over ${String(NODES)} nodes in ${String(ZONES)} zones`,
    figure: `${ms.toFixed(0)} ms`,
    limit: `${String(AIM_MS)} ms`,
    ratio: ms / AIM_MS,
    note: `of the result ${hashOf(works)}`,
  });
}
