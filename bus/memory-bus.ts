/**
 * The bus within one process: a call and a promise, nothing copied.
 *
 * Owns:          the map from subject to server and listeners.
 * Knows:         a clock and timers, passed in.
 * Must not know: messages.
 *
 * There is no queue here to bound: a server is called at once, and bounds its own mailbox. A
 * deadline is watched by one coarse timer for all requests, not by a timer each.
 */
import type { Clock, Timer, Timers } from '../schemas/environment.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Bus, NoAnswer, RequestContext, Server, Subject, Subscription } from './bus.ts';

type AnyServer = Server<unknown, unknown>;
type Pending = { readonly deadlineAtMs: number; readonly expire: () => void };

const SWEEP_MS = 100;

export type MemoryBusOptions = {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Told when a server throws: a bug, never an answer. */
  readonly onServerFailure: (subject: Subject, failure: unknown) => void;
};

export class MemoryBus implements Bus {
  readonly #options: MemoryBusOptions;
  readonly #servers = new Map<Subject, AnyServer>();
  readonly #listeners = new Map<Subject, Set<(event: unknown) => void>>();
  readonly #pending = new Set<Pending>();
  #sweeper: Timer | undefined;

  constructor(options: MemoryBusOptions) {
    this.#options = options;
  }

  request<Request, Reply>(
    subject: Subject,
    request: Request,
    options: { readonly timeoutMs: number },
  ): Soon<Reply | NoAnswer> {
    const server = this.#servers.get(subject) as Server<Request, Reply> | undefined;
    if (server === undefined) return { kind: 'no-responders' };
    if (options.timeoutMs <= 0) return { kind: 'timed-out' };
    const deadlineAtMs = this.#options.clock.monotonicMs() + options.timeoutMs;
    return this.#call(subject, server, request, { deadlineAtMs });
  }

  #call<Request, Reply>(
    subject: Subject,
    server: Server<Request, Reply>,
    request: Request,
    context: RequestContext,
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
      const pending: Pending = {
        deadlineAtMs,
        expire: () => {
          this.#pending.delete(pending);
          resolve({ kind: 'timed-out' });
        },
      };
      this.#pending.add(pending);
      this.#sweeper ??= this.#options.timers.after(SWEEP_MS, () => {
        this.#sweep();
      });
      answer.then(
        reply => {
          this.#pending.delete(pending);
          resolve(reply);
        },
        (failure: unknown) => {
          // Not answered at once: a caller may not take a bug for a refusal and try elsewhere.
          this.#options.onServerFailure(subject, failure);
        },
      );
    });
  }

  #sweep(): void {
    const now = this.#options.clock.monotonicMs();
    for (const pending of this.#pending) if (pending.deadlineAtMs <= now) pending.expire();
    this.#sweeper =
      this.#pending.size === 0
        ? undefined
        : this.#options.timers.after(SWEEP_MS, () => {
            this.#sweep();
          });
  }

  serve<Request, Reply>(subject: Subject, server: Server<Request, Reply>): Subscription {
    if (this.#servers.has(subject)) throw new Error(`${subject} is served already`);
    this.#servers.set(subject, server as AnyServer);
    return { close: () => this.#servers.delete(subject) };
  }

  publish(subject: Subject, event: unknown): void {
    const listeners = this.#listeners.get(subject);
    if (listeners === undefined) return;
    // Later, so that a listener's work is never part of the publisher's step.
    queueMicrotask(() => {
      for (const listener of listeners) listener(event);
    });
  }

  listen(subject: Subject, listener: (event: unknown) => void): Subscription {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners);
    listeners.add(listener);
    return { close: () => listeners.delete(listener) };
  }
}
