/**
 * Deletions that are forgotten: objects are deleted while a node is away or a gateway stands still
 * in the middle of a repair, and read long after.
 *
 * Who has all forget together, the first of the partition's replicas, is never the one that is
 * away: the others cannot begin without it.
 *
 * Owns:          when what happens; the requests.
 * Knows:         the judge of registers; how long a tombstone is kept.
 * Must not know: rounds.
 */
import { partitionOfPlace } from '../../bus/table-client.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { ObjectKey } from '../../schemas/ids.ts';
import { TOMBSTONE_KEEP_MS } from '../../schemas/limits.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { pause } from '../../schemas/pause.ts';
import { bucketInUse } from './objects-workload.ts';
import { RegisterJudge } from './register-judge.ts';
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
/** A node that was away has what it missed some seconds after its start. */
const BACK_MS_MAX = 3000;
const REPAIR_MS_MAX = 10_000;
const REPAIRS_MAX = 8;
/** As long as a row is read and the replicas are found to differ. */
const REPAIR_WAIT_MS = 300;
const THAWED_MS = 5000;

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
    else void this.#freezeInRepair();
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
    const partition = partitionOfPlace(this.#place(''));
    const [first] = replicasOf(cluster.rest.view.current, partition);
    const others = cluster.nodes.filter(({ id }) => id !== first);
    const node = others[random.below(others.length)]!;
    this.#after(random.fraction() * (BUSY_MS / 2), () => {
      node.kill();
    });
    this.#after(3 * TICK_MS - random.fraction() * BACK_MS_MAX, () => {
      if (!node.isRunning) node.start();
    });
  }

  /**
   * A gateway has read what a replica missed, and writes it down when all have forgotten that it
   * was deleted.
   */
  async #freezeInRepair(): Promise<void> {
    const { random, cluster } = this.#run;
    await this.#pass(random.fraction() * REPAIR_MS_MAX);
    const asleep = random.below(cluster.gateways.length);
    const awake = (asleep + 1) % cluster.gateways.length;
    const gateway = cluster.gateways[asleep]!;
    const { process } = gateway.services;
    for (let tries = 0; tries < REPAIRS_MAX && !process.isFrozen; tries += 1) {
      const key = `missed-${String(tries)}`;
      await this.#writeMissing(key, process.zone, awake);
      gateway.freezeAt('rows-read');
      void this.#judge.read(key, this.#place(key), asleep);
      await this.#pass(REPAIR_WAIT_MS);
      gateway.freezeAt(undefined);
      await this.#judge.delete(this.#place(key), awake);
    }
    await this.#pass(3 * TICK_MS + THAWED_MS - cluster.time.nowMs);
    process.thaw();
  }

  /** The node of that site hears nothing of it from the gateways. */
  async #writeMissing(key: string, zone: string, gateway: number): Promise<void> {
    const { nodes, gateways, network } = this.#run.cluster;
    const away = nodes.find(node => node.zone === zone)!;
    const names = gateways.map(({ services }) => services.process.name);
    for (const name of names) network.cut(name, away.name);
    await this.#write(key, gateway);
    for (const name of names) network.mend(name, away.name);
  }

  #pass(ms: number): Promise<void> {
    return pause(this.#run.cluster.time.timers, ms);
  }

  async #turn(): Promise<void> {
    const { random, cluster } = this.#run;
    const isBusy = cluster.time.nowMs < BUSY_MS;
    const key = `key-${String(random.below(KEYS))}`;
    const dice = random.below(HUNDRED);
    if (dice < READS || !isBusy) await this.#judge.read(key, this.#place(key));
    else if (dice < READS + DELETES) await this.#judge.delete(this.#place(key));
    else await this.#write(key);
    await this.#pass(random.fraction() * (isBusy ? REST_MS : QUIET_REST_MS));
  }

  #write(key: string, gateway?: number): Promise<void> {
    return this.#judge.put(this.#place(key), this.#run.contents.make('inline'), gateway);
  }
}
