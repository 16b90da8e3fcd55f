/**
 * Gives every answer of a door a request id, a line in the log and a place in the metrics.
 *
 * Owns:          doing so for the doors that have no records of their own: website, admin, control.
 * Knows:         replies; the log and metrics it is handed.
 * Must not know: what the door answers.
 *
 * Paths, queries and headers are not logged: a path of the admin door may name a key, a header
 * carries a token. The endpoint is one of a few names, never text of a client.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { HttpHandler, HttpReply, HttpRequest } from './exchange.ts';
import type { Refusal } from './head-rules.ts';
import { refusePlainly, type RefusalRenderer } from './http-core.ts';
import { bodySizeBytes } from './reply-head.ts';
import type { RequestIds } from './request-ids.ts';

export type NumberedDoorOptions = {
  /** As the log names it. */
  readonly door: string;
  readonly handler: HttpHandler;
  /** The name under which a request is counted, asked once it was answered; of a bounded set. */
  readonly endpointOf: (request: HttpRequest) => string;
  readonly answered?: (request: {
    readonly endpoint: string;
    readonly status: number;
    readonly milliseconds: number;
  }) => void;
  readonly ids: RequestIds;
  readonly clock: Clock;
  readonly log: Log;
};

export type NumberedDoor = { readonly handler: HttpHandler; readonly refuse: RefusalRenderer };

const REFUSED_ENDPOINT = '-';
const FAILED: HttpReply = {
  status: 500,
  headers: [['content-type', 'text/plain']],
  body: { kind: 'bytes', bytes: 'An internal error occurred; the log says which.\n' },
};

/** The same door, numbered. Its handler no longer throws. */
export function numberedDoor(options: NumberedDoorOptions): NumberedDoor {
  const { handler, endpointOf, clock } = options;
  return {
    handler: async request => {
      const startedMs = clock.monotonicMs();
      try {
        const reply = await handler(request);
        return finish(options, { request, endpoint: endpointOf(request), startedMs }, reply);
      } catch (error) {
        const endpoint = endpointOf(request);
        options.log.error({ door: options.door, endpoint, error }, 'request failed');
        return finish(options, { request, endpoint, startedMs }, FAILED);
      }
    },
    refuse: (refusal: Refusal, request: HttpRequest) => {
      const asked = { request, endpoint: REFUSED_ENDPOINT, startedMs: clock.monotonicMs() };
      return finish(options, asked, refusePlainly(refusal));
    },
  };
}

type Asked = {
  readonly request: HttpRequest;
  readonly endpoint: string;
  readonly startedMs: number;
};

function finish(
  { door, ids, clock, log, answered }: NumberedDoorOptions,
  { request, endpoint, startedMs }: Asked,
  reply: HttpReply,
): HttpReply {
  const requestId = ids.next();
  const { status, body } = reply;
  const milliseconds = clock.monotonicMs() - startedMs;
  answered?.({ endpoint, status, milliseconds });
  const fields = {
    requestId,
    door,
    operation: endpoint,
    peer: request.peerAddress,
    status,
    bytes: body?.kind === 'head' ? 0 : bodySizeBytes(body),
    received: request.body.declaredBytes ?? 0,
    ms: Math.round(milliseconds * 1000) / 1000,
  };
  log.info(fields, 'request');
  return { ...reply, headers: [['x-amz-request-id', requestId], ...reply.headers] };
}
