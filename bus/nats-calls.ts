/**
 * The requests of this process that go over one connection and wait for their answers.
 *
 * Owns:          the calls under way, their numbers, the one inbox where answers come in.
 * Knows:         frames; windows, which say when a call may go.
 * Must not know: which connection is for what.
 *
 * The client library's own requests are not used: a subscription, a timer and an error with its
 * trace for each cost more than the rest, and when the connection is lost it lets them all wait for
 * their time-out. Here they end at once: `disconnected`.
 */
import { CodecError } from '../schemas/codec.ts';
import type { NotUnderstood } from '../schemas/conversation.ts';
import type { Clock } from '../schemas/environment.ts';
import { FRAME_PART_BYTES_MAX } from '../schemas/limits.ts';
import type { EncodedMessage, Kinded } from '../schemas/wire.ts';
import { bytesOf, decodeMessage, encodeMessage } from '../schemas/wire.ts';
import type { Address, NoAnswer, RequestOptions } from './bus.ts';
import type { DeadlineWheel, Expiring } from './deadline-wheel.ts';
import { CALL_MAX, isPart, readReplyFrame, requestFrame, type Frame } from './frame.ts';
import { cutFrame, FrameParts } from './frame-parts.ts';
import { NatsQuestion, type MessageLink, type NatsMessage, type Published } from './nats-client.ts';
import type { SendWindow, Waiting } from './send-window.ts';
import type { TraceHeaders } from './traceparent.ts';

export type NatsCallsOptions = {
  readonly link: MessageLink;
  /** Answers come to `<inbox>.<number of the call>`. */
  readonly inbox: string;
  readonly clock: Clock;
  readonly deadlines: DeadlineWheel;
  readonly traces: TraceHeaders;
  /** Of this process. */
  readonly sender: number;
};

/** What a message costs besides its bytes, in every buffer that it passes. */
const MESSAGE_WEIGHT = 256;
const LAST_BYTES_MAX = 64 * 1024;
/** Room for the head of a message in a nats-server's count. */
const HEADERS_BYTES = 1024;
const NOT_UNDERSTOOD: NotUnderstood = { kind: 'not-understood' };
const WHY_NOT_SENT = {
  away: { kind: 'disconnected' },
  full: { kind: 'window-full' },
} as const satisfies Record<Exclude<Published, 'sent'>, NoAnswer>;

type AnyAddress = Address<Kinded, Kinded>;

/** `waiting` for room, `ready` but without a connection so far, `sent`. */
type CallState = 'waiting' | 'ready' | 'sent' | 'over';

class Call implements Expiring, Waiting {
  readonly number: number;
  readonly address: AnyAddress;
  readonly options: RequestOptions;
  readonly deadlineAtMs: number;
  readonly window: SendWindow;
  readonly weight: number;
  /** Let go of as soon as it is sent: it may hold a block. */
  message: EncodedMessage | undefined;
  state: CallState = 'waiting';
  readonly #calls: NatsCalls;
  readonly resolve: (outcome: Kinded) => void;

  constructor(calls: NatsCalls, parts: Omit<Call, 'state' | 'go' | 'refuse' | 'expire'>) {
    this.#calls = calls;
    this.number = parts.number;
    this.address = parts.address;
    this.options = parts.options;
    this.deadlineAtMs = parts.deadlineAtMs;
    this.window = parts.window;
    this.weight = parts.weight;
    this.message = parts.message;
    this.resolve = parts.resolve;
  }

  go(): void {
    this.#calls.send(this);
  }

  refuse(): void {
    this.#calls.settle(this, { kind: 'window-full' });
  }

  expire(): void {
    this.#calls.settle(this, { kind: this.state === 'ready' ? 'disconnected' : 'timed-out' });
  }
}

export class NatsCalls {
  readonly #options: NatsCallsOptions;
  readonly #calls = new Map<number, Call>();
  readonly #parts: FrameParts;
  #lastNumber = 0;
  /** What was asked last; no large message is kept for that. */
  #last: { readonly request: Kinded; readonly message: EncodedMessage } | undefined;

  constructor(options: NatsCallsOptions) {
    this.#options = options;
    this.#parts = new FrameParts(options.clock);
    options.link.subscribe(`${options.inbox}.*`, message => {
      this.#receive(message);
    });
  }

  get countUnderWay(): number {
    return this.#calls.size;
  }

  /** Goes when `window` has room, and the connection is there. */
  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: Request,
    [options, window]: readonly [RequestOptions, SendWindow],
  ): Promise<Reply | NoAnswer> {
    const { clock, deadlines } = this.#options;
    const { conversation } = address;
    const message = this.#encode(address, request);
    return new Promise(resolve => {
      const call = new Call(this, {
        number: this.#nextNumber(),
        address: address as unknown as AnyAddress,
        options,
        deadlineAtMs: clock.monotonicMs() + options.timeoutMs,
        window,
        weight: MESSAGE_WEIGHT + message.length + conversation.replyBytes(request),
        message,
        resolve: resolve as (outcome: Kinded) => void,
      });
      this.#calls.set(call.number, call);
      options.loan?.onRecall(() => {
        if (call.state !== 'sent') this.settle(call, { kind: 'window-full' });
      });
      deadlines.add(call);
      window.take(call);
    });
  }

  /** A write goes to all replicas, one after the other: it is encoded once. */
  #encode<Request extends Kinded>(
    { conversation }: Address<Request, Kinded>,
    request: Request,
  ): EncodedMessage {
    if (this.#last?.request === request) return this.#last.message;
    const message = encodeMessage(conversation.request, request);
    this.#last = message.length <= LAST_BYTES_MAX ? { request, message } : undefined;
    return message;
  }

  #nextNumber(): number {
    this.#lastNumber = this.#lastNumber === CALL_MAX ? 1 : this.#lastNumber + 1;
    return this.#lastNumber;
  }

  /** There is room for it. */
  send(call: Call): void {
    call.state = 'ready';
    if (this.#options.link.isConnected) this.#sendReady(call);
  }

  #sendReady(call: Call): void {
    const { link, clock, traces, sender, inbox } = this.#options;
    const { message, number, address, options } = call;
    if (message === undefined) return;
    const now = clock.monotonicMs();
    const remainingMs = call.deadlineAtMs - now;
    if (remainingMs <= 0) {
      this.settle(call, { kind: 'timed-out' });
      return;
    }
    const { layouts } = options;
    const head = { call: number, remainingMs, sentAtMs: now, sender, layouts };
    const frame = requestFrame(head, message);
    call.message = undefined;
    call.state = 'sent';
    const headers = traces.blockFor(options.traceparent);
    const question = new NatsQuestion(`${inbox}.${String(number)}`, headers);
    const written = (): void => options.loan?.over();
    const published = publishFrame(link, address.subject, { frame, question, written });
    if (published !== 'sent') this.settle(call, WHY_NOT_SENT[published]);
  }

  /** The connection is there (again): what waited for it goes. */
  connected(): void {
    for (const call of this.#calls.values()) if (call.state === 'ready') this.#sendReady(call);
  }

  /** The connection is gone, or is not made: nothing that was asked will be answered. */
  disconnected(): void {
    for (const call of [...this.#calls.values()]) this.settle(call, { kind: 'disconnected' });
  }

  /** The nats-server does not let this process publish there. */
  refused(subject: string): void {
    for (const call of [...this.#calls.values()]) {
      if (call.address.subject === subject) this.settle(call, { kind: 'not-allowed' });
    }
  }

  settle(call: Call, outcome: Kinded, because: 'answered' | 'given-up' = 'given-up'): void {
    if (!this.#calls.delete(call.number)) return;
    this.#options.deadlines.remove(call);
    const wasWaiting = call.state === 'waiting';
    if (call.state !== 'sent') call.options.loan?.over();
    call.state = 'over';
    call.message = undefined;
    call.resolve(outcome);
    if (wasWaiting) call.window.leave(call);
    else call.window.release(call.weight, because);
  }

  #receive(message: NatsMessage): void {
    if (message.isNoResponders) {
      const call = this.#calls.get(Number(message.subject.slice(this.#options.inbox.length + 1)));
      if (call !== undefined) this.settle(call, { kind: 'no-responders' }, 'answered');
      return;
    }
    try {
      const frame = this.#wholeFrame(message);
      if (frame !== undefined) this.#receiveFrame(frame);
    } catch (error) {
      // Not a reply to anything: whoever waits is told by the deadline.
      if (!(error instanceof CodecError)) throw error;
    }
  }

  #wholeFrame(message: NatsMessage): Buffer | undefined {
    if (!isPart(message.data)) return message.data;
    return this.#parts.add(message.subject, message.data)?.frame;
  }

  #receiveFrame(frame: Buffer): void {
    const { head, message } = readReplyFrame(frame);
    const call = this.#calls.get(head.call);
    if (call === undefined) return;
    if (head.kind === 'busy') this.settle(call, { kind: 'window-full' }, 'answered');
    else this.settle(call, replyIn(call, message), 'answered');
  }
}

function replyIn({ address }: Call, message: Buffer): Kinded {
  try {
    return decodeMessage(address.conversation.reply, message);
  } catch (error) {
    if (error instanceof CodecError) return NOT_UNDERSTOOD;
    throw error;
  }
}

export type OutgoingFrame = {
  readonly frame: Frame;
  readonly question?: NatsQuestion | undefined;
  /** Nobody reads the payloads any more: called once, whatever became of them. */
  readonly written?: (() => void) | undefined;
};

/** In several messages where the nats-server takes no more at once. */
export function publishFrame(
  link: MessageLink,
  subject: string,
  { frame, question, written = () => undefined }: OutgoingFrame,
): Published {
  if (!link.isConnected) {
    written();
    return 'away';
  }
  const bytes = bytesOf(frame);
  const taken = Math.max(HEADERS_BYTES, link.messageBytesMax - HEADERS_BYTES);
  const partBytesMax = Math.min(taken, FRAME_PART_BYTES_MAX);
  const [start, ...payloads] = frame;
  if (payloads.length > 0 && bytes <= partBytesMax) {
    const published = link.publishInPlace(subject, frame, { question, written });
    if (published !== 'sent') written();
    return published;
  }
  const whole = payloads.length === 0 ? start : Buffer.concat(frame, bytes);
  written();
  for (const part of cutFrame(whole, partBytesMax)) {
    const published = link.publish(subject, part, question);
    if (published !== 'sent') return published;
  }
  return 'sent';
}
