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

const BUCKET_COUNT = 256;
const SUM_BYTES = 16;

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
    const at = bucketOf(row.kind, row.id) * SUM_BYTES;
    const name = `${row.kind}/${row.id}/${row.timestamp}`;
    const sum = createHash('sha256').update(name).digest();
    for (let index = 0; index < SUM_BYTES; index += 1) {
      this.#buckets[at + index] = this.#buckets[at + index]! ^ sum[index]!;
    }
  }

  digest(): CopyDigest {
    const root = createHash('sha256').update(this.#buckets).digest().subarray(0, SUM_BYTES);
    return { root: Buffer.from(root), buckets: this.#buckets };
  }
}

/** The numbers of the buckets in which the two differ; all of them where one is no digest. */
export function differingBuckets(own: Uint8Array, others: Uint8Array): number[] {
  const all = Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket);
  if (own.length !== others.length) return all;
  return all.filter(bucket => {
    const [from, to] = [bucket * SUM_BYTES, (bucket + 1) * SUM_BYTES];
    return Buffer.compare(own.subarray(from, to), others.subarray(from, to)) !== 0;
  });
}
