/**
 * The messages between processes: nats-servers and the links between sites, as a process sees them.
 *
 * Owns:          who hears a subject; what becomes of each message: late, lost, doubled.
 * Knows:         the connection port of the bus on NATS.
 * Must not know: what is said.
 *
 * A cut swallows most messages, and keeps some until it is healed: NATS delivers what it had taken
 * on many seconds late.
 */
import type { Subscription } from '../../bus/bus.ts';
import {
  NatsMessage,
  type MessageLink,
  type NatsQuestion,
  type Published,
} from '../../bus/nats-client.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { Trace } from './trace.ts';

type Listener = {
  readonly process: SimulatedProcess;
  readonly handle: (message: NatsMessage) => void;
};

type Message = { readonly subject: string; readonly data: Buffer; readonly reply: string };

/** Of each message between two sites, and within one. */
export type Weather = {
  readonly lostOfThousand: number;
  readonly doubledOfThousand: number;
  /** So many come much later than those that were sent after them. */
  readonly strayOfThousand: number;
  readonly strayMsMax: number;
};

export const FAIR: Weather = {
  lostOfThousand: 0,
  doubledOfThousand: 0,
  strayOfThousand: 0,
  strayMsMax: 0,
};

export type SimulatedNetworkOptions = {
  readonly time: SimulatedTime;
  readonly random: SeededRandom;
  readonly trace: Trace;
  /** One way, between two sites. */
  readonly distanceMs: (from: string, to: string) => number;
};

const LOCAL_MS = 0.2;
const JITTER_PART = 0.2;
/** Of the messages that a cut meets. */
const KEPT_BY_CUT = 0.2;
const KEPT_MAX = 200;
const NO_RESPONDERS = 503;
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

export class SimulatedNetwork {
  readonly #options: SimulatedNetworkOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #cuts = new Set<string>();
  #kept: { readonly way: string; readonly send: () => void }[] = [];
  weather: Weather = FAIR;

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  /** Nothing goes from one site to the other any more; a name may be that of a process, too. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`);
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`);
    this.#release();
  }

  heal(): void {
    this.#cuts.clear();
    this.#release();
  }

  #release(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const message of kept) {
      if (this.#cuts.has(message.way)) this.#kept.push(message);
      else message.send();
    }
  }

  /** The process listens to nothing any more. */
  leave(process: SimulatedProcess): void {
    for (const listeners of this.#listeners.values()) {
      for (const listener of listeners) {
        if (listener.process === process) listeners.delete(listener);
      }
    }
  }

  link(process: SimulatedProcess): MessageLink {
    return {
      isConnected: true,
      isBusy: false,
      messageBytesMax: MESSAGE_BYTES_MAX,
      subscribe: (subject, handle) => this.#subscribe(subject, { process, handle }),
      publish: (subject, data, question) => this.#publish(process, { subject, data, question }),
      publishInPlace: (subject, pieces, { question, written }) => {
        const data = Buffer.concat(pieces);
        const published = this.#publish(process, { subject, data, question });
        if (published === 'sent') written();
        return published;
      },
    };
  }

  #subscribe(subject: string, listener: Listener): Subscription {
    const known = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, known);
    known.add(listener);
    return { close: () => known.delete(listener) };
  }

  #publish(
    from: SimulatedProcess,
    sent: { subject: string; data: Uint8Array; question: NatsQuestion | undefined },
  ): Published {
    if (!from.isAlive) return 'away';
    const { subject, data, question } = sent;
    const message = { subject, data: asBuffer(data), reply: question?.reply ?? '' };
    const listeners = this.#listenersOf(subject);
    if (listeners.length === 0 && question !== undefined) this.#tellNobody(from, question.reply);
    for (const listener of listeners) {
      if (listener.process !== from) this.#send(from, listener, message);
    }
    return 'sent';
  }

  /** Of that name, and of the one that ends with a wildcard. */
  #listenersOf(subject: string): Listener[] {
    const exact = this.#listeners.get(subject);
    const pattern = `${subject.slice(0, subject.lastIndexOf('.'))}.*`;
    const wild = this.#listeners.get(pattern);
    return [...(exact ?? []), ...(wild ?? [])];
  }

  #tellNobody(from: SimulatedProcess, reply: string): void {
    this.#options.time.timers.after(2 * LOCAL_MS, () => {
      for (const { process, handle } of this.#listenersOf(reply)) {
        const headers = { code: NO_RESPONDERS, get: () => '' };
        const raw = { subject: reply, data: Buffer.alloc(0), reply: '', headers };
        if (process === from) process.run(() => handle(messageOf(raw)));
      }
    });
  }

  #send(from: SimulatedProcess, to: Listener, message: Message): void {
    const { random } = this.#options;
    const { lostOfThousand, doubledOfThousand } = this.weather;
    const cut = this.#cutBetween(from, to.process);
    if (cut !== undefined) {
      if (random.fraction() >= KEPT_BY_CUT || this.#kept.length >= KEPT_MAX) return;
      this.#kept.push({ way: cut, send: () => this.#travel(from, to, message) });
      return;
    }
    if (random.fraction() * 1000 < lostOfThousand) return;
    this.#travel(from, to, message);
    if (random.fraction() * 1000 < doubledOfThousand) this.#travel(from, to, message);
  }

  #cutBetween(from: SimulatedProcess, to: SimulatedProcess): string | undefined {
    if (this.#cuts.size === 0) return undefined;
    for (const source of [from.zone, from.name]) {
      for (const target of [to.zone, to.name]) {
        const way = `${source} ${target}`;
        if (this.#cuts.has(way)) return way;
      }
    }
    return undefined;
  }

  #travel(from: SimulatedProcess, to: Listener, message: Message): void {
    const { time, random, trace, distanceMs } = this.#options;
    const { strayOfThousand, strayMsMax } = this.weather;
    const baseMs =
      from.zone === to.process.zone ? LOCAL_MS : distanceMs(from.zone, to.process.zone);
    let delayMs = baseMs * (1 + random.fraction() * JITTER_PART);
    if (random.fraction() * 1000 < strayOfThousand) delayMs += random.fraction() * strayMsMax;
    time.timers.after(delayMs, () => {
      to.process.run(() => {
        trace.step(to.process.name, message.data.length);
        to.handle(messageOf(message));
      });
    });
  }
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function messageOf(raw: object): NatsMessage {
  return new NatsMessage(raw as ConstructorParameters<typeof NatsMessage>[0]);
}
