/**
 * The password with which processes without a key of their own log in to the nats-servers.
 *
 * Owns:          how it is made of the cluster's one secret.
 * Knows:         HMAC.
 * Must not know: who asks for it.
 *
 * The secret itself is never given to a nats-server: who reads its configuration learns nothing
 * about it.
 */
import { createHmac } from 'node:crypto';

export const NATS_USER = 'garage';

/** `rpcSecretHex`: 64 hex digits. */
export function natsPassword(rpcSecretHex: string): string {
  return createHmac('sha256', Buffer.from(rpcSecretHex, 'hex')).update('garage nats').digest('hex');
}
