/**
 * Objects: a register for each key, written, read and deleted by several clients at once.
 *
 * Owns:          the requests.
 * Knows:         the judge of registers.
 * Must not know: faults.
 */
import type { BucketId, ObjectKey } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { Content } from './contents.ts';
import { RegisterJudge } from './register-judge.ts';
import { deleteObject, putObject } from './simulated-client.ts';
import { nameInUse } from './simulated-layout.ts';
import { Clients, type Run, type Workload } from './workload.ts';

const KEYS = 4;
const CLIENTS = 4;
const HUNDRED = 100;
const DELETES = 12;
const READS = 40;
const SHAPES: readonly Content['shape'][] = ['inline', 'inline', 'block', 'blocks'];
const ROW_WITHIN_MS = 10_000;

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
  readonly #clients: Clients;
  readonly #judge: RegisterJudge;
  readonly #bucket = bucketInUse('objects');

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

  verify(): Promise<void> {
    return this.#judge.verify(key => this.#place(key));
  }

  #place(key: string): ObjectPlace {
    return { bucket: this.#bucket, shard: 0, key: key as ObjectKey };
  }

  async #turn(): Promise<void> {
    const { random } = this.#run;
    const key = `key-${String(random.below(KEYS))}`;
    const dice = random.below(HUNDRED);
    if (dice < READS) await this.#judge.read(key, this.#place(key));
    else if (dice < READS + DELETES) await this.#delete(key);
    else await this.#write(key);
  }

  async #write(key: string): Promise<void> {
    const { random, contents } = this.#run;
    const content = contents.make(SHAPES[random.below(SHAPES.length)]!);
    const { value, shape } = content;
    await this.#judge.change(key, value, {
      what: `put ${key} = ${String(value)} (${shape})`,
      work: gateway => putObject(gateway, this.#place(key), content),
    });
  }

  async #delete(key: string): Promise<void> {
    await this.#judge.change(key, 'deleted', {
      what: `delete ${key}`,
      work: gateway => deleteObject(gateway, this.#place(key)),
      withinMs: ROW_WITHIN_MS,
    });
  }
}
