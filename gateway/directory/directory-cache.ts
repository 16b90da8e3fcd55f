/**
 * What a gateway remembers of buckets, names and keys, for some seconds at most.
 *
 * Owns:          the remembered rows and when they go.
 * Knows:         the settings client, and the event that says a row changed.
 * Must not know: who may do what.
 *
 * Only what exists is remembered: an absent row is asked for each time. Which bucket a name means
 * to a key is remembered as a whole, and forgotten with any change of a name or a bucket.
 */
import type { Bus } from '../../bus/bus.ts';
import type { SettingsClient } from '../../bus/settings-client.ts';
import type { Subjects } from '../../bus/subjects.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { AccessKeyId } from '../../schemas/ids.ts';
import { parseBucketId } from '../../schemas/ids.ts';
import { DIRECTORY_CACHE_ENTRIES_MAX, DIRECTORY_CACHE_MS } from '../../schemas/limits.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { AccessKeyRow } from '../../schemas/records/settings-rows.ts';
import { localAliasId } from '../../schemas/records/settings-rows.ts';

/** A map whose entries live a bounded time, and whose size is bounded by starting afresh. */
class Remembered<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  /** Counts what was forgotten: an answer that was asked for before is not remembered after. */
  epoch = 0;

  get(name: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.untilMs > nowMs ? entry.value : undefined;
  }

  set(name: string, value: Value, nowMs: number): void {
    if (this.#entries.size >= DIRECTORY_CACHE_ENTRIES_MAX) this.#entries.clear();
    this.#entries.set(name, { value, untilMs: nowMs + DIRECTORY_CACHE_MS });
  }

  forgetAll(): void {
    this.#entries.clear();
    this.epoch += 1;
  }
}

export class DirectoryCache {
  readonly #settings: SettingsClient;
  readonly #clock: Clock;
  readonly #keys = new Remembered<AccessKeyRow>();
  readonly #resolved = new Remembered<BucketRow>();

  constructor(settings: SettingsClient, clock: Clock, bus: Bus, subjects: Subjects) {
    this.#settings = settings;
    this.#clock = clock;
    bus.listen(subjects.settingsChanged(), ({ table }) => {
      if (table === 'key') this.#keys.forgetAll();
      else this.#resolved.forgetAll();
    });
  }

  /** A key that is known, not deleted and not expired. */
  key(accessKeyId: string): AccessKeyRow | undefined | Promise<AccessKeyRow | undefined> {
    const row = this.#keys.get(accessKeyId, this.#clock.monotonicMs());
    return row === undefined ? this.#readKey(accessKeyId) : this.#unexpired(row);
  }

  #unexpired(row: AccessKeyRow): AccessKeyRow | undefined {
    const isOver = row.expiresMs !== undefined && row.expiresMs <= this.#clock.wallMs();
    return isOver ? undefined : row;
  }

  async #readKey(accessKeyId: string): Promise<AccessKeyRow | undefined> {
    const { epoch } = this.#keys;
    const row = await this.#settings.read('key', accessKeyId);
    if (row === undefined || row.deleted) return undefined;
    if (this.#keys.epoch === epoch) {
      this.#keys.set(accessKeyId, row, this.#clock.monotonicMs());
    }
    return this.#unexpired(row);
  }

  /** The bucket that a name means: a name of this key first, then an id, then a name for all. */
  bucket(
    name: string,
    accessKeyId: AccessKeyId | undefined,
  ): BucketRow | undefined | Promise<BucketRow | undefined> {
    const known = this.#resolved.get(`${accessKeyId ?? ''}/${name}`, this.#clock.monotonicMs());
    return known ?? this.#resolve(name, accessKeyId);
  }

  async #resolve(
    name: string,
    accessKeyId: AccessKeyId | undefined,
  ): Promise<BucketRow | undefined> {
    const { epoch } = this.#resolved;
    const row = await this.#lookUp(name, accessKeyId);
    if (row !== undefined && this.#resolved.epoch === epoch) {
      this.#resolved.set(`${accessKeyId ?? ''}/${name}`, row, this.#clock.monotonicMs());
    }
    return row;
  }

  async #lookUp(
    name: string,
    accessKeyId: AccessKeyId | undefined,
  ): Promise<BucketRow | undefined> {
    if (accessKeyId !== undefined) {
      const own = await this.#byAlias(localAliasId(accessKeyId, name));
      if (own !== undefined) return own;
    }
    const id = parseBucketId(name);
    if (id !== undefined) return this.#existing(id);
    return this.#byAlias(name);
  }

  async #byAlias(aliasId: string): Promise<BucketRow | undefined> {
    const alias = await this.#settings.read('alias', aliasId);
    return alias?.bucket === undefined ? undefined : this.#existing(alias.bucket);
  }

  async #existing(id: string): Promise<BucketRow | undefined> {
    const row = await this.#settings.read('bucket', id);
    return row?.state === 'active' || row?.state === 'deleting' ? row : undefined;
  }
}
