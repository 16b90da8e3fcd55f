/**
 * The command's end of the control door.
 *
 * Owns:          one call: proof, question, answer; the sentences when nobody answers.
 * Knows:         the control messages, HTTP.
 * Must not know: commands.
 *
 * An answer without the right code is no answer: whoever took the port of a node that is down must
 * not be able to tell an operator what he likes.
 */
import { request } from 'node:http';
import type { Randomness } from '../../schemas/environment.ts';
import {
  codeOf,
  CONTROL_ANSWER_BYTES_MAX,
  CONTROL_HEADER,
  CONTROL_PATH,
  controlKey,
  isCode,
  isHex32,
  type ControlAnswer,
  type ControlCall,
  type ControlNonce,
} from '../../gateway/admin/control-messages.ts';
import type { ListenAddress } from '../../schemas/config-reader.ts';
import { CliError } from './cli-error.ts';

export type ControlTarget = {
  readonly address: ListenAddress;
  /** The id that must answer there, or its beginning; undefined: any with the secret. */
  readonly nodeId: string | undefined;
  /** 64 hex digits. */
  readonly rpcSecret: string;
};

const SILENCE_MS_MAX = 120_000;

/** Answers the operation's JSON value. Throws CliError. */
export async function callControl(
  target: ControlTarget,
  call: ControlCall,
  random: Randomness,
): Promise<unknown> {
  const key = controlKey(target.rpcSecret);
  const nonce = await fetchNonce(target, key, random);
  const body = Buffer.from(JSON.stringify(call));
  const callCode = codeOf(key, { kind: 'call', nonce, body });
  const reply = await post(target, CONTROL_PATH.call, {
    headers: { [CONTROL_HEADER.nonce]: nonce, [CONTROL_HEADER.code]: callCode },
    body,
  });
  const isProven = isCode(reply.code, key, { kind: 'answer', callCode, body: reply.body });
  if (!isProven) throw refused(target, reply.status);
  const answer = JSON.parse(reply.body.toString('utf8')) as ControlAnswer;
  if (answer.kind === 'value') return answer.value;
  const { status, error } = answer;
  throw new CliError(
    `${call.operation} returned ${error.code} (${String(status)}): ${error.message}`,
  );
}

async function fetchNonce(target: ControlTarget, key: Buffer, random: Randomness): Promise<string> {
  const challenge = random.bytes(32).toString('hex');
  const reply = await post(target, CONTROL_PATH.nonce, {
    headers: {
      [CONTROL_HEADER.challenge]: challenge,
      [CONTROL_HEADER.code]: codeOf(key, { kind: 'challenge', challenge }),
    },
    body: Buffer.alloc(0),
  });
  if (reply.status !== 200) throw refused(target, reply.status);
  const { nonce, nodeId } = parseNonce(reply.body, target);
  if (!isCode(reply.code, key, { kind: 'nonce', challenge, nonce, nodeId })) {
    throw refused(target, reply.status);
  }
  if (target.nodeId === undefined || nodeId.startsWith(target.nodeId)) return nonce;
  throw new CliError(
    `Node ${nodeId.slice(0, 16)} answers at ${nameOf(target)}, and not ` +
      `${target.nodeId.slice(0, 16)}: check the address.`,
  );
}

function parseNonce(body: Buffer, target: ControlTarget): ControlNonce {
  try {
    const { nonce, nodeId } = JSON.parse(body.toString('utf8')) as Partial<ControlNonce>;
    if (isHex32(nonce) && isHex32(nodeId)) return { nonce, nodeId };
  } catch {
    // Whatever answered there speaks another language: said below.
  }
  throw refused(target, 200);
}

type Question = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };
type Reply = {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Buffer;
};

function post(target: ControlTarget, path: string, question: Question): Promise<Reply> {
  const { address } = target;
  const where =
    address.kind === 'unix'
      ? { socketPath: address.path }
      : { host: reachable(address.host), port: address.port };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(unreachable(target, error));
    };
    const outgoing = request(
      {
        ...where,
        method: 'POST',
        path,
        agent: false,
        timeout: SILENCE_MS_MAX,
        headers: { ...question.headers, 'content-length': question.body.length },
      },
      response => {
        const pieces: Buffer[] = [];
        let sizeBytes = 0;
        response.on('data', (piece: Buffer) => {
          sizeBytes += piece.length;
          pieces.push(piece);
          if (sizeBytes > CONTROL_ANSWER_BYTES_MAX) outgoing.destroy(new Error('too long'));
        });
        response.on('error', fail);
        response.on('end', () => {
          const code = response.headers[CONTROL_HEADER.code];
          resolve({
            status: response.statusCode ?? 0,
            code: typeof code === 'string' ? code : undefined,
            body: Buffer.concat(pieces),
          });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('it does not answer')));
    outgoing.on('error', fail);
    outgoing.end(question.body);
  });
}

/** One can listen on all addresses, but one speaks to one. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function nameOf({ address }: ControlTarget): string {
  if (address.kind === 'unix') return address.path;
  const host = reachable(address.host);
  return `${host.includes(':') ? `[${host}]` : host}:${String(address.port)}`;
}

function unreachable(target: ControlTarget, error: Error): CliError {
  const isClosed = 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
  return new CliError(
    isClosed
      ? `No node answers at ${nameOf(target)}: start it with \`garage server\`.`
      : `The node at ${nameOf(target)} cannot be reached: ${error.message}`,
  );
}

function refused(target: ControlTarget, status: number): CliError {
  return new CliError(
    status === 403
      ? `The node at ${nameOf(target)} has another rpc_secret: use its configuration file.`
      : `What answers at ${nameOf(target)} is not a node with this rpc_secret.`,
  );
}
