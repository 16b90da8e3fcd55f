/**
 * The report on an assignment of partitions, in lines of text.
 *
 * Owns:          its words and columns.
 * Knows:         the statistics of the assignment.
 * Must not know: how it was computed, who reads it.
 */
import type { AssignedZone, AssignmentStatistics } from '../../schemas/admin-types.ts';
import { binarySize, percentage } from '../../schemas/units.ts';
import { textTable, type TableLine } from './text-table.ts';

/** How much of a node's id is shown. */
const SHORT_ID = 16;

export function layoutReport(statistics: AssignmentStatistics): string[] {
  return [
    '==== COMPUTATION OF A NEW PARTITION ASSIGNATION ====',
    '',
    `Each partition is kept ${times(statistics.replicationFactor)}, in at least ` +
      `${zones(statistics.effectiveZoneRedundancy)}.`,
    '',
    ...capacityLines(statistics),
    '',
    ...warningLines(statistics),
    ...movementLines(statistics),
    ...zoneLines(statistics.zones),
  ];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${String(count)} times`;
}

function zones(count: number): string {
  return count === 1 ? 'one zone' : `${String(count)} different zones`;
}

function capacityLines(statistics: AssignmentStatistics): string[] {
  const { partitionSize, previousPartitionSize, replicationFactor } = statistics;
  const { usableCapacity, totalCapacity, effectiveCapacity } = statistics;
  const before =
    previousPartitionSize === null || previousPartitionSize === 0
      ? ''
      : ` (${binarySize(previousPartitionSize)} in previous layout)`;
  return textTable([
    ['Optimal partition size:', `${binarySize(partitionSize)}${before}`],
    [
      'Usable capacity / total cluster capacity:',
      `${binarySize(usableCapacity)} / ${binarySize(totalCapacity)} ` +
        `(${percentage(usableCapacity, totalCapacity)})`,
    ],
    [
      `Effective capacity (replication factor ${String(replicationFactor)}):`,
      binarySize(effectiveCapacity),
    ],
  ]);
}

function warningLines(statistics: AssignmentStatistics): string[] {
  const warnings: string[] = [];
  if (statistics.lowPartitionSize) {
    warnings.push(
      'WARNING: a partition may hold less than 100 bytes. Were capacities given without a unit?',
      '',
    );
  }
  if (statistics.lowUsableCapacity) {
    warnings.push(
      'WARNING: much of the capacity cannot be used. Zones of similar size, or fewer replicas',
      'that must lie in different zones, use more of it.',
      '',
    );
  }
  return warnings;
}

function movementLines({ totalMovedPartitions }: AssignmentStatistics): string[] {
  if (totalMovedPartitions === null) return [];
  return [`Copies of partitions to transfer: ${String(totalMovedPartitions)}`, ''];
}

function zoneLines(assigned: readonly AssignedZone[]): string[] {
  const lines = assigned.flatMap((zone, index) => [
    ...(index === 0 ? [] : [[] as TableLine]),
    ...zoneTable(zone),
  ]);
  return textTable(lines);
}

function zoneTable(zone: AssignedZone): TableLine[] {
  return [
    [zone.name, 'Tags', 'Partitions', 'Capacity', 'Usable capacity'],
    ...zone.nodes.map(node => [
      `  ${node.id.slice(0, SHORT_ID)}`,
      tagList(node.tags),
      `${String(node.storedPartitions)} (${String(node.newPartitions)} new)`,
      binarySize(node.totalCapacity),
      usable(node.usableCapacity, node.totalCapacity),
    ]),
    [
      '  TOTAL',
      '',
      `${String(zone.totalReplicatedPartitions)} (${String(zone.uniquePartitions)} unique)`,
      binarySize(zone.totalCapacity),
      usable(zone.usableCapacity, zone.totalCapacity),
    ],
  ];
}

export function tagList(tags: readonly string[]): string {
  return `[${tags.join(',')}]`;
}

export function usable(usableBytes: number, totalBytes: number): string {
  return `${binarySize(usableBytes)} (${percentage(usableBytes, totalBytes)})`;
}
