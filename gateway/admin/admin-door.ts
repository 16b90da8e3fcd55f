/**
 * The admin door: health, metrics, and the admin API v2 over HTTP.
 *
 * Owns:          its paths, which of them need which token, the form of its answers.
 * Knows:         the table of operations, bearer tokens.
 * Must not know: what the operations do, where metrics come from.
 *
 * The token is checked before the body is looked at: a stranger learns nothing from how a body is
 * refused, and cannot make the process parse one.
 */
import type { Log } from '../../schemas/telemetry.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../http/exchange.ts';
import { AdminError, badRequest, jsonReply } from './admin-error.ts';
import { paramsOfHttp, type AdminOperation } from './admin-operation.ts';
import { adminOperation, runOperation } from './admin-operations.ts';
import type { AdminPorts } from './admin-ports.ts';
import { requireToken } from './bearer-token.ts';
import { readBody } from './request-body.ts';

export type AdminDoorOptions = {
  readonly ports: AdminPorts;
  /** The page of metrics, as Prometheus reads it. */
  readonly metrics: () => Promise<string>;
  /** Undefined: no call of the API is allowed. */
  readonly adminToken: string | undefined;
  /** Undefined: the page is open, unless `metricsRequireToken`. */
  readonly metricsToken: string | undefined;
  readonly metricsRequireToken: boolean;
  readonly log: Log;
};

const BODY_BYTES_MAX = 1024 * 1024;
const API_PATH = '/v2/';
const UNKNOWN_ENDPOINT = '-';
const SPECIAL_ENDPOINTS: ReadonlyMap<string, string> = new Map([
  ['/health', 'Health'],
  ['/metrics', 'Metrics'],
  ['/check', 'CheckDomain'],
]);

export function adminDoor(options: AdminDoorOptions): HttpHandler {
  return async request => {
    try {
      return await answer(request, options);
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      return jsonReply(error.status, error.body(options.ports.region, request.rawPath));
    }
  };
}

/** The name under which a request to this door is logged and counted. */
export function adminEndpointOf({ method, rawPath }: HttpRequest): string {
  if (method === 'OPTIONS') return 'Options';
  const special = SPECIAL_ENDPOINTS.get(rawPath);
  if (special !== undefined) return special;
  const name = rawPath.startsWith(API_PATH) ? rawPath.slice(API_PATH.length) : '';
  return adminOperation(name) === undefined ? UNKNOWN_ENDPOINT : name;
}

function answer(request: HttpRequest, options: AdminDoorOptions): Promise<HttpReply> | HttpReply {
  const { method, rawPath } = request;
  if (method === 'OPTIONS') return preflightReply();
  // Uptime monitors ask with HEAD.
  if ((method === 'GET' || method === 'HEAD') && rawPath === '/health') return healthReply(options);
  if (method === 'GET' && rawPath === '/metrics') return metricsReply(request, options);
  if (method === 'GET' && rawPath === '/check') return checkReply(request, options);
  return operationReply(request, options);
}

function preflightReply(): HttpReply {
  const methods = 'OPTIONS,GET,POST';
  return {
    status: 200,
    headers: [
      ['allow', methods],
      ['access-control-allow-methods', methods],
      ['access-control-allow-headers', 'authorization,content-type'],
      ['access-control-allow-origin', '*'],
    ],
  };
}

async function healthReply({ ports, log }: AdminDoorOptions): Promise<HttpReply> {
  const status = await ports.cluster.health().then(
    health => health.status,
    (error: unknown) => {
      log.warn({ error }, 'the health of the cluster is not known');
      return 'unavailable' as const;
    },
  );
  const sentence = {
    healthy: 'Garage is fully operational',
    degraded: 'Garage serves requests, and not all of its nodes are there',
    unavailable: 'Garage cannot serve requests now',
  }[status];
  return textReply(
    status === 'unavailable' ? 503 : 200,
    `${sentence}\nMore at the API endpoint /v2/GetClusterHealth\n`,
  );
}

async function metricsReply(
  { headers }: HttpRequest,
  { metricsToken, metricsRequireToken, metrics }: AdminDoorOptions,
): Promise<HttpReply> {
  if (metricsToken !== undefined || metricsRequireToken) requireToken(headers, metricsToken);
  return {
    status: 200,
    headers: [['content-type', 'text/plain; version=0.0.4; charset=utf-8']],
    body: { kind: 'bytes', bytes: await metrics() },
  };
}

/** What a proxy asks before it gets a certificate: whether anything is served at that name. */
async function checkReply(
  { rawQuery }: HttpRequest,
  { ports }: AdminDoorOptions,
): Promise<HttpReply> {
  const domain = new URLSearchParams(rawQuery).get('domain');
  if (domain === null || domain === '') throw badRequest('give the name as ?domain=');
  if (await ports.domains.isServed(domain)) {
    return textReply(200, `Domain '${domain}' is managed by Garage\n`);
  }
  throw badRequest(`Domain '${domain}' is not managed by Garage`);
}

async function operationReply(request: HttpRequest, options: AdminDoorOptions): Promise<HttpReply> {
  requireToken(request.headers, options.adminToken);
  const operation = operationOf(request);
  const body = operation.body === 'json' ? await readJson(request) : undefined;
  const fields = new Map(new URLSearchParams(request.rawQuery));
  const params = paramsOfHttp(operation, fields, body);
  return jsonReply(200, await runOperation(operation, params, options));
}

function operationOf({ method, rawPath }: HttpRequest): AdminOperation {
  const isApi = rawPath.startsWith(API_PATH);
  const operation = isApi ? adminOperation(rawPath.slice(API_PATH.length)) : undefined;
  if (operation?.method === method) return operation;
  throw badRequest(`Unknown API endpoint: ${method} ${rawPath}`);
}

async function readJson(request: HttpRequest): Promise<unknown> {
  const read = await readBody(request, BODY_BYTES_MAX);
  if (read.kind === 'too-large') {
    throw new AdminError('PayloadTooLarge', `A body has at most ${String(BODY_BYTES_MAX)} bytes`);
  }
  if (read.kind === 'aborted') throw badRequest('the body did not arrive');
  try {
    return JSON.parse(read.bytes.toString('utf8'));
  } catch (error) {
    throw badRequest(`Invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function textReply(status: number, text: string): HttpReply {
  return {
    status,
    headers: [['content-type', 'text/plain']],
    body: { kind: 'bytes', bytes: text },
  };
}
