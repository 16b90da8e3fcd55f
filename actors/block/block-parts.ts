/**
 * What the parts of one block partition share.
 *
 * Owns:          the type; commits that change a live reference, which the digest must hear of.
 * Knows:         the parts.
 * Must not know: what each of them does.
 */
import type { BlockHash } from '../../schemas/ids.ts';
import type { BlockFiles } from '../storage/block-files.ts';
import type { CommitPurpose, PurposefulStore } from '../storage/commit-purpose.ts';
import type { StoreOperation } from '../storage/store.ts';
import type { BlockLedger, LedgerChange } from './block-ledger.ts';
import type { BlockLoad } from './block-load.ts';
import type { BlockStats } from './block-stats.ts';
import type { HashTurns } from './hash-turns.ts';
import type { ReferenceDigest } from './reference-digest.ts';

export type BlockParts = {
  readonly ledger: BlockLedger;
  readonly turns: HashTurns;
  readonly digest: ReferenceDigest;
  readonly store: PurposefulStore;
  readonly files: BlockFiles;
  readonly load: BlockLoad;
  readonly stats: BlockStats;
};

type Reference = { readonly hash: BlockHash; readonly id: string };

/** Commits a change of one reference, and whatever belongs to it. */
export async function commitReference(
  { store, digest }: BlockParts,
  { hash, id }: Reference,
  change: LedgerChange,
  [purpose, more]: readonly [CommitPurpose, (readonly StoreOperation[] | undefined)?],
): Promise<void> {
  const operations = more === undefined ? change.operations : [...change.operations, ...more];
  if (!change.toggles) return store.commit(operations, purpose);
  const digested = digest.begin(hash, id);
  try {
    await store.commit(operations, purpose);
  } catch (error) {
    digest.end(digested, 'unknown', hash);
    throw error;
  }
  digest.end(digested, 'durable', hash);
}
