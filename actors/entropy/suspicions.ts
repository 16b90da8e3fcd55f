/**
 * With whom a replica seems to differ, and when it is time to look.
 *
 * Owns:          since when which partition differs from whose, and the pauses between tries.
 * Knows:         roots as they are heard.
 * Must not know: how a difference is made good.
 *
 * Under load two roots nearly always differ for a moment, so a difference is looked into only when
 * it was heard twice, and less and less often while looking helps nothing. There is one entry for
 * each partition and peer at most.
 */
import type { NodeId, PartitionId } from '../../schemas/ids.ts';

export type Suspicion = {
  readonly partition: PartitionId;
  readonly node: NodeId;
  readonly sinceMs: number;
  heard: number;
  dueMs: number;
  pauseMs: number;
};

/** A difference that lasts so long is looked into even while writes go on. */
export const OVERDUE_MS = 60_000;
const HEARD_MIN = 2;
const PAUSE_MS_MIN = 2000;
const PAUSE_MS_MAX = 60_000;

export class Suspicions {
  readonly #entries = new Map<string, Suspicion>();

  get size(): number {
    return this.#entries.size;
  }

  /** Partitions that differ from somebody's. */
  get partitions(): number {
    return new Set([...this.#entries.values()].map(({ partition }) => partition)).size;
  }

  heard(partition: PartitionId, node: NodeId, outcome: { differs: boolean; nowMs: number }): void {
    const name = nameOf(partition, node);
    const known = this.#entries.get(name);
    if (!outcome.differs) {
      this.#entries.delete(name);
      return;
    }
    if (known !== undefined) {
      known.heard += 1;
      return;
    }
    const { nowMs } = outcome;
    const fresh = { heard: 1, dueMs: nowMs, pauseMs: PAUSE_MS_MIN };
    this.#entries.set(name, { partition, node, sinceMs: nowMs, ...fresh });
  }

  /** The one that waits longest of those whose time has come; it is not due again before
   *  `tried` or `settled` says so. */
  next(nowMs: number): Suspicion | undefined {
    let first: Suspicion | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.heard < HEARD_MIN || entry.dueMs > nowMs) continue;
      if (first === undefined || entry.dueMs < first.dueMs) first = entry;
    }
    if (first !== undefined) first.dueMs = Number.POSITIVE_INFINITY;
    return first;
  }

  /** It helped, or may have: look again soon. */
  settled(suspicion: Suspicion, nowMs: number): void {
    suspicion.heard = 0;
    suspicion.pauseMs = PAUSE_MS_MIN;
    suspicion.dueMs = nowMs;
  }

  /** It did not help: look again later, and later still the next time. */
  tried(suspicion: Suspicion, nowMs: number): void {
    suspicion.dueMs = nowMs + suspicion.pauseMs;
    suspicion.pauseMs = Math.min(PAUSE_MS_MAX, suspicion.pauseMs * 2);
  }

  /** Nodes that hold nothing in common with this one any more. */
  keepOnly(isShared: (partition: PartitionId, node: NodeId) => boolean): void {
    for (const [name, { partition, node }] of this.#entries) {
      if (!isShared(partition, node)) this.#entries.delete(name);
    }
  }
}

function nameOf(partition: PartitionId, node: NodeId): string {
  return `${String(partition)} ${node}`;
}
