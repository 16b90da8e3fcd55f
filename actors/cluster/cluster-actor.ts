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
  SkipDeadResult,
  StageLayoutResult,
} from '../../schemas/admin-types.ts';
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { PeerOffsets } from '../../bus/peer-offsets.ts';
import { assert } from '../../schemas/assert.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { headsOf, LIVE_VERSIONS_MAX } from '../../schemas/layout-liveness.ts';
import {
  mergeStates,
  stagedChange,
  trackerChange,
  versionChange,
  type LayoutState,
} from '../../schemas/layout-state.ts';
import type { ClusterReply, ClusterRequest, Ping } from '../../schemas/messages/cluster.ts';
import type { StoreMark } from '../../schemas/messages/heartbeat.ts';
import { encodeLayoutState } from '../../schemas/records/layout-state-row.ts';
import type { NodeWork } from '../../schemas/node-work.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { isDamage } from '../storage/row-damage.ts';
import { StoreUnavailableError } from '../storage/store.ts';
import { assignPartitions, replaceNode, type Assignment } from './assign-partitions.ts';
import { clusterStatus, type ClusterMembers } from './cluster-status.ts';
import { replacementProblem, skipDeadNodes, type SkipRequest } from './dead-nodes.ts';
import type { LayoutKeeper } from './layout-keeper.ts';
import { layoutHistory, layoutView, noChanges, redundancyOf } from './layout-view.ts';
import { appliedVersion, changedVersion, latestStamp, stagedRegisters } from './staged-changes.ts';

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
  /** What is left until this node has all that it is to have. */
  readonly work?: () => NodeWork | undefined;
  /** What this node remembers of the store of another. */
  readonly remembered?: (node: NodeId) => StoreMark | undefined;
};

/** With more versions under way a change is refused; branches may still bring some. */
const LIVE_VERSIONS_APPLY = LIVE_VERSIONS_MAX / 2;

/** A version that is to be made, or why there is none. */
type Decision =
  | { readonly statistics: AssignmentStatistics; readonly change: LayoutState }
  | Exclude<ApplyLayoutResult, { readonly kind: 'applied' }>;

type ReplaceRequest = Extract<ClusterRequest, { readonly kind: 'layout-replace' }>;

function strangerReason(id: string): string {
  return `Node ${id.slice(0, 16)} is not known here; \`garage status\` lists the nodes.`;
}

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
      case 'layout-skip-dead':
        return this.#inTurn(() => this.#skipDead(request));
      case 'layout-replace':
        return this.#inTurn(() => this.#replace(request));
      case 'cluster-status':
        return this.#status();
      case 'ping':
        return this.#pong(request);
      case 'layout-pull':
        return { kind: 'layout-state', state: encodeLayoutState(known.state) };
      case 'mark-recall':
        return this.#recall(request.node);
      case 'node-info':
        return { kind: 'info', info: facts.info() };
      case 'node-statistics':
        return { kind: 'statistics', statistics: await facts.statistics() };
      default:
        return { kind: 'not-understood' };
    }
  }

  /** A store that is being opened again, or a mark that is damaged, tells nothing. */
  #recall(node: NodeId): ClusterReply {
    try {
      const mark = this.#options.remembered?.(node);
      return mark === undefined ? { kind: 'mark' } : { kind: 'mark', mark };
    } catch (error) {
      const isOfStore = error instanceof StoreUnavailableError || isDamage(error);
      if (!isOfStore) throw error;
      return { kind: 'unknown' };
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
    const wanted = { roles, redundancy, replicationFactor: parameters?.replicationFactor };
    await keeper.change(state =>
      stagedChange(stagedRegisters(wanted, () => stamper.above(latestStamp(state)))),
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
    return strangerReason(stranger.id);
  }

  /** Why no version can follow now. */
  #hindrance(): string | undefined {
    const { state } = this.#options.known;
    if (headsOf(state).length > 1) {
      return (
        'Two layouts were applied at the same time and are being joined into one; look at ' +
        '`garage layout show` in a moment, and try again.'
      );
    }
    if (state.versions.size < LIVE_VERSIONS_APPLY) return undefined;
    return (
      'Too many layout changes are under way: wait for them, or look with ' +
      '`garage layout history` who holds them up.'
    );
  }

  #assigned(): Assignment {
    const { current, staged } = this.#options.known;
    const reason = this.#hindrance();
    return reason === undefined
      ? assignPartitions(current, staged)
      : { kind: 'impossible', reason };
  }

  #preview(): Extract<ClusterReply, { kind: 'layout-previewed' }>['result'] {
    const assignment = this.#assigned();
    if (assignment.kind === 'impossible') return assignment;
    const { layout, statistics } = assignment;
    const view = layoutView({ current: layout, staged: noChanges() });
    return { kind: 'computed', statistics, layout: view };
  }

  #apply(version: number): Promise<ClusterReply> {
    const { known } = this.#options;
    return this.#enact(state => {
      const expected = known.current.version + 1;
      if (version !== expected) return { kind: 'wrong-version', expected };
      const assignment = this.#assigned();
      if (assignment.kind === 'impossible') return assignment;
      const { statistics, layout } = assignment;
      return { statistics, change: versionChange(appliedVersion(state, known.head, layout)) };
    });
  }

  /** In one step: what is heard meanwhile is not taken for applied. */
  async #enact(decide: (state: LayoutState) => Decision): Promise<ClusterReply> {
    const { known, keeper } = this.#options;
    const made: { decision?: Decision } = {};
    await keeper.change(state => {
      made.decision = decide(state);
      return 'change' in made.decision ? made.decision.change : undefined;
    });
    const { decision } = made;
    assert(decision !== undefined, 'a change is decided upon');
    if (!('change' in decision)) return { kind: 'layout-applied', result: decision };
    const { statistics } = decision;
    const layout = layoutView(known);
    return { kind: 'layout-applied', result: { kind: 'applied', statistics, layout } };
  }

  /** Not heard for so long that it was given up. */
  #isDead(id: NodeId): boolean {
    return id !== this.#options.nodeId && !this.#options.members.isHeard(id);
  }

  async #skipDead(request: SkipRequest): Promise<ClusterReply> {
    const made: { result?: SkipDeadResult } = {};
    await this.#options.keeper.change(state => {
      const { result, change } = skipDeadNodes(state, request, id => this.#isDead(id));
      made.result = result;
      return change;
    });
    assert(made.result !== undefined, 'a request to skip has a result');
    return { kind: 'layout-skipped', result: made.result };
  }

  #replace(request: ReplaceRequest): Promise<ClusterReply> {
    const { known, stamper } = this.#options;
    const old = request.old as NodeId;
    const by = request.by as NodeId;
    return this.#enact(state => {
      if (!this.#isKnown(by)) return { kind: 'impossible', reason: strangerReason(by) };
      const problem = this.#hindrance();
      if (problem !== undefined) return { kind: 'impossible', reason: problem };
      const assignment = replaceNode(known.current, { old, by });
      if (assignment.kind === 'impossible') return assignment;
      assert(known.head !== undefined, 'a role is given by a version');
      const version = changedVersion(known.head, assignment.layout, {
        ...{ roles: [old, by], stamp: stamper.above(latestStamp(state)) },
      });
      const { statistics } = assignment;
      const change = versionChange(version);
      if (!this.#isDead(old)) return { statistics, change };
      const reason = replacementProblem(state, version, id => this.#isDead(id));
      if (reason !== undefined && !request.allowMissingData) return { kind: 'impossible', reason };
      const skipped = trackerChange(old, { skipped: new Set([version.name]) });
      return { statistics, change: mergeStates(change, skipped) };
    });
  }

  async #revert(): Promise<ClusterReply> {
    const { known, keeper, stamper } = this.#options;
    await keeper.change(state => stagedChange({ revertedAt: stamper.above(latestStamp(state)) }));
    return { kind: 'layout-view', view: layoutView(known) };
  }

  async #status(): Promise<ClusterReply> {
    const { nodeId, facts, known, members, clock } = this.#options;
    const space = await facts.space();
    const work = this.#options.work?.();
    const own = {
      id: nodeId,
      garageVersion: facts.info().garageVersion,
      addr: facts.address,
      hostname: facts.hostname,
      isUp: true,
      lastSeenSecsAgo: null,
      ...(space && { dataPartition: space.data, metadataPartition: space.metadata }),
      ...(work && { work }),
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
