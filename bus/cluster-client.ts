/**
 * Asks a node for the layout, and changes it.
 *
 * Owns:          which reply is an answer, and which is none.
 * Knows:         the cluster messages.
 * Must not know: how a layout is decided.
 */
import type { NodeId } from '../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import type { ClusterReply, ClusterRequest } from '../schemas/messages/cluster.ts';
import type { Bus, RequestOptions } from './bus.ts';
import { askGuarded } from './guarded.ts';
import type { Subjects } from './subjects.ts';

export class ClusterUnavailableError extends Error {
  override readonly name = 'ClusterUnavailableError';
  /** What the node said when it refused: one sentence for the operator. */
  readonly reason: string | undefined;

  constructor(message: string, reason?: string) {
    super(message);
    this.reason = reason;
  }
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
    options: RequestOptions = { timeoutMs: REQUEST_DEADLINE_MS },
  ): Promise<Extract<ClusterReply, { kind: Kind }>> {
    const reply = await askGuarded(this.#bus, this.#subjects.cluster(node), [request, options]);
    if (reply.kind === expected) return reply as Extract<ClusterReply, { kind: Kind }>;
    const message = `node ${node.slice(0, 16)} answered ${reply.kind}`;
    throw new ClusterUnavailableError(message, reply.kind === 'refused' ? reply.reason : undefined);
  }
}
