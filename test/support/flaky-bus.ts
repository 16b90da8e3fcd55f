/**
 * A bus whose messages are late, lost or doubled, and whose nodes are away at times.
 *
 * Owns:          what becomes of each message: a function of the seed.
 * Knows:         a bus that delivers.
 * Must not know: messages.
 */
import type {
  Address,
  Bus,
  NoAnswer,
  RequestOptions,
  Server,
  Subscription,
  Topic,
} from '../../bus/bus.ts';
import type { Clock, Timers } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type { Soon } from '../../schemas/soon.ts';
import type { Kinded } from '../../schemas/wire.ts';

export type Weather = {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Of a thousand messages, there or back. */
  readonly lostOfThousand: number;
  readonly doubledOfThousand: number;
};

export const FAIR: Weather = {
  ...{ delayMsMin: 1, delayMsMax: 1, lostOfThousand: 0, doubledOfThousand: 0 },
};

export type FlakyBusOptions = {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
};

export class FlakyBus implements Bus {
  readonly #options: FlakyBusOptions;
  weather: Weather = FAIR;
  /** Nothing reaches them, nothing comes from them. */
  readonly away = new Set<NodeId>();
  /** Requests that were handed over, by kind. */
  readonly delivered = new Map<string, number>();

  constructor(options: FlakyBusOptions) {
    this.#options = options;
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: Request,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    const { timers, fraction } = this.#options;
    return new Promise(resolve => {
      const timeout = timers.after(options.timeoutMs, () => {
        resolve({ kind: 'timed-out' });
      });
      const answered = (reply: Reply | NoAnswer): void => {
        this.#travel(address.node, () => {
          timeout.cancel();
          resolve(reply);
        });
      };
      const copies = fraction() * 1000 < this.weather.doubledOfThousand ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        this.#travel(address.node, lateMs => {
          this.#count(request.kind);
          const left = { ...options, timeoutMs: options.timeoutMs - lateMs };
          void Promise.resolve(this.#options.bus.request(address, request, left)).then(answered);
        });
      }
    });
  }

  #travel(node: NodeId, arrive: (lateMs: number) => void): void {
    const { timers, fraction } = this.#options;
    const { delayMsMin, delayMsMax, lostOfThousand } = this.weather;
    const lateMs = delayMsMin + Math.floor(fraction() * (delayMsMax - delayMsMin + 1));
    const isLost = fraction() * 1000 < lostOfThousand || this.away.has(node);
    if (isLost) return;
    timers.after(lateMs, () => {
      if (!this.away.has(node)) arrive(lateMs);
    });
  }

  #count(kind: string): void {
    this.delivered.set(kind, (this.delivered.get(kind) ?? 0) + 1);
  }

  serve<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    server: Server<Request, Reply>,
  ): Subscription {
    return this.#options.bus.serve(address, server);
  }

  publish<Event>(topic: Topic<Event>, event: Event): void {
    this.#options.bus.publish(topic, event);
  }

  listen<Event>(topic: Topic<Event>, listener: (event: Event) => void): Subscription {
    return this.#options.bus.listen(topic, listener);
  }
}
