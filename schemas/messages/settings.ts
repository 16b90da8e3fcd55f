/**
 * What is asked of the actor that keeps the full-copy rows: buckets, aliases, access keys.
 *
 * Owns:          the requests and replies.
 * Knows:         the settings rows.
 * Must not know: how one winner is found among several replicas.
 *
 * Where one replica decides alone it is asked to (`settings-decide`); where several do, one that
 * proposes asks them all for a promise, then to accept; bus/settings-rounds.ts has the rule.
 */
import type { DecidedRow, UndecidedRow } from '../records/settings-round.ts';
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

/** Accept nothing below this ballot from now on, and tell what you know of the row. */
export type SettingsPromise = {
  readonly kind: 'settings-promise';
  readonly table: SettingsKind;
  readonly id: string;
  readonly ballot: Timestamp;
};
/** Take this row as the one behind `base` (absent: there was none), which is decided. */
export type SettingsAccept = {
  readonly kind: 'settings-accept';
  readonly ballot: Timestamp;
  readonly row: SettingsRow;
  readonly base?: DecidedRow;
};
/** Tell what you know of the row, and promise nothing: for who reads at a quorum. */
export type SettingsProbe = {
  readonly kind: 'settings-probe';
  readonly table: SettingsKind;
  readonly id: string;
};
/** The row was decided: keep it. */
export type SettingsLearn = { readonly kind: 'settings-learn'; readonly decided: DecidedRow };

export type SettingsPlace = { readonly table: SettingsKind; readonly id: string };
/** Compare all rows: `root` sums up those of who asks. */
export type SettingsDigest = { readonly kind: 'settings-digest'; readonly root: Uint8Array };
/** The decided rows of these buckets of the digest, behind `after`. */
export type SettingsPull = {
  readonly kind: 'settings-pull';
  readonly buckets: readonly number[];
  readonly after?: SettingsPlace;
};

export type SettingsRequest =
  | SettingsDigest
  | SettingsPull
  | SettingsRead
  | SettingsList
  | SettingsDecide
  | SettingsPromise
  | SettingsAccept
  | SettingsProbe
  | SettingsLearn;

/** Only administration makes, changes and deletes access keys; buckets are made over S3, too. */
export function isKeyDecision(request: SettingsRequest): boolean {
  switch (request.kind) {
    case 'settings-decide':
    case 'settings-accept':
      return request.row.kind === 'key';
    case 'settings-learn':
      return request.decided.row.kind === 'key';
    case 'settings-promise':
      return request.table === 'key';
    default:
      return false;
  }
}

/** What one replica knows of a row that several decide on. */
export type SettingsState = {
  readonly kind: 'settings-state';
  /** The promise that is in force. */
  readonly promised?: Timestamp;
  readonly decided?: DecidedRow;
  readonly accepted?: UndecidedRow;
};

export type SettingsDigests = {
  readonly kind: 'settings-digests';
  /** Absent: all rows are the same. */
  readonly buckets?: Uint8Array;
  /** Rows that were accepted here, and are not known to be decided. */
  readonly undecided: readonly SettingsPlace[];
};
export type SettingsPage = {
  readonly kind: 'settings-page';
  readonly rows: readonly DecidedRow[];
  /** Ask again behind it; absent: these were the last ones. */
  readonly next?: SettingsPlace;
};

export type SettingsReply =
  | SettingsDigests
  | SettingsPage
  | { readonly kind: 'settings-row'; readonly row?: SettingsRow }
  | { readonly kind: 'settings-rows'; readonly rows: readonly SettingsRow[] }
  | { readonly kind: 'decided' }
  /** Another row stands there now. */
  | { readonly kind: 'lost'; readonly row?: SettingsRow }
  | SettingsState
  | { readonly kind: 'accepted' }
  | { readonly kind: 'learned' }
  /** Asked under too old a set of live layout versions: here is a newer state of them. */
  | { readonly kind: 'stale-layout'; readonly state: Uint8Array }
  /** This copy has not yet heard what others decided while its node was away. */
  | { readonly kind: 'behind' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'no-space' }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'deadline-passed' }
  | { readonly kind: 'not-understood' };

/** Published when a row changed: caches drop it. */
export type SettingsChanged = { readonly table: SettingsKind; readonly id: string };
