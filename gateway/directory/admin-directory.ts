/**
 * What administration does with buckets and keys.
 *
 * Owns:          the order of the rows that one operation touches.
 * Knows:         the settings client, names, and the life of buckets.
 * Must not know: HTTP, the command line.
 *
 * The alias row decides what a name means; the bucket's row lists its names for showing. A name is
 * taken before it is listed and unlisted after it is freed, so a crash in between leaves a name
 * that works, or one that is shown and may be removed again, never one that means two buckets.
 */
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import type * as Admin from '../../schemas/admin-types.ts';
import type { SettingsClient } from '../../bus/settings-client.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import type { Clock, Randomness } from '../../schemas/environment.ts';
import type { AccessKeyId } from '../../schemas/ids.ts';
import { parseBucketId } from '../../schemas/ids.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import { withSettings } from '../../schemas/records/bucket-row.ts';
import type { WebsiteConfiguration } from '../../schemas/records/bucket-settings/website.ts';
import type { AccessKeyRow } from '../../schemas/records/settings-rows.ts';
import { localAliasId } from '../../schemas/records/settings-rows.ts';
import type { Directory } from '../admin/admin-ports.ts';
import { bucketInfo, keyInfo } from './admin-views.ts';
import type { BucketLife } from './bucket-life.ts';
import type { BucketNames } from './bucket-names.ts';

export type AdminDirectoryOptions = {
  readonly settings: SettingsClient;
  readonly names: BucketNames;
  readonly life: BucketLife;
  readonly clock: Clock;
  readonly random: Randomness;
};

/** Says in an operator's words that the keeper of the settings did not answer. */
async function available<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (failure) {
    if (!(failure instanceof SettingsUnavailableError)) throw failure;
    throw new AdminUnavailableError(
      'The settings could not be read or written; the log of the node says why.',
    );
  }
}

export class AdminDirectory implements Directory {
  readonly #options: AdminDirectoryOptions;

  constructor(options: AdminDirectoryOptions) {
    this.#options = options;
  }

  async #buckets(): Promise<BucketRow[]> {
    const rows = await available(this.#options.settings.list('bucket'));
    return rows.filter(row => row.state === 'active' || row.state === 'deleting');
  }

  async #keys(): Promise<Map<string, AccessKeyRow>> {
    const rows = await available(this.#options.settings.list('key'));
    return new Map(rows.filter(row => !row.deleted).map(row => [row.id, row]));
  }

  async #info(row: BucketRow): Promise<Admin.BucketInfo> {
    return bucketInfo(row, await this.#keys());
  }

  async #liveKey(accessKeyId: string): Promise<AccessKeyRow | undefined> {
    const row = await available(this.#options.settings.find('key', accessKeyId));
    return row === undefined || row.deleted ? undefined : row;
  }

  async listBuckets(): Promise<Admin.BucketInfo[]> {
    const keys = await this.#keys();
    return (await this.#buckets()).map(row => bucketInfo(row, keys));
  }

  async bucket(bucketId: string): Promise<Admin.BucketInfo | undefined> {
    const row = await this.#bucketRow(bucketId);
    return row && this.#info(row);
  }

  async #bucketRow(bucketId: string): Promise<BucketRow | undefined> {
    const id = parseBucketId(bucketId);
    if (id === undefined) return undefined;
    const row = await available(
      this.#options.settings.find('bucket', id, found => found.state !== 'creating'),
    );
    return row?.state === 'active' || row?.state === 'deleting' ? row : undefined;
  }

  async bucketByGlobalAlias(name: string): Promise<Admin.BucketInfo | undefined> {
    const row = await available(this.#options.names.holder(name));
    return row && this.#info(row);
  }

  async createBucket(request: Admin.NewBucket): Promise<Admin.CreateBucketResult> {
    const { globalAlias, localAlias } = request;
    if (localAlias !== undefined && (await this.#liveKey(localAlias.accessKeyId)) === undefined) {
      return { kind: 'key-not-found' };
    }
    const aliasIds = [
      ...(globalAlias === undefined ? [] : [globalAlias]),
      ...(localAlias === undefined
        ? []
        : [localAliasId(localAlias.accessKeyId as AccessKeyId, localAlias.name)]),
    ];
    for (const id of aliasIds) {
      if ((await available(this.#options.names.holder(id))) !== undefined) {
        return { kind: 'alias-taken' };
      }
    }
    const row = await available(this.#options.life.create(bucketWish(request)));
    if (row === 'taken') return { kind: 'alias-taken' };
    return { kind: 'created', bucket: await this.#info(row) };
  }

  async #changeBucket(
    bucketId: string,
    change: (row: BucketRow) => BucketRow,
  ): Promise<BucketRow | undefined> {
    const id = parseBucketId(bucketId);
    if (id === undefined) return undefined;
    return available(
      this.#options.settings.change('bucket', id, row =>
        row?.state === 'active' ? change(row) : undefined,
      ),
    );
  }

  async updateBucket(
    bucketId: string,
    change: Admin.BucketChange,
  ): Promise<Admin.UpdateBucketResult> {
    const row = await this.#changeBucket(bucketId, before => changedBucket(before, change));
    if (row === undefined) return { kind: 'bucket-not-found' };
    return { kind: 'updated', bucket: await this.#info(row) };
  }

  async deleteBucket(bucketId: string): Promise<Admin.DeleteBucketResult> {
    const row = await this.#bucketRow(bucketId);
    if (row === undefined) return { kind: 'bucket-not-found' };
    const outcome = await available(this.#options.life.delete(row.id));
    switch (outcome) {
      case 'deleted':
      case 'not-empty':
        return { kind: outcome };
      case 'gone':
        return { kind: 'bucket-not-found' };
      case 'under-way':
        throw new AdminUnavailableError('Another deletion of the bucket is under way.');
      case 'unavailable':
        throw new AdminUnavailableError('The bucket could not be deleted now.');
    }
  }

  async changePermissions(change: Admin.PermissionChange): Promise<Admin.PermissionResult> {
    if ((await this.#liveKey(change.accessKeyId)) === undefined) return { kind: 'key-not-found' };
    const row = await this.#changeBucket(change.bucketId, before => ({
      ...before,
      grants: changedGrants(before.grants, change),
    }));
    if (row === undefined) return { kind: 'bucket-not-found' };
    return { kind: 'updated', bucket: await this.#info(row) };
  }

  async addAlias(bucketId: string, alias: Admin.BucketAlias): Promise<Admin.AddAliasResult> {
    const bucket = await this.#bucketRow(bucketId);
    if (bucket === undefined) return { kind: 'bucket-not-found' };
    if (alias.kind === 'local' && (await this.#liveKey(alias.accessKeyId)) === undefined) {
      return { kind: 'key-not-found' };
    }
    const taken = await available(this.#options.names.take(aliasIdOf(alias), bucket.id));
    if (taken === 'taken') return { kind: 'alias-taken' };
    const row = await this.#changeBucket(bucketId, before => withAlias(before, alias));
    if (row === undefined) {
      // The bucket was deleted meanwhile: its name must not stay behind.
      await available(this.#options.names.free(aliasIdOf(alias), bucket.id));
      return { kind: 'bucket-not-found' };
    }
    return { kind: 'updated', bucket: await this.#info(row) };
  }

  async removeAlias(bucketId: string, alias: Admin.BucketAlias): Promise<Admin.RemoveAliasResult> {
    if (alias.kind === 'local' && (await this.#liveKey(alias.accessKeyId)) === undefined) {
      return { kind: 'key-not-found' };
    }
    let problem: 'alias-not-found' | 'last-alias' | undefined;
    const row = await this.#changeBucket(bucketId, before => {
      const after = withoutAlias(before, alias);
      const left = after.globalAliases.length + after.localAliases.length;
      const had = before.globalAliases.length + before.localAliases.length;
      problem = left === had ? 'alias-not-found' : left === 0 ? 'last-alias' : undefined;
      return problem === undefined ? after : before;
    });
    if (row === undefined) return { kind: 'bucket-not-found' };
    if (problem === 'last-alias') return { kind: problem };
    // A name that is not listed may still be there: whoever took it off the list stopped half-way.
    const isFreed = await available(this.#options.names.free(aliasIdOf(alias), row.id));
    if (problem !== undefined && !isFreed) return { kind: problem };
    return { kind: 'updated', bucket: await this.#info(row) };
  }

  async listKeys(): Promise<Admin.KeyInfo[]> {
    const buckets = await this.#buckets();
    return [...(await this.#keys()).values()].map(row => keyInfo(row, buckets));
  }

  async key(accessKeyId: string): Promise<Admin.KeyInfo | undefined> {
    const row = await this.#liveKey(accessKeyId);
    return row && keyInfo(row, await this.#buckets());
  }

  async createKey(request: Admin.NewKey): Promise<Admin.KeyInfo> {
    const { random } = this.#options;
    const id = `GK${random.bytes(12).toString('hex')}`;
    const secret = random.bytes(32).toString('hex');
    const made = await this.#makeKey({ id, secret, ...request });
    if (made === undefined) throw new AdminUnavailableError('The key id was drawn before.');
    return made;
  }

  async #makeKey(
    wish: { readonly id: string; readonly secret: string } & Admin.NewKey,
  ): Promise<Admin.KeyInfo | undefined> {
    const id = wish.id as AccessKeyId;
    const row = await available(
      this.#options.settings.change('key', id, before =>
        before === undefined
          ? {
              ...{ kind: 'key' as const, id, secret: wish.secret, name: wish.name },
              createdMs: this.#options.clock.wallMs(),
              ...(wish.expiresMs === undefined ? {} : { expiresMs: wish.expiresMs }),
              canCreateBucket: wish.canCreateBucket,
              deleted: false,
            }
          : undefined,
      ),
    );
    return row && keyInfo(row, []);
  }

  async importKey(request: Admin.ImportedKey): Promise<Admin.ImportKeyResult> {
    const key = await this.#makeKey({ ...request, expiresMs: undefined, canCreateBucket: false });
    return key === undefined ? { kind: 'id-taken' } : { kind: 'imported', key };
  }

  async updateKey(accessKeyId: string, change: Admin.KeyChange): Promise<Admin.UpdateKeyResult> {
    const row = await available(
      this.#options.settings.change('key', accessKeyId, before =>
        before === undefined || before.deleted ? undefined : changedKey(before, change),
      ),
    );
    if (row === undefined) return { kind: 'key-not-found' };
    return { kind: 'updated', key: keyInfo(row, await this.#buckets()) };
  }

  async deleteKey(accessKeyId: string): Promise<Admin.DeleteKeyResult> {
    const row = await available(
      this.#options.settings.change('key', accessKeyId, before =>
        before === undefined || before.deleted ? undefined : { ...before, deleted: true },
      ),
    );
    if (row === undefined) return { kind: 'key-not-found' };
    for (const bucket of await this.#buckets()) await this.#forgetKey(bucket, row.id);
    return { kind: 'deleted' };
  }

  async #forgetKey(bucket: BucketRow, accessKeyId: AccessKeyId): Promise<void> {
    const isConcerned = [...bucket.grants, ...bucket.localAliases].some(
      entry => entry.accessKeyId === accessKeyId,
    );
    if (!isConcerned) return;
    await this.#changeBucket(bucket.id, row => ({
      ...row,
      grants: row.grants.filter(grant => grant.accessKeyId !== accessKeyId),
      localAliases: row.localAliases.filter(alias => alias.accessKeyId !== accessKeyId),
    }));
    for (const alias of bucket.localAliases) {
      if (alias.accessKeyId !== accessKeyId) continue;
      await available(this.#options.names.free(localAliasId(accessKeyId, alias.name), bucket.id));
    }
  }
}

function aliasIdOf(alias: Admin.BucketAlias): string {
  if (alias.kind === 'global') return alias.name;
  return localAliasId(alias.accessKeyId as AccessKeyId, alias.name);
}

function bucketWish({
  globalAlias,
  localAlias,
  indexShards,
}: Admin.NewBucket): Parameters<BucketLife['create']>[0] {
  const common = indexShards === undefined ? {} : { indexShards };
  if (localAlias === undefined) {
    return { ...common, ...(globalAlias === undefined ? {} : { globalAlias }), grants: [] };
  }
  const accessKeyId = localAlias.accessKeyId as AccessKeyId;
  const { read, write, owner } = localAlias.allow;
  return {
    ...common,
    ...(globalAlias === undefined ? {} : { globalAlias }),
    localAlias: { accessKeyId, name: localAlias.name },
    grants: read || write || owner ? [{ accessKeyId, read, write, owner }] : [],
  };
}

function withAlias(row: BucketRow, alias: Admin.BucketAlias): BucketRow {
  const rest = withoutAlias(row, alias);
  if (alias.kind === 'global') {
    return { ...rest, globalAliases: [...rest.globalAliases, alias.name] };
  }
  const added = { accessKeyId: alias.accessKeyId as AccessKeyId, name: alias.name };
  return { ...rest, localAliases: [...rest.localAliases, added] };
}

function withoutAlias(row: BucketRow, alias: Admin.BucketAlias): BucketRow {
  if (alias.kind === 'global') {
    return { ...row, globalAliases: row.globalAliases.filter(name => name !== alias.name) };
  }
  const isIt = (other: BucketRow['localAliases'][number]): boolean =>
    other.accessKeyId === alias.accessKeyId && other.name === alias.name;
  return { ...row, localAliases: row.localAliases.filter(other => !isIt(other)) };
}

function changedGrants(
  grants: BucketRow['grants'],
  { accessKeyId, flags, value }: Admin.PermissionChange,
): BucketRow['grants'] {
  const before = grants.find(grant => grant.accessKeyId === accessKeyId);
  const grant = {
    ...{ accessKeyId: accessKeyId as AccessKeyId, read: false, write: false, owner: false },
    ...before,
  };
  for (const flag of flags) grant[flag] = value;
  const others = grants.filter(other => other.accessKeyId !== accessKeyId);
  return grant.read || grant.write || grant.owner ? [...others, grant] : others;
}

function changedBucket(row: BucketRow, change: Admin.BucketChange): BucketRow {
  const { website, quotas, cors, lifecycle } = change;
  return withSettings(row, {
    ...(website === undefined ? {} : { website: websiteRow(row.website, website) }),
    ...(quotas === undefined
      ? {}
      : { maxSizeBytes: quotas.maxSizeBytes ?? null, maxObjects: quotas.maxObjects ?? null }),
    ...(cors === undefined ? {} : { cors }),
    ...(lifecycle === undefined ? {} : { lifecycle }),
  });
}

function websiteRow(
  before: WebsiteConfiguration | undefined,
  change: Admin.WebsiteChange | null,
): WebsiteConfiguration | null {
  if (change === null) return null;
  const { indexDocument, errorDocument } = change;
  const kept = before?.kind === 'pages' ? before.routingRules : [];
  const routingRules = change.routingRules ?? kept;
  return { kind: 'pages', indexDocument, errorDocument, routingRules };
}

function changedKey(row: AccessKeyRow, change: Admin.KeyChange): AccessKeyRow {
  const { expiresMs: oldExpiry, ...rest } = row;
  const expiresMs = change.expiresMs === undefined ? oldExpiry : (change.expiresMs ?? undefined);
  return {
    ...rest,
    name: change.name ?? row.name,
    canCreateBucket: change.canCreateBucket ?? row.canCreateBucket,
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
}
