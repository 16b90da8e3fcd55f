/**
 * What a replica keeps beside a settings row on which several replicas decide.
 *
 * Owns:          the row's bytes; decided and undecided rows as they travel.
 * Knows:         the settings rows.
 * Must not know: how a decision is made.
 */
import { FieldReader, hexBytes, pack } from '../codec.ts';
import type { Packed } from '../codec.ts';
import type { Timestamp } from '../timestamp.ts';
import type { SettingsRow } from './settings-rows.ts';
import { decodeSettingsRow, encodeSettingsRow } from './settings-rows.ts';
import { packOptionalTimestamp, readOptionalTimestamp, readTimestamp } from './timestamp-field.ts';

export type DecidedRow = {
  readonly row: SettingsRow;
  /** What was decided before it, the latest first and not all; the timestamp before everything
   *  stands for the absent row. */
  readonly ancestors: readonly Timestamp[];
};

/** Accepted by one replica; whether by enough of them only a quorum knows. */
export type UndecidedRow = {
  readonly ballot: Timestamp;
  /** Of the decided row that it is to follow; the timestamp before everything: of none. */
  readonly base: Timestamp;
  readonly row: SettingsRow;
};

export type SettingsRound = {
  readonly promised?: Timestamp;
  /** Of the decided row, which is stored by itself. */
  readonly ancestors: readonly Timestamp[];
  readonly accepted?: UndecidedRow;
};

const FORMAT = 1;

export function encodeSettingsRound({ promised, ancestors, accepted }: SettingsRound): Buffer {
  return pack([
    FORMAT,
    packOptionalTimestamp(promised),
    ancestors.map(hexBytes),
    accepted === undefined ? null : packUndecided(accepted),
  ]);
}

function packUndecided({ ballot, base, row }: UndecidedRow): Packed {
  return [hexBytes(ballot), hexBytes(base), encodeSettingsRow(row)];
}

export function decodeSettingsRound(bytes: Uint8Array): SettingsRound {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const promised = readOptionalTimestamp(fields);
  const ancestors: Timestamp[] = [];
  const list = fields.nested();
  while (list.hasMore) ancestors.push(readTimestamp(list));
  const accepted = fields.skipNull() ? undefined : readUndecided(fields.nested());
  return {
    ...(promised === undefined ? {} : { promised }),
    ancestors,
    ...(accepted === undefined ? {} : { accepted }),
  };
}

function readUndecided(fields: FieldReader): UndecidedRow {
  const ballot = readTimestamp(fields);
  const base = readTimestamp(fields);
  return { ballot, base, row: decodeSettingsRow(fields.bytes()) };
}
