/**
 * The bus within one process: a call and a promise, nothing copied.
 *
 * Owns:          the map from subject to server and listeners.
 * Knows:         a clock and timers, passed in.
 * Must not know: messages.
 *
 * There is no queue of requests here to bound: a server is called at once, and bounds its own
 * mailbox.
 */
import { CodecError } from '../schemas/codec.ts';
import type { Conversation, NotUnderstood } from '../schemas/conversation.ts';
import type { Clock, Timers } from '../schemas/environment.ts';
import type { Soon } from '../schemas/soon.ts';
import { chain } from '../schemas/soon.ts';
import type { Codec, Kinded } from '../schemas/wire.ts';
import { decodeMessage, encodeMessage } from '../schemas/wire.ts';
import type {
  Address,
  Bus,
  NoAnswer,
  RequestContext,
  RequestOptions,
  Server,
  Subject,
  Subscription,
  Topic,
} from './bus.ts';
import { DeadlineWheel, type Expiring } from './deadline-wheel.ts';
import { EventQueue } from './event-queue.ts';
import type { Loan } from './lent-bytes.ts';

type Served = {
  readonly conversation: Conversation<Kinded, Kinded>;
  readonly server: Server<Kinded, Kinded>;
};

export type MemoryBusOptions = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Told when a server or a listener throws: a bug, never an answer. */
  readonly onServerFailure: (subject: Subject, failure: unknown) => void;
  /** `exercised`: every message goes through bytes and back, as between processes; for tests. */
  readonly codecs?: 'ignored' | 'exercised';
};

const NOT_UNDERSTOOD: NotUnderstood = { kind: 'not-understood' };

export class MemoryBus implements Bus {
  readonly #options: MemoryBusOptions;
  readonly #servers = new Map<Subject, Served>();
  readonly #listeners = new Map<Subject, Set<EventQueue<unknown>>>();
  readonly #deadlines: DeadlineWheel;

  constructor(options: MemoryBusOptions) {
    this.#options = options;
    this.#deadlines = new DeadlineWheel(options);
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: Request,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    const served = this.#servers.get(address.subject);
    if (served === undefined) return { kind: 'no-responders' };
    if (options.timeoutMs <= 0) return { kind: 'timed-out' };
    const context = contextOf(options, this.#options.clock.monotonicMs());
    if (this.#options.codecs === 'exercised') {
      const answer = this.#callInBytes(address, served, [request, context]);
      options.loan?.over();
      return answer;
    }
    const server = served.server as unknown as Server<Request, Reply>;
    return this.#call(address.subject, lending(server, options.loan), [request, context]);
  }

  /** Each side uses its own codecs: they may be of two releases. */
  #callInBytes<Request extends Kinded, Reply extends Kinded>(
    { subject, conversation }: Address<Request, Reply>,
    served: Served,
    [request, context]: readonly [Request, RequestContext],
  ): Soon<Reply | NoAnswer> {
    const arrived = reread(served.conversation.request, toBytes(conversation.request, request));
    // Every conversation has this reply: conversation.ts holds it to that.
    if (arrived === undefined) return NOT_UNDERSTOOD as Kinded as Reply;
    const server: Server<Kinded, Reply> = (asked, itsContext) =>
      chain(
        served.server(asked, itsContext),
        reply =>
          reread(conversation.reply, toBytes(served.conversation.reply, reply)) ??
          (NOT_UNDERSTOOD as Kinded as Reply),
      );
    return this.#call(subject, server, [arrived, context]);
  }

  #call<Request, Reply>(
    subject: Subject,
    server: Server<Request, Reply>,
    [request, context]: readonly [Request, RequestContext],
  ): Soon<Reply | NoAnswer> {
    let answer: Soon<Reply>;
    try {
      answer = server(request, context);
    } catch (failure) {
      // As if its promise had rejected: no answer, and the bus hears of it.
      answer = new Promise<Reply>(() => undefined);
      this.#options.onServerFailure(subject, failure);
    }
    if (!(answer instanceof Promise)) return answer;
    return this.#await(subject, answer, context.deadlineAtMs);
  }

  #await<Reply>(
    subject: Subject,
    answer: Promise<Reply>,
    deadlineAtMs: number,
  ): Promise<Reply | NoAnswer> {
    return new Promise(resolve => {
      const pending: Expiring = {
        deadlineAtMs,
        expire: () => {
          resolve({ kind: 'timed-out' });
        },
      };
      this.#deadlines.add(pending);
      answer.then(
        reply => {
          this.#deadlines.remove(pending);
          resolve(reply);
        },
        (failure: unknown) => {
          // Not answered at once: a caller may not take a bug for a refusal and try elsewhere.
          this.#options.onServerFailure(subject, failure);
        },
      );
    });
  }

  /** Whether a server in this process answers there. */
  serves(subject: Subject): boolean {
    return this.#servers.has(subject);
  }

  serve<Request extends Kinded, Reply extends Kinded>(
    { subject, conversation }: Address<Request, Reply>,
    server: Server<Request, Reply>,
  ): Subscription {
    if (this.#servers.has(subject)) throw new Error(`${subject} is served already`);
    const served = { conversation, server } as unknown as Served;
    this.#servers.set(subject, served);
    return {
      close: () => {
        if (this.#servers.get(subject) === served) this.#servers.delete(subject);
      },
    };
  }

  publish<Event>(topic: Topic<Event>, event: Event): void {
    const listeners = this.#listeners.get(topic.subject);
    if (listeners === undefined) return;
    const isExercised = this.#options.codecs === 'exercised';
    for (const listener of listeners) {
      const heard = isExercised ? reread(topic.event, toBytes(topic.event, event)) : event;
      if (heard !== undefined) listener.push(heard);
    }
  }

  listen<Event>({ subject }: Topic<Event>, listener: (event: Event) => void): Subscription {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners);
    const queue = new EventQueue<unknown>(
      event => {
        listener(event as Event);
      },
      failure => {
        this.#options.onServerFailure(subject, failure);
      },
    );
    listeners.add(queue);
    return {
      close: () => {
        queue.close();
        listeners.delete(queue);
      },
    };
  }
}

/** The server uses what was lent until it has answered, however long the caller waits. */
function lending<Request, Reply>(
  server: Server<Request, Reply>,
  loan: Loan | undefined,
): Server<Request, Reply> {
  if (loan === undefined) return server;
  return (request, context) => {
    const answer = server(request, context);
    if (answer instanceof Promise) void answer.catch(() => undefined).then(() => loan.over());
    else loan.over();
    return answer;
  };
}

/** What a server is told besides the request. */
export function contextOf(
  { timeoutMs, layouts, traceparent }: RequestOptions,
  nowMs: number,
): RequestContext {
  const deadlineAtMs = nowMs + timeoutMs;
  if (layouts === undefined && traceparent === undefined) return { deadlineAtMs };
  return {
    deadlineAtMs,
    ...(layouts === undefined ? {} : { layouts }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

function toBytes<Value>(codec: Codec<Value>, value: Value): Buffer {
  const message = encodeMessage(codec, value);
  const bytes = Buffer.alloc(message.length);
  message.copyInto(bytes, 0);
  return bytes;
}

/** undefined: it is not understood. */
function reread<Value>(codec: Codec<Value>, bytes: Buffer): Value | undefined {
  try {
    return decodeMessage(codec, bytes);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}
