/**
 * Asks storage nodes that know another layout state for theirs, one after the other.
 *
 * Owns:          who is to be asked.
 * Knows:         the bus, digests of states.
 * Must not know: who is alive.
 *
 * A state that changes quickly (each node acknowledges a new version) is asked for as often as one
 * answer takes, not as often as it changes.
 */
import { CodecError } from '../schemas/codec.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { LayoutState } from '../schemas/layout-state.ts';
import { decodeLayoutState, layoutDigest } from '../schemas/records/layout-state-row.ts';
import type { Bus } from './bus.ts';
import { askGuarded } from './guarded.ts';
import type { KnownLayout } from './known-layout.ts';
import type { Subjects } from './subjects.ts';

export type LayoutPullOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly known: KnownLayout;
};

const TIMEOUT_MS = 3000;

/** undefined: these bytes are none. */
export function readState(bytes: Uint8Array): LayoutState | undefined {
  try {
    return decodeLayoutState(bytes);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

export class LayoutPull {
  readonly #options: LayoutPullOptions;
  /** What each node said last. */
  readonly #digests = new Map<NodeId, string>();
  /** What of each node we have taken over. */
  readonly #merged = new Map<NodeId, string>();
  readonly #toAsk = new Set<NodeId>();
  #isAsking = false;
  #isStopped = false;

  constructor(options: LayoutPullOptions) {
    this.#options = options;
  }

  heard(node: NodeId, digest: string): void {
    this.#digests.set(node, digest);
    if (this.#isStopped || !this.#isNews(node)) return;
    this.#toAsk.add(node);
    if (!this.#isAsking) void this.#askAll();
  }

  forget(node: NodeId): void {
    this.#digests.delete(node);
    this.#merged.delete(node);
    this.#toAsk.delete(node);
  }

  stop(): void {
    this.#isStopped = true;
    this.#toAsk.clear();
  }

  #isNews(node: NodeId): boolean {
    const digest = this.#digests.get(node);
    if (digest === this.#merged.get(node)) return false;
    return digest !== layoutDigest(this.#options.known.state);
  }

  async #askAll(): Promise<void> {
    this.#isAsking = true;
    for (const node of this.#toAsk) {
      this.#toAsk.delete(node);
      if (this.#isNews(node)) await this.#ask(node);
    }
    this.#isAsking = false;
  }

  async #ask(node: NodeId): Promise<void> {
    const { bus, subjects, known } = this.#options;
    const options = { timeoutMs: TIMEOUT_MS };
    const reply = await askGuarded(bus, subjects.cluster(node), [{ kind: 'layout-pull' }, options]);
    // Its next heartbeat says again that it knows something else.
    if (reply.kind !== 'layout-state' || this.#isStopped) return;
    const state = readState(reply.state);
    if (state === undefined) return;
    this.#merged.set(node, layoutDigest(state));
    known.learn(state);
  }
}
