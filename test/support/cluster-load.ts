/**
 * Load on every site of a cluster at once, and what its clients saw.
 *
 * Owns:          one workload for each site, readers that look at the keys of other sites, figures.
 * Knows:         the workload, the client and the model of the fault tests.
 * Must not know: which fault befalls the cluster meanwhile.
 *
 * Every key has one writer, at one site; all others read it. What a reader may see is decided by
 * when it asked: what was acknowledged before must be there, at every site.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchTarget } from '../bench/bench-client.ts';
import { FaultClient, NoAnswerError, NOTHING_SLOW, slower, type Slowest } from './fault-client.ts';
import type { FaultModel } from './fault-model.ts';
import { FaultWorkload, seenIn, type WorkMix } from './fault-workload.ts';
import { SeededChoices } from './seeded-bytes.ts';

export type ClusterLoadOptions = {
  readonly targets: readonly BenchTarget[];
  readonly model: FaultModel;
  readonly seed: number;
  readonly writersPerSite?: number;
  readonly readersPerSite?: number;
  readonly mix?: WorkMix;
  readonly prefix: string;
};

export type LoadFigures = {
  readonly answers: ReadonlyMap<string, number>;
  readonly broken: number;
  /** Not answered within the client's bound. */
  readonly silent: number;
  readonly stale: number;
  readonly wrong: number;
  readonly slowest: Slowest;
};

const WRITERS = 4;
const READERS = 2;
const PAUSE_MS = 20;

export class ClusterLoad {
  readonly #options: ClusterLoadOptions;
  readonly #workloads: readonly FaultWorkload[];
  readonly #answers = new Map<string, number>();
  #readers: Promise<void>[] = [];
  #isStopping = false;
  #broken = 0;
  #silent = 0;
  #stale = 0;
  #wrong = 0;
  #slowest = NOTHING_SLOW;

  constructor(options: ClusterLoadOptions) {
    this.#options = options;
    const { targets, model, seed, mix, prefix, writersPerSite = WRITERS } = options;
    this.#workloads = targets.map(
      (target, site) =>
        new FaultWorkload({
          ...{ target, model, seed: seed * targets.length + site, prefix: `${prefix}/${site}` },
          connections: writersPerSite,
          ...(mix === undefined ? {} : { mix }),
        }),
    );
  }

  start(): void {
    this.#isStopping = false;
    for (const workload of this.#workloads) workload.start();
    const { targets, seed, readersPerSite = READERS } = this.#options;
    this.#readers = targets.flatMap((target, site) =>
      Array.from({ length: readersPerSite }, (_, index) =>
        this.#read(target, new SeededChoices(seed * 7919 + site * 31 + index)),
      ),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#workloads.map(workload => workload.stop()), ...this.#readers]);
    this.#readers = [];
  }

  async #read(target: BenchTarget, choices: SeededChoices): Promise<void> {
    const { model } = this.#options;
    const client = new FaultClient(target);
    while (!this.#isStopping) {
      const { keys } = model;
      if (keys.length === 0) {
        await pause(PAUSE_MS);
        continue;
      }
      const reading = model.beginRead(choices.of(keys));
      try {
        const answer = await client.get(reading.key);
        this.#count(`GET ${answer.status}`, 1);
        const verdict = model.endRead(reading, seenIn(answer));
        if (verdict === 'lost') this.#stale += 1;
        if (verdict === 'wrong') this.#wrong += 1;
        if (answer.status >= 500) await pause(PAUSE_MS);
      } catch (error) {
        model.endRead(reading, undefined);
        if (!(error instanceof NoAnswerError)) throw error;
        if (error.isSilent) this.#silent += 1;
        else this.#broken += 1;
        await pause(PAUSE_MS);
      }
    }
    this.#slowest = slower(this.#slowest, client.slowest);
    client.close();
  }

  #count(name: string, times: number): void {
    this.#answers.set(name, (this.#answers.get(name) ?? 0) + times);
  }

  /** After it was stopped. */
  get figures(): LoadFigures {
    const answers = new Map(this.#answers);
    const sum = { broken: this.#broken, silent: this.#silent, stale: this.#stale };
    let { wrong, slowest } = { wrong: this.#wrong, slowest: this.#slowest };
    for (const { counts } of this.#workloads) {
      for (const [name, times] of counts.answers) {
        answers.set(name, (answers.get(name) ?? 0) + times);
      }
      sum.broken += counts.broken;
      sum.silent += counts.silent;
      sum.stale += counts.lost;
      wrong += counts.wrong;
      slowest = slower(slowest, counts.slowest);
    }
    return { ...sum, answers, wrong, slowest };
  }
}
