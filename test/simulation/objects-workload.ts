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
import { REUSED_KEY, ReusedBlock } from './reused-block.ts';
import { nameInUse } from './simulated-layout.ts';
import { Clients, type Run, type Workload } from './workload.ts';

const KEYS = 8;
/** Every other request is about one of so many. */
const HOT_KEYS = 3;
const CLIENTS = 4;
const HUNDRED = 100;
const DELETES = 12;
const READS = 40;
const SHAPES: readonly Content['shape'][] = ['inline', 'inline', 'block', 'blocks'];

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
  readonly #reused: ReusedBlock;
  /** By name of the key. */
  readonly #places: ReadonlyMap<string, ObjectPlace>;

  /** The keys lie in so many buckets, and so partitions. */
  constructor(run: Run, buckets = 1) {
    this.#run = run;
    this.#clients = new Clients(run);
    this.#judge = new RegisterJudge(run, this.#clients);
    const ids = Array.from({ length: buckets }, (_, index) =>
      bucketInUse(index === 0 ? 'objects' : `objects-${String(2 * index + 1)}`),
    );
    const keys = Array.from({ length: KEYS }, (_, index) => `key-${String(index)}`);
    this.#places = new Map(
      [...keys, REUSED_KEY].map((key, index) => {
        return [key, { bucket: ids[index % buckets]!, shard: 0, key: key as ObjectKey }];
      }),
    );
    this.#reused = new ReusedBlock(run, this.#judge, this.#place(REUSED_KEY));
  }

  start(): void {
    this.#clients.start(CLIENTS, () => this.#turn());
    this.#clients.start(1, () => this.#reused.turn());
  }

  stop(): Promise<void> {
    return this.#clients.stop();
  }

  /** Fewer requests from now on. */
  slowDown(): void {
    this.#clients.slowDown();
  }

  verify(): Promise<void> {
    return this.#judge.verify(key => this.#place(key));
  }

  get places(): readonly ObjectPlace[] {
    return [...this.#places.values()];
  }

  #place(key: string): ObjectPlace {
    return this.#places.get(key)!;
  }

  async #turn(): Promise<void> {
    const { random } = this.#run;
    const key = `key-${String(random.below(random.below(2) === 0 ? HOT_KEYS : KEYS))}`;
    const dice = random.below(HUNDRED);
    if (dice < READS) await this.#judge.read(key, this.#place(key));
    else if (dice < READS + DELETES) await this.#judge.delete(this.#place(key));
    else await this.#write(key, SHAPES[random.below(SHAPES.length)]!);
  }

  /** A row to every key, all at once, at one gateway. */
  writeAll(gateway: number): void {
    const all = [...this.#places.keys()].map(key => this.#write(key, 'inline', gateway));
    this.#clients.alsoWaitFor(Promise.all(all));
  }

  #write(key: string, shape: Content['shape'], gateway?: number): Promise<void> {
    return this.#judge.put(this.#place(key), this.#run.contents.make(shape), gateway);
  }
}
