/**
 * The keeper of this node's view of the cluster: the layout, what is staged, and its own health.
 *
 * Owns:          the steps staged → applied.
 * Knows:         the layout as the process knows it, and facts about this machine through a port.
 * Must not know: HTTP, the command line, partitions' rows.
 *
 * Changes are made one at a time: each waits for the one before it, so that what was applied is
 * what was shown. Any node may be asked: changes that others made meanwhile merge with them.
 */
import type {
  ApplyLayoutResult,
  AssignmentStatistics,
  DiskSpace,
  LayoutParameters,
  NodeInfo,
  NodeStatistics,
  RoleChange,
  StageLayoutResult,
} from '../../schemas/admin-types.ts';
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { PeerOffsets } from '../../bus/peer-offsets.ts';
import { assert } from '../../schemas/assert.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { headsOf, LIVE_VERSIONS_MAX } from '../../schemas/layout-liveness.ts';
import { stagedChange, versionChange } from '../../schemas/layout-state.ts';
import type { ClusterReply, ClusterRequest, Ping } from '../../schemas/messages/cluster.ts';
import { encodeLayoutState } from '../../schemas/records/layout-state-row.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { assignPartitions, type Assignment } from './assign-partitions.ts';
import { clusterStatus, type ClusterMembers } from './cluster-status.ts';
import type { LayoutKeeper } from './layout-keeper.ts';
import { layoutHistory, layoutView, noChanges, redundancyOf } from './layout-view.ts';
import { appliedVersion, latestStamp, stagedRegisters } from './staged-changes.ts';

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
  readonly known: KnownLayout;
  readonly keeper: LayoutKeeper;
  readonly stamper: Stamper;
  readonly facts: NodeFacts;
  /** This machine's own clock. */
  readonly clock: Clock;
  /** By which requests of this process are known. */
  readonly process: number;
  readonly offsets: Pick<PeerOffsets, 'learnProcess'>;
  readonly members: ClusterMembers;
};

/** With more versions under way a change is refused; branches may still bring some. */
const LIVE_VERSIONS_APPLY = LIVE_VERSIONS_MAX / 2;

export class ClusterActor {
  readonly #options: ClusterActorOptions;
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterActorOptions) {
    this.#options = options;
  }

  get layout(): LayoutVersion {
    return this.#options.known.current;
  }

  async receive(request: ClusterRequest): Promise<ClusterReply> {
    const { known, facts } = this.#options;
    switch (request.kind) {
      case 'layout-current':
        return { kind: 'layout-version', layout: known.current };
      case 'layout-show':
        return { kind: 'layout-view', view: layoutView(known) };
      case 'layout-history':
        return { kind: 'layout-history', history: layoutHistory(known.state, known.current) };
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
      case 'ping':
        return this.#pong(request);
      case 'layout-pull':
        return { kind: 'layout-state', state: encodeLayoutState(known.state) };
      case 'node-info':
        return { kind: 'info', info: facts.info() };
      case 'node-statistics':
        return { kind: 'statistics', statistics: await facts.statistics() };
      default:
        return { kind: 'not-understood' };
    }
  }

  #inTurn(change: () => Promise<ClusterReply>): Promise<ClusterReply> {
    const done = this.#lastChange.then(change).catch((): ClusterReply => ({ kind: 'unknown' }));
    this.#lastChange = done;
    return done;
  }

  async #stage(
    roles: readonly RoleChange[],
    parameters: LayoutParameters | undefined,
  ): Promise<ClusterReply> {
    const { known, keeper, stamper } = this.#options;
    const refused = this.#stagingProblem(roles);
    if (refused !== undefined) {
      const result: StageLayoutResult = { kind: 'refused', reason: refused };
      return { kind: 'layout-staged', result };
    }
    const redundancy = parameters === undefined ? undefined : redundancyOf(parameters);
    await keeper.change(state =>
      stagedChange(stagedRegisters({ roles, redundancy }, () => stamper.above(latestStamp(state)))),
    );
    return { kind: 'layout-staged', result: { kind: 'staged', layout: layoutView(known) } };
  }

  #isKnown(id: NodeId): boolean {
    const { nodeId, known, members } = this.#options;
    const { current, staged } = known;
    return id === nodeId || members.peers.has(id) || current.roles.has(id) || staged.roles.has(id);
  }

  #stagingProblem(roles: readonly RoleChange[]): string | undefined {
    const stranger = roles.find(({ id }) => !this.#isKnown(id as NodeId));
    if (stranger === undefined) return undefined;
    return `Node ${stranger.id.slice(0, 16)} is not known here; \`garage status\` lists the nodes.`;
  }

  #assigned(): Assignment {
    const { state, current, staged } = this.#options.known;
    if (headsOf(state).length > 1) {
      const reason =
        'Two layouts were applied at the same time and are being joined into one; look at ' +
        '`garage layout show` in a moment, and try again.';
      return { kind: 'impossible', reason };
    }
    if (state.versions.size >= LIVE_VERSIONS_APPLY) {
      const reason =
        'Too many layout changes are under way: wait for them, or look with ' +
        '`garage layout history` who holds them up.';
      return { kind: 'impossible', reason };
    }
    return assignPartitions(current, staged);
  }

  #preview(): Extract<ClusterReply, { kind: 'layout-previewed' }>['result'] {
    const assignment = this.#assigned();
    if (assignment.kind === 'impossible') return assignment;
    const { layout, statistics } = assignment;
    const view = layoutView({ current: layout, staged: noChanges() });
    return { kind: 'computed', statistics, layout: view };
  }

  async #apply(version: number): Promise<ClusterReply> {
    const { known, keeper } = this.#options;
    const made: { result?: ApplyLayoutResult; statistics?: AssignmentStatistics } = {};
    // In one step: what is heard meanwhile is not taken for applied.
    await keeper.change(state => {
      const expected = known.current.version + 1;
      if (version !== expected) {
        made.result = { kind: 'wrong-version', expected };
        return undefined;
      }
      const assignment = this.#assigned();
      if (assignment.kind === 'impossible') {
        made.result = assignment;
        return undefined;
      }
      made.statistics = assignment.statistics;
      return versionChange(appliedVersion(state, known.head, assignment.layout));
    });
    const { statistics, result } = made;
    if (statistics === undefined) {
      assert(result !== undefined, 'what was not applied has a reason');
      return { kind: 'layout-applied', result };
    }
    const layout = layoutView(known);
    return { kind: 'layout-applied', result: { kind: 'applied', statistics, layout } };
  }

  async #revert(): Promise<ClusterReply> {
    const { known, keeper, stamper } = this.#options;
    await keeper.change(state => stagedChange({ revertedAt: stamper.above(latestStamp(state)) }));
    return { kind: 'layout-view', view: layoutView(known) };
  }

  async #status(): Promise<ClusterReply> {
    const { nodeId, facts, known, members, clock } = this.#options;
    const space = await facts.space();
    const own = {
      id: nodeId,
      garageVersion: facts.info().garageVersion,
      addr: facts.address,
      hostname: facts.hostname,
      isUp: true,
      lastSeenSecsAgo: null,
      ...(space && { dataPartition: space.data, metadataPartition: space.metadata }),
    };
    const nowMs = clock.monotonicMs();
    return { kind: 'status', status: clusterStatus({ known, members, nowMs, own }) };
  }

  /** What it was told of our clocks and its own serves the deadlines of its requests. */
  #pong({ process: asker, mineMs, yoursMs, yourProcess }: Ping): ClusterReply {
    const { clock, process, offsets } = this.#options;
    if (mineMs !== undefined && yoursMs !== undefined && yourProcess === process) {
      offsets.learnProcess(asker, mineMs, yoursMs);
    }
    const monotonicMs = Math.max(0, Math.round(clock.monotonicMs()));
    return { kind: 'pong', process, monotonicMs, wallMs: Math.max(0, Math.round(clock.wallMs())) };
  }
}
