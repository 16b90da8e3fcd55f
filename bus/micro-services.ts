/**
 * Shows what this process serves to NATS's own tools: `nats micro ls`, `info`, `stats`, `ping`.
 *
 * Owns:          the three answers, and their subjects.
 * Knows:         the NATS micro service protocol (ADR-32).
 * Must not know: what the services do.
 *
 * Times are nanoseconds, as the protocol wants them. Nothing here is asked by other parts of the
 * cluster: it is for whoever operates it.
 */
import type { Environment } from '../schemas/environment.ts';
import type { Subscription } from './bus.ts';
import type { MessageLink } from './nats-client.ts';
import type { EndpointCounters } from './service-counters.ts';

export type ServiceEndpoints = {
  readonly subject: string;
  readonly counters: readonly EndpointCounters[];
};

export type MicroService = {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly description: string;
  /** Asked for each time: a node may be given another place. */
  readonly endpoints: () => readonly ServiceEndpoints[];
};

export type MicroServicesOptions = {
  readonly client: MessageLink;
  readonly environment: Environment;
  /** Semantic version of the program. */
  readonly version: string;
  /** Site, node and the like: shown with every service. Asked for each time. */
  readonly metadata: () => Metadata;
};

const ID_BYTES = 11;
const SHORT_ID = 16;
const NANOSECONDS = 1_000_000;
const VERBS = ['PING', 'INFO', 'STATS'] as const;
type Verb = (typeof VERBS)[number];

type Registered = MicroService & { readonly id: string; readonly started: string };

export class MicroServices {
  readonly #options: MicroServicesOptions;
  readonly #services = new Set<Registered>();

  constructor(options: MicroServicesOptions) {
    this.#options = options;
    for (const verb of VERBS) {
      options.client.subscribe(`$SRV.${verb}`, ({ reply }) => {
        for (const service of this.#services) this.#answer(verb, service, reply);
      });
    }
  }

  add(service: MicroService): Subscription {
    const { client, environment } = this.#options;
    const registered: Registered = {
      ...service,
      id: environment.random.bytes(ID_BYTES).toString('hex').toUpperCase(),
      started: new Date(environment.clock.wallMs()).toISOString(),
    };
    this.#services.add(registered);
    const { name, id } = registered;
    const subscriptions = VERBS.flatMap(verb =>
      [`$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`].map(subject =>
        client.subscribe(subject, ({ reply }) => {
          this.#answer(verb, registered, reply);
        }),
      ),
    );
    return {
      close: () => {
        this.#services.delete(registered);
        for (const subscription of subscriptions) subscription.close();
      },
    };
  }

  #answer(verb: Verb, service: Registered, reply: string): void {
    if (reply === '') return;
    const { client, version } = this.#options;
    const { name, id } = service;
    const metadata = this.#options.metadata();
    const answer = { ...{ name, id, version, metadata }, ...ANSWERS[verb](service, metadata) };
    client.publish(reply, Buffer.from(JSON.stringify(answer)));
  }
}

type Metadata = Readonly<Record<string, string>>;

const ANSWERS: Readonly<Record<Verb, (service: Registered, metadata: Metadata) => object>> = {
  PING: () => ({ type: 'io.nats.micro.v1.ping_response' }),
  INFO: ({ description, endpoints }, metadata) => ({
    type: 'io.nats.micro.v1.info_response',
    // `nats micro ls` shows no metadata, and lists many of one name.
    description: [description, metadata['site'], metadata['node']?.slice(0, SHORT_ID)]
      .filter(Boolean)
      .join(' · '),
    endpoints: endpoints().flatMap(({ subject, counters }) =>
      counters.map(({ name }) => ({ name, subject, queue_group: '', metadata: null })),
    ),
  }),
  STATS: ({ started, endpoints }) => ({
    type: 'io.nats.micro.v1.stats_response',
    started,
    endpoints: endpoints().flatMap(({ subject, counters }) =>
      counters.map(endpoint => statisticsOf(subject, endpoint)),
    ),
  }),
};

function statisticsOf(subject: string, counters: EndpointCounters): object {
  const { name, requests, errors, lastError, processingMs } = counters;
  return {
    ...{ name, subject, queue_group: '' },
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: Math.round(processingMs * NANOSECONDS),
    average_processing_time:
      requests === 0 ? 0 : Math.round((processingMs * NANOSECONDS) / requests),
  };
}
