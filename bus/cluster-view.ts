/**
 * What a process knows of the cluster, as those who ask replicas need it.
 *
 * Owns:          the port; a process without peers has a fixed view, one in a cluster a living one.
 * Knows:         layout versions, which nodes answer.
 * Must not know: how either is learnt.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Subscription } from './bus.ts';

export interface ClusterView {
  /** The newest version that is known: what operators are shown. */
  readonly current: LayoutVersion;
  /** The live versions, oldest first: a write needs its quorum in each. */
  readonly live: readonly LayoutVersion[];
  /** The newest version that is completely synced: reads go by it. One of `live`. */
  readonly read: LayoutVersion;
  /** Names the live versions; goes with every request to a replica as its `layouts`. */
  readonly liveIds: string;
  /** False once the failure detector has given the node up. */
  isUp(node: NodeId): boolean;
  /** The same nodes: this process's own first, then by round trip, those that are down last. */
  nearest(nodes: readonly NodeId[]): readonly NodeId[];
  /** Called when a node is given up, or was started anew: what waits for it need not wait on. */
  onDown(listener: (node: NodeId) => void): Subscription;
  /** A replica refused what was sent under an older set of live versions, and told its state: it
   *  is taken over before the next try. Bytes that are none are ignored. */
  takeOver(state: Uint8Array): void;
}

/** The view of a process that has no peers to hear of. */
export function fixedView(layout: { readonly current: LayoutVersion }): ClusterView {
  let live = [layout.current];
  return {
    get current() {
      return layout.current;
    },
    get live() {
      if (live[0] !== layout.current) live = [layout.current];
      return live;
    },
    get read() {
      return layout.current;
    },
    liveIds: '',
    isUp: () => true,
    nearest: nodes => nodes,
    onDown: () => ({ close: () => undefined }),
    takeOver: () => undefined,
  };
}
