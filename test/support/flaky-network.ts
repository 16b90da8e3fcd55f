/**
 * A network that loses, delays, doubles and reorders messages between processes of one test.
 *
 * Owns:          who can reach whom, and what becomes of each message; its own seeded chance.
 * Knows:         the bus port; time and timers that the test moves.
 * Must not know: what is said.
 *
 * Messages are handed over as they are, not as bytes: the codecs have tests of their own.
 */
import { setImmediate } from 'node:timers/promises';
import type {
  Address,
  Bus,
  NoAnswer,
  RequestOptions,
  Server,
  Subscription,
} from '../../bus/bus.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type { Kinded } from '../../schemas/wire.ts';
import { manualEnvironment, type ManualEnvironment } from './manual-environment.ts';

type Served = { readonly server: Server<never, Kinded>; readonly process: FlakyProcess };

/** Of simulated time: what takes longer does not end. */
const PATIENCE_MS = 600_000;
const STEP_MS = 5;

export type Weather = {
  readonly loss: number;
  readonly duplicates: number;
  readonly delayMsMax: number;
};

export class FlakyNetwork {
  readonly environment: ManualEnvironment;
  readonly #servers = new Map<string, Served>();
  readonly #cuts = new Set<string>();
  weather: Weather = { loss: 0, duplicates: 0, delayMsMax: 0 };

  constructor(seed: number) {
    this.environment = manualEnvironment(seed);
  }

  /** A process named as in `cut`; it ends with `kill`, and what it asked or serves with it. */
  process(name: string): FlakyProcess {
    return new FlakyProcess(this, name);
  }

  /** Nothing goes from one to the other any more. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  chance(): number {
    return this.environment.random.fraction();
  }

  serve(subject: string, served: Served): void {
    this.#servers.set(subject, served);
  }

  leave(process: FlakyProcess): void {
    for (const [subject, served] of this.#servers) {
      if (served.process === process) this.#servers.delete(subject);
    }
  }

  served(subject: string): Served | undefined {
    return this.#servers.get(subject);
  }

  /** Delivers now or later, twice or never. */
  send(from: string, to: string, deliver: () => void): void {
    const { loss, duplicates, delayMsMax } = this.weather;
    const copies = this.chance() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.chance() < loss) continue;
      this.environment.timers.after(Math.floor(this.chance() * delayMsMax), () => {
        if (!this.#cuts.has(`${from} ${to}`)) deliver();
      });
    }
  }

  /** Lets simulated time pass; what waits for the event loop goes first. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      for (let turns = 0; turns < 4; turns += 1) await setImmediate();
      this.environment.advance(STEP_MS);
    }
  }

  /** Lets time pass until the work is done; `meanwhile` is called every few milliseconds. */
  async during<Result>(
    work: Promise<Result>,
    meanwhile: () => void = () => undefined,
  ): Promise<Result> {
    const state = { isDone: false };
    const done = (): void => {
      state.isDone = true;
    };
    work.then(done, done);
    for (let passed = 0; !state.isDone && passed < PATIENCE_MS; passed += STEP_MS) {
      await this.pass(STEP_MS);
      meanwhile();
    }
    if (!state.isDone) throw new Error('the work does not end');
    return work;
  }
}

export class FlakyProcess implements Bus {
  readonly #network: FlakyNetwork;
  readonly name: string;
  #isAlive = true;

  constructor(network: FlakyNetwork, name: string) {
    this.#network = network;
    this.name = name;
  }

  kill(): void {
    this.#isAlive = false;
    this.#network.leave(this);
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: Request,
    { timeoutMs, layouts }: RequestOptions,
  ): Promise<Reply | NoAnswer> {
    const network = this.#network;
    const { clock, timers } = network.environment;
    const deadlineAtMs = clock.monotonicMs() + timeoutMs;
    return new Promise(resolve => {
      // What a dead process would hear nobody hears.
      const hear = (reply: Reply | NoAnswer): void => {
        if (this.#isAlive) resolve(reply);
      };
      timers.after(timeoutMs, () => hear({ kind: 'timed-out' }));
      if (!this.#isAlive) return;
      network.send(this.name, address.node, () => {
        const served = network.served(address.subject);
        if (served === undefined) return;
        const context = { deadlineAtMs, ...(layouts === undefined ? {} : { layouts }) };
        const server = served.server as Server<Request, Reply>;
        void Promise.resolve(server(request, context)).then(reply => {
          if (!served.process.isAlive) return;
          network.send(address.node, this.name, () => hear(reply));
        });
      });
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  serve<Request extends Kinded, const Reply extends Kinded>(
    { subject }: Address<Request, Reply>,
    server: Server<Request, Reply>,
  ): Subscription {
    this.#network.serve(subject, {
      server,
      process: this,
    });
    return { close: () => undefined };
  }

  publish(): void {
    // Events are hints: here they are all lost.
  }

  listen(): Subscription {
    return { close: () => undefined };
  }
}

export function nodeName(index: number): NodeId {
  return String(index).repeat(64).slice(0, 64) as NodeId;
}
