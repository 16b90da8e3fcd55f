/**
 * What administration asks about nodes and layout, put to the keepers of that on the bus.
 *
 * Owns:          whom to ask: the own keeper, or the nearest of those that are up.
 * Knows:         the cluster client, what this process knows of the cluster.
 * Must not know: HTTP, the command line.
 *
 * Any node may be asked about the layout, and any may change it: what is changed on two of them at
 * once merges. What a node says of itself only that node can be asked.
 */
import { ClusterUnavailableError, type ClusterClient } from '../../bus/cluster-client.ts';
import type * as Admin from '../../schemas/admin-types.ts';
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import { storageNodesOf, type LayoutRole } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { NODE_PATIENCE_MS } from '../../schemas/limits.ts';
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import type { Repair, WorkerVariables, WorkerView } from '../../schemas/node-work.ts';
import type { ClusterControl, NodeReplacement } from '../admin/admin-ports.ts';
import { clusterHealth, type HealthSources } from './cluster-health.ts';

export type BusClusterControlOptions = HealthSources & {
  /** Whether this process keeps the layout; a gateway alone asks others. */
  readonly keepsLayout: boolean;
  readonly client: ClusterClient;
};

type Expected<Kind extends ClusterReply['kind']> = Extract<ClusterReply, { kind: Kind }>;

/** So many keepers are asked for one answer before it is given up. */
const KEEPERS_ASKED_MAX = 3;

export class BusClusterControl implements ClusterControl {
  readonly localNodeId: NodeId;
  readonly #options: BusClusterControlOptions;

  constructor(options: BusClusterControlOptions) {
    this.localNodeId = options.localNodeId;
    this.#options = options;
  }

  /** Storage nodes that keep the layout, the best to ask first. */
  #keepers(): readonly NodeId[] {
    const { view, keepsLayout } = this.#options;
    if (keepsLayout) return [this.localNodeId];
    const nodes = new Set(view.live.flatMap(storageNodesOf));
    return view.nearest([...nodes]).slice(0, KEEPERS_ASKED_MAX);
  }

  async #ask<Kind extends ClusterReply['kind']>(
    request: ClusterRequest,
    expected: Kind,
  ): Promise<Expected<Kind>> {
    const keepers = this.#keepers();
    for (const keeper of keepers) {
      try {
        return await this.#options.client.ask(keeper, request, expected);
      } catch (failure) {
        if (!(failure instanceof ClusterUnavailableError)) throw failure;
      }
    }
    throw new AdminUnavailableError(
      keepers[0] === this.localNodeId
        ? 'The node cannot read or write its layout; see its log.'
        : 'No storage node that knows the layout answers; look whether they and NATS run.',
    );
  }

  async #askNode<Kind extends ClusterReply['kind'], Value>(
    nodeId: string,
    [request, expected]: readonly [ClusterRequest, Kind],
    valueOf: (reply: Expected<Kind>) => Value,
  ): Promise<Admin.NodeAnswer<Value>> {
    const short = nodeId.slice(0, 16);
    try {
      const { client } = this.#options;
      const reply = await client.ask(nodeId as NodeId, request, expected);
      return { kind: 'answered', value: valueOf(reply) };
    } catch (failure) {
      if (!(failure instanceof ClusterUnavailableError)) throw failure;
      if (failure.reason !== undefined) return { kind: 'failed', message: failure.reason };
      return { kind: 'failed', message: `Node ${short} does not answer.` };
    }
  }

  // ---- the cluster --------------------------------------------------------------------------

  /** As the keeper knows the nodes, with what each of the others says of itself. */
  async status(): Promise<Admin.ClusterStatus> {
    const { view } = this.#options;
    const { status } = await this.#ask({ kind: 'cluster-status' }, 'status');
    const listed = new Map(status.nodes.map(node => [node.id as NodeId, node]));
    for (const layout of view.live) {
      for (const [id, role] of layout.roles) {
        if (!listed.has(id)) listed.set(id, unseenNode(id, role));
      }
    }
    const nodes = await Promise.all([...listed].map(([id, node]) => this.#completed(id, node)));
    return { ...status, nodes: nodes.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  async #completed(id: NodeId, node: Admin.NodeStatus): Promise<Admin.NodeStatus> {
    const { view, client } = this.#options;
    if (id === this.localNodeId || node.hostname !== null) return node;
    if (!view.isUp(id)) return { ...node, isUp: false };
    try {
      const options = { timeoutMs: NODE_PATIENCE_MS };
      const { status } = await client.ask(id, { kind: 'cluster-status' }, 'status', options);
      const own = status.nodes.find(other => other.id === id);
      return own === undefined ? node : { ...own, draining: node.draining };
    } catch (failure) {
      if (!(failure instanceof ClusterUnavailableError)) throw failure;
      return node;
    }
  }

  async health(): Promise<Admin.ClusterHealth> {
    return clusterHealth(this.#options);
  }

  // ---- the layout ---------------------------------------------------------------------------

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

  async skipDeadNodes(request: {
    readonly version: number;
    readonly allowMissingData: boolean;
  }): Promise<Admin.SkipDeadResult> {
    const skip = { kind: 'layout-skip-dead', ...request } as const;
    return (await this.#ask(skip, 'layout-skipped')).result;
  }

  async replaceNode(replacement: NodeReplacement): Promise<Admin.ApplyLayoutResult> {
    const replace = { kind: 'layout-replace', ...replacement } as const;
    return (await this.#ask(replace, 'layout-applied')).result;
  }

  // ---- one node -----------------------------------------------------------------------------

  nodeInfo(nodeId: string): Promise<Admin.NodeAnswer<Admin.NodeInfo>> {
    return this.#askNode(nodeId, [{ kind: 'node-info' }, 'info'], reply => reply.info);
  }

  nodeStatistics(nodeId: string): Promise<Admin.NodeAnswer<Admin.NodeStatistics>> {
    const request = { kind: 'node-statistics' } as const;
    return this.#askNode(nodeId, [request, 'statistics'], reply => reply.statistics);
  }

  workers(nodeId: string): Promise<Admin.NodeAnswer<readonly WorkerView[]>> {
    return this.#askNode(nodeId, [{ kind: 'workers' }, 'workers'], reply => reply.workers);
  }

  workerVariables(nodeId: string): Promise<Admin.NodeAnswer<WorkerVariables>> {
    const request = { kind: 'worker-variables' } as const;
    return this.#askNode(nodeId, [request, 'worker-variables'], reply => reply.variables);
  }

  setWorkerVariable(
    nodeId: string,
    variable: string,
    value: string,
  ): Promise<Admin.NodeAnswer<WorkerVariables>> {
    const request = { kind: 'worker-variable-set', variable, value } as const;
    return this.#askNode(nodeId, [request, 'worker-variables'], reply => reply.variables);
  }

  launchRepair(nodeId: string, repair: Repair): Promise<Admin.NodeAnswer<null>> {
    return this.#askNode(nodeId, [{ kind: 'repair-launch', repair }, 'launched'], () => null);
  }
}

/** It has a role, and nobody has heard of it. */
function unseenNode(id: NodeId, role: LayoutRole): Admin.NodeStatus {
  return {
    ...{ id, garageVersion: null, addr: null, hostname: null, isUp: true, lastSeenSecsAgo: null },
    role: { zone: role.zone, tags: role.tags, capacity: role.capacityBytes },
    draining: false,
  };
}
