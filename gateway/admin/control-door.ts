/**
 * The control door: where the `garage` command reaches a running process.
 *
 * Owns:          who is let in, and the order of the checks.
 * Knows:         the control messages, the table of operations.
 * Must not know: sockets, what the operations do.
 *
 * Whoever cannot prove the secret gets the same bare 403 whatever was wrong, and nothing of what
 * was sent is parsed before the proof.
 */
import type { Clock, Randomness } from '../../schemas/environment.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../http/exchange.ts';
import { AdminError, badRequest } from './admin-error.ts';
import { adminOperation, runOperation } from './admin-operations.ts';
import type { AdminPorts } from './admin-ports.ts';
import {
  codeOf,
  CONTROL_CALL_BYTES_MAX,
  CONTROL_HEADER,
  CONTROL_PATH,
  controlKey,
  isCode,
  isHex32,
  type ControlAnswer,
  type ControlCall,
} from './control-messages.ts';
import { NonceTable } from './nonce-table.ts';
import { readBody } from './request-body.ts';

export type ControlDoorOptions = {
  readonly ports: AdminPorts;
  /** 64 hex digits. */
  readonly rpcSecret: string;
  readonly clock: Clock;
  readonly random: Randomness;
  readonly log: Log;
};

type Door = ControlDoorOptions & { readonly key: Buffer; readonly nonces: NonceTable };

export function controlDoor(options: ControlDoorOptions): HttpHandler {
  const door: Door = {
    ...options,
    key: controlKey(options.rpcSecret),
    nonces: new NonceTable(options.clock, options.random),
  };
  return request => {
    if (request.method !== 'POST') return REFUSED;
    if (request.rawPath === CONTROL_PATH.nonce) return nonceReply(request, door);
    if (request.rawPath === CONTROL_PATH.call) return callReply(request, door);
    return REFUSED;
  };
}

const REFUSED: HttpReply = {
  status: 403,
  headers: [['content-type', 'text/plain']],
  body: {
    kind: 'bytes',
    bytes: 'This door opens only to the garage command with the rpc_secret.\n',
  },
};

function nonceReply({ headers }: HttpRequest, { key, nonces, ports }: Door): HttpReply {
  const challenge = headers.get(CONTROL_HEADER.challenge);
  if (!isHex32(challenge)) return REFUSED;
  const code = headers.get(CONTROL_HEADER.code);
  if (!isCode(code, key, { kind: 'challenge', challenge })) return REFUSED;
  const issued = { nonce: nonces.issue(), nodeId: ports.cluster.localNodeId };
  return jsonWithCode(
    Buffer.from(JSON.stringify(issued)),
    codeOf(key, { kind: 'nonce', challenge, ...issued }),
  );
}

async function callReply(request: HttpRequest, door: Door): Promise<HttpReply> {
  const { key, nonces } = door;
  const nonce = request.headers.get(CONTROL_HEADER.nonce);
  const code = request.headers.get(CONTROL_HEADER.code);
  // Without an open nonce the body is not even kept; taking the nonce ends it, whatever follows.
  if (!isHex32(nonce) || !nonces.take(nonce) || code === undefined) return REFUSED;
  const read = await readBody(request, CONTROL_CALL_BYTES_MAX);
  if (read.kind !== 'whole') return REFUSED;
  if (!isCode(code, key, { kind: 'call', nonce, body: read.bytes })) return REFUSED;
  const answer = Buffer.from(JSON.stringify(await answerTo(read.bytes, door)));
  return jsonWithCode(answer, codeOf(key, { kind: 'answer', callCode: code, body: answer }));
}

async function answerTo(body: Buffer, { ports, log }: Door): Promise<ControlAnswer> {
  let path = '';
  try {
    const { operation: name, params } = parseCall(body);
    path = `/v2/${name}`;
    const operation = adminOperation(name);
    if (operation === undefined) throw badRequest(`Unknown API endpoint: ${name}`);
    const value = await runOperation(operation, params, { ports, log });
    return { kind: 'value', value };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return { kind: 'error', status: error.status, error: error.body(ports.region, path) };
  }
}

function parseCall(body: Buffer): ControlCall {
  let call: unknown;
  try {
    call = JSON.parse(body.toString('utf8'));
  } catch {
    throw badRequest('the call is not JSON');
  }
  if (typeof call === 'object' && call !== null && 'operation' in call) {
    const { operation } = call;
    const params = 'params' in call ? call.params : null;
    if (typeof operation === 'string') return { operation, params };
  }
  throw badRequest('the call names no operation');
}

function jsonWithCode(bytes: Buffer, code: string): HttpReply {
  return {
    status: 200,
    headers: [
      ['content-type', 'application/json'],
      [CONTROL_HEADER.code, code],
    ],
    body: { kind: 'bytes', bytes },
  };
}
