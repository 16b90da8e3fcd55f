/**
 * What replicas of a table partition ask of each other: what they hold, and what may be forgotten.
 *
 * Owns:          these requests.
 * Knows:         rows as bytes, by their names.
 * Must not know: clients; what a row means.
 */
import type { UploadId } from '../ids.ts';
import type { VersionAt } from '../records/release-entry.ts';
import type { Forgotten, PreparedRound } from '../records/round-row.ts';
import type { Timestamp } from '../timestamp.ts';
import type { ObjectPlace } from './table.ts';

/** What does this replica hold, in a few bytes? */
export type DigestRead = { readonly kind: 'digest-read' };
/** The rows of some leaves behind the name `after`, up to and with the name `upTo`. */
export type DigestRows = {
  readonly kind: 'digest-rows';
  /** A bit for each leaf. */
  readonly leaves: Uint8Array;
  /** `compared`: what all replicas hold alike; `all`: with it what a new replica takes over. */
  readonly tables: 'compared' | 'all';
  readonly after?: Uint8Array | undefined;
  readonly upTo?: Uint8Array | undefined;
};
/** `name`: table and row key; `item`: the keyed hash of name and value. */
export type DigestedRow = { readonly name: Uint8Array; readonly item: Uint8Array };

/** Rows as they are stored, by name: table and row key. */
export type RowsRead = { readonly kind: 'rows-read'; readonly names: readonly Uint8Array[] };
/** Merge these rows, which another replica stored, into this one's. */
export type RowsMerge = {
  readonly kind: 'rows-merge';
  readonly rows: readonly StoredRow[];
  /** In which their sender read them; a replica in a later round refuses them. */
  readonly round?: RoundNumber | undefined;
};
/** A round of forgetting, and the newest timestamp that was forgotten up to it. */
export type RoundNumber = { readonly round: number; readonly collected?: Timestamp | undefined };
/** Answered `round`, or `round-refused` by who promised a higher ballot. */
export type RoundPromise = { readonly kind: 'round-promise'; readonly ballot: Timestamp };
/** Keep this list as that of the next round, durably; `written` or `round-refused`. */
export type RoundPrepare = { readonly kind: 'round-prepare'; readonly prepared: PreparedRound };
/** Which of these rows are held as they are listed, with nothing left to release? */
export type RoundCheck = { readonly kind: 'round-check'; readonly list: readonly Forgotten[] };
/** Forget what the list of this round names; asked only once every replica has prepared it. */
export type RoundEnter = { readonly kind: 'round-enter'; readonly round: number };
export type StoredRow = {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
  /** Of an object's row: the bytes of an inline version. */
  readonly inline?: Uint8Array | undefined;
  /** Of an object's row: the rows of its part list, in order. */
  readonly lists?: readonly Uint8Array[] | undefined;
};

/** Is a version over here, for good? And does any other version of the key name this upload? */
export type VersionCheck = {
  readonly kind: 'version-check';
  readonly place: ObjectPlace;
  readonly at: VersionAt;
  readonly uploadId?: UploadId | undefined;
};

export type ReplicaRequest =
  | VersionCheck
  | DigestRead
  | DigestRows
  | RowsRead
  | RowsMerge
  | RoundPromise
  | RoundPrepare
  | RoundCheck
  | RoundEnter;
