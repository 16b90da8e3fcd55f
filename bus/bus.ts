/**
 * The port through which all parts of the cluster talk.
 *
 * Owns:          the contract; memory-bus.ts keeps it within a process, nats-bus.ts between them.
 * Knows:         addresses, deadlines, outcomes.
 * Must not know: what messages mean.
 *
 * Held by one contract suite for every implementation:
 *  - a request is answered once, or its outcome says why not: there is no exception;
 *  - a request whose deadline passed is not handed to its server, and its outcome is `timed-out`
 *    at most a moment after the deadline;
 *  - a request that its server does not understand is answered `not-understood`, and so is a reply
 *    that the caller does not understand;
 *  - a published event is a hint: it may be lost, and a slow listener never slows a publisher;
 *  - messages are values: neither side changes one that it sent or was handed. Their bytes may be
 *    views: who keeps some copies them.
 */

import type { Conversation } from '../schemas/conversation.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Codec, Kinded } from '../schemas/wire.ts';
import type { Loan } from './lent-bytes.ts';

/** Built in subjects.ts alone. */
export type Subject = string & { readonly __brand: 'Subject' };

/** Where requests go, and what is said there. */
export type Address<Request extends Kinded, Reply extends Kinded> = {
  readonly subject: Subject;
  /** The node that serves it: what is under way is bounded for each node. */
  readonly node: NodeId;
  readonly conversation: Conversation<Request, Reply>;
};

/** Where events go, and what they are. */
export type Topic<Event> = { readonly subject: Subject; readonly event: Codec<Event> };

/** Why there is no answer. Only the last two leave open whether the request was carried out. */
export type NoAnswer =
  /** Nobody serves the subject now. */
  | { readonly kind: 'no-responders' }
  /** Too many bytes are under way to that node, and it does not take them. */
  | { readonly kind: 'window-full' }
  /** This process may not ask that: its credential says so. */
  | { readonly kind: 'not-allowed' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'disconnected' };

const NO_ANSWERS: ReadonlySet<string> = new Set<NoAnswer['kind']>([
  'no-responders',
  'timed-out',
  'disconnected',
  'window-full',
  'not-allowed',
]);

export function isNoAnswer(reply: Kinded): reply is NoAnswer {
  return NO_ANSWERS.has(reply.kind);
}

/** What goes along with a request, from whoever asks to whoever answers. */
type Companions = {
  /** Names the layout versions that the sender holds live; a short text of its own making. */
  readonly layouts?: string | undefined;
  /** The W3C header; where it is absent a request that leaves the process is given one. */
  readonly traceparent?: string | undefined;
};

export type RequestOptions = Companions & {
  readonly timeoutMs: number;
  /** Of memory in the request; ended by the bus when nobody on this side uses it any more. */
  readonly loan?: Loan | undefined;
};

export type RequestContext = Companions & {
  /** In this process's monotonic milliseconds. */
  readonly deadlineAtMs: number;
};

/** Answers a request. What it throws is a bug: it is logged, and the caller times out. */
export type Server<Request, Reply> = (request: Request, context: RequestContext) => Soon<Reply>;

export interface Subscription {
  close(): void;
}

export interface Bus {
  /** An answer that is there at once, from a server in this process, comes without a promise. */
  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer>;
  /** One server for each address in this process; a second one is a bug. */
  serve<Request extends Kinded, const Reply extends Kinded>(
    address: Address<Request, Reply>,
    server: Server<NoInfer<Request>, NoInfer<Reply>>,
  ): Subscription;
  publish<Event>(topic: Topic<Event>, event: NoInfer<Event>): void;
  listen<Event>(topic: Topic<Event>, listener: (event: NoInfer<Event>) => void): Subscription;
}
