/**
 * The nodes of the cluster, as operators are shown them.
 *
 * Owns:          who is listed, what is said of each.
 * Knows:         the layout as the process knows it, the peers that were heard.
 * Must not know: how they were heard, who asks.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { Membership } from '../../bus/membership.ts';
import type { ClusterStatus, NodeStatus } from '../../schemas/admin-types.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { holdersOf } from '../../schemas/layout-liveness.ts';
import { roleView } from './layout-view.ts';

export type ClusterMembers = Pick<Membership, 'peers' | 'isHeard'>;

/** A node without peers. */
export const NO_MEMBERS: ClusterMembers = { peers: new Map(), isHeard: () => false };

type Place = Pick<NodeStatus, 'role' | 'draining'>;

function placeOf({ current, live }: KnownLayout, id: NodeId): Place {
  const role = current.roles.get(id);
  const draining = !holdersOf(current).has(id) && live.some(older => holdersOf(older).has(id));
  return { role: role === undefined ? null : roleView(role), draining };
}

function peerStatus({ members, known, nowMs }: StatusSources, id: NodeId): NodeStatus {
  const place = placeOf(known, id);
  const peer = members.peers.get(id);
  if (peer === undefined) {
    const unseen = { garageVersion: null, addr: null, hostname: null, lastSeenSecsAgo: null };
    return { id, ...unseen, isUp: false, ...place };
  }
  const { garageVersion, address, hostname, data, metadata, work } = peer.beat;
  return {
    ...{ id, garageVersion, addr: address, hostname, isUp: members.isHeard(id), ...place },
    lastSeenSecsAgo: Math.max(0, Math.floor((nowMs - peer.heardAtMs) / 1000)),
    ...(data === undefined ? {} : { dataPartition: data }),
    ...(metadata === undefined ? {} : { metadataPartition: metadata }),
    ...(work === undefined ? {} : { work }),
  };
}

export type StatusSources = {
  readonly known: KnownLayout;
  readonly members: ClusterMembers;
  /** Monotonic. */
  readonly nowMs: number;
  /** What the node says of itself, but for its place in the layout. */
  readonly own: Omit<NodeStatus, keyof Place> & { readonly id: NodeId };
};

/** Ordered by id. */
export function clusterStatus(sources: StatusSources): ClusterStatus {
  const { known, members, own } = sources;
  const ids = new Set<NodeId>([
    own.id,
    ...members.peers.keys(),
    ...known.live.flatMap(layout => [...layout.roles.keys()]),
    ...known.staged.roles.keys(),
  ]);
  const nodes = [...ids]
    .sort()
    .map(id => (id === own.id ? { ...own, ...placeOf(known, id) } : peerStatus(sources, id)));
  return { layoutVersion: known.current.version, nodes };
}
