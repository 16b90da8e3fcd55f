/**
 * Keys and buckets in memory, as a door sees them.
 *
 * Owns:          the rows; what was asked.
 * Knows:         the lookup port of the S3 door.
 * Must not know: what is tested.
 */
import type { DirectoryLookup } from '../../gateway/s3/s3-call.ts';
import type { AccessKeyId, BucketId } from '../../schemas/ids.ts';
import type {
  BucketRow,
  BucketSettings,
  SettingsChange,
} from '../../schemas/records/bucket-row.ts';
import { changedRow } from '../../schemas/records/bucket-row.ts';
import { TIMESTAMP_ZERO } from '../../schemas/timestamp.ts';

export type FakeKey = {
  readonly secret: string;
  readonly name: string;
  readonly canCreateBucket: boolean;
};

export class FakeDirectory implements DirectoryLookup {
  readonly keys = new Map<string, FakeKey>();
  readonly buckets = new Map<string, BucketRow>();
  /** Names of the look-ups that were made. */
  readonly asked: string[] = [];
  /** Answers by promise, as for what is not remembered. */
  isSlow = false;
  settingsOutcome: 'changed' | 'gone' | 'unavailable' = 'changed';
  deletion: 'deleted' | 'not-empty' | 'gone' | 'unavailable' = 'deleted';

  /** `rights`: letters of `rwo` by access key. */
  addBucket(name: string, rights: Readonly<Record<string, string>>, indexShards = 1): BucketRow {
    const number = String(this.buckets.size + 1);
    const row: BucketRow = {
      kind: 'bucket',
      timestamp: TIMESTAMP_ZERO,
      id: number.padStart(64, '0') as BucketId,
      createdMs: 1_600_000_000_000,
      state: 'active',
      globalAliases: [name],
      localAliases: [],
      grants: Object.entries(rights).map(([accessKeyId, letters]) => ({
        accessKeyId: accessKeyId as AccessKeyId,
        read: letters.includes('r'),
        write: letters.includes('w'),
        owner: letters.includes('o'),
      })),
      indexShards,
    };
    this.buckets.set(name, row);
    return row;
  }

  secretOf(accessKeyId: string): string | undefined | Promise<string | undefined> {
    this.asked.push(`secret ${accessKeyId}`);
    return this.#answer(this.keys.get(accessKeyId)?.secret);
  }

  keyOf(accessKeyId: string): ReturnType<DirectoryLookup['keyOf']> {
    this.asked.push(`key ${accessKeyId}`);
    return this.#answer(this.keys.get(accessKeyId));
  }

  resolveBucket(name: string): BucketRow | undefined | Promise<BucketRow | undefined> {
    this.asked.push(`bucket ${name}`);
    return this.#answer(this.buckets.get(name));
  }

  bucketsOf(
    accessKeyId: AccessKeyId,
  ): Promise<{ readonly name: string; readonly createdMs: number }[]> {
    const mine = [...this.buckets]
      .filter(([, row]) => row.grants.some(grant => grant.accessKeyId === accessKeyId))
      .map(([name, { createdMs }]) => ({ name, createdMs }));
    return Promise.resolve(mine.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }

  createBucket(
    name: string,
    accessKeyId: AccessKeyId,
    settings?: BucketSettings,
  ): ReturnType<DirectoryLookup['createBucket']> {
    const row = this.buckets.get(name);
    const isMine = row?.grants.some(grant => grant.accessKeyId === accessKeyId) === true;
    if (row !== undefined) return Promise.resolve({ kind: isMine ? 'owned-by-you' : 'taken' });
    this.set(name, { ...this.addBucket(name, { [accessKeyId]: 'rwo' }), ...settings });
    return Promise.resolve({ kind: 'created' });
  }

  deleteBucket(): ReturnType<DirectoryLookup['deleteBucket']> {
    return Promise.resolve({ kind: this.deletion });
  }

  changeSettings(
    bucket: BucketId,
    change: SettingsChange,
  ): ReturnType<DirectoryLookup['changeSettings']> {
    for (const [name, row] of this.buckets) {
      if (row.id !== bucket) continue;
      const changed = changedRow(row, change);
      if (changed === undefined) return Promise.resolve({ kind: 'against-lock' });
      this.set(name, changed);
    }
    return Promise.resolve({ kind: this.settingsOutcome });
  }

  /** Puts a row in place of that of the name. */
  set(name: string, row: BucketRow): void {
    this.buckets.set(name, row);
  }

  #answer<Value>(value: Value): Value | Promise<Value> {
    return this.isSlow ? Promise.resolve(value) : value;
  }
}
