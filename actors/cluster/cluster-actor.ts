/**
 * The keeper of this node's view of the cluster: the layout, what is staged, and its own health.
 *
 * Owns:          the layout row; the steps staged → applied.
 * Knows:         the store, and facts about this machine through a port.
 * Must not know: HTTP, the command line, partitions' rows.
 *
 * Changes are made one at a time: each waits for the one before it, so that what was applied is
 * what was shown.
 */
import type {
  ApplyLayoutResult,
  DiskSpace,
  LayoutParameters,
  NodeInfo,
  NodeStatistics,
  RoleChange,
  StageLayoutResult,
} from '../../schemas/admin-types.ts';
import type { ClusterLayout, LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { partitionId } from '../../schemas/ids.ts';
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import { decodeLayout, encodeLayout } from '../../schemas/records/layout-row.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';
import { assignPartitions } from './assign-partitions.ts';
import { layoutHistory, layoutView, redundancyOf, roleView, stageRoles } from './layout-view.ts';

/** What this machine says of itself. */
export interface NodeFacts {
  readonly hostname: string;
  /** What others would reach this node by. */
  readonly address: string;
  info(): NodeInfo;
  statistics(): Promise<NodeStatistics>;
  space(): Promise<{ readonly data: DiskSpace; readonly metadata: DiskSpace } | undefined>;
}

export type ClusterActorOptions = {
  readonly nodeId: NodeId;
  readonly replicationFactor: number;
  readonly store: Store;
  readonly facts: NodeFacts;
  readonly layoutChanged: (layout: LayoutVersion) => void;
};

const LAYOUT_KEY = rowKey(partitionId(0), TABLE.layout);

function emptyLayout(replicationFactor: number): ClusterLayout {
  const current: LayoutVersion = {
    version: 0,
    replicationFactor,
    zoneRedundancy: 'maximum',
    roles: new Map(),
    replicas: [],
    partitionBytes: 0,
  };
  return { current, staged: { roles: new Map() } };
}

export class ClusterActor {
  readonly #options: ClusterActorOptions;
  #layout: ClusterLayout;
  #lastChange: Promise<unknown> = Promise.resolve();

  /** Reads the layout row; throws what the store throws. */
  constructor(options: ClusterActorOptions) {
    this.#options = options;
    const bytes = options.store.get(LAYOUT_KEY);
    this.#layout =
      bytes === undefined ? emptyLayout(options.replicationFactor) : decodeLayout(bytes);
  }

  get layout(): LayoutVersion {
    return this.#layout.current;
  }

  async receive(request: ClusterRequest): Promise<ClusterReply> {
    switch (request.kind) {
      case 'layout-current':
        return { kind: 'layout-version', layout: this.#layout.current };
      case 'layout-show':
        return { kind: 'layout-view', view: layoutView(this.#layout) };
      case 'layout-history':
        return { kind: 'layout-history', history: layoutHistory(this.#layout) };
      case 'layout-stage':
        return this.#inTurn(() => this.#stage(request.roles, request.parameters));
      case 'layout-preview':
        return { kind: 'layout-previewed', result: this.#preview() };
      case 'layout-apply':
        return this.#inTurn(() => this.#apply(request.version));
      case 'layout-revert':
        return this.#inTurn(() => this.#revert());
      case 'cluster-status':
        return this.#status();
      case 'node-info':
        return { kind: 'info', info: this.#options.facts.info() };
      case 'node-statistics':
        return { kind: 'statistics', statistics: await this.#options.facts.statistics() };
      default:
        return { kind: 'not-understood' };
    }
  }

  #inTurn(change: () => Promise<ClusterReply>): Promise<ClusterReply> {
    const done = this.#lastChange.then(change).catch((): ClusterReply => ({ kind: 'unknown' }));
    this.#lastChange = done;
    return done;
  }

  async #keep(layout: ClusterLayout): Promise<void> {
    const put = { kind: 'put', key: LAYOUT_KEY, value: encodeLayout(layout) } as const;
    await this.#options.store.commit([put]);
    this.#layout = layout;
  }

  async #stage(
    roles: readonly RoleChange[],
    parameters: LayoutParameters | undefined,
  ): Promise<ClusterReply> {
    const refused = this.#stagingProblem(roles);
    if (refused !== undefined) {
      const result: StageLayoutResult = { kind: 'refused', reason: refused };
      return { kind: 'layout-staged', result };
    }
    const { current, staged } = this.#layout;
    const redundancy = parameters === undefined ? staged.zoneRedundancy : redundancyOf(parameters);
    await this.#keep({
      current,
      staged: {
        roles: stageRoles(current, staged, roles),
        ...(redundancy === undefined || redundancy === current.zoneRedundancy
          ? {}
          : { zoneRedundancy: redundancy }),
      },
    });
    return {
      kind: 'layout-staged',
      result: { kind: 'staged', layout: layoutView(this.#layout) },
    };
  }

  #stagingProblem(roles: readonly RoleChange[]): string | undefined {
    const { current, staged } = this.#layout;
    const stranger = roles.find(
      ({ id }) =>
        id !== this.#options.nodeId &&
        !current.roles.has(id as NodeId) &&
        !staged.roles.has(id as NodeId),
    );
    if (stranger === undefined) return undefined;
    return `Node ${stranger.id.slice(0, 16)} is not known here; \`garage status\` lists the nodes.`;
  }

  #preview(): Extract<ClusterReply, { kind: 'layout-previewed' }>['result'] {
    const { current, staged } = this.#layout;
    const assignment = assignPartitions(current, staged);
    if (assignment.kind === 'impossible') return assignment;
    const { layout, statistics } = assignment;
    const view = layoutView({ current: layout, staged: { roles: new Map() } });
    return { kind: 'computed', statistics, layout: view };
  }

  async #apply(version: number): Promise<ClusterReply> {
    const { current, staged } = this.#layout;
    const expected = current.version + 1;
    const answer = (result: ApplyLayoutResult): ClusterReply => ({
      kind: 'layout-applied',
      result,
    });
    if (version !== expected) return answer({ kind: 'wrong-version', expected });
    const assignment = assignPartitions(current, staged);
    if (assignment.kind === 'impossible') return answer(assignment);
    await this.#keep({ current: assignment.layout, staged: { roles: new Map() } });
    this.#options.layoutChanged(assignment.layout);
    const { statistics } = assignment;
    return answer({ kind: 'applied', statistics, layout: layoutView(this.#layout) });
  }

  async #revert(): Promise<ClusterReply> {
    await this.#keep({ current: this.#layout.current, staged: { roles: new Map() } });
    return { kind: 'layout-view', view: layoutView(this.#layout) };
  }

  async #status(): Promise<ClusterReply> {
    const { nodeId, facts } = this.#options;
    const { current } = this.#layout;
    const role = current.roles.get(nodeId);
    const space = await facts.space();
    return {
      kind: 'status',
      status: {
        layoutVersion: current.version,
        nodes: [
          {
            id: nodeId,
            garageVersion: facts.info().garageVersion,
            addr: facts.address,
            hostname: facts.hostname,
            isUp: true,
            lastSeenSecsAgo: null,
            role: role === undefined ? null : roleView(role),
            draining: false,
            ...(space === undefined
              ? {}
              : { dataPartition: space.data, metadataPartition: space.metadata }),
          },
        ],
      },
    };
  }
}
