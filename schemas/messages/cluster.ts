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
  StageLayoutResult,
} from '../admin-types.ts';
import type { LayoutVersion } from '../cluster-layout.ts';

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
  | { readonly kind: 'layout-pull' };

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

const LAYOUT_CHANGES: ReadonlySet<ClusterRequest['kind']> = new Set([
  'layout-stage',
  'layout-apply',
  'layout-revert',
]);

/** Only administration changes the layout. */
export function isLayoutChange(request: ClusterRequest): boolean {
  return LAYOUT_CHANGES.has(request.kind);
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
  | { readonly kind: 'unknown' }
  | { readonly kind: 'not-understood' };
