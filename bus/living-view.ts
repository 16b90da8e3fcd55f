/**
 * What a process in a cluster knows of it, for those who ask replicas.
 *
 * Owns:          the order in which replicas are asked.
 * Knows:         the layout as the process knows it, the membership.
 * Must not know: how either is learnt.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Subscription } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import type { KnownLayout } from './known-layout.ts';
import { readState } from './layout-pull.ts';
import type { Membership } from './membership.ts';

type Order = { readonly epoch: number; readonly nodes: readonly NodeId[] };

export type Members = Pick<Membership, 'epoch' | 'isUp' | 'onDown' | 'roundTripMs'>;

export class LivingView implements ClusterView {
  readonly #node: NodeId;
  readonly #known: KnownLayout;
  readonly #members: Members;
  /** By the list that was asked about: a version's lists stay the same. */
  readonly #orders = new WeakMap<readonly NodeId[], Order>();

  constructor(node: NodeId, known: KnownLayout, members: Members) {
    this.#node = node;
    this.#known = known;
    this.#members = members;
  }

  get current(): LayoutVersion {
    return this.#known.current;
  }

  get live(): readonly LayoutVersion[] {
    return this.#known.live;
  }

  get read(): LayoutVersion {
    return this.#known.read;
  }

  get liveIds(): string {
    return this.#known.liveIds;
  }

  isUp(node: NodeId): boolean {
    return this.#members.isUp(node);
  }

  nearest(nodes: readonly NodeId[]): readonly NodeId[] {
    const { epoch } = this.#members;
    const known = this.#orders.get(nodes);
    if (known?.epoch === epoch) return known.nodes;
    const order = { epoch, nodes: this.#sorted(nodes) };
    this.#orders.set(nodes, order);
    return order.nodes;
  }

  #sorted(nodes: readonly NodeId[]): readonly NodeId[] {
    const distance = (node: NodeId): number => {
      if (node === this.#node) return -1;
      if (!this.#members.isUp(node)) return Infinity;
      return this.#members.roundTripMs(node) ?? Number.MAX_VALUE;
    };
    return nodes
      .map(node => ({ node, far: distance(node) }))
      .sort((a, b) => (a.far === b.far ? 0 : a.far - b.far))
      .map(({ node }) => node);
  }

  onDown(listener: (node: NodeId) => void): Subscription {
    return this.#members.onDown(listener);
  }

  takeOver(bytes: Uint8Array): void {
    const state = readState(bytes);
    if (state !== undefined) this.#known.learn(state);
  }
}
