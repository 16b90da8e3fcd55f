/**
 * Who is alive, from when each was last heard.
 *
 * Owns:          the rule: who was silent for too long is down.
 * Knows:         times that it is handed.
 * Must not know: how anybody is heard.
 *
 * A process that stood still heard nobody, and that is nobody else's fault: after a pause of its
 * own everyone has the whole time again. It notices by its own ticks, which came too late.
 */
import type { NodeId } from '../schemas/ids.ts';

/** Silent for so long: down. */
export const SILENCE_MS = 2000;
/** A tick so much too late means that we stood still. */
const PAUSE_MS = 400;

export class FailureDetector {
  readonly #tickMs: number;
  readonly #heardAtMs = new Map<NodeId, number>();
  readonly #down = new Set<NodeId>();
  #lastTickMs: number;
  /** Silence before this does not count. */
  #countsFromMs: number;

  constructor(tickMs: number, nowMs: number) {
    this.#tickMs = tickMs;
    this.#lastTickMs = nowMs;
    this.#countsFromMs = nowMs;
  }

  /** True: it was down, or was not known. */
  heard(node: NodeId, nowMs: number): boolean {
    const isNew = !this.#heardAtMs.has(node);
    this.#heardAtMs.set(node, nowMs);
    return this.#down.delete(node) || isNew;
  }

  /** Said goodbye; true: it was up. */
  left(node: NodeId): boolean {
    if (this.#down.has(node)) return false;
    this.#down.add(node);
    return true;
  }

  /** Who was never heard counts as silent from now on, or since the start. */
  expect(nodes: Iterable<NodeId>, nowMs: number): void {
    for (const node of nodes) if (!this.#heardAtMs.has(node)) this.#heardAtMs.set(node, nowMs);
  }

  forget(node: NodeId): void {
    this.#heardAtMs.delete(node);
    this.#down.delete(node);
  }

  /** Who went down since the last tick. */
  tick(nowMs: number): readonly NodeId[] {
    const lateMs = nowMs - this.#lastTickMs - this.#tickMs;
    this.#lastTickMs = nowMs;
    if (lateMs > PAUSE_MS) this.#countsFromMs = nowMs;
    const gone: NodeId[] = [];
    for (const [node, heardAtMs] of this.#heardAtMs) {
      if (this.#down.has(node)) continue;
      if (nowMs - Math.max(heardAtMs, this.#countsFromMs) < SILENCE_MS) continue;
      this.#down.add(node);
      gone.push(node);
    }
    return gone;
  }

  isUp(node: NodeId): boolean {
    return !this.#down.has(node);
  }
}
