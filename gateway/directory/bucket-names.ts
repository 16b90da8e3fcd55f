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

export class BucketNames {
  readonly #settings: SettingsClient;

  constructor(settings: SettingsClient) {
    this.#settings = settings;
  }

  /** The bucket that has the name now, if it exists for others. */
  async holder(aliasId: string): Promise<BucketRow | undefined> {
    const alias = await this.#settings.read('alias', aliasId);
    if (alias?.bucket === undefined) return undefined;
    const bucket = await this.#settings.read('bucket', alias.bucket);
    return bucket?.state === 'active' || bucket?.state === 'deleting' ? bucket : undefined;
  }

  /** `taken` when another bucket has the name; having it already is `ours`. */
  async take(aliasId: string, bucket: BucketId): Promise<'ours' | 'taken'> {
    for (;;) {
      const seen = await this.#settings.read('alias', aliasId);
      if (seen?.bucket === bucket) return 'ours';
      if (seen?.bucket !== undefined && !(await this.#evict(seen.bucket))) return 'taken';
      const decided = await this.#settings.change('alias', aliasId, row =>
        row?.timestamp === seen?.timestamp
          ? { kind: 'alias' as const, id: aliasId, bucket }
          : undefined,
      );
      if (decided !== undefined) return 'ours';
    }
  }

  /** True when the bucket that stood in the way is gone for good. */
  async #evict(id: BucketId): Promise<boolean> {
    const decided = await this.#settings.change('bucket', id, row =>
      row?.state === 'creating' ? { ...row, state: 'deleted' as const } : undefined,
    );
    if (decided !== undefined) return true;
    const row = await this.#settings.read('bucket', id);
    return row === undefined || row.state === 'deleted';
  }

  /** Frees the name if it means this bucket. */
  async free(aliasId: string, bucket: BucketId): Promise<void> {
    await this.#settings.change('alias', aliasId, row =>
      row?.bucket === bucket ? { kind: 'alias' as const, id: aliasId } : undefined,
    );
  }
}
