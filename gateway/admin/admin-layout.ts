/**
 * The admin operations on the cluster's layout.
 *
 * Owns:          their parameters and answers, the checks of roles.
 * Knows:         the ClusterControl.
 * Must not know: doors, how partitions are assigned.
 */
import { Type } from 'typebox';
import type { ApplyLayoutResult, LayoutParameters, RoleChange } from '../../schemas/admin-types.ts';
import { AdminError, badRequest, internalError } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { noParams, optional } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';
import { layoutReport } from './layout-report.ts';

const CAPACITY_BYTES_MIN = 1024;
const NODE_ID = /^[0-9a-f]{64}$/;
/** Zones and tags stand in tables that are split on blanks. */
const LABEL = /^[^\s,[\]]{1,128}$/;
const TAGS_MAX = 64;
const REPLICATION_FACTOR_MAX = 7;

const roleChange = Type.Union([
  Type.Object({ id: Type.String(), remove: Type.Literal(true) }),
  Type.Object({
    id: Type.String(),
    zone: Type.String(),
    tags: Type.Array(Type.String(), { maxItems: TAGS_MAX }),
    capacity: optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  }),
]);
const layoutChange = Type.Object({
  roles: Type.Optional(Type.Array(roleChange)),
  parameters: optional(
    Type.Object({
      zoneRedundancy: Type.Union([
        Type.Literal('maximum'),
        Type.Object({ atLeast: Type.Integer() }),
      ]),
      replicationFactor: Type.Optional(
        Type.Integer({ minimum: 1, maximum: REPLICATION_FACTOR_MAX }),
      ),
    }),
  ),
});

export const layoutOperations: Readonly<Record<string, AdminOperation>> = {
  GetClusterLayout: operation('GET', { params: noParams }, ({ cluster }) => cluster.layout()),

  GetClusterLayoutHistory: operation('GET', { params: noParams }, ({ cluster }) =>
    cluster.layoutHistory(),
  ),

  UpdateClusterLayout: operation('POST', { body: 'json', params: layoutChange }, stage),

  PreviewClusterLayoutChanges: operation('POST', { params: noParams }, async ({ cluster }) => {
    const result = await cluster.previewLayout();
    if (result.kind === 'impossible') return { error: result.reason };
    const { statistics, layout } = result;
    return { message: layoutReport(statistics), statistics, newLayout: layout };
  }),

  ApplyClusterLayout: operation(
    'POST',
    { body: 'json', params: Type.Object({ version: Type.Integer() }) },
    async ({ cluster }, { version }) => {
      const result = await cluster.applyLayout(version);
      return appliedAnswer(result, expected =>
        internalError(
          `Invalid new layout version: ${String(version)} was given, and ` +
            `${String(expected)} comes next`,
        ),
      );
    },
  ),

  RevertClusterLayout: operation('POST', { params: noParams }, ({ cluster }) =>
    cluster.revertLayout(),
  ),

  ClusterLayoutSkipDeadNodes: operation(
    'POST',
    {
      body: 'json',
      params: Type.Object({ version: Type.Integer(), allowMissingData: Type.Boolean() }),
    },
    skipDeadNodes,
  ),

  /** Ours: what with Garage is two staged changes, a look, an apply, and dead nodes to skip. */
  ReplaceClusterNode: operation(
    'POST',
    {
      body: 'json',
      params: Type.Object({
        old: Type.String(),
        new: Type.String(),
        allowMissingData: optional(Type.Boolean()),
      }),
    },
    replaceNode,
  ),
};

function appliedAnswer(
  result: ApplyLayoutResult,
  wrongVersion: (expected: number) => AdminError,
): unknown {
  switch (result.kind) {
    case 'applied': {
      const { statistics, layout } = result;
      return { message: layoutReport(statistics), statistics, layout };
    }
    case 'wrong-version':
      throw wrongVersion(result.expected);
    case 'impossible':
      throw internalError(result.reason);
  }
}

async function skipDeadNodes(
  { cluster }: AdminPorts,
  request: { readonly version: number; readonly allowMissingData: boolean },
): Promise<unknown> {
  const { versions, currentVersion } = await cluster.layoutHistory();
  const live = versions.filter(version => version.status !== 'Historical');
  if (live.length < 2) {
    throw badRequest('no change of layout is under way, so no dead node holds one up');
  }
  if (request.version > currentVersion) {
    throw badRequest(`the current layout version is ${String(currentVersion)}`);
  }
  const result = await cluster.skipDeadNodes(request);
  if (result.kind === 'refused') {
    throw new AdminError('InvalidRequest', `Bad request: ${result.reason}`);
  }
  return { ackUpdated: result.ackUpdated, syncUpdated: result.syncUpdated };
}

type Replacing = {
  readonly old: string;
  readonly new: string;
  readonly allowMissingData?: boolean | null;
};

async function replaceNode({ cluster }: AdminPorts, request: Replacing): Promise<unknown> {
  const [{ roles }, { nodes }] = await Promise.all([cluster.layout(), cluster.status()]);
  const { old, new: by } = request;
  if (!roles.some(role => role.id === old)) {
    throw badRequest(`node ${old} has no role to take over`);
  }
  if (roles.some(role => role.id === by)) throw badRequest(`node ${by} has a role already`);
  if (!nodes.some(node => node.id === by && node.isUp)) {
    throw badRequest(`node ${by} is not up: start it before it takes the place of another`);
  }
  const allowMissingData = request.allowMissingData ?? false;
  const result = await cluster.replaceNode({ old, by, allowMissingData });
  return appliedAnswer(result, () =>
    internalError('the layout changed meanwhile: look at it and try again'),
  );
}

async function stage(
  { cluster }: AdminPorts,
  { roles = [], parameters }: Type.Static<typeof layoutChange>,
): Promise<unknown> {
  const result = await cluster.stageLayout({
    roles: roles.map(checkedRole),
    parameters: parameters ? checkedParameters(parameters) : undefined,
  });
  if (result.kind === 'staged') return result.layout;
  throw new AdminError('InvalidRequest', `Bad request: ${result.reason}`);
}

function checkedRole(change: Type.Static<typeof roleChange>): RoleChange {
  const { id } = change;
  if (!NODE_ID.test(id)) throw badRequest(`${id} is no node id: these have 64 hex digits`);
  if ('remove' in change) return { id, remove: true };
  const { zone, tags } = change;
  const capacity = change.capacity ?? null;
  if (capacity !== null && capacity < CAPACITY_BYTES_MIN) {
    throw badRequest('a capacity is given in bytes and is at least 1024');
  }
  if (!LABEL.test(zone)) throw badRequest('a zone is named without blanks, commas and brackets');
  if (!tags.every(tag => LABEL.test(tag))) {
    throw badRequest('tags are given one by one, without blanks, commas and brackets');
  }
  return { id, zone, tags, capacity };
}

function checkedParameters(parameters: LayoutParameters): LayoutParameters {
  const { zoneRedundancy } = parameters;
  if (zoneRedundancy !== 'maximum' && zoneRedundancy.atLeast < 1) {
    throw badRequest('zone redundancy is at least 1, or maximum');
  }
  return parameters;
}
