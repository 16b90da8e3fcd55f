/**
 * Deletions that are forgotten: objects are deleted while a node is away or a gateway stands still
 * in the middle of a repair, and read long after.
 *
 * Owns:          when what happens; the requests.
 * Knows:         the judge of registers; how long a tombstone is kept.
 * Must not know: rounds.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { bucketInUse } from './objects-workload.ts';
import { RegisterJudge } from './register-judge.ts';
import { deleteObject, putObject } from './simulated-client.ts';
import { Clients, type Run, type Workload } from './workload.ts';

const KEYS = 5;
const CLIENTS = 2;
const HUNDRED = 100;
const READS = 40;
const DELETES = 35;
/** Tombstones of the first part of a run are old enough for the third tick of those who collect. */
const BUSY_MS = 24_000;
const TICK_MS = TOMBSTONE_KEEP_MS / 2;
const REST_MS = 1200;
const QUIET_REST_MS = 4000;

export class CollectionWorkload implements Workload {
  readonly #run: Run;
  readonly #clients: Clients;
  readonly #judge: RegisterJudge;
  readonly #bucket = bucketInUse('collection');

  constructor(run: Run) {
    this.#run = run;
    this.#clients = new Clients(run);
    this.#judge = new RegisterJudge(run, this.#clients);
  }

  /** Long enough for what was deleted to be forgotten. */
  static readonly LASTS_MS = 3 * TICK_MS + 10_000;

  start(): void {
    this.#clients.start(CLIENTS, () => this.#turn());
    if (this.#run.random.below(2) === 0) this.#sendAway();
    else this.#freezeInRepair();
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

  #after(ms: number, then: () => void): void {
    this.#run.cluster.time.timers.after(ms, then);
  }

  /** A node misses deletions, and is back only just before they are forgotten. */
  #sendAway(): void {
    const { random, cluster } = this.#run;
    const node = cluster.nodes[random.below(cluster.nodes.length)]!;
    this.#after(random.fraction() * (BUSY_MS / 2), () => {
      node.kill();
    });
    this.#after(3 * TICK_MS - random.fraction() * 6000, () => {
      if (!node.isRunning) node.start();
    });
  }

  /** A gateway has read what a replica missed, and writes it down when all have forgotten it. */
  #freezeInRepair(): void {
    const { random, cluster } = this.#run;
    const gateway = cluster.gateways[random.below(cluster.gateways.length)]!;
    this.#after(random.fraction() * (BUSY_MS / 2), () => {
      gateway.freezeAt('rows-read');
    });
    this.#after(3 * TICK_MS + 5000, () => {
      gateway.services.process.thaw();
    });
  }

  async #turn(): Promise<void> {
    const { random, cluster } = this.#run;
    const isBusy = cluster.time.nowMs < BUSY_MS;
    const key = `key-${String(random.below(KEYS))}`;
    const dice = random.below(HUNDRED);
    if (dice < READS || !isBusy) await this.#judge.read(key, this.#place(key));
    else if (dice < READS + DELETES) await this.#delete(key);
    else await this.#write(key);
    await new Promise<void>(resolve => {
      this.#after(random.fraction() * (isBusy ? REST_MS : QUIET_REST_MS), resolve);
    });
  }

  async #write(key: string): Promise<void> {
    const content = this.#run.contents.make('inline');
    await this.#judge.change(key, content.value, {
      what: `put ${key} = ${String(content.value)}`,
      work: gateway => putObject(gateway, this.#place(key), content),
    });
  }

  async #delete(key: string): Promise<void> {
    await this.#judge.change(key, 'deleted', {
      what: `delete ${key}`,
      work: gateway => deleteObject(gateway, this.#place(key)),
    });
  }
}
