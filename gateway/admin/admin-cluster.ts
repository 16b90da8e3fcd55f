/**
 * The admin operations that tell how the cluster and its nodes are.
 *
 * Owns:          their parameters and answers, the choice of nodes by `node`.
 * Knows:         the ClusterControl, and the directory for its totals.
 * Must not know: doors, how nodes are reached.
 *
 * An operation on nodes answers per node, success or error, and never fails as a whole because one
 * node did.
 */
import { Type } from 'typebox';
import type { NodeAnswer, NodeStatus } from '../../schemas/admin-types.ts';
import { badRequest } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { noParams } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';
import { clusterStatistics, nodeStatisticsText } from './admin-statistics.ts';

const nodeParams = Type.Object({ node: Type.String() });

export const clusterOperations: Readonly<Record<string, AdminOperation>> = {
  GetClusterHealth: operation('GET', { params: noParams }, ({ cluster }) => cluster.health()),

  GetClusterStatus: operation('GET', { params: noParams }, ({ cluster }) => cluster.status()),

  GetClusterStatistics: operation('GET', { params: noParams }, clusterStatistics),

  ConnectClusterNodes: operation(
    'POST',
    { body: 'json', params: Type.Array(Type.String()) },
    async (_ports, nodes) =>
      nodes.map(() => ({
        success: false,
        error:
          'Nodes are not connected one by one here: they meet on the nats-servers that [nats] ' +
          'names, and this node runs by itself',
      })),
  ),

  GetNodeInfo: operation('GET', { query: ['node'], params: nodeParams }, (ports, { node }) =>
    onNodes(ports, node, async status => {
      const answer = await ports.cluster.nodeInfo(status.id);
      if (answer.kind === 'failed') return answer;
      const { addr, isUp, role, draining, dataPartition, metadataPartition } = status;
      const value = {
        ...answer.value,
        addr,
        isUp,
        role,
        draining,
        ...(dataPartition === undefined ? {} : { dataPartition }),
        ...(metadataPartition === undefined ? {} : { metadataPartition }),
      };
      return { kind: 'answered', value };
    }),
  ),

  GetNodeStatistics: operation('GET', { query: ['node'], params: nodeParams }, (ports, { node }) =>
    onNodes(ports, node, async status => {
      const [info, answer] = await Promise.all([
        ports.cluster.nodeInfo(status.id),
        ports.cluster.nodeStatistics(status.id),
      ]);
      if (info.kind === 'failed') return info;
      if (answer.kind === 'failed') return answer;
      const { tables, rcEntries, resyncQueueLength, resyncErrors } = answer.value;
      const value = {
        freeform: nodeStatisticsText(info.value, answer.value),
        // There are no Merkle trees, insert queues and collection queues: see Garage's meaning.
        tableStats: tables.map(({ tableName, items }) => ({
          tableName,
          items,
          merkleItems: 0,
          merkleQueueLen: 0,
          insertQueueLen: 0,
          gcQueueLen: 0,
        })),
        blockManagerStats: { rcEntries, resyncQueueLen: resyncQueueLength, resyncErrors },
      };
      return { kind: 'answered', value };
    }),
  ),
};

/** `node`: `*` for all that are up, `self`, or the beginning of an id that only one node has. */
async function onNodes(
  { cluster }: AdminPorts,
  node: string,
  ask: (status: NodeStatus) => Promise<NodeAnswer<unknown>>,
): Promise<unknown> {
  const { nodes } = await cluster.status();
  const chosen = chooseNodes(nodes, node === 'self' ? cluster.localNodeId : node);
  const answers = await Promise.all(
    chosen.map(async status => [status.id, await ask(status)] as const),
  );
  const success: Record<string, unknown> = {};
  const error: Record<string, string> = {};
  for (const [id, answer] of answers) {
    if (answer.kind === 'answered') success[id] = answer.value;
    else error[id] = answer.message;
  }
  return { success, error };
}

function chooseNodes(nodes: readonly NodeStatus[], node: string): readonly NodeStatus[] {
  if (node === '*') return nodes.filter(status => status.isUp);
  const matches = nodes.filter(status => status.id.startsWith(node.toLowerCase()));
  if (matches.length === 1 && node !== '') return matches;
  throw badRequest(
    matches.length === 0
      ? `no node's id begins with ${node}`
      : `${String(matches.length)} nodes match ${node}: give more of the id`,
  );
}
