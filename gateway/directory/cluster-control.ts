/**
 * What administration asks about nodes and layout, put to the keepers of that on the bus.
 *
 * Owns:          what "healthy" means for one node with all partitions.
 * Knows:         the cluster client.
 * Must not know: HTTP, the command line.
 */
import type { ClusterClient } from '../../bus/cluster-client.ts';
import { ClusterUnavailableError } from '../../bus/cluster-client.ts';
import type * as Admin from '../../schemas/admin-types.ts';
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import type { ClusterControl } from '../admin/admin-ports.ts';

export class LocalClusterControl implements ClusterControl {
  readonly localNodeId: NodeId;
  readonly #client: ClusterClient;

  constructor(localNodeId: NodeId, client: ClusterClient) {
    this.localNodeId = localNodeId;
    this.#client = client;
  }

  async #ask<Kind extends ClusterReply['kind']>(
    request: ClusterRequest,
    expected: Kind,
  ): Promise<Extract<ClusterReply, { kind: Kind }>> {
    try {
      return await this.#client.ask(this.localNodeId, request, expected);
    } catch (failure) {
      if (!(failure instanceof ClusterUnavailableError)) throw failure;
      throw new AdminUnavailableError('The node cannot read or write its layout; see its log.');
    }
  }

  async status(): Promise<Admin.ClusterStatus> {
    return (await this.#ask({ kind: 'cluster-status' }, 'status')).status;
  }

  async health(): Promise<Admin.ClusterHealth> {
    const view = await this.layout();
    const storage = view.roles.filter(role => role.capacity !== null);
    const nodesUp = storage.filter(role => role.id === this.localNodeId).length;
    const isServing = storage.length > 0 && nodesUp === storage.length;
    const partitions = isServing ? PARTITION_COUNT : 0;
    return {
      status: isServing ? 'healthy' : 'unavailable',
      knownNodes: Math.max(1, view.roles.length),
      connectedNodes: 1,
      storageNodes: storage.length,
      storageNodesUp: nodesUp,
      partitions: PARTITION_COUNT,
      partitionsQuorum: partitions,
      partitionsAllOk: partitions,
    };
  }

  async layout(): Promise<Admin.LayoutView> {
    return (await this.#ask({ kind: 'layout-show' }, 'layout-view')).view;
  }

  async layoutHistory(): Promise<Admin.LayoutHistory> {
    return (await this.#ask({ kind: 'layout-history' }, 'layout-history')).history;
  }

  async stageLayout(change: {
    readonly roles: readonly Admin.RoleChange[];
    readonly parameters: Admin.LayoutParameters | undefined;
  }): Promise<Admin.StageLayoutResult> {
    const { roles, parameters } = change;
    const request = { kind: 'layout-stage', roles } as const;
    const staged = parameters === undefined ? request : { ...request, parameters };
    return (await this.#ask(staged, 'layout-staged')).result;
  }

  async previewLayout(): Promise<Admin.PreviewLayoutResult> {
    return (await this.#ask({ kind: 'layout-preview' }, 'layout-previewed')).result;
  }

  async applyLayout(version: number): Promise<Admin.ApplyLayoutResult> {
    return (await this.#ask({ kind: 'layout-apply', version }, 'layout-applied')).result;
  }

  async revertLayout(): Promise<Admin.LayoutView> {
    return (await this.#ask({ kind: 'layout-revert' }, 'layout-view')).view;
  }

  async nodeInfo(nodeId: string): Promise<Admin.NodeAnswer<Admin.NodeInfo>> {
    if (nodeId !== this.localNodeId) return unknownNode(nodeId);
    return { kind: 'answered', value: (await this.#ask({ kind: 'node-info' }, 'info')).info };
  }

  async nodeStatistics(nodeId: string): Promise<Admin.NodeAnswer<Admin.NodeStatistics>> {
    if (nodeId !== this.localNodeId) return unknownNode(nodeId);
    const { statistics } = await this.#ask({ kind: 'node-statistics' }, 'statistics');
    return { kind: 'answered', value: statistics };
  }
}

function unknownNode(nodeId: string): { readonly kind: 'failed'; readonly message: string } {
  return { kind: 'failed', message: `Node ${nodeId.slice(0, 16)} cannot be reached from here.` };
}
