/**
 * The port through which all parts of the cluster talk.
 *
 * Owns:          the contract; memory-bus.ts keeps it within a process.
 * Knows:         subjects, deadlines, outcomes.
 * Must not know: what messages mean.
 *
 * Held by one contract suite for every implementation:
 *  - a request is answered once, or its outcome says why not: there is no exception;
 *  - a request whose deadline passed is not handed to its server, and its outcome is `timed-out`
 *    at most a moment after the deadline;
 *  - a published event is a hint: it may be lost, and a slow listener never slows a publisher;
 *  - messages are values: neither side changes one that it sent or was handed.
 */

import type { Soon } from '../schemas/soon.ts';

/** Built in subjects.ts alone. */
export type Subject = string & { readonly __brand: 'Subject' };

/** Why there is no answer. The request may have been carried out, but for `no-responders`. */
export type NoAnswer =
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'disconnected' }
  /** Too many bytes are under way to that target. */
  | { readonly kind: 'window-full' };

export type RequestContext = {
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
  request<Request, Reply>(
    subject: Subject,
    request: Request,
    options: { readonly timeoutMs: number },
  ): Soon<Reply | NoAnswer>;
  /** One server for each subject in this process; a second one is a bug. */
  serve<Request, Reply>(subject: Subject, server: Server<Request, Reply>): Subscription;
  publish(subject: Subject, event: unknown): void;
  listen(subject: Subject, listener: (event: unknown) => void): Subscription;
}
