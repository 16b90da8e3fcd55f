/**
 * Objects: a register for each key, written, read and deleted by several clients at once.
 *
 * Owns:          the requests; what was begun, acknowledged and seen of each key.
 * Knows:         the register checker.
 * Must not know: faults.
 */
import type { BucketId, ObjectKey } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { RegisterChecker, type Value } from '../support/register-checker.ts';
import type { Content } from './contents.ts';
import { deleteObject, getObject, putObject } from './simulated-client.ts';
import { nameInUse } from './simulated-layout.ts';
import { Clients, violate, type Request, type Run, type Told, type Workload } from './workload.ts';

export type ObjectsOptions = {
  readonly keys: number;
  readonly clients: number;
  /** Of a hundred requests. */
  readonly deletes: number;
  readonly reads: number;
};

export const OBJECTS_DEFAULT: ObjectsOptions = { keys: 4, clients: 4, deletes: 12, reads: 40 };

const HUNDRED = 100;
const SHAPES: readonly Content['shape'][] = ['inline', 'inline', 'block', 'blocks'];
const READ_WITHIN_MS = 10_000;
const VERIFY_WITHIN_MS = 60_000;
const VERIFY_AGAIN_MS = 500;

/** A bucket whose rows lie in a partition in use. */
export function bucketInUse(name: string): BucketId {
  const id = nameInUse(name, candidate => hexOf(candidate));
  return hexOf(id) as BucketId;
}

function hexOf(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
}

export class ObjectsWorkload implements Workload {
  readonly #run: Run;
  readonly #options: ObjectsOptions;
  readonly #clients: Clients;
  readonly #checker = new RegisterChecker();
  readonly #bucket = bucketInUse('objects');

  constructor(run: Run, options: ObjectsOptions = OBJECTS_DEFAULT) {
    this.#run = run;
    this.#options = options;
    this.#clients = new Clients(run);
  }

  start(): void {
    this.#clients.start(this.#options.clients, () => this.#turn());
  }

  stop(): Promise<void> {
    return this.#clients.stop();
  }

  get summary(): string {
    const { acknowledged, reads } = this.#checker;
    return `${String(acknowledged)} writes acknowledged, ${String(reads)} reads`;
  }

  #place(key: string): ObjectPlace {
    return { bucket: this.#bucket, shard: 0, key: key as ObjectKey };
  }

  async #turn(): Promise<void> {
    const { random } = this.#run;
    const key = `key-${String(random.below(this.#options.keys))}`;
    const dice = random.below(HUNDRED);
    const { reads, deletes } = this.#options;
    if (dice < reads) await this.#read(key);
    else if (dice < reads + deletes) await this.#delete(key);
    else await this.#write(key);
  }

  async #write(key: string): Promise<void> {
    const { random, contents } = this.#run;
    const content = contents.make(SHAPES[random.below(SHAPES.length)]!);
    const { value, shape } = content;
    await this.#change(key, value, {
      what: `put ${key} = ${String(value)} (${shape})`,
      work: gateway => putObject(gateway, this.#place(key), content),
    });
  }

  async #delete(key: string): Promise<void> {
    await this.#change(key, 'deleted', {
      what: `delete ${key}`,
      work: gateway => deleteObject(gateway, this.#place(key)),
      withinMs: READ_WITHIN_MS,
    });
  }

  async #change(key: string, value: Value, request: Request<void>): Promise<void> {
    const { time } = this.#run.cluster;
    const acknowledged = this.#checker.begin(key, value, time.nowMs);
    const told = await this.#clients.ask(request);
    if (told.kind === 'done') acknowledged(time.nowMs);
  }

  async #read(key: string, gateway?: number): Promise<Told<Buffer | undefined>> {
    const beganMs = this.#run.cluster.time.nowMs;
    const told = await this.#clients.ask(
      {
        what: `get ${key}`,
        work: services => getObject(services, this.#place(key)),
        withinMs: READ_WITHIN_MS,
      },
      gateway,
    );
    if (told.kind === 'done') this.#saw(key, told.done, beganMs);
    return told;
  }

  #saw(key: string, bytes: Buffer | undefined, beganMs: number): void {
    const value = bytes === undefined ? 'deleted' : this.#run.contents.valueOf(bytes);
    this.#run.cluster.trace.tell(`  ${key} is ${String(value)}`);
    if (value === undefined) {
      violate(this.#run, `${key} has bytes that were never stored`);
      return;
    }
    const { stale } = this.#checker;
    const before = stale.length;
    this.#checker.saw(key, value, beganMs);
    const found = stale[before];
    if (found !== undefined) {
      const hidden = String(found.hides);
      violate(this.#run, `${key} was read as ${String(value)}: ${hidden} was acknowledged before`);
    }
  }

  async verify(): Promise<void> {
    const { cluster } = this.#run;
    await cluster.time.until(
      Promise.all(cluster.gateways.map((_, gateway) => this.#verifyAt(gateway))),
    );
  }

  async #verifyAt(gateway: number): Promise<void> {
    for (const key of this.#checker.keys) {
      const { time } = this.#run.cluster;
      const endMs = time.nowMs + VERIFY_WITHIN_MS;
      while ((await this.#read(key, gateway)).kind !== 'done') {
        if (time.nowMs > endMs) {
          violate(this.#run, `${key} cannot be read after everything was healed`);
          break;
        }
        await new Promise<void>(resolve => {
          time.timers.after(VERIFY_AGAIN_MS, resolve);
        });
      }
    }
  }
}
