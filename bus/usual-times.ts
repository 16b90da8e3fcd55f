/**
 * How long each node usually takes to answer, and when not to wait any longer for it alone.
 *
 * Owns:          a running mean for each node.
 * Knows:         nothing else.
 * Must not know: what was asked.
 */
import type { NodeId } from '../schemas/ids.ts';
import { HEDGE_MS_MAX, HEDGE_MS_MIN } from '../schemas/limits.ts';

/** What one more observation weighs in the mean. */
const WEIGHT = 0.125;
/** A node that was never heard: a round trip between distant sites. */
const FIRST_MS = 100;

export class UsualTimes {
  readonly #means = new Map<NodeId, number>();

  observe(node: NodeId, ms: number): void {
    const mean = this.#means.get(node);
    this.#means.set(node, mean === undefined ? ms : mean + (ms - mean) * WEIGHT);
  }

  /** After so long another is asked beside it. */
  hedgeMs(node: NodeId): number {
    const usual = 2 * (this.#means.get(node) ?? FIRST_MS);
    return Math.min(Math.max(usual, HEDGE_MS_MIN), HEDGE_MS_MAX);
  }
}
