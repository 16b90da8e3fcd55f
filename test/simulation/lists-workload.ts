/**
 * Lists: pages of keys while keys come and go.
 *
 * Owns:          the requests; what was begun, acknowledged and listed of each key.
 * Knows:         the judge of registers: a key that is listed, or is not, was read.
 * Must not know: faults.
 */
import { listObjectsV2 } from '../../gateway/s3/list-objects.ts';
import type { S3Services } from '../../gateway/s3/s3-call.ts';
import { bucketRow, callOf } from '../support/object-calls.ts';
import type { ObjectKey } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { pause } from '../../schemas/pause.ts';
import { bucketInUse } from './objects-workload.ts';
import { RegisterJudge } from './register-judge.ts';
import type { GatewayServices } from './simulated-gateway.ts';
import { Clients, violate, type Run, type Workload } from './workload.ts';

/** What a client asks for; an empty text is none. */
type Wanted = { readonly prefix: string; readonly delimiter: string; readonly maxKeys: number };
type Listed = { readonly etags: ReadonlyMap<string, string>; readonly prefixes: readonly string[] };

const FOLDERS = 3;
const KEYS_EACH = 4;
const CLIENTS = 4;
const HUNDRED = 100;
const WRITES = 45;
const DELETES = 20;
const PAGES_MAX = 50;
const LIST_WITHIN_MS = 60_000;
const VERIFY_TRIES = 40;
const VERIFY_AGAIN_MS = 1000;

export class ListsWorkload implements Workload {
  readonly #run: Run;
  readonly #clients: Clients;
  readonly #judge: RegisterJudge;
  readonly #bucket = bucketInUse('lists');
  readonly #keys: readonly string[];

  constructor(run: Run) {
    this.#run = run;
    this.#clients = new Clients(run);
    this.#judge = new RegisterJudge(run, this.#clients);
    this.#keys = Array.from(
      { length: FOLDERS * KEYS_EACH },
      (_, index) => `f${String(index % FOLDERS)}/k${String(Math.floor(index / FOLDERS))}`,
    ).sort();
  }

  start(): void {
    this.#clients.start(CLIENTS, () => this.#turn());
  }

  stop(): Promise<void> {
    return this.#clients.stop();
  }

  #place(key: string): ObjectPlace {
    return { bucket: this.#bucket, shard: 0, key: key as ObjectKey };
  }

  async #turn(): Promise<void> {
    const { random } = this.#run;
    const dice = random.below(HUNDRED);
    const key = this.#keys[random.below(this.#keys.length)]!;
    if (dice < WRITES) await this.#judge.put(this.#place(key), this.#run.contents.make('inline'));
    else if (dice < WRITES + DELETES) await this.#judge.delete(this.#place(key));
    else await this.#list(this.#wanted());
  }

  #wanted(): Wanted {
    const { random } = this.#run;
    const prefix = random.below(2) === 0 ? '' : `f${String(random.below(FOLDERS))}/`;
    const delimiter = random.below(3) === 0 ? '/' : '';
    return { prefix, delimiter, maxKeys: 1 + random.below(this.#keys.length) };
  }

  async #list(wanted: Wanted, gateway?: number): Promise<boolean> {
    const beganMs = this.#run.cluster.time.nowMs;
    const { prefix, delimiter, maxKeys } = wanted;
    const told = await this.#clients.ask(
      {
        what: `list '${prefix}' by '${delimiter}', ${String(maxKeys)} at a time`,
        work: services => this.#allPages(services, wanted),
        withinMs: LIST_WITHIN_MS,
      },
      gateway,
    );
    if (told.kind === 'done') this.#judgeList(wanted, told.done, beganMs);
    return told.kind === 'done';
  }

  async #allPages(gateway: GatewayServices, wanted: Wanted): Promise<Listed> {
    const etags = new Map<string, string>();
    const prefixes: string[] = [];
    let last = '';
    let token: string | undefined;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const page = await this.#page(gateway, wanted, token);
      const names = [...page.etags.keys(), ...page.prefixes].sort();
      if (names.length > wanted.maxKeys) violate(this.#run, 'a page is longer than it may be');
      for (const name of names) {
        if (name <= last) violate(this.#run, `${name} is listed behind ${last}`);
        last = name;
      }
      for (const [key, etag] of page.etags) etags.set(key, etag);
      prefixes.push(...page.prefixes);
      ({ token } = page);
      if (token === undefined) return { etags, prefixes };
    }
    violate(this.#run, 'a list does not end');
    return { etags, prefixes };
  }

  async #page(
    { clients: { tables } }: GatewayServices,
    { prefix, delimiter, maxKeys }: Wanted,
    token: string | undefined,
  ): Promise<Listed & { readonly token: string | undefined }> {
    const query = {
      ...{ 'list-type': '2', prefix, delimiter, 'max-keys': String(maxKeys) },
      ...(token === undefined ? {} : { 'continuation-token': token }),
    };
    const call = callOf({ query, bucket: bucketRow(this.#bucket) });
    // Of all services a list uses the tables alone.
    const reply = await listObjectsV2(call, { tables } as S3Services);
    const text = reply.body?.kind === 'bytes' ? Buffer.from(reply.body.bytes).toString() : '';
    const etags = new Map<string, string>();
    for (const [, key, etag] of text.matchAll(ENTRY)) etags.set(key!, etag!);
    const prefixes = [...text.matchAll(PREFIX)].map(([, found]) => found!);
    return { etags, prefixes, token: TOKEN.exec(text)?.[1] };
  }

  /** Each key that may be in the list was read by it. */
  #judgeList({ prefix, delimiter }: Wanted, { etags, prefixes }: Listed, beganMs: number): void {
    const known = new Set(this.#keys);
    for (const key of etags.keys()) {
      if (!known.has(key)) violate(this.#run, `${key} was listed and never written`);
    }
    for (const key of this.#keys) {
      if (!key.startsWith(prefix)) continue;
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const folder = cut === -1 ? undefined : key.slice(0, cut + 1);
      if (folder !== undefined && prefixes.includes(folder)) continue;
      this.#saw(key, etags.get(key), beganMs);
    }
  }

  #saw(key: string, etag: string | undefined, beganMs: number): void {
    const value = etag === undefined ? 'deleted' : this.#run.contents.valueOfEtag(etag);
    if (value !== undefined) this.#judge.saw(key, value, beganMs);
    else violate(this.#run, `${key} was listed with an ETag that nobody stored`);
  }

  async verify(): Promise<void> {
    const { cluster } = this.#run;
    const whole = { prefix: '', delimiter: '', maxKeys: this.#keys.length };
    const listEverywhere = cluster.gateways.map(async (_, gateway) => {
      for (let tries = 0; tries < VERIFY_TRIES; tries += 1) {
        if (await this.#list(whole, gateway)) return;
        await pause(cluster.time.timers, VERIFY_AGAIN_MS);
      }
      violate(this.#run, 'nothing can be listed after everything was healed');
    });
    await cluster.time.until(Promise.all(listEverywhere));
  }
}

const ENTRY = /<Contents><Key>([^<]*)<\/Key>.*?<ETag>&quot;([0-9a-f-]+)&quot;<\/ETag>/g;
const PREFIX = /<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g;
const TOKEN = /<NextContinuationToken>([^<]*)</;
