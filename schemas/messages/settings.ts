/**
 * What is asked of the actor that keeps the full-copy rows: buckets, aliases, access keys.
 *
 * Owns:          the requests and replies.
 * Knows:         the settings rows.
 * Must not know: how one winner is found among several replicas.
 */
import type { SettingsRow } from '../records/settings-rows.ts';
import type { Timestamp } from '../timestamp.ts';

export type SettingsKind = SettingsRow['kind'];

export type SettingsRead = {
  readonly kind: 'settings-read';
  readonly table: SettingsKind;
  readonly id: string;
};
/** All rows of a kind behind `after`, ordered by id. */
export type SettingsList = {
  readonly kind: 'settings-list';
  readonly table: SettingsKind;
  readonly after: string;
  readonly limit: number;
};
/** Replace the row that was read with timestamp `base` (absent: there was none), else nothing. */
export type SettingsDecide = {
  readonly kind: 'settings-decide';
  readonly row: SettingsRow;
  readonly base?: Timestamp;
};

export type SettingsRequest = SettingsRead | SettingsList | SettingsDecide;

/** Only administration makes, changes and deletes access keys; buckets are made over S3, too. */
export function isKeyDecision(request: SettingsRequest): boolean {
  return request.kind === 'settings-decide' && request.row.kind === 'key';
}

export type SettingsReply =
  | { readonly kind: 'settings-row'; readonly row?: SettingsRow }
  | { readonly kind: 'settings-rows'; readonly rows: readonly SettingsRow[] }
  | { readonly kind: 'decided' }
  /** Another row stands there now. */
  | { readonly kind: 'lost'; readonly row?: SettingsRow }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'no-space' }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'deadline-passed' }
  | { readonly kind: 'not-understood' };

/** Published when a row changed: caches drop it. */
export type SettingsChanged = { readonly table: SettingsKind; readonly id: string };
