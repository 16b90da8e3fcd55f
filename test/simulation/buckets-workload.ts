/**
 * Buckets and keys: names that two sites take at once, deletions against puts, keys that change.
 *
 * Owns:          the requests; which bucket was created and deleted, as clients were told.
 * Knows:         the gateway's directory, the judges of registers.
 * Must not know: faults.
 */
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import { S3Error } from '../../gateway/s3/s3-error.ts';
import type { BucketId, ObjectKey } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { RegisterChecker } from '../support/register-checker.ts';
import { RegisterJudge } from './register-judge.ts';
import { deleteObject, putObject } from './simulated-client.ts';
import type { GatewayServices } from './simulated-gateway.ts';
import { nameInUse } from './simulated-layout.ts';
import { Clients, violate, type Run, type Workload } from './workload.ts';

/** What clients were told of one bucket. */
type Bucket = {
  readonly name: string;
  readonly keys: Set<string>;
  /** Somebody was told that it was created. */
  isCreated: boolean;
  isDeletionAsked: boolean;
  isDeleted: boolean;
};

const NAMES = [0, 1].map(index =>
  nameInUse(`bucket-${String(index)}`, candidate => `alias/${candidate}`),
);
const KEY_ID = nameInUse('GK0123456789abcdef01234567', candidate => `key/${candidate}`);
const OBJECTS = 2;
const CLIENTS = 4;
const HUNDRED = 100;
const CREATES = 25;
const BUCKET_DELETES = 20;
const PUTS = 25;
const OBJECT_DELETES = 15;
const KEY_CHANGES = 8;
const CLOSED = new Set(['NoSuchBucket']);
/** Gateways have forgotten by then what they remembered. */
const SPREAD_MS = 6000;

export class BucketsWorkload implements Workload {
  readonly #run: Run;
  readonly #clients: Clients;
  readonly #judge: RegisterJudge;
  readonly #buckets = new Map<BucketId, Bucket>();
  readonly #acknowledged = new Set<string>();
  readonly #keyNames = new RegisterChecker();
  #lastName = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#clients = new Clients(run);
    this.#judge = new RegisterJudge(run, this.#clients);
  }

  start(): void {
    this.#clients.start(CLIENTS, () => this.#turn());
  }

  stop(): Promise<void> {
    return this.#clients.stop();
  }

  async #turn(): Promise<void> {
    const { random } = this.#run;
    const name = NAMES[random.below(NAMES.length)]!;
    const key = `key-${String(random.below(OBJECTS))}`;
    let dice = random.below(HUNDRED);
    const isIn = (share: number): boolean => {
      dice -= share;
      return dice < 0;
    };
    if (isIn(CREATES)) await this.#create(name);
    else if (isIn(BUCKET_DELETES)) await this.#deleteBucket(name);
    else if (isIn(PUTS)) await this.#put(name, key);
    else if (isIn(OBJECT_DELETES)) await this.#deleteObject(name, key);
    else if (isIn(KEY_CHANGES)) await this.#changeKey();
    else await this.#readKey();
  }

  // ---- buckets ----------------------------------------------------------------------------------

  async #create(name: string): Promise<void> {
    const told = await this.#clients.ask({
      what: `create ${name}`,
      work: ({ directory }) => available(directory.createBucket({ globalAlias: name })),
    });
    if (told.kind !== 'done' || told.done.kind !== 'created') return;
    const id = told.done.bucket.id as BucketId;
    this.#run.cluster.trace.tell(`  ${name} is ${id.slice(0, 8)}`);
    const own = this.#known(id, name);
    own.isCreated = true;
    // Told late, by a gateway that stood still: others may have deleted it, and made another one.
    if (own.isDeletionAsked) return;
    for (const [other, bucket] of this.#buckets) {
      if (bucket === own || bucket.name !== name) continue;
      if (!bucket.isCreated || bucket.isDeletionAsked) continue;
      violate(this.#run, `${name} is ${id.slice(0, 8)} and ${other.slice(0, 8)} at once`);
    }
  }

  /** It may be found, and deleted, before its creation is answered, or without that. */
  #known(id: BucketId, name: string): Bucket {
    const known = this.#buckets.get(id);
    if (known !== undefined) return known;
    const isUntold = { isCreated: false, isDeletionAsked: false, isDeleted: false };
    const bucket = { name, keys: new Set<string>(), ...isUntold };
    this.#buckets.set(id, bucket);
    return bucket;
  }

  /** What the name means to a gateway now; undefined: nothing. */
  async #find({ lookup }: GatewayServices, name: string): Promise<BucketId | undefined> {
    const row = await available(Promise.resolve(lookup.resolveBucket(name, undefined)));
    if (row !== undefined) this.#known(row.id, name);
    return row?.id;
  }

  async #deleteBucket(name: string): Promise<void> {
    const { time } = this.#run.cluster;
    const beganMs = time.nowMs;
    const told = await this.#clients.ask({
      what: `delete ${name}`,
      work: async gateway => {
        const id = await this.#find(gateway, name);
        const bucket = id && this.#buckets.get(id);
        if (id === undefined || bucket === undefined) return undefined;
        bucket.isDeletionAsked = true;
        return { id, deletion: await available(gateway.life.delete(id)) };
      },
    });
    if (told.kind !== 'done' || told.done?.deletion !== 'deleted') return;
    const { id } = told.done;
    const bucket = this.#buckets.get(id)!;
    bucket.isDeleted = true;
    this.#run.cluster.trace.tell(`  ${id.slice(0, 8)} is deleted`);
    // It was found empty after the request began.
    for (const key of bucket.keys) this.#judge.saw(registerOf(id, key), 'deleted', beganMs);
  }

  // ---- objects ----------------------------------------------------------------------------------

  async #put(name: string, key: string): Promise<void> {
    const content = this.#run.contents.make('inline');
    const told = await this.#clients.ask({
      what: `put ${name}/${key} = ${String(content.value)}`,
      work: async gateway => {
        const id = await this.#find(gateway, name);
        if (id === undefined) return undefined;
        this.#buckets.get(id)?.keys.add(key);
        const acknowledge = this.#judge.begin(registerOf(id, key), content.value);
        await putObject(gateway, placeOf(id, key), content);
        acknowledge();
        return id;
      },
      refusals: CLOSED,
    });
    if (told.kind !== 'done' || told.done === undefined) return;
    this.#acknowledged.add(String(content.value));
    this.#run.cluster.trace.tell(`  into ${told.done.slice(0, 8)}`);
  }

  async #deleteObject(name: string, key: string): Promise<void> {
    await this.#clients.ask({
      what: `delete ${name}/${key}`,
      work: async gateway => {
        const id = await this.#find(gateway, name);
        if (id === undefined) return;
        const acknowledge = this.#judge.begin(registerOf(id, key), 'deleted');
        await deleteObject(gateway, placeOf(id, key));
        acknowledge();
      },
      refusals: CLOSED,
    });
  }

  // ---- keys -------------------------------------------------------------------------------------

  async #changeKey(): Promise<void> {
    const { time } = this.#run.cluster;
    this.#lastName += 1;
    const name = this.#lastName;
    const acknowledged = this.#keyNames.begin(KEY_ID, name, time.nowMs);
    const told = await this.#clients.ask({
      what: `name the key ${String(name)}`,
      work: ({ clients: { settings } }) =>
        available(
          settings.change('key', KEY_ID, before => ({
            ...{ kind: 'key' as const, id: KEY_ID as never, secret: '', createdMs: 0 },
            ...{ canCreateBucket: false, deleted: false },
            ...before,
            name: String(name),
          })),
        ),
    });
    if (told.kind === 'done') acknowledged(time.nowMs);
  }

  async #readKey(): Promise<void> {
    const beganMs = this.#run.cluster.time.nowMs;
    const told = await this.#clients.ask({
      what: 'read the name of the key',
      work: ({ clients: { settings } }) => available(settings.readDecided('key', KEY_ID)),
    });
    if (told.kind === 'done') this.#sawName(told.done?.name, beganMs);
  }

  #sawName(name: string | undefined, beganMs: number): void {
    const { stale } = this.#keyNames;
    const before = stale.length;
    this.#keyNames.saw(KEY_ID, name === undefined ? 'deleted' : Number(name), beganMs);
    const found = stale[before];
    if (found === undefined) return;
    violate(this.#run, `the key was named ${String(name)}: ${String(found.hides)} came after`);
  }

  // ---- the end ----------------------------------------------------------------------------------

  async verify(): Promise<void> {
    const { cluster } = this.#run;
    await this.#judge.verify(register => {
      const [id = '', key = ''] = register.split('/');
      return placeOf(id as BucketId, key);
    });
    await cluster.time.pass(SPREAD_MS);
    await cluster.time.until(Promise.all(cluster.gateways.map((_, at) => this.#verifyAt(at))));
  }

  async #verifyAt(gateway: number): Promise<void> {
    const beganMs = this.#run.cluster.time.nowMs;
    const named = await this.#clients.ask(
      {
        what: 'read the key as it is remembered',
        work: ({ lookup }) => available(Promise.resolve(lookup.keyOf(KEY_ID))),
      },
      gateway,
    );
    if (named.kind === 'done') this.#sawName(named.done?.name, beganMs);
    for (const [id, bucket] of this.#buckets) await this.#verifyBucket(gateway, id, bucket);
  }

  async #verifyBucket(gateway: number, id: BucketId, bucket: Bucket): Promise<void> {
    const { name, isCreated, isDeletionAsked, isDeleted } = bucket;
    const found = await this.#clients.ask(
      { what: `find ${name}`, work: services => this.#find(services, name) },
      gateway,
    );
    if (found.kind !== 'done') return;
    const short = id.slice(0, 8);
    if (isDeleted && found.done === id) violate(this.#run, `${name} is ${short}, deleted before`);
    if (isCreated && !isDeletionAsked && found.done !== id)
      violate(this.#run, `${name} is not ${short} any more`);
    if (isDeleted) await this.#verifyNothingLost(gateway, id, bucket);
  }

  /** Nothing was acknowledged into a bucket that is gone. */
  async #verifyNothingLost(gateway: number, id: BucketId, { keys }: Bucket): Promise<void> {
    for (const key of keys) {
      const place = placeOf(id, key);
      const told = await this.#clients.ask(
        {
          what: `read ${id.slice(0, 8)}/${key}, whose bucket is gone`,
          work: ({ reader }) => Promise.resolve(reader.find(place, 'content')),
        },
        gateway,
      );
      const bytes = told.kind === 'done' ? told.done?.inline : undefined;
      const value = bytes && this.#run.contents.valueOf(bytes);
      if (value === undefined || !this.#acknowledged.has(String(value))) continue;
      violate(this.#run, `${String(value)} was acknowledged into a bucket that is deleted`);
    }
  }
}

function registerOf(id: BucketId, key: string): string {
  return `${id}/${key}`;
}

function placeOf(bucket: BucketId, key: string): ObjectPlace {
  return { bucket, shard: 0, key: key as ObjectKey };
}

/** Where those who decide cannot be asked, a client is told 503. */
async function available<Done>(work: Promise<Done>): Promise<Done> {
  try {
    return await work;
  } catch (cause) {
    const isUnavailable =
      cause instanceof SettingsUnavailableError || cause instanceof AdminUnavailableError;
    throw isUnavailable ? new S3Error('ServiceUnavailable', { cause }) : cause;
  }
}
