/**
 * What two copies of the settings compare to find the rows in which they differ.
 *
 * Owns:          the buckets: which row falls into which, and how a bucket is summed up.
 * Knows:         that of one id the timestamp names the row.
 * Must not know: where rows lie, who compares.
 */
import { createHash } from 'node:crypto';
import type { SettingsKind } from '../../schemas/messages/settings.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import { differingSums, SUM_BYTES, toggle } from '../runtime/set-hash.ts';

const BUCKET_COUNT = 256;

export type CopyDigest = {
  /** Equal where all buckets are. */
  readonly root: Buffer;
  readonly buckets: Buffer;
};

export function bucketOf(table: SettingsKind, id: string): number {
  return createHash('sha256').update(`${table}/${id}`).digest()[0] as number;
}

/** Sums rows up in any order. */
export class DigestSum {
  readonly #buckets = Buffer.alloc(BUCKET_COUNT * SUM_BYTES);

  add(row: SettingsRow): void {
    const name = `${row.kind}/${row.id}/${row.timestamp}`;
    const item = createHash('sha256').update(name).digest();
    toggle(this.#buckets, bucketOf(row.kind, row.id), item);
  }

  digest(): CopyDigest {
    const root = createHash('sha256').update(this.#buckets).digest().subarray(0, SUM_BYTES);
    return { root: Buffer.from(root), buckets: this.#buckets };
  }
}

/** The numbers of the buckets in which the two differ; all of them where one is no digest. */
export function differingBuckets(own: Uint8Array, others: Uint8Array): number[] {
  if (own.length === others.length) return differingSums(own, others);
  return Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket);
}
