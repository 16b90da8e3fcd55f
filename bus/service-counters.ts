/**
 * How often each kind of request was served, how long it took, and how often it failed.
 *
 * Owns:          the counters of one conversation.
 * Knows:         which replies are failures.
 * Must not know: who looks.
 */
import { isFailure } from '../schemas/conversation.ts';
import type { Clock } from '../schemas/environment.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Server } from './bus.ts';

export type EndpointCounters = {
  /** The kind of request. */
  readonly name: string;
  requests: number;
  errors: number;
  processingMs: number;
  /** Empty: there was none. */
  lastError: string;
};

export class ServiceCounters {
  readonly #clock: Clock;
  readonly #endpoints: Map<string, EndpointCounters>;

  constructor(kinds: readonly string[], clock: Clock) {
    this.#clock = clock;
    this.#endpoints = new Map(kinds.map(kind => [kind, newCounters(kind)]));
  }

  get endpoints(): readonly EndpointCounters[] {
    return [...this.#endpoints.values()];
  }

  /** Of another conversation that goes under the same name. */
  addKinds(kinds: readonly string[]): void {
    for (const kind of kinds) this.#of(kind);
  }

  #of(kind: string): EndpointCounters {
    const known = this.#endpoints.get(kind);
    if (known !== undefined) return known;
    const made = newCounters(kind);
    this.#endpoints.set(kind, made);
    return made;
  }

  /** The same server, counted. */
  counted<Request extends Kinded, Reply extends Kinded>(
    server: Server<Request, Reply>,
  ): Server<Request, Reply> {
    return (request, context) => {
      const counters = this.#of(request.kind);
      const startedAtMs = this.#clock.monotonicMs();
      try {
        const reply = server(request, context);
        if (reply instanceof Promise) return this.#awaited(counters, startedAtMs, reply);
        this.#count(counters, startedAtMs, errorIn(reply));
        return reply;
      } catch (failure) {
        this.#count(counters, startedAtMs, messageOf(failure));
        throw failure;
      }
    };
  }

  async #awaited<Reply extends Kinded>(
    counters: EndpointCounters,
    startedAtMs: number,
    answer: Promise<Reply>,
  ): Promise<Reply> {
    try {
      const reply = await answer;
      this.#count(counters, startedAtMs, errorIn(reply));
      return reply;
    } catch (failure) {
      this.#count(counters, startedAtMs, messageOf(failure));
      throw failure;
    }
  }

  #count(counters: EndpointCounters, startedAtMs: number, error: string | undefined): void {
    counters.requests += 1;
    counters.processingMs += this.#clock.monotonicMs() - startedAtMs;
    if (error === undefined) return;
    counters.errors += 1;
    counters.lastError = error;
  }

  /** What arrived was no request that this release knows. */
  notUnderstood(why: string): void {
    const counters = this.#of('not-understood');
    counters.requests += 1;
    counters.errors += 1;
    counters.lastError = why;
  }
}

function errorIn(reply: Kinded): string | undefined {
  return isFailure(reply) ? reply.kind : undefined;
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

function newCounters(name: string): EndpointCounters {
  return { name, requests: 0, errors: 0, processingMs: 0, lastError: '' };
}
