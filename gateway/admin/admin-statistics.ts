/**
 * The statistics of nodes and cluster, as numbers and as the text that `garage stats` prints.
 *
 * Owns:          the text and its columns; the estimate of what still fits.
 * Knows:         the ports.
 * Must not know: doors.
 */
import type {
  DiskSpace,
  LayoutView,
  NodeInfo,
  NodeStatistics,
  NodeStatus,
} from '../../schemas/admin-types.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import { binarySize, percentage } from '../../schemas/units.ts';
import type { AdminPorts } from './admin-ports.ts';
import { textTable } from './text-table.ts';

/** With more buckets than this, adding them all up costs more than the answer is worth. */
const SUMMED_BUCKETS_MAX = 1000;
const SHORT_ID = 16;

export function nodeStatisticsText(info: NodeInfo, statistics: NodeStatistics): string {
  const { tables, rcEntries, resyncQueueLength, resyncErrors } = statistics;
  return [
    ...textTable([
      ['Node ID:', info.nodeId.slice(0, SHORT_ID)],
      ['Hostname:', info.hostname ?? '?'],
      ['Garage version:', info.garageVersion],
      ['Garage features:', info.garageFeatures.join(', ')],
      ['Rust compiler version:', info.rustVersion],
      ['Database engine:', info.dbEngine],
    ]),
    'Table stats:',
    ...textTable([
      ['  Table', 'Items'],
      ...tables.map(({ tableName, items }) => [`  ${tableName}`, String(items)]),
    ]),
    'Block manager stats:',
    ...textTable([
      ['  number of RC entries:', `${String(rcEntries)} (~= number of blocks)`],
      ['  resync queue length:', String(resyncQueueLength)],
      ['  blocks with resync errors:', String(resyncErrors)],
    ]),
  ].join('\n');
}

export async function clusterStatistics(ports: AdminPorts): Promise<unknown> {
  const [{ nodes }, layout, buckets] = await Promise.all([
    ports.cluster.status(),
    ports.cluster.layout(),
    ports.directory.listBuckets(),
  ]);
  const storage = nodes.filter(({ role }) => role !== null && role.capacity !== null);
  const data = available(layout, storage, node => node.dataPartition);
  const metadata = available(layout, storage, node => node.metadataPartition);
  const totals =
    buckets.length < SUMMED_BUCKETS_MAX
      ? await totalsOf(
          ports,
          buckets.map(bucket => bucket.id),
        )
      : undefined;
  const text = [
    'Storage nodes:',
    ...storageTable(layout, storage),
    ...textTable([
      ['Number of buckets:', String(buckets.length)],
      ...(totals === undefined
        ? []
        : [
            ['Total number of objects:', String(totals.objects)],
            ['Total size of objects:', binarySize(totals.bytes)],
          ]),
    ]),
    'Estimated available storage space cluster-wide (might be lower in practice):',
    `  data: ${data === undefined ? '?' : binarySize(data)}`,
    `  metadata: ${metadata === undefined ? '?' : binarySize(metadata)}`,
  ];
  return {
    freeform: text.join('\n'),
    dataAvail: data ?? null,
    metadataAvail: metadata ?? null,
    incompleteAvailInfo: data === undefined || metadata === undefined,
    bucketCount: buckets.length,
    ...(totals === undefined
      ? {}
      : { totalObjectCount: totals.objects, totalObjectBytes: totals.bytes }),
  };
}

function storageTable(layout: LayoutView, storage: readonly NodeStatus[]): string[] {
  return textTable([
    ['  ID', 'Hostname', 'Zone', 'Capacity', 'Part.', 'DataAvail', 'MetaAvail'],
    ...storage.map(node => [
      `  ${node.id.slice(0, SHORT_ID)}`,
      node.hostname ?? '?',
      node.role?.zone ?? '',
      binarySize(node.role?.capacity ?? 0),
      String(partitionsOf(layout, node.id)),
      spaceText(node.dataPartition),
      spaceText(node.metadataPartition),
    ]),
  ]);
}

function spaceText(space: DiskSpace | undefined): string {
  if (space === undefined) return '?';
  const share = percentage(space.available, space.total);
  return `${binarySize(space.available)}/${binarySize(space.total)} (${share})`;
}

function partitionsOf(layout: LayoutView, nodeId: string): number {
  return layout.roles.find(role => role.id === nodeId)?.storedPartitions ?? 0;
}

/** All partitions grow alike, so the node whose partitions have the least room ends it for all. */
function available(
  layout: LayoutView,
  storage: readonly NodeStatus[],
  spaceOf: (node: NodeStatus) => DiskSpace | undefined,
): number | undefined {
  const perPartition = storage
    .filter(node => partitionsOf(layout, node.id) > 0)
    .map(node => (spaceOf(node)?.available ?? Number.NaN) / partitionsOf(layout, node.id));
  const least = Math.min(...perPartition);
  return Number.isFinite(least) ? Math.floor(least * PARTITION_COUNT) : undefined;
}

async function totalsOf(
  { objects }: AdminPorts,
  bucketIds: readonly string[],
): Promise<{ readonly objects: number; readonly bytes: number }> {
  let [objectCount, bytes] = [0, 0];
  for (const id of bucketIds) {
    const usage = await objects.bucketUsage(id);
    objectCount += usage.objects;
    bytes += usage.bytes;
  }
  return { objects: objectCount, bytes };
}
