/**
 * What of which rows must be the same on all replicas of a partition.
 *
 * Owns:          the tables that are compared, and the keyed hash of a row.
 * Knows:         where a row holds what is counted here alone.
 * Must not know: who compares.
 *
 * Not compared: what follows from these rows (inline bytes, part lists, counters, queues), what is
 * this replica's own word (abort marks), and fences, which a quorum keeps.
 */
import { hash } from 'node:crypto';
import { encodeUploadRow } from '../../schemas/records/upload-row.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { TABLE } from '../../schemas/row-tables.ts';
import { orDamage } from '../storage/row-damage.ts';
import { DIGEST_BYTES } from './digest-tree.ts';

/** In the order in which a walk goes through them. */
export const COMPARED_TABLES = [
  TABLE.object,
  TABLE.manifest,
  TABLE.openUpload,
  TABLE.endedUpload,
  TABLE.part,
  TABLE.history,
] as const;

/** And those that a new replica takes over beside them. */
export const TRAVELLING_TABLES = [...COMPARED_TABLES, TABLE.fence, TABLE.abortedMark] as const;

export type ComparedTable = (typeof COMPARED_TABLES)[number];

const COMPARED: ReadonlySet<number> = new Set(COMPARED_TABLES);

export function isCompared(table: number | undefined): table is ComparedTable {
  return table !== undefined && COMPARED.has(table);
}

/** How many parts were counted here, and when, is no difference. */
function comparedBytes(table: number, value: Buffer): Uint8Array {
  if (table !== TABLE.openUpload) return value;
  const open = orDamage(() => decodeOpenUploadRow(value));
  return open === 'damaged' ? value : encodeUploadRow(open.upload);
}

/**
 * The item of a row: DIGEST_BYTES of SHA-256 over the cluster's key, the row's name and value. The
 * name's length stands before it, so that no two rows make one text.
 */
export function itemOf(clusterKey: Uint8Array, name: Buffer, value: Buffer): Buffer {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(name.length);
  const compared = comparedBytes(name[0]!, value);
  const digest = hash('sha256', Buffer.concat([clusterKey, length, name, compared]), 'buffer');
  return digest.subarray(0, DIGEST_BYTES);
}
