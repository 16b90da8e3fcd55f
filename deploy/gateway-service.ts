/**
 * The gateway among NATS's micro services: `nats micro ls` shows it beside tables and blocks.
 *
 * Owns:          how often each kind of request was answered, how long it took, what failed.
 * Knows:         what a door says of a request that it answered.
 * Must not know: how micro services are asked; nobody asks a gateway for anything over NATS.
 */
import type { MicroService, ServiceEndpoints } from '../bus/micro-services.ts';
import type { EndpointCounters } from '../bus/service-counters.ts';
import type { AnsweredRequest } from '../gateway/metrics/metrics.ts';

type Door = 's3' | 'web';

/** Failures of ours; what a client did wrong is an answer like any other. */
const FAILURE_STATUS_MIN = 500;

export class GatewayService implements MicroService {
  readonly name = 'gateway';
  readonly description = 'Garage gateway';
  readonly #counters: Readonly<Record<Door, Map<string, EndpointCounters>>> = {
    s3: new Map(),
    web: new Map(),
  };

  /** S3 requests by operation, visits of websites by method. */
  answered(door: Door, { endpoint, status, milliseconds }: AnsweredRequest): void {
    const [name = ''] = endpoint.split(' ');
    const known = this.#counters[door].get(name);
    const counters = known ?? { name, requests: 0, errors: 0, processingMs: 0, lastError: '' };
    if (known === undefined) this.#counters[door].set(name, counters);
    counters.requests += 1;
    counters.processingMs += milliseconds;
    if (status < FAILURE_STATUS_MIN) return;
    counters.errors += 1;
    counters.lastError = String(status);
  }

  /** A property, not a method: what is registered is a copy. */
  readonly endpoints = (): readonly ServiceEndpoints[] =>
    (['s3', 'web'] as const).map(door => ({
      subject: door,
      counters: [...this.#counters[door].values()],
    }));
}
