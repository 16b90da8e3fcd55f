/**
 * Prints layouts.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import type { LayoutHistory, LayoutView, ZoneRedundancy } from '../../schemas/admin-types.ts';
import { binarySize } from '../../schemas/units.ts';
import { tagList, usable } from '../../gateway/admin/layout-report.ts';
import { textTable } from '../../gateway/admin/text-table.ts';
import type { PreviewAnswer, SkippedAnswer } from './api-answers.ts';
import { SHORT_ID } from './bucket-printer.ts';

/** `preview` is undefined when nothing is staged. */
export function layoutShow(layout: LayoutView, preview: PreviewAnswer | undefined): string[] {
  return [
    '==== CURRENT CLUSTER LAYOUT ====',
    ...rolesAndRedundancy(layout),
    `Current cluster layout version: ${String(layout.version)}`,
    ...(preview === undefined ? [] : ['', ...stagedChanges(layout), '', ...previewed(preview)]),
  ];
}

function rolesAndRedundancy(layout: LayoutView): string[] {
  if (layout.roles.length === 0) {
    return ['No node has a role yet: give one with `garage layout assign`.'];
  }
  return [
    ...textTable([
      ['ID', 'Tags', 'Zone', 'Capacity', 'Usable capacity'],
      ...layout.roles.map(({ id, tags, zone, capacity, usableCapacity }) => [
        id.slice(0, SHORT_ID),
        tagList(tags),
        zone,
        capacityText(capacity),
        capacity === null ? '' : usable(usableCapacity ?? 0, capacity),
      ]),
    ]),
    `Zone redundancy: ${redundancyText(layout.parameters.zoneRedundancy)}`,
  ];
}

export function capacityText(capacity: number | null): string {
  return capacity === null ? 'gateway' : binarySize(capacity);
}

function redundancyText(redundancy: ZoneRedundancy): string {
  return redundancy === 'maximum' ? 'maximum' : String(redundancy.atLeast);
}

export function hasStagedChanges(layout: LayoutView): boolean {
  return layout.stagedRoleChanges.length > 0 || layout.stagedParameters !== null;
}

/** Empty when nothing is staged. */
export function stagedChanges(layout: LayoutView): string[] {
  const { stagedRoleChanges, stagedParameters } = layout;
  const roles =
    stagedRoleChanges.length === 0
      ? []
      : [
          '==== STAGED ROLE CHANGES ====',
          ...textTable([
            ['ID', 'Tags', 'Zone', 'Capacity'],
            ...stagedRoleChanges.map(change =>
              'remove' in change
                ? [change.id.slice(0, SHORT_ID), 'REMOVED']
                : [
                    change.id.slice(0, SHORT_ID),
                    tagList(change.tags),
                    change.zone,
                    capacityText(change.capacity),
                  ],
            ),
          ]),
        ];
  if (stagedParameters === null) return roles;
  return [
    ...roles,
    ...(roles.length === 0 ? [] : ['']),
    '==== STAGED LAYOUT PARAMETERS ====',
    `Zone redundancy: ${redundancyText(stagedParameters.zoneRedundancy)}`,
    ...(stagedParameters.replicationFactor === undefined
      ? []
      : [`Replication factor: ${String(stagedParameters.replicationFactor)}`]),
  ];
}

function previewed(preview: PreviewAnswer): string[] {
  if ('error' in preview) {
    return [
      `The staged changes cannot be enacted: ${preview.error}`,
      'Change them with `garage layout assign`, or drop them with `garage layout revert --yes`.',
    ];
  }
  const { newLayout, message } = preview;
  return [
    '==== NEW CLUSTER LAYOUT AFTER APPLYING CHANGES ====',
    ...rolesAndRedundancy(newLayout),
    '',
    ...message,
    '',
    'To enact these changes:',
    '',
    `    garage layout apply --version ${String(newLayout.version)}`,
    '',
    'To drop them:',
    '',
    '    garage layout revert --yes',
  ];
}

export function layoutHistory(history: LayoutHistory): string[] {
  const { versions, updateTrackers } = history;
  return [
    '==== LAYOUT HISTORY ====',
    ...textTable([
      ['Version', 'Status', 'Storage nodes', 'Gateway nodes'],
      ...versions.map(({ version, status, storageNodes, gatewayNodes }) => [
        `#${String(version)}`,
        status,
        String(storageNodes),
        String(gatewayNodes),
      ]),
    ]),
    '',
    ...(updateTrackers === null
      ? ['One version alone is in use: no change of layout is under way.']
      : trackerTable(updateTrackers)),
  ];
}

export function skippedNodes({ ackUpdated, syncUpdated }: SkippedAnswer): string[] {
  const lines = (ids: readonly string[], what: string): string[] =>
    ids.map(id => `${id.slice(0, SHORT_ID)}  ${what}`);
  return [
    ...lines(ackUpdated, 'is not waited for to acknowledge any more'),
    ...lines(syncUpdated, 'is not waited for to sync any more'),
  ];
}

function trackerTable(trackers: NonNullable<LayoutHistory['updateTrackers']>): string[] {
  return [
    '==== UPDATE TRACKERS ====',
    ...textTable([
      ['Node', 'Ack', 'Sync', 'Sync_ack'],
      ...Object.entries(trackers).map(([id, { ack, sync, syncAck }]) => [
        id.slice(0, SHORT_ID),
        `#${String(ack)}`,
        `#${String(sync)}`,
        `#${String(syncAck)}`,
      ]),
    ]),
    '',
    'A change of layout is under way: older versions end when every node has synced the newest.',
  ];
}
