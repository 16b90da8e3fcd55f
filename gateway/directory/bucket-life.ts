/**
 * The beginning and the end of a bucket.
 *
 * Owns:          the states creating → active → deleting → deleted, and the order of their steps.
 * Knows:         the settings client, the tables that hold objects.
 * Must not know: S3, the admin API.
 *
 * Creation: the row `creating`; the name; the row `active`. Whoever stops in between leaves a
 * bucket that nobody sees and whose name others may take.
 * Deletion: the row is decided `deleting`, and the stamp of that decision is the
 * token; every index shard durably refuses writes, a write quorum of its replicas in each live
 * layout version; emptiness is read after that, at a read quorum, so what was acknowledged before a
 * fence is seen; the row is decided `deleted` if it is still the one with our token, or `active`
 * again before any fence is lifted. What is left where it stops:
 *  - behind `deleting`, with fences or without: who meets it after the time in which its requests
 *    could still be under way claims it with a later token, which takes the place of the earlier
 *    one everywhere, and goes on with the deletion or gives it up. That time says when others may;
 *    who is right is said by the token alone;
 *  - behind `active`: fences that nobody lifts. Each replica finds its own: an active row that was
 *    decided later than a fence's token has nobody behind that fence (actors/partition/);
 *  - behind `deleted`: names that mean a deleted bucket, which are free. The fences stay: a write
 *    by who has not heard of it is refused for ever;
 *  - where a decision's fate is not known (SettingsUnavailableError): nothing is undone by us. It
 *    is one of the cases above.
 */
import type { SettingsClient } from '../../bus/settings-client.ts';
import type { TableAnswer, TableClient } from '../../bus/table-client.ts';
import type { Clock, Randomness } from '../../schemas/environment.ts';
import type { AccessKeyId, BucketId } from '../../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../../schemas/limits.ts';
import type { BucketRow, BucketSettings } from '../../schemas/records/bucket-row.ts';
import type { ObjectOwnership } from '../../schemas/records/bucket-settings/access-settings.ts';
import { localAliasId } from '../../schemas/records/settings-rows.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { BucketNames } from './bucket-names.ts';

export type BucketLifeOptions = {
  readonly settings: SettingsClient;
  readonly tables: TableClient;
  readonly names: BucketNames;
  readonly clock: Clock;
  readonly random: Randomness;
  readonly indexShards: number;
  readonly ownership: ObjectOwnership;
  /** Names the live layout versions: fences are those of one set of them. */
  readonly layouts?: () => string;
};

export type BucketWish = {
  readonly globalAlias?: string;
  readonly localAlias?: { readonly accessKeyId: AccessKeyId; readonly name: string };
  readonly grants: BucketRow['grants'];
  /** Absent: as many as the configuration says. */
  readonly indexShards?: number;
  readonly settings?: BucketSettings;
};

/** `under-way`: somebody else's deletion of it is. */
export type Deletion = 'deleted' | 'not-empty' | 'gone' | 'under-way' | 'unavailable';

export class BucketLife {
  readonly #options: BucketLifeOptions;
  /** Every request meets such a bucket; one of them brings it back. */
  readonly #recovering = new Set<BucketId>();

  constructor(options: BucketLifeOptions) {
    this.#options = options;
  }

  async create(wish: BucketWish): Promise<BucketRow | 'taken'> {
    const { settings, clock, random, indexShards, ownership } = this.#options;
    const id = random.bytes(32).toString('hex') as BucketId;
    const created = await settings.change('bucket', id, () => ({
      kind: 'bucket' as const,
      id,
      createdMs: clock.wallMs(),
      state: 'creating' as const,
      globalAliases: wish.globalAlias === undefined ? [] : [wish.globalAlias],
      localAliases: wish.localAlias === undefined ? [] : [wish.localAlias],
      grants: wish.grants,
      indexShards: wish.indexShards ?? indexShards,
      ownership,
      ...wish.settings,
    }));
    if (created === undefined || !(await this.#takeNames(created))) {
      await this.#decideState(id, 'creating', 'deleted');
      return 'taken';
    }
    return (await this.#decideState(id, 'creating', 'active')) ?? 'taken';
  }

  async #takeNames(row: BucketRow): Promise<boolean> {
    const { names } = this.#options;
    for (const name of aliasIdsOf(row)) {
      if ((await names.take(name, row.id)) === 'taken') return false;
    }
    return true;
  }

  #decideState(
    id: BucketId,
    from: BucketRow['state'],
    to: BucketRow['state'],
  ): Promise<BucketRow | undefined> {
    return this.#options.settings.change('bucket', id, row =>
      row?.state === from ? { ...row, state: to } : undefined,
    );
  }

  async delete(id: BucketId): Promise<Deletion> {
    // Most refusals are found before the claim, which turns away everybody else's requests.
    const found = await this.#options.settings.find('bucket', id);
    if (found?.state === 'active') {
      const early = await this.#isEmpty(found);
      if (early !== 'empty') return early;
    }
    const row = await this.#claim(id, ['active', 'deleting']);
    if (row === undefined) return 'gone';
    if (row === 'another') return 'under-way';
    const emptiness = await this.#isEmptyAndClosed(row);
    if (emptiness !== 'empty') {
      await this.#giveUp(row);
      return emptiness;
    }
    const deleted = await this.#options.settings.change('bucket', id, current =>
      current?.timestamp === row.timestamp ? { ...current, state: 'deleted' as const } : undefined,
    );
    if (deleted === undefined) return 'unavailable';
    for (const name of aliasIdsOf(row)) await this.#options.names.free(name, id);
    return 'deleted';
  }

  /** Empty, and it cannot be written to: both by the same live layout versions. */
  async #isEmptyAndClosed(row: BucketRow): Promise<'empty' | 'not-empty' | 'unavailable'> {
    const layouts = this.#options.layouts?.();
    const isClosed = await this.#onEveryShard(row, 'bucket-fence', answer => {
      return answer.kind === 'fenced' && answer.token === row.timestamp;
    });
    if (!isClosed) return 'unavailable';
    const emptiness = await this.#isEmpty(row);
    return this.#options.layouts?.() === layouts ? emptiness : 'unavailable';
  }

  /** The row as `deleting` by us; another's deletion is left alone while it may be under way. */
  async #claim(
    id: BucketId,
    from: readonly BucketRow['state'][],
  ): Promise<BucketRow | 'another' | undefined> {
    let isAnother = false;
    const claimed = await this.#options.settings.change('bucket', id, row => {
      isAnother = row !== undefined && this.#isLeased(row);
      if (isAnother || row === undefined || !from.includes(row.state)) return undefined;
      return { ...row, state: 'deleting' as const };
    });
    return claimed ?? (isAnother ? 'another' : undefined);
  }

  #isLeased({ state, timestamp }: BucketRow): boolean {
    const ageMs = this.#options.clock.wallMs() - timestampMs(timestamp);
    return state === 'deleting' && ageMs < 2 * REQUEST_DEADLINE_MS;
  }

  /** Called for a bucket found `deleting`: brings it back if whoever deleted it is long gone. */
  async recover(row: BucketRow): Promise<void> {
    if (this.#isLeased(row) || this.#recovering.has(row.id)) return;
    this.#recovering.add(row.id);
    try {
      const claimed = await this.#claim(row.id, ['deleting']);
      if (claimed !== undefined && claimed !== 'another') await this.#giveUp(claimed);
    } finally {
      this.#recovering.delete(row.id);
    }
  }

  async #giveUp(row: BucketRow): Promise<void> {
    const active = await this.#options.settings.change('bucket', row.id, current =>
      current?.timestamp === row.timestamp ? { ...current, state: 'active' as const } : undefined,
    );
    if (active === undefined) return;
    await this.#onEveryShard(row, 'bucket-unfence', answer => answer.kind === 'written');
  }

  async #onEveryShard(
    { id, timestamp, indexShards }: BucketRow,
    kind: 'bucket-fence' | 'bucket-unfence',
    isDone: (answer: TableAnswer) => boolean,
  ): Promise<boolean> {
    const { tables } = this.#options;
    let areDone = true;
    for (let shard = 0; shard < indexShards; shard += 1) {
      const partition = tables.partitionOf({ bucket: id, shard });
      const answer = await tables.ask(partition, { kind, token: timestamp, bucket: id });
      areDone &&= isDone(answer);
      // To open what can be opened is worth going on for.
      if (!areDone && kind === 'bucket-fence') return false;
    }
    return areDone;
  }

  async #isEmpty(row: BucketRow): Promise<'empty' | 'not-empty' | 'unavailable'> {
    const { tables } = this.#options;
    for (let shard = 0; shard < row.indexShards; shard += 1) {
      const partition = tables.partitionOf({ bucket: row.id, shard });
      const answer = await tables.ask(partition, { kind: 'bucket-probe', bucket: row.id, shard });
      if (answer.kind !== 'probed') return 'unavailable';
      if (!answer.empty) return 'not-empty';
    }
    return 'empty';
  }
}

/** The ids of the alias rows of all names that a bucket's row lists. */
export function aliasIdsOf(row: BucketRow): string[] {
  const local = row.localAliases.map(({ accessKeyId, name }) => localAliasId(accessKeyId, name));
  return [...row.globalAliases, ...local];
}
