/**
 * Why something is committed: writes that free space go on below the limit that stops all others.
 *
 * Owns:          the two purposes, and the store port widened by them.
 * Knows:         the store port.
 * Must not know: how much space there is.
 *
 * Without this rule a full disk could never be emptied: a deletion is a row, too.
 */
import type { Store, StoreOperation } from './store.ts';

/** `frees-space`: deletions, releases, collections: what makes the store or the disk smaller. */
export type CommitPurpose = 'grows' | 'frees-space';

/** Every Store is one: an implementation that has no limit ignores the purpose. */
export interface PurposefulStore extends Store {
  commit(operations: readonly StoreOperation[], purpose?: CommitPurpose): Promise<void>;
}
