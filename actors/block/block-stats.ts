/**
 * Counts of what happened to the blocks of a node since it started.
 *
 * Owns:          the counters.
 * Knows:         nothing.
 * Must not know: who shows them.
 */

export type BlockStats = {
  /** What clients asked, whatever came of it. */
  requests: number;
  /** Files written. */
  written: number;
  writtenBytes: number;
  /** Blocks that came and were there already. */
  deduplicated: number;
  readBytes: number;
  /** Files whose bytes were not those that were stored, each time one was met. */
  damaged: number;
  /** Damaged files that were replaced by good ones. */
  rewritten: number;
  /** Files that were missing or damaged and were fetched from a peer. */
  restored: number;
  restoredBytes: number;
  /** Files removed because nothing refers to them any more. */
  removed: number;
  /** Files without a row, left by a crash. */
  orphans: number;
  /** Temporary files left by a crash. */
  leftovers: number;
};

export function newBlockStats(): BlockStats {
  return {
    requests: 0,
    written: 0,
    writtenBytes: 0,
    deduplicated: 0,
    readBytes: 0,
    damaged: 0,
    rewritten: 0,
    restored: 0,
    restoredBytes: 0,
    removed: 0,
    orphans: 0,
    leftovers: 0,
  };
}
