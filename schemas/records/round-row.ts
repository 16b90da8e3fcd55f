/**
 * Which round of forgetting a partition's replica is in, and what it promised of the next one.
 *
 * Owns:          the row's fields and its bytes.
 * Knows:         names of rows, timestamps.
 * Must not know: how a round comes about.
 */
import type { Packed } from '../codec.ts';
import { FieldReader, hexBytes, pack } from '../codec.ts';
import type { Timestamp } from '../timestamp.ts';
import { packOptionalTimestamp, readOptionalTimestamp, readTimestamp } from './timestamp-field.ts';

/** A row that is to be forgotten: exactly the one with this timestamp. */
export type Forgotten = {
  /** Table and row key. */
  readonly name: Uint8Array;
  readonly timestamp: Timestamp;
};

export type PreparedRound = {
  readonly ballot: Timestamp;
  readonly round: number;
  readonly list: readonly Forgotten[];
};

export type RoundRow = {
  /** 0: nothing was ever forgotten. */
  readonly round: number;
  /** The newest timestamp of all that was forgotten. */
  readonly collected?: Timestamp | undefined;
  /** Nobody with a lower ballot prepares anything. */
  readonly promised?: Timestamp | undefined;
  /** The list of the next round; durable before anybody enters it. */
  readonly prepared?: PreparedRound | undefined;
};

export const NO_ROUND: RoundRow = { round: 0 };

const FORMAT = 1;

export function packForgotten(list: readonly Forgotten[]): Packed[] {
  return list.map(({ name, timestamp }) => [name, hexBytes(timestamp)]);
}

export function readForgotten(fields: FieldReader): Forgotten[] {
  return fields.list(entry => ({ name: entry.bytes(), timestamp: readTimestamp(entry) }));
}

export function packPrepared({ ballot, round, list }: PreparedRound): Packed[] {
  return [hexBytes(ballot), round, packForgotten(list)];
}

export function readPrepared(fields: FieldReader): PreparedRound {
  const ballot = readTimestamp(fields);
  return { ballot, round: fields.integer(), list: readForgotten(fields) };
}

export function encodeRoundRow({ round, collected, promised, prepared }: RoundRow): Buffer {
  return pack([
    FORMAT,
    round,
    packOptionalTimestamp(collected),
    packOptionalTimestamp(promised),
    prepared === undefined ? null : packPrepared(prepared),
  ]);
}

export function decodeRoundRow(bytes: Uint8Array): RoundRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const round = fields.integer();
  const collected = readOptionalTimestamp(fields);
  const promised = readOptionalTimestamp(fields);
  const prepared = fields.skipNull() ? undefined : readPrepared(fields.nested());
  return { round, collected, promised, prepared };
}
