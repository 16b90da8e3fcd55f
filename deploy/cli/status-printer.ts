/**
 * Prints nodes and health.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import type {
  ClusterHealth,
  ClusterStatus,
  LayoutView,
  NodeStatus,
} from '../../schemas/admin-types.ts';
import { binarySize, percentage } from '../../schemas/units.ts';
import { tagList } from '../../gateway/admin/layout-report.ts';
import { textTable, type TableLine } from '../../gateway/admin/text-table.ts';
import { SHORT_ID } from './bucket-printer.ts';
import { capacityText, stagedChanges } from './layout-printer.ts';

export function clusterStatus({ nodes }: ClusterStatus, layout: LayoutView): string[] {
  const failed = nodes.filter(node => !node.isUp);
  return [
    '==== HEALTHY NODES ====',
    ...textTable([
      ['ID', 'Hostname', 'Address', 'Tags', 'Zone', 'Capacity', 'DataAvail', 'Version'],
      ...nodes.filter(node => node.isUp).map(node => healthyLine(node, layout)),
    ]),
    ...(failed.length === 0 ? [] : ['', ...failedNodes(failed)]),
    ...stagedSection(layout),
  ];
}

function healthyLine(node: NodeStatus, layout: LayoutView): TableLine {
  const { id, hostname, addr, role, garageVersion } = node;
  const who = [id.slice(0, SHORT_ID), hostname ?? '?', addr ?? 'N/A'];
  const version = garageVersion ?? '?';
  if (role === null) return [...who, '', '', withoutRole(node, layout), '', version];
  const { tags, zone, capacity } = role;
  return [...who, tagList(tags), zone, capacityText(capacity), dataAvailable(node), version];
}

function withoutRole({ id, draining }: NodeStatus, layout: LayoutView): string {
  if (draining) return 'draining metadata..';
  const isStaged = layout.stagedRoleChanges.some(change => change.id === id);
  return isStaged ? 'pending...' : 'NO ROLE ASSIGNED';
}

function dataAvailable({ role, dataPartition }: NodeStatus): string {
  if (role?.capacity === null) return 'N/A';
  if (dataPartition === undefined) return '?';
  const { available, total } = dataPartition;
  return `${binarySize(available)} (${percentage(available, total)})`;
}

function failedNodes(nodes: readonly NodeStatus[]): string[] {
  return [
    '==== FAILED NODES ====',
    ...textTable([
      ['ID', 'Hostname', 'Tags', 'Zone', 'Capacity', 'Last seen'],
      ...nodes.map(({ id, hostname, role, lastSeenSecsAgo }) => [
        id.slice(0, SHORT_ID),
        hostname ?? '?',
        tagList(role?.tags ?? []),
        role?.zone ?? '',
        role === null ? '' : capacityText(role.capacity),
        lastSeenSecsAgo === null ? 'never seen' : ago(lastSeenSecsAgo),
      ]),
    ]),
  ];
}

const AGES: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

export function ago(seconds: number): string {
  const [unit, name] = AGES.find(([length]) => seconds >= length) ?? [1, 'second'];
  const count = Math.floor(seconds / unit);
  return `${String(count)} ${name}${count === 1 ? '' : 's'} ago`;
}

function stagedSection(layout: LayoutView): string[] {
  const staged = stagedChanges(layout);
  if (staged.length === 0) return [];
  return [
    '',
    ...staged,
    '',
    'See what they would do with `garage layout show`; enact them with `garage layout apply`.',
  ];
}

export function clusterHealth(health: ClusterHealth): string[] {
  return [
    health.status.toUpperCase(),
    ...textTable([
      ['Known nodes:', String(health.knownNodes)],
      ['Connected nodes:', String(health.connectedNodes)],
      ['Storage nodes:', String(health.storageNodes)],
      ['Storage nodes up:', String(health.storageNodesUp)],
      ['Partitions:', String(health.partitions)],
      ['Partitions with quorum:', String(health.partitionsQuorum)],
      ['Partitions with all nodes:', String(health.partitionsAllOk)],
    ]),
  ];
}
