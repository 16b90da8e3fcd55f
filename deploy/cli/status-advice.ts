/**
 * What `garage status` says below its tables: what is left to do, what is wrong, and what to do.
 *
 * Owns:          the sentences, and when each is said.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 *
 * Where all is well, and nothing is under way, nothing is said.
 */
import type {
  ClusterHealth,
  ClusterStatus,
  LayoutHistory,
  LayoutView,
  NodeStatus,
} from '../../schemas/admin-types.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import type { NodeWork } from '../../schemas/node-work.ts';
import { binarySize } from '../../schemas/units.ts';
import { textTable } from '../../gateway/admin/text-table.ts';
import { SHORT_ID } from './bucket-printer.ts';

export type StatusAnswers = {
  readonly status: ClusterStatus;
  readonly layout: LayoutView;
  readonly health: ClusterHealth;
  readonly history: LayoutHistory;
};

export function statusAdvice(answers: StatusAnswers): string[] {
  const sections = [
    workSection(answers.status.nodes),
    healthSection(answers),
    changeSection(answers),
    survivalSection(answers.layout),
  ];
  return sections.filter(lines => lines.length > 0).flatMap(lines => ['', ...lines]);
}

// ---- what is left -------------------------------------------------------------------------------

function isLeft({ syncPartitions, resyncBlocks, resyncErrors }: NodeWork): boolean {
  return syncPartitions + resyncBlocks + resyncErrors > 0;
}

function workSection(nodes: readonly NodeStatus[]): string[] {
  const busy = nodes.flatMap(({ id, work }) => (work && isLeft(work) ? [{ id, work }] : []));
  if (busy.length === 0) return [];
  return [
    '==== LEFT TO SYNC AND RESYNC ====',
    ...textTable([
      ['ID', 'Partitions', 'Blocks', 'Bytes', 'Errors', 'Done in'],
      ...busy.map(({ id, work }) => [
        id.slice(0, SHORT_ID),
        String(work.syncPartitions),
        String(work.resyncBlocks),
        work.resyncBytes === null ? '?' : binarySize(work.resyncBytes),
        work.resyncErrors === 0 ? '-' : String(work.resyncErrors),
        work.secondsLeft === null ? '?' : durationText(work.secondsLeft),
      ]),
    ]),
    ...(busy.some(({ work }) => work.resyncErrors > 0)
      ? ['Blocks with errors were found whole on no node yet; they are tried again by themselves.']
      : []),
  ];
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${String(Math.ceil(seconds))} s`;
  if (seconds < 3600) return `${String(Math.ceil(seconds / 60))} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// ---- health -------------------------------------------------------------------------------------

function healthSection({ health, layout, status }: StatusAnswers): string[] {
  if (health.status === 'healthy') return [];
  if (layout.version === 0) {
    return ['No layout is in force yet: give nodes a role with `garage layout assign`.'];
  }
  const { storageNodes, storageNodesUp, partitions, partitionsQuorum } = health;
  const up = `${String(storageNodesUp)} of ${String(storageNodes)} storage nodes are up`;
  const lacking = partitions - partitionsQuorum;
  const effect =
    lacking === 0
      ? 'every partition is read and written as before'
      : `${String(lacking)} of ${String(partitions)} partitions have no quorum, and requests ` +
        'for them are answered 503';
  const [dead] = status.nodes.filter(node => !node.isUp && node.role !== null);
  return [
    `==== ${health.status.toUpperCase()} ====`,
    `${up}; ${effect}.`,
    'Start the nodes that failed, or look whether they reach their nats-servers.',
    ...(dead === undefined
      ? []
      : [
          'One that is gone for good is replaced by a new one with ' +
            `\`garage node replace ${dead.id.slice(0, SHORT_ID)} NEW\`.`,
        ]),
  ];
}

// ---- a change of layout -------------------------------------------------------------------------

function changeSection({ history, status }: StatusAnswers): string[] {
  const { updateTrackers, currentVersion } = history;
  if (updateTrackers === null) return [];
  const trackers = Object.entries(updateTrackers);
  const waiting = trackers.filter(([, { sync }]) => sync < currentVersion).map(([id]) => id);
  const up = new Set(status.nodes.filter(node => node.isUp).map(node => node.id));
  const dead = waiting.filter(id => !up.has(id));
  const version = String(currentVersion);
  const done = trackers.length - waiting.length;
  return [
    '==== A CHANGE OF LAYOUT IS UNDER WAY ====',
    `${String(done)} of ${String(trackers.length)} nodes have synced version ${version}.`,
    ...(dead.length === 0
      ? []
      : [
          `It waits for ${dead.map(id => id.slice(0, SHORT_ID)).join(', ')}, which ` +
            `${dead.length === 1 ? 'is' : 'are'} down. If that is for good:`,
          `    garage layout skip-dead-nodes --version ${version}`,
        ]),
  ];
}

// ---- what would survive -------------------------------------------------------------------------

/** Promises hold with three zones; with fewer it is said what does. One node alone is plain. */
function survivalSection({ roles }: LayoutView): string[] {
  const storage = roles.filter(role => role.capacity !== null);
  if (storage.length < 2) return [];
  const stored = storage.reduce((sum, role) => sum + (role.storedPartitions ?? 0), 0);
  const copies = Math.round(stored / PARTITION_COUNT);
  const zones = new Set(storage.map(role => role.zone)).size;
  if (copies === 1) return ['There is one copy of everything: what a lost node held is lost.'];
  if (copies === 0 || zones > 2) return [];
  if (zones === 1) {
    return ['All copies lie in one zone: what is stored does not survive the loss of that zone.'];
  }
  return [
    'Copies lie in two zones, and every write in both: it survives the loss of either, and ' +
      'while one of them is away nothing can be written.',
  ];
}
