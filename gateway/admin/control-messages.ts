/**
 * What the `garage` command and a running process say to each other, and how each proves itself.
 *
 * Owns:          paths, headers and bodies of the control door; the codes that authenticate them.
 * Knows:         HMAC (RFC 2104).
 * Must not know: sockets, operations.
 *
 *     command                                     process
 *     challenge, code(challenge)            →
 *                                           ←     nonce, node id, code(challenge, nonce, node id)
 *     call: nonce, code(nonce, body), body  →
 *                                           ←     code(nonce, code of the call, answer), answer
 *
 * Both know the secret and neither sends it. A nonce is good for one call of one run of the
 * process, for a short time, so a call that was overheard cannot be repeated; an answer belongs to
 * its call alone. What is said is not hidden: the door stays on loopback, or behind a tunnel.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AdminErrorBody } from './admin-error.ts';

export const CONTROL_PATH = { nonce: '/control/nonce', call: '/control/call' } as const;
export const CONTROL_HEADER = {
  challenge: 'x-garage-challenge',
  nonce: 'x-garage-nonce',
  code: 'x-garage-code',
} as const;

/** Longer than any answer to a command, shorter than what could hurt either end. */
export const CONTROL_ANSWER_BYTES_MAX = 256 * 1024 * 1024;
export const CONTROL_CALL_BYTES_MAX = 1024 * 1024;

export type ControlNonce = { readonly nonce: string; readonly nodeId: string };
export type ControlCall = { readonly operation: string; readonly params: unknown };
export type ControlAnswer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly status: number; readonly error: AdminErrorBody };

/** The key of all codes: never the secret itself, which also opens other doors. */
export function controlKey(rpcSecretHex: string): Buffer {
  return createHmac('sha256', Buffer.from(rpcSecretHex, 'hex')).update('garage control').digest();
}

/** What a code vouches for. Everything but a body is hex, so that no two messages read alike. */
export type Vouched =
  | { readonly kind: 'challenge'; readonly challenge: string }
  | ({ readonly kind: 'nonce'; readonly challenge: string } & ControlNonce)
  | { readonly kind: 'call'; readonly nonce: string; readonly body: Uint8Array }
  | { readonly kind: 'answer'; readonly callCode: string; readonly body: Uint8Array };

export function codeOf(key: Buffer, vouched: Vouched): string {
  const mac = createHmac('sha256', key).update(`${vouched.kind}\n`);
  switch (vouched.kind) {
    case 'challenge':
      return mac.update(vouched.challenge).digest('hex');
    case 'nonce':
      mac.update(`${vouched.challenge}\n${vouched.nonce}\n${vouched.nodeId}`);
      return mac.digest('hex');
    case 'call':
      return mac.update(`${vouched.nonce}\n`).update(vouched.body).digest('hex');
    case 'answer':
      // The code of the call holds its nonce and its body, so this binds the answer to both.
      return mac.update(`${vouched.callCode}\n`).update(vouched.body).digest('hex');
  }
}

/** In constant time; false for anything that is no code. */
export function isCode(given: string | undefined, key: Buffer, vouched: Vouched): boolean {
  if (given === undefined || !/^[0-9a-f]{64}$/.test(given)) return false;
  return timingSafeEqual(Buffer.from(given, 'hex'), Buffer.from(codeOf(key, vouched), 'hex'));
}

export function isHex32(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{64}$/.test(text);
}
