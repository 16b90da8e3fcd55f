/**
 * Asks a node for the layout, changes it, and keeps this process's copy of it fresh.
 *
 * Owns:          the copy that requests are routed by.
 * Knows:         the cluster messages, the event of a change.
 * Must not know: how a layout is decided.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { NodeId } from '../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import type { ClusterReply, ClusterRequest } from '../schemas/messages/cluster.ts';
import type { Bus } from './bus.ts';
import { askGuarded } from './guarded.ts';
import type { LayoutFeed } from './replica-calls.ts';
import type { Subjects } from './subjects.ts';

export class ClusterUnavailableError extends Error {
  override readonly name = 'ClusterUnavailableError';
}

export class ClusterClient {
  readonly #bus: Bus;
  readonly #subjects: Subjects;

  constructor(bus: Bus, subjects: Subjects) {
    this.#bus = bus;
    this.#subjects = subjects;
  }

  /** The reply of the kind that was expected; everything else is ClusterUnavailableError. */
  async ask<Kind extends ClusterReply['kind']>(
    node: NodeId,
    request: ClusterRequest,
    expected: Kind,
  ): Promise<Extract<ClusterReply, { kind: Kind }>> {
    const options = { timeoutMs: REQUEST_DEADLINE_MS };
    const reply = await askGuarded(this.#bus, this.#subjects.cluster(node), [request, options]);
    if (reply.kind === expected) return reply as Extract<ClusterReply, { kind: Kind }>;
    throw new ClusterUnavailableError(`node ${node.slice(0, 16)} answered ${reply.kind}`);
  }
}

/** The layout as it was last heard of. */
export class LayoutCopy implements LayoutFeed {
  #current: LayoutVersion;

  constructor(first: LayoutVersion, bus: Bus, subjects: Subjects) {
    this.#current = first;
    bus.listen(subjects.layoutChanged(), layout => {
      if (layout.version > this.#current.version) this.#current = layout;
    });
  }

  get current(): LayoutVersion {
    return this.#current;
  }
}
