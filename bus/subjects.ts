/**
 * Every subject of the bus, built here and nowhere else.
 *
 * Owns:          the names, and which conversation is held where.
 * Knows:         NATS's rules for subjects: tokens joined by dots.
 * Must not know: who listens.
 *
 *   garage.<cluster>.node.<node>.table.<partition>     rows of a partition's replica
 *   garage.<cluster>.node.<node>.block.<partition>     blocks of a partition's replica
 *   garage.<cluster>.node.<node>.settings              buckets, names; reading access keys
 *   garage.<cluster>.node.<node>.cluster               what the node knows of the cluster
 *   garage.<cluster>.node.<node>.admin.<what>          changing access keys, or the cluster
 *   garage.<cluster>.gossip.<what>                     events
 *
 * What only administration may ask has subjects of its own, so that nats-servers can keep a gateway
 * without that right from asking it: deploy/nats/ has the permissions.
 */
import type { Conversation } from '../schemas/conversation.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { PARTITION_COUNT } from '../schemas/ids.ts';
import type { BlockReply, BlockRequest } from '../schemas/messages/block.ts';
import { blockConversation } from '../schemas/messages/block-wire.ts';
import type { ClusterReply, ClusterRequest } from '../schemas/messages/cluster.ts';
import { isClusterChange } from '../schemas/messages/cluster.ts';
import { clusterConversation } from '../schemas/messages/cluster-wire.ts';
import type { DigestGossip } from '../schemas/messages/digest-gossip.ts';
import { digestGossip } from '../schemas/messages/digest-gossip.ts';
import type { Heartbeat } from '../schemas/messages/heartbeat.ts';
import { heartbeat } from '../schemas/messages/heartbeat-wire.ts';
import type {
  SettingsChanged,
  SettingsReply,
  SettingsRequest,
} from '../schemas/messages/settings.ts';
import { isKeyDecision } from '../schemas/messages/settings.ts';
import { settingsChanged, settingsConversation } from '../schemas/messages/settings-wire.ts';
import type { TableReply, TableRequest } from '../schemas/messages/table.ts';
import { tableConversation } from '../schemas/messages/table-wire.ts';
import type { Codec, Kinded } from '../schemas/wire.ts';
import type { Address, Subject, Topic } from './bus.ts';
import type { Guarded } from './guarded.ts';

const ADMINISTRATION = { name: 'admin' } as const;
const settingsAdministration = { ...settingsConversation, ...ADMINISTRATION };
const clusterAdministration = { ...clusterConversation, ...ADMINISTRATION };

export class Subjects {
  readonly #root: string;
  /** By node: addresses are made once, not per request. */
  readonly #nodes = new Map<NodeId, NodeAddresses>();
  readonly #settingsChanged: Topic<SettingsChanged>;
  readonly #digests: Topic<DigestGossip>;
  readonly #heartbeat: Topic<Heartbeat>;

  constructor(clusterName: string) {
    this.#root = `garage.${clusterName}`;
    this.#settingsChanged = this.#topic('settings', settingsChanged);
    this.#digests = this.#topic('digests', digestGossip);
    this.#heartbeat = this.#topic('heartbeat', heartbeat);
  }

  #topic<Event>(what: string, event: Codec<Event>): Topic<Event> {
    return { subject: `${this.#root}.gossip.${what}` as Subject, event };
  }

  #node(node: NodeId): NodeAddresses {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const made = new NodeAddresses(`${this.#root}.node.${node}`, node);
    this.#nodes.set(node, made);
    return made;
  }

  /** The rows of one partition's replica. */
  table(node: NodeId, partition: PartitionId): Address<TableRequest, TableReply> {
    return this.#node(node).table[partition] as Address<TableRequest, TableReply>;
  }

  /** The blocks of one partition's replica. */
  block(node: NodeId, partition: PartitionId): Address<BlockRequest, BlockReply> {
    return this.#node(node).block[partition] as Address<BlockRequest, BlockReply>;
  }

  /** The full-copy rows of one node. */
  settings(node: NodeId): Guarded<SettingsRequest, SettingsReply> {
    return this.#node(node).settings;
  }

  /** The keeper of one node's view of the cluster. */
  cluster(node: NodeId): Guarded<ClusterRequest, ClusterReply> {
    return this.#node(node).cluster;
  }

  /** Event: a settings row changed. */
  settingsChanged(): Topic<SettingsChanged> {
    return this.#settingsChanged;
  }

  /** Event: what a node's partitions hold, in a few bytes each. */
  digests(): Topic<DigestGossip> {
    return this.#digests;
  }

  /** Event: a process lives, and what it is. */
  heartbeat(): Topic<Heartbeat> {
    return this.#heartbeat;
  }
}

class NodeAddresses {
  readonly table: readonly Address<TableRequest, TableReply>[];
  readonly block: readonly Address<BlockRequest, BlockReply>[];
  readonly settings: Guarded<SettingsRequest, SettingsReply>;
  readonly cluster: Guarded<ClusterRequest, ClusterReply>;

  constructor(root: string, node: NodeId) {
    const address = <Request extends Kinded, Reply extends Kinded>(
      name: string,
      conversation: Conversation<Request, Reply>,
    ): Address<Request, Reply> => ({ subject: `${root}.${name}` as Subject, node, conversation });
    const partitions = Array.from({ length: PARTITION_COUNT }, (_, index) => String(index));
    this.table = partitions.map(index => address(`table.${index}`, tableConversation));
    this.block = partitions.map(index => address(`block.${index}`, blockConversation));
    this.settings = {
      everyone: address('settings', settingsConversation),
      administration: address('admin.settings', settingsAdministration),
      isAdministration: isKeyDecision,
    };
    this.cluster = {
      everyone: address('cluster', clusterConversation),
      administration: address('admin.cluster', clusterAdministration),
      isAdministration: isClusterChange,
    };
  }
}
