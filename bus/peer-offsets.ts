/**
 * Other processes' clocks: how theirs stand to ours.
 *
 * Owns:          the offsets of monotonic clocks by process, and of wall clocks by node.
 * Knows:         our clock.
 * Must not know: how they were measured, what they are used for.
 *
 * A monotonic clock counts from some moment of its own, so an offset is all there is to know. It is
 * measured by a question and its answer, and is wrong by half their time at most. Wall clocks are
 * held against our monotonic one: a jump of our own wall clock changes nothing that was measured.
 */
import type { Clock } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';

/** Processes whose offset is kept; beyond it the one that was measured longest ago is dropped. */
const PROCESSES_MAX = 4096;
/** What was measured longer ago says nothing: machines sleep. */
const MEASUREMENT_MS_MAX = 60_000;
/** Nothing travels longer than this. */
const ON_THE_WAY_MS_MAX = 60_000;

type Offset = { readonly offsetMs: number; readonly atMs: number };

export class PeerOffsets {
  readonly #clock: Clock;
  readonly #processes = new Map<number, Offset>();
  readonly #walls = new Map<NodeId, Offset>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Theirs stood at `theirsMs` when ours stood at `oursMs`. */
  learnProcess(process: number, theirsMs: number, oursMs: number): void {
    const atMs = this.#clock.monotonicMs();
    this.#processes.delete(process);
    this.#processes.set(process, { offsetMs: oursMs - theirsMs, atMs });
    if (this.#processes.size <= PROCESSES_MAX) return;
    const [oldest] = this.#processes.keys();
    if (oldest !== undefined) this.#processes.delete(oldest);
  }

  learnWall(node: NodeId, wallMs: number, oursMs: number): void {
    this.#walls.set(node, { offsetMs: wallMs - oursMs, atMs: this.#clock.monotonicMs() });
  }

  forget(node: NodeId): void {
    this.#walls.delete(node);
  }

  /** When it was sent, on our clock; undefined: not known. */
  sentAtHere(process: number, sentAtMs: number): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#processes.get(process);
    if (known === undefined || nowMs - known.atMs > MEASUREMENT_MS_MAX) return undefined;
    const hereMs = sentAtMs + known.offsetMs;
    return Math.min(nowMs, Math.max(hereMs, nowMs - ON_THE_WAY_MS_MAX));
  }

  /** Wall clocks as they stand now, by node; only those of `nodes` that were measured lately. */
  wallsNow(nodes: Iterable<NodeId>): number[] {
    const nowMs = this.#clock.monotonicMs();
    const walls: number[] = [];
    for (const node of nodes) {
      const known = this.#walls.get(node);
      if (known === undefined || nowMs - known.atMs > MEASUREMENT_MS_MAX) continue;
      walls.push(nowMs + known.offsetMs);
    }
    return walls;
  }
}
