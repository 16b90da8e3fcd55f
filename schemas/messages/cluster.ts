/**
 * What is asked of the keeper of a node's view of the cluster: roles, layout, health.
 *
 * Owns:          the requests and replies.
 * Knows:         the shapes that administration talks about.
 * Must not know: how an assignment is computed.
 */
import type {
  ApplyLayoutResult,
  ClusterStatus,
  LayoutHistory,
  LayoutParameters,
  LayoutView,
  NodeInfo,
  NodeStatistics,
  PreviewLayoutResult,
  RoleChange,
  SkipDeadResult,
  StageLayoutResult,
} from '../admin-types.ts';
import type { LayoutVersion } from '../cluster-layout.ts';
import type { NodeId } from '../ids.ts';
import type { Repair, WorkerVariables, WorkerView } from '../node-work.ts';
import type { StoreMark } from './heartbeat.ts';

export type ClusterRequest =
  | { readonly kind: 'layout-current' }
  | { readonly kind: 'layout-show' }
  | { readonly kind: 'layout-history' }
  | {
      readonly kind: 'layout-stage';
      readonly roles: readonly RoleChange[];
      readonly parameters?: LayoutParameters;
    }
  | { readonly kind: 'layout-preview' }
  | { readonly kind: 'layout-apply'; readonly version: number }
  | { readonly kind: 'layout-revert' }
  | { readonly kind: 'cluster-status' }
  | { readonly kind: 'node-info' }
  | { readonly kind: 'node-statistics' }
  | Ping
  /** Its whole state of the layout: heartbeats tell digests only. */
  | { readonly kind: 'layout-pull' }
  /** What is remembered of the store of a node, which has just started. */
  | { readonly kind: 'mark-recall'; readonly node: NodeId }
  /** Nodes that are dead are not waited for any more, up to this version. */
  | {
      readonly kind: 'layout-skip-dead';
      readonly version: number;
      /** The second word: where a quorum of some partition is dead, what only it held is lost. */
      readonly allowMissingData: boolean;
    }
  /** A version in which `by` holds what `old` held, in force at once; `old` is not waited for where
   *  it is dead. Answered like `layout-apply`. */
  | {
      readonly kind: 'layout-replace';
      readonly old: string;
      readonly by: string;
      readonly allowMissingData: boolean;
    }
  | { readonly kind: 'workers' }
  | { readonly kind: 'worker-variables' }
  | { readonly kind: 'worker-variable-set'; readonly variable: string; readonly value: string }
  | { readonly kind: 'repair-launch'; readonly repair: Repair };

/** Asked for its clocks, and told what the last answer said: two moments that were one. */
export type Ping = {
  readonly kind: 'ping';
  /** The process that asks. */
  readonly process: number;
  readonly mineMs?: number;
  readonly yoursMs?: number;
  /** Whose clock that was: another start of the process counts from another moment. */
  readonly yourProcess?: number;
};

const ADMINISTRATION: ReadonlySet<ClusterRequest['kind']> = new Set([
  'layout-stage',
  'layout-apply',
  'layout-revert',
  'layout-skip-dead',
  'layout-replace',
  'worker-variable-set',
  'repair-launch',
]);

/** Only administration changes the layout, and what nodes do. */
export function isClusterChange(request: ClusterRequest): boolean {
  return ADMINISTRATION.has(request.kind);
}

export type ClusterReply =
  | { readonly kind: 'layout-version'; readonly layout: LayoutVersion }
  | { readonly kind: 'layout-view'; readonly view: LayoutView }
  | { readonly kind: 'layout-history'; readonly history: LayoutHistory }
  | { readonly kind: 'layout-staged'; readonly result: StageLayoutResult }
  | { readonly kind: 'layout-previewed'; readonly result: PreviewLayoutResult }
  | { readonly kind: 'layout-applied'; readonly result: ApplyLayoutResult }
  | { readonly kind: 'status'; readonly status: ClusterStatus }
  | { readonly kind: 'info'; readonly info: NodeInfo }
  | { readonly kind: 'statistics'; readonly statistics: NodeStatistics }
  | {
      readonly kind: 'pong';
      readonly process: number;
      readonly monotonicMs: number;
      /** As this machine's own clock says. */
      readonly wallMs: number;
    }
  | { readonly kind: 'layout-state'; readonly state: Uint8Array }
  /** Absent: nothing is. */
  | { readonly kind: 'mark'; readonly mark?: StoreMark }
  | { readonly kind: 'layout-skipped'; readonly result: SkipDeadResult }
  | { readonly kind: 'workers'; readonly workers: readonly WorkerView[] }
  | { readonly kind: 'worker-variables'; readonly variables: WorkerVariables }
  | { readonly kind: 'launched' }
  /** One sentence for the operator. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not-understood' };
