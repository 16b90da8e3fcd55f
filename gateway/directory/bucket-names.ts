/**
 * Giving a name to a bucket and taking it away, so that one name never means two buckets.
 *
 * Owns:          the alias rows.
 * Knows:         the settings client.
 * Must not know: S3, who may ask.
 *
 * A name is free when its row is absent, points nowhere, or points to a bucket that is deleted. A
 * bucket that is still being created holds its name only if it can finish: who wants the name first
 * decides that bucket `deleted`, and has lost if it became active meanwhile. So of two creators of
 * one name exactly one wins, whichever step the other one stopped at.
 */
import type { SettingsClient } from '../../bus/settings-client.ts';
import type { BucketId } from '../../schemas/ids.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';

/** Others who take the name as often are creating it all the time: one of them has it. */
const EVICTIONS_MAX = 32;

export class BucketNames {
  readonly #settings: SettingsClient;

  constructor(settings: SettingsClient) {
    this.#settings = settings;
  }

  /** The bucket that has the name now, if it exists for others: as it is decided, not as a copy
   *  that is some seconds behind has it. */
  async holder(aliasId: string): Promise<BucketRow | undefined> {
    const alias = await this.#settings.readDecided('alias', aliasId);
    if (alias?.bucket === undefined) return undefined;
    const bucket = await this.#settings.readDecided('bucket', alias.bucket);
    return bucket?.state === 'active' || bucket?.state === 'deleting' ? bucket : undefined;
  }

  /** `taken` when another bucket has the name; having it already is `ours`. */
  async take(aliasId: string, bucket: BucketId): Promise<'ours' | 'taken'> {
    const gone = new Set<BucketId>();
    while (gone.size < EVICTIONS_MAX) {
      const seen: { holder?: BucketId | undefined } = {};
      const decided = await this.#settings.change('alias', aliasId, row => {
        seen.holder = row?.bucket;
        const isFree = row?.bucket === undefined || gone.has(row.bucket);
        return isFree ? { kind: 'alias' as const, id: aliasId, bucket } : undefined;
      });
      if (decided !== undefined || seen.holder === bucket) return 'ours';
      if (seen.holder === undefined || !(await this.#evict(seen.holder))) return 'taken';
      gone.add(seen.holder);
    }
    return 'taken';
  }

  /** True when the bucket that stood in the way is gone for good. */
  async #evict(id: BucketId): Promise<boolean> {
    const seen: { state?: BucketRow['state'] | undefined } = {};
    const decided = await this.#settings.change('bucket', id, row => {
      seen.state = row?.state;
      return row?.state === 'creating' ? { ...row, state: 'deleted' as const } : undefined;
    });
    return decided !== undefined || seen.state === undefined || seen.state === 'deleted';
  }

  /** Frees the name if it means this bucket, and tells whether it did. */
  async free(aliasId: string, bucket: BucketId): Promise<boolean> {
    const freed = await this.#settings.change('alias', aliasId, row =>
      row?.bucket === bucket ? { kind: 'alias' as const, id: aliasId } : undefined,
    );
    return freed !== undefined;
  }
}
