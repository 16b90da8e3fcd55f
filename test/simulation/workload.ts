/**
 * What the clients of a run do, and how what they saw is judged.
 *
 * Owns:          the life of a client: one request after the other, at one gateway or another.
 * Knows:         the simulated cluster.
 * Must not know: what is asked.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { pause } from '../../schemas/pause.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Contents } from './contents.ts';
import { outcomeOf, type Outcome } from './simulated-client.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import type { GatewayServices } from './simulated-gateway.ts';

/** What a workload and its checkers are handed. */
export type Run = {
  readonly cluster: SimulatedCluster;
  readonly random: SeededRandom;
  readonly contents: Contents;
  /** The run ends with the first few of them. */
  readonly violations: string[];
  /** `safety`: what was acknowledged is there. `liveness`: and all replicas become the same. */
  readonly mode: 'safety' | 'liveness';
};

export interface Workload {
  /** The clients begin. */
  start(): void;
  /** All faults are over: what is still to happen while clients go on. */
  settle?(): Promise<void>;
  /** No new requests; resolves when those under way have ended. */
  stop(): Promise<void>;
  /** Everything was healed: what was acknowledged must be there, wherever it is asked for. */
  verify(): Promise<void>;
  /** The objects that are looked at on the disks themselves, if any. */
  readonly places?: readonly ObjectPlace[];
}

/** `gone`: the gateway died with the request. */
export type Told<Done> = Outcome<Done> | { readonly kind: 'gone' };

export type Request<Done> = {
  /** For the history. */
  readonly what: string;
  readonly work: (gateway: GatewayServices) => Promise<Done>;
  /** Longer than this nobody waits, unless the gateway itself stands still. */
  readonly withinMs?: number;
  /** Codes of errors that are answers. */
  readonly refusals?: ReadonlySet<string>;
};

/** Rows are answered within their patience, twice where a stamp is raised, blocks before them. */
const ANSWER_MS_MAX = 25_000;
const THINK_MS_MAX = 200;
const SLOW_THINK_MS_MAX = 1500;

export function violate({ violations, cluster }: Run, what: string): void {
  cluster.trace.tell(`VIOLATION ${what}`);
  violations.push(what);
}

export class Clients {
  readonly #run: Run;
  readonly #running: Promise<unknown>[] = [];
  #isOver = false;
  #requests = 0;
  #thinkMsMax = THINK_MS_MAX;

  constructor(run: Run) {
    this.#run = run;
  }

  get requests(): number {
    return this.#requests;
  }

  /** `turn` is called again and again, with some time between. */
  start(count: number, turn: (client: number) => Promise<void>): void {
    const { random, cluster } = this.#run;
    const think = (): Promise<void> =>
      pause(cluster.time.timers, random.fraction() * this.#thinkMsMax);
    const live = async (client: number): Promise<void> => {
      while (!this.#isOver) {
        await turn(client);
        await think();
      }
    };
    for (let client = 0; client < count; client += 1) this.#running.push(live(client));
  }

  /** Before all have stopped. */
  alsoWaitFor(work: Promise<unknown>): void {
    this.#running.push(work);
  }

  slowDown(): void {
    this.#thinkMsMax = SLOW_THINK_MS_MAX;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#run.cluster.time.until(Promise.all(this.#running));
  }

  /** Nobody is sent to a gateway that stands still. */
  #someGateway(): number {
    const { cluster, random } = this.#run;
    const indexes = [...cluster.gateways.keys()];
    const awake = indexes.filter(index => !cluster.gateways[index]!.services.process.isFrozen);
    const known = awake.length > 0 ? awake : indexes;
    return known[random.below(known.length)]!;
  }

  /** Asks some gateway, or the one of that number. */
  async ask<Done>(request: Request<Done>, gateway?: number): Promise<Told<Done>> {
    const { cluster } = this.#run;
    const index = gateway ?? this.#someGateway();
    const services = cluster.gateways[index]!.services;
    const name = services.process.name;
    this.#requests += 1;
    const number = this.#requests;
    const beganMs = cluster.time.nowMs;
    cluster.trace.tell(`#${String(number)} at ${name}: ${request.what}`);
    const told = await Promise.race([
      outcomeOf(() => request.work(services), request.refusals),
      services.ended.then(() => ({ kind: 'gone' as const })),
    ]);
    const lastedMs = cluster.time.nowMs - beganMs;
    const shown = 'code' in told ? told.code : told.kind;
    cluster.trace.tell(`#${String(number)} ${shown} after ${lastedMs.toFixed(1)} ms`);
    this.#judge(request, told, lastedMs - services.process.frozenMs(beganMs));
    return told;
  }

  #judge<Done>(request: Request<Done>, told: Told<Done>, lastedMs: number): void {
    if (told.kind === 'broken') {
      const { error } = told;
      const why = error instanceof Error ? `${error.message} ${String(error.cause)}` : 'thrown';
      violate(this.#run, `${request.what} was answered: ${why}`);
    }
    if (told.kind === 'gone' || lastedMs <= (request.withinMs ?? ANSWER_MS_MAX)) return;
    violate(this.#run, `${request.what} was answered after ${lastedMs.toFixed()} ms`);
  }
}
