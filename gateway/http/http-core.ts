/**
 * What every exchange of one server shares: the handler, the limits, the counters.
 *
 * Owns:          the count of requests in flight; who waits for it to reach zero; the events.
 * Knows:         HTTP.
 * Must not know: which library carries the bytes.
 *
 * Requests are counted, not connections: one library has no hook for connections.
 */
import type { Clock, Timers } from '../../schemas/environment.ts';
import { ProxyTrust } from './client-address.ts';
import type { HttpHandler, HttpReply, HttpRequest } from './exchange.ts';
import { HEAD_BYTES_MAX } from './head-rules.ts';
import { httpDate } from './http-date.ts';
import type { Refusal } from './head-rules.ts';
import { StallWatch } from './stall-watch.ts';
import { WriteTurn } from './write-turn.ts';

export type HttpLimits = {
  /** Heads over this many bytes are refused. */
  readonly headBytesMax: number;
  /** Body bytes kept for a handler that has not started its body; then reading stops. One
   *  receive buffer may come on top. */
  readonly keptBytesMax: number;
  /** Body bytes let through while the sink is paused, to notice clients that left. */
  readonly pausedBytesMax: number;
  /** Unread body bytes that are drained after an early reply; with more left the connection is
   *  closed with the reply. */
  readonly drainBytesMax: number;
  /** More header lines than this are refused. */
  readonly headersMax: number;
  /** A client that sends no byte of a body for so long is closed (uWebSockets.js: 10 s). */
  readonly bodyStallMs: number;
  /** A client that takes no byte of a reply for so long is closed. */
  readonly replyStallMs: number;
  /** A head that is not complete so long after its first byte is closed (uWebSockets.js: 10 s). */
  readonly headMs: number;
  /** A connection without a request is closed after so long (uWebSockets.js: 10 s). */
  readonly keepAliveMs: number;
  /** Connections over this many are closed at once (uWebSockets.js: no limit). */
  readonly connectionsMax: number;
};

const KIB = 1024;
const MIB = 1024 * KIB;

/** 16 MiB are drained because the usual clients send parts of 5 to 16 MiB without looking for an
 *  early answer: closing would show them a broken connection instead of the error. */
export const HTTP_LIMITS: HttpLimits = {
  headBytesMax: HEAD_BYTES_MAX,
  keptBytesMax: 64 * KIB,
  pausedBytesMax: 2 * MIB,
  drainBytesMax: 16 * MIB,
  headersMax: 100,
  bodyStallMs: 30_000,
  replyStallMs: 120_000,
  headMs: 15_000,
  keepAliveMs: 60_000,
  connectionsMax: 16_384,
};

/** What an operator may want to know; never thrown, only reported. */
export type HttpServerEvent = {
  /** A handler threw, rejected, or made a reply that cannot be written. */
  readonly kind: 'handler-failed' | 'source-failed' | 'sink-failed';
  readonly method: string;
  readonly rawPath: string;
  readonly error: unknown;
};

export type HttpCounters = {
  /** Requests whose head was read and whose reply is not yet complete. */
  inFlight: number;
  requestsTotal: number;
  /** Refused by the rules for heads, without a handler. */
  refusedTotal: number;
  /** The client left, or was closed, before its reply was complete. */
  abortedTotal: number;
  /** Answered with the bare 500, or cut short. */
  failedTotal: number;
};

export type RefusalRenderer = (refusal: Refusal, request: HttpRequest) => HttpReply;

export type HttpCoreOptions = {
  readonly handler: HttpHandler;
  readonly refuse?: RefusalRenderer;
  readonly limits?: Partial<HttpLimits>;
  readonly trustedProxies?: readonly string[];
  readonly log?: (event: HttpServerEvent) => void;
  readonly clock: Clock;
  readonly timers: Timers;
};

export class HttpCore {
  readonly handler: HttpHandler;
  readonly refuse: RefusalRenderer;
  readonly limits: HttpLimits;
  readonly trust: ProxyTrust;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly watch: StallWatch;
  readonly turn = new WriteTurn();
  readonly counters: HttpCounters = {
    inFlight: 0,
    requestsTotal: 0,
    refusedTotal: 0,
    abortedTotal: 0,
    failedTotal: 0,
  };
  /** True once the server stops: every reply then says that its connection ends. */
  isClosing = false;
  readonly #log: (event: HttpServerEvent) => void;
  #date = '';
  #dateSecond = -1;
  #idleWaiters: (() => void)[] = [];

  constructor(options: HttpCoreOptions) {
    this.handler = options.handler;
    this.refuse = options.refuse ?? refusePlainly;
    this.limits = { ...HTTP_LIMITS, ...options.limits };
    this.trust = new ProxyTrust(options.trustedProxies ?? []);
    this.clock = options.clock;
    this.timers = options.timers;
    this.watch = new StallWatch(options.timers);
    this.#log = options.log ?? (() => undefined);
  }

  began(): void {
    this.counters.requestsTotal += 1;
    this.counters.inFlight += 1;
  }

  ended(how: 'complete' | 'aborted'): void {
    this.counters.inFlight -= 1;
    if (how === 'aborted') this.counters.abortedTotal += 1;
    if (this.counters.inFlight > 0 || this.#idleWaiters.length === 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  failed(
    kind: 'handler-failed' | 'source-failed' | 'sink-failed',
    request: HttpRequest,
    error: unknown,
  ): void {
    this.counters.failedTotal += 1;
    this.report({ kind, method: request.method, rawPath: request.rawPath, error });
  }

  /** The Date header of a reply (RFC 9110 6.6.1), made once a second. */
  dateText(): string {
    const second = Math.floor(this.clock.wallMs() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = httpDate(second * 1000);
    }
    return this.#date;
  }

  /** Reports an event; a log that throws must not take a request down with it. */
  report(event: HttpServerEvent): void {
    try {
      this.#log(event);
    } catch {
      // The log itself is broken: there is nobody left to tell.
    }
  }

  /** Resolves with true once nothing is in flight, with false at the deadline. */
  idle(deadlineMs: number): Promise<boolean> {
    if (this.counters.inFlight === 0) return Promise.resolve(true);
    return new Promise(resolve => {
      const timer = this.timers.after(deadlineMs, () => {
        resolve(false);
      });
      this.#idleWaiters.push(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }
}

const REFUSAL_STATUS = {
  'bad-request': 400,
  'not-implemented': 501,
  'head-too-large': 431,
  method: 405,
} as const;

/** The refusal of a door that has no format of its own. */
export function refusePlainly(refusal: Refusal): HttpReply {
  return {
    status: REFUSAL_STATUS[refusal.reason],
    headers: [['Content-Type', 'text/plain']],
    body: { kind: 'bytes', bytes: `${refusal.detail}\n` },
  };
}
