/**
 * Refuses what was sent in ignorance of a layout version that this node has acknowledged.
 *
 * Owns:          the fence, and the count of requests that were let through.
 * Knows:         the layout as the process knows it, what requests carry of it.
 * Must not know: what requests are.
 *
 * To acknowledge a version is to promise that nothing is written here without regard to it. So the
 * fence is raised first; then what was let through before must have ended; then the acknowledgement
 * may be made durable and leave. The same for reads by versions that are over.
 *
 * One text names the same versions in request after request: the verdict on it is remembered.
 */
import type { RequestContext, Server } from '../../bus/bus.ts';
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { StaleLayout } from '../../bus/stale-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import {
  coversAll,
  isOver,
  parseLayoutIds,
  readsTooOld,
  trackerOf,
} from '../../schemas/layout-liveness.ts';
import type { VersionName } from '../../schemas/layout-state.ts';
import { encodeLayoutState } from '../../schemas/records/layout-state-row.ts';
import type { Soon } from '../../schemas/soon.ts';

/** The requests that were let through since the fence was last raised. */
type Epoch = { open: number; ended: (() => void) | undefined };

export class LayoutFence {
  readonly #node: NodeId;
  readonly #known: KnownLayout;
  /** Raised, and not yet acknowledged. */
  readonly #raised = new Set<VersionName>();
  #accepted: string | undefined;
  #epoch: Epoch = { open: 0, ended: undefined };

  constructor(node: NodeId, known: KnownLayout) {
    this.#node = node;
    this.#known = known;
    known.onChange(() => {
      this.#accepted = undefined;
    });
  }

  /** undefined: it may go on. Else the state that its sender is to take over. */
  refuses(layouts: string | undefined): Uint8Array | undefined {
    if (layouts !== undefined && layouts === this.#accepted) return undefined;
    if (this.#isStale(layouts ?? '')) return encodeLayoutState(this.#known.state);
    this.#accepted = layouts;
    return undefined;
  }

  #isStale(layouts: string): boolean {
    const { state } = this.#known;
    const { acked, stopped } = trackerOf(state, this.#node);
    const named = parseLayoutIds(layouts);
    return (
      isOver(state, named) ||
      !coversAll(state, named, acked) ||
      !coversAll(state, named, this.#raised) ||
      readsTooOld(state, named, stopped)
    );
  }

  /** A server behind the fence. */
  guard<Request, Reply>(server: Server<Request, Reply>): Server<Request, Reply | StaleLayout> {
    return (request: Request, context: RequestContext): Soon<Reply | StaleLayout> => {
      const state = this.refuses(context.layouts);
      if (state !== undefined) return { kind: 'stale-layout', state };
      const reply = server(request, context);
      return reply instanceof Promise ? this.#counted(reply) : reply;
    };
  }

  async #counted<Reply>(reply: Promise<Reply>): Promise<Reply> {
    const epoch = this.#epoch;
    epoch.open += 1;
    try {
      return await reply;
    } finally {
      epoch.open -= 1;
      if (epoch.open === 0) epoch.ended?.();
    }
  }

  /** From now on these are asked for; resolves when what was let through before has ended. */
  async raise(names: readonly VersionName[]): Promise<void> {
    for (const name of names) this.#raised.add(name);
    this.#accepted = undefined;
    const before = this.#epoch;
    this.#epoch = { open: 0, ended: undefined };
    if (before.open === 0) return;
    await new Promise<void>(resolve => {
      before.ended = resolve;
    });
  }

  /** They are acknowledged, and so in the state, or are not to be after all. */
  lower(names: readonly VersionName[]): void {
    for (const name of names) this.#raised.delete(name);
  }
}
