/**
 * Objects in several partitions while nodes come and go; a gateway that was away writes as if
 * nothing had changed.
 *
 * Owns:          that clients see the last change through; when a gateway is away.
 * Knows:         the workload of objects.
 * Must not know: how a layout comes into force.
 */
import { ObjectsWorkload } from './objects-workload.ts';
import type { Run, Workload } from './workload.ts';

const BUCKETS = 4;
const LOOK_MS = 50;
const SETTLED_MS_MAX = 40_000;
/** After the change, for what was written on the way to it. */
const READ_MS = 1500;

export class LayoutWorkload implements Workload {
  readonly #run: Run;
  readonly #objects: ObjectsWorkload;

  constructor(run: Run) {
    this.#run = run;
    this.#objects = new ObjectsWorkload(run, BUCKETS);
  }

  start(): void {
    this.#objects.start();
  }

  /** Clients go on until one layout is in force, and in some runs through another change. */
  async settle(): Promise<void> {
    const { cluster, random } = this.#run;
    this.#objects.slowDown();
    const isSettled = (): boolean => cluster.isLayoutSettled(cluster.layoutVersion);
    await this.#until(isSettled, SETTLED_MS_MAX);
    if (isSettled() && random.below(2) === 0) {
      await this.#missChange();
      await this.#until(isSettled, SETTLED_MS_MAX);
    }
    await cluster.time.pass(READ_MS);
  }

  stop(): Promise<void> {
    return this.#objects.stop();
  }

  verify(): Promise<void> {
    return this.#objects.verify();
  }

  /** A gateway hears of nothing until others read by a new layout; then it has rows to write. */
  async #missChange(): Promise<void> {
    const { cluster, random } = this.#run;
    const { gateways, network, zones } = cluster;
    const index = random.below(gateways.length);
    const { name } = gateways[index]!.services.process;
    cluster.trace.tell(`${name} reaches nobody`);
    for (const zone of zones) {
      network.cut(name, zone);
      network.cut(zone, name);
    }
    cluster.changeSomeLayout(random, true);
    await this.#until(() => cluster.isReadBy(cluster.layoutVersion), SETTLED_MS_MAX);
    cluster.trace.tell(`${name} is back`);
    for (const zone of zones) {
      network.mend(name, zone);
      network.mend(zone, name);
    }
    this.#objects.writeAll(index);
  }

  async #until(isSo: () => boolean, patienceMs: number): Promise<void> {
    const { time } = this.#run.cluster;
    for (let ms = 0; ms < patienceMs && !isSo(); ms += LOOK_MS) await time.pass(LOOK_MS);
  }
}
