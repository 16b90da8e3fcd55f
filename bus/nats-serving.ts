/**
 * The requests that arrive over NATS for the servers of this process.
 *
 * Owns:          the way of a request from its frame to its answer.
 * Knows:         frames, servers.
 * Must not know: what is asked.
 *
 * A request whose time is over is dropped, not carried out: its caller has given it up, and NATS
 * delivers messages many seconds late after a short cut. Where the nats-server does not take the
 * answers that it is given, no further request is taken on.
 */
import { CodecError } from '../schemas/codec.ts';
import type { NotUnderstood } from '../schemas/conversation.ts';
import type { Clock, Timers } from '../schemas/environment.ts';
import type { Kinded } from '../schemas/wire.ts';
import { decodeMessage, encodeMessage } from '../schemas/wire.ts';
import type { Address, RequestContext, Server, Subject, Subscription } from './bus.ts';
import type { RequestHead } from './frame.ts';
import { answerFrame, busyFrame, isPart, readRequestFrame } from './frame.ts';
import { FrameParts } from './frame-parts.ts';
import { publishFrame } from './nats-calls.ts';
import type { MessageLink, NatsMessage } from './nats-client.ts';
import type { ServiceCounters } from './service-counters.ts';
import { parseTraceparent, TRACEPARENT } from './traceparent.ts';

/** How the monotonic clocks of other processes stand to ours: deadlines are moments of theirs. */
export interface PeerClocks {
  /** When that was on our clock; undefined: not known. */
  sentAtHere(sender: number, sentAtMs: number): number | undefined;
}

export type NatsServingOptions = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly peerClocks: PeerClocks;
  readonly onServerFailure: (subject: Subject, failure: unknown) => void;
};

export type Served<Request extends Kinded, Reply extends Kinded> = {
  readonly address: Address<Request, Reply>;
  readonly server: Server<Request, Reply>;
  readonly counters: ServiceCounters;
};

/** Where the answer to one request goes. */
type Caller = {
  readonly link: MessageLink;
  readonly reply: string;
  readonly call: number;
  readonly deadlineAtMs: number;
};

const NOT_UNDERSTOOD: NotUnderstood = { kind: 'not-understood' };

export class NatsServing {
  readonly #options: NatsServingOptions;
  readonly #parts: FrameParts;
  readonly #underWay = new Set<Caller>();
  #expired = 0;
  #idle: (() => void) | undefined;

  constructor(options: NatsServingOptions) {
    this.#options = options;
    this.#parts = new FrameParts(options.clock);
  }

  /** Requests that came too late to be carried out. */
  get expired(): number {
    return this.#expired;
  }

  serve<Request extends Kinded, Reply extends Kinded>(
    link: MessageLink,
    served: Served<Request, Reply>,
  ): Subscription {
    return link.subscribe(served.address.subject, message => {
      this.#receive(link, served, message);
    });
  }

  #receive<Request extends Kinded, Reply extends Kinded>(
    link: MessageLink,
    served: Served<Request, Reply>,
    message: NatsMessage,
  ): void {
    const { reply } = message;
    if (reply === '') return;
    try {
      const arrived = this.#wholeFrame(reply, message.data);
      if (arrived === undefined) return;
      const { head, message: body } = readRequestFrame(arrived.frame);
      const deadlineAtMs = this.#deadline(head, arrived.atMs);
      const caller: Caller = { link, reply, call: head.call, deadlineAtMs };
      if (!this.#isTakenOn(caller)) return;
      const request = this.#understand(served, body, caller);
      if (request === undefined) return;
      const context = new ArrivedContext(head.layouts, deadlineAtMs, message);
      this.#answer(served, [request, context], caller);
    } catch (error) {
      // No frame of ours: there is nobody to answer.
      if (!(error instanceof CodecError)) throw error;
      served.counters.notUnderstood(error.message);
    }
  }

  #understand<Request extends Kinded, Reply extends Kinded>(
    { address, counters }: Served<Request, Reply>,
    body: Buffer,
    caller: Caller,
  ): Request | undefined {
    try {
      return decodeMessage(address.conversation.request, body);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      counters.notUnderstood(error.message);
      // Every conversation has this reply: conversation.ts holds it to that.
      this.#send(address, NOT_UNDERSTOOD as Kinded as Reply, caller);
      return undefined;
    }
  }

  #wholeFrame(name: string, data: Buffer): { frame: Buffer; atMs: number } | undefined {
    if (!isPart(data)) return { frame: data, atMs: this.#options.clock.monotonicMs() };
    const whole = this.#parts.add(name, data);
    return whole && { frame: whole.frame, atMs: whole.startedAtMs };
  }

  #deadline({ sender, sentAtMs, remainingMs }: RequestHead, arrivedAtMs: number): number {
    const sentHere = this.#options.peerClocks.sentAtHere(sender, sentAtMs) ?? arrivedAtMs;
    return sentHere + remainingMs;
  }

  #isTakenOn({ link, reply, call, deadlineAtMs }: Caller): boolean {
    if (deadlineAtMs <= this.#options.clock.monotonicMs()) {
      this.#expired += 1;
      return false;
    }
    if (link.isBusy) link.publish(reply, busyFrame(call));
    return !link.isBusy;
  }

  #answer<Request extends Kinded, Reply extends Kinded>(
    { address, server }: Served<Request, Reply>,
    [request, context]: readonly [Request, RequestContext],
    caller: Caller,
  ): void {
    try {
      const reply = server(request, context);
      if (reply instanceof Promise) void this.#answerLater(address, reply, caller);
      else this.#send(address, reply, caller);
    } catch (failure) {
      // Not answered: a caller may not take a bug for a refusal and try elsewhere.
      this.#options.onServerFailure(address.subject, failure);
    }
  }

  async #answerLater<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    reply: Promise<Reply>,
    caller: Caller,
  ): Promise<void> {
    this.#underWay.add(caller);
    try {
      this.#send(address, await reply, caller);
    } catch (failure) {
      this.#options.onServerFailure(address.subject, failure);
    } finally {
      this.#underWay.delete(caller);
      if (this.#underWay.size === 0) this.#idle?.();
    }
  }

  #send<Request extends Kinded, Reply extends Kinded>(
    { conversation }: Address<Request, Reply>,
    reply: Reply,
    { link, reply: inbox, call, deadlineAtMs }: Caller,
  ): void {
    if (deadlineAtMs <= this.#options.clock.monotonicMs()) return;
    const frame = answerFrame(call, encodeMessage(conversation.reply, reply));
    publishFrame(link, inbox, { frame });
  }

  /** Until what was taken on is answered, or nobody waits for the answers any more. */
  whenIdle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve();
    const { clock, timers } = this.#options;
    const last = Math.max(...[...this.#underWay].map(caller => caller.deadlineAtMs));
    return new Promise(resolve => {
      const late = timers.after(Math.max(0, last - clock.monotonicMs()), resolve);
      this.#idle = () => {
        late.cancel();
        resolve();
      };
    });
  }
}

/** The header is read only when it is asked for. */
class ArrivedContext implements RequestContext {
  readonly layouts: string | undefined;
  readonly deadlineAtMs: number;
  readonly #message: NatsMessage;

  constructor(layouts: string | undefined, deadlineAtMs: number, message: NatsMessage) {
    this.layouts = layouts;
    this.deadlineAtMs = deadlineAtMs;
    this.#message = message;
  }

  get traceparent(): string | undefined {
    return parseTraceparent(this.#message.header(TRACEPARENT));
  }
}
