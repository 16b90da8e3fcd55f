/**
 * What a gateway remembers of buckets, names and keys, for some seconds at most.
 *
 * Owns:          the remembered rows and when they go.
 * Knows:         the settings client, and the event that says a row changed.
 * Must not know: who may do what.
 *
 * Only what exists is remembered: an absent row is asked for each time. Which bucket a name means
 * to a key is remembered as a whole, and forgotten with any change of a name or a bucket.
 *
 * What is not in the copy that is read may have been made at another site a moment ago, so those
 * who decide are asked before it is said not to exist. Strangers can ask for what does not exist as
 * often as they like: such questions are bounded, and beyond that the copy's word is taken.
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

/** So many questions of those who decide, in this time. */
const QUESTIONS_MAX = 100;
const QUESTIONS_MS = 1000;

/** Lets through a bounded number of questions in each second. */
class Allowance {
  #asked = 0;
  #sinceMs = 0;

  take(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= QUESTIONS_MS) {
      this.#asked = 0;
      this.#sinceMs = nowMs;
    }
    this.#asked += 1;
    return this.#asked <= QUESTIONS_MAX;
  }
}

/** Reads the copy, or asks those who decide. */
type Reader = SettingsClient['read'];

export class DirectoryCache {
  readonly #settings: SettingsClient;
  readonly #clock: Clock;
  readonly #keys = new Remembered<AccessKeyRow>();
  readonly #resolved = new Remembered<BucketRow>();
  /** Strangers use up what is theirs alone. */
  readonly #allowances = {
    key: new Allowance(),
    named: new Allowance(),
    strangers: new Allowance(),
  };

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
    const found = await this.#settings.read('key', accessKeyId);
    const isAbsent = found === undefined && this.#mayAsk('key');
    const row = isAbsent ? await this.#settings.readDecided('key', accessKeyId) : found;
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
    const row = await this.#known(name, accessKeyId);
    if (row !== undefined && this.#resolved.epoch === epoch) {
      this.#resolved.set(`${accessKeyId ?? ''}/${name}`, row, this.#clock.monotonicMs());
    }
    return row;
  }

  async #known(name: string, accessKeyId: AccessKeyId | undefined): Promise<BucketRow | undefined> {
    const copied = await lookUp(name, accessKeyId, (table, id) => this.#settings.read(table, id));
    if (copied !== undefined) return copied;
    if (!this.#mayAsk(accessKeyId === undefined ? 'strangers' : 'named')) return undefined;
    return lookUp(name, accessKeyId, (table, id) => this.#settings.readDecided(table, id));
  }

  #mayAsk(whose: 'key' | 'named' | 'strangers'): boolean {
    if (this.#settings.hasOneCopy) return false;
    return this.#allowances[whose].take(this.#clock.monotonicMs());
  }
}

async function lookUp(
  name: string,
  accessKeyId: AccessKeyId | undefined,
  read: Reader,
): Promise<BucketRow | undefined> {
  if (accessKeyId !== undefined) {
    const own = await byAlias(localAliasId(accessKeyId, name), read);
    if (own !== undefined) return own;
  }
  const id = parseBucketId(name);
  return id === undefined ? byAlias(name, read) : existing(id, read);
}

async function byAlias(aliasId: string, read: Reader): Promise<BucketRow | undefined> {
  const alias = await read('alias', aliasId);
  return alias?.bucket === undefined ? undefined : existing(alias.bucket, read);
}

async function existing(id: string, read: Reader): Promise<BucketRow | undefined> {
  const row = await read('bucket', id);
  return row?.state === 'active' || row?.state === 'deleting' ? row : undefined;
}
