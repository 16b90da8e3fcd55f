/**
 * The refusal of a replica that knows more of the layout than who asked it.
 *
 * Owns:          how it is told from other replies.
 * Knows:         nothing else.
 * Must not know: what becomes of it.
 */
import type { Kinded } from '../schemas/wire.ts';

/** Every conversation that a fence stands before has this reply. */
export type StaleLayout = { readonly kind: 'stale-layout'; readonly state: Uint8Array };

/** Not of every conversation does the type say that it has this reply. */
export function isStale(reply: Kinded): reply is StaleLayout {
  return reply.kind === 'stale-layout' && 'state' in reply;
}
