/**
 * Forgetting in rounds: what a replica does with the steps of one.
 *
 * Owns:          the round a replica is in, its promises, and entering the next.
 * Knows:         the rule: a list is durable at every replica before anyone enters its round;
 *                whoever meets a later round enters it at once.
 * Must not know: who coordinates, and what is worth forgetting.
 *
 * What can happen between two steps, and why nothing comes back:
 *  - the coordinator dies after some replicas prepared: the next one asks all of them first, and
 *    carries on the list with the highest ballot; nobody entered unless all had prepared it;
 *  - two coordinate at a time: the lower ballot is refused, at the promise or at the preparation;
 *  - a replica misses `enter`: rows that travel carry their sender's round, and take it along;
 *  - a replica misses the whole round (it was none then, or its store was set back): what it holds
 *    may have been forgotten by all others. It enters with empty hands only: no row that travels
 *    takes it along before what it held was set aside;
 *  - a row that was read in an earlier round arrives late: it is refused, and read again;
 *  - a write that was stamped below what is forgotten arrives late: its row is absent, so its stamp
 *    is compared with the newest that was forgotten, and it is raised above that one.
 */
import type { TableReply } from '../../schemas/messages/table.ts';
import type {
  RoundCheck,
  RoundEnter,
  RoundNumber,
  RoundPrepare,
  RoundPromise,
} from '../../schemas/messages/table-replicas.ts';
import type { Forgotten, RoundRow } from '../../schemas/records/round-row.ts';
import { decodeRoundRow, encodeRoundRow, NO_ROUND } from '../../schemas/records/round-row.ts';
import { decodeUploadRow } from '../../schemas/records/upload-row.ts';
import { TABLE } from '../../schemas/row-tables.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import type { Rows } from '../storage/row-damage.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import { releaseRowKey, roundRowKey } from './row-keys.ts';
import { takeHistory } from './history-rows.ts';
import { keyOfName, placeOfHistoryKey, uploadOfKey } from './row-names.ts';
import { readObjectRow } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

/** Throws what the store and the decoder throw: a replica with a damaged round tells nothing. */
export function readRound(rows: Rows, partition: PartitionId): RoundRow {
  return readRow(rows, roundRowKey(partition), decodeRoundRow) ?? NO_ROUND;
}

/** As it travels with rows. */
export function roundNumber(rows: Rows, partition: PartitionId): RoundNumber {
  const { round, collected } = readRound(rows, partition);
  return { round, collected };
}

function putRound(step: WriteStep, row: RoundRow): void {
  step.batch.put(roundRowKey(step.partition), encodeRoundRow(row));
}

export function applyRoundPromise(step: WriteStep, { ballot }: RoundPromise): TableReply {
  const row = readRound(step.batch, step.partition);
  if (row.promised !== undefined && row.promised > ballot) {
    return { kind: 'round-refused', promised: row.promised };
  }
  if (row.promised !== ballot) putRound(step, { ...row, promised: ballot });
  const { round, prepared } = row;
  return prepared === undefined ? { kind: 'round', round } : { kind: 'round', round, prepared };
}

export function applyRoundPrepare(step: WriteStep, { prepared }: RoundPrepare): TableReply {
  const row = readRound(step.batch, step.partition);
  const { ballot, round } = prepared;
  if (row.promised !== undefined && row.promised > ballot) {
    return { kind: 'round-refused', promised: row.promised };
  }
  if (round <= row.round) return { kind: 'written' };
  if (round !== row.round + 1) return { kind: 'not-understood' };
  putRound(step, { ...row, promised: ballot, prepared });
  return { kind: 'written' };
}

/** Which of these rows this replica holds as they are listed, with nothing left to release. */
export function checkRound(rows: Rows, partition: PartitionId, { list }: RoundCheck): TableReply {
  return { kind: 'round-held', held: list.map(entry => mayForget(rows, partition, entry)) };
}

export function mayForget(rows: Rows, partition: PartitionId, entry: Forgotten): boolean {
  return orDamage(() => isHeldToForget(rows, partition, entry)) === true;
}

function isHeldToForget(rows: Rows, partition: PartitionId, entry: Forgotten): boolean {
  const key = keyOfName(partition, entry.name);
  if (entry.name[0] === TABLE.object || entry.name[0] === TABLE.history) {
    const row = readObjectRow(rows, key);
    return row?.kind === 'tombstone' && row.timestamp === entry.timestamp;
  }
  if (entry.name[0] !== TABLE.endedUpload) return false;
  const row = readRow(rows, key, decodeUploadRow);
  if (row?.timestamp !== entry.timestamp) return false;
  const { uploadId } = uploadOfKey(key);
  return rows.get(releaseRowKey(partition, { kind: 'upload', uploadId })) === undefined;
}

export function applyRoundEnter(step: WriteStep, { round }: RoundEnter): TableReply {
  const row = readRound(step.batch, step.partition);
  if (round <= row.round) return { kind: 'written' };
  if (row.prepared?.round !== round) {
    step.surroundings.missedRound();
    return { kind: 'not-understood' };
  }
  enter(step, row, { round });
  return { kind: 'written' };
}

/**
 * Of rows that arrive with the round in which their sender read them: `stale` when this replica is
 * in a later one. It enters a later one at once, but not one that it has missed, unless all that it
 * holds came just now.
 */
export function meetRound(step: WriteStep, met: RoundNumber): 'same' | 'stale' | 'missed' {
  const { areRowsYoung, missedRound } = step.surroundings;
  if (met.round < readRound(step.batch, step.partition).round) return 'stale';
  if (hasMissedRound(step.batch, step.partition, met) && !areRowsYoung()) {
    missedRound();
    return 'missed';
  }
  enterRound(step, met);
  return 'same';
}

/** Enters a later round, missed or not: nothing is held, or nothing from before. */
export function enterRound(step: WriteStep, met: RoundNumber): void {
  const row = readRound(step.batch, step.partition);
  if (met.round > row.round) enter(step, row, met);
}

/**
 * Whether a round went on that this replica was not asked to prepare: it was no replica then, or
 * its store was set back since. What it holds from before may have been forgotten by all others.
 */
export function hasMissedRound(
  rows: Rows,
  partition: PartitionId,
  met: Pick<RoundNumber, 'round'>,
): boolean {
  const { round, prepared } = readRound(rows, partition);
  return met.round > round && (met.round > round + 1 || prepared?.round !== met.round);
}

function enter(step: WriteStep, row: RoundRow, { round, collected: told }: RoundNumber): void {
  let collected = later(row.collected, told);
  if (row.prepared?.round === round) {
    for (const entry of row.prepared.list) {
      collected = later(collected, entry.timestamp);
      if (mayForget(step.batch, step.partition, entry)) drop(step, entry);
    }
  }
  if (collected !== undefined) step.surroundings.forgotten.raise(collected);
  putRound(step, { round, collected, promised: row.promised });
}

function drop(step: WriteStep, { name }: Forgotten): void {
  const key = keyOfName(step.partition, name);
  const row = name[0] === TABLE.history ? readObjectRow(step.batch, key) : undefined;
  if (row === undefined) step.batch.delete(key);
  else takeHistory(step, placeOfHistoryKey(key), row);
}

function later(one: Timestamp | undefined, other: Timestamp | undefined): Timestamp | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}
