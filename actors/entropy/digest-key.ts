/**
 * The key of the digests that the nodes of a cluster compare.
 *
 * Owns:          how it is made of the cluster's one secret.
 * Knows:         HMAC.
 * Must not know: what is hashed with it.
 */
import { createHmac } from 'node:crypto';

/** `rpcSecretHex`: 64 hex digits. 32 bytes. */
export function digestKey(rpcSecretHex: string): Buffer {
  return createHmac('sha256', Buffer.from(rpcSecretHex, 'hex')).update('garage digests').digest();
}
