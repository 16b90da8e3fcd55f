/**
 * The conversation about buckets, names and access keys as bytes.
 *
 * Owns:          the numbers of its kinds, the order of their fields.
 * Knows:         the messages; rows in their own encoding.
 * Must not know: how they travel.
 */
import { conversation } from '../conversation.ts';
import { LIST_ENTRIES_MAX } from '../limits.ts';
import type { DecidedRow, UndecidedRow } from '../records/settings-round.ts';
import { decodeSettingsRow, encodeSettingsRow } from '../records/settings-rows.ts';
import type { Timestamp } from '../timestamp.ts';
import { bytes, choice, hex, integer, list, optional, row, shape, text, union } from '../wire.ts';
import type { SettingsChanged, SettingsPlace, SettingsReply, SettingsRequest } from './settings.ts';

const ROW_BYTES = 512;

const settingsRow = row(encodeSettingsRow, decodeSettingsRow);
const table = choice('bucket', 'alias', 'key');
const place = shape<SettingsPlace>({ table, id: text });
const timestamp = hex<Timestamp>(16);
const decided = shape<DecidedRow>({ row: settingsRow, ancestors: list(timestamp) });
const accepted = shape<UndecidedRow>({ ballot: timestamp, base: timestamp, row: settingsRow });

export const settingsConversation = conversation<SettingsRequest, SettingsReply>({
  name: 'settings',
  traffic: 'control',
  replyBytes: request => {
    if (request.kind === 'settings-pull') return LIST_ENTRIES_MAX * ROW_BYTES;
    if (request.kind !== 'settings-list') return 0;
    return Math.min(request.limit, LIST_ENTRIES_MAX) * ROW_BYTES;
  },
  request: union<SettingsRequest>({
    'settings-read': [1, { table, id: text }],
    'settings-list': [2, { table, after: text, limit: integer }],
    'settings-decide': [3, { row: settingsRow, base: optional(timestamp) }],
    'settings-promise': [4, { table, id: text, ballot: timestamp }],
    'settings-accept': [5, { ballot: timestamp, row: settingsRow, base: optional(decided) }],
    'settings-probe': [6, { table, id: text }],
    'settings-learn': [7, { decided }],
    'settings-digest': [8, { root: bytes }],
    'settings-pull': [9, { buckets: list(integer), after: optional(place) }],
  }),
  reply: union<SettingsReply>({
    'settings-row': [1, { row: optional(settingsRow) }],
    'settings-rows': [2, { rows: list(settingsRow) }],
    decided: [3, {}],
    lost: [4, { row: optional(settingsRow) }],
    unknown: [5, {}],
    'no-space': [6, {}],
    damaged: [7, {}],
    overloaded: [8, {}],
    'deadline-passed': [9, {}],
    'not-understood': [10, {}],
    'settings-state': [
      11,
      { promised: optional(timestamp), decided: optional(decided), accepted: optional(accepted) },
    ],
    accepted: [12, {}],
    learned: [13, {}],
    'stale-layout': [14, { state: bytes }],
    behind: [15, {}],
    'settings-digests': [16, { buckets: optional(bytes), undecided: list(place) }],
    'settings-page': [17, { rows: list(decided), next: optional(place) }],
  }),
});

export const settingsChanged = shape<SettingsChanged>({ table, id: text });
