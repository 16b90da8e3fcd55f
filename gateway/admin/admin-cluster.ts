/**
 * The admin operations that tell how the cluster and its nodes are.
 *
 * Owns:          their parameters and answers.
 * Knows:         the ClusterControl, and the directory for its totals.
 * Must not know: doors, how nodes are reached.
 */
import { Type } from 'typebox';
import { operation, type AdminOperation } from './admin-operation.ts';
import { noParams } from './admin-params.ts';
import { clusterStatistics, nodeStatisticsText } from './admin-statistics.ts';
import { nodeParams, onNodes } from './on-nodes.ts';

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
          'Nodes are not connected one by one here: they meet on the nats-servers that the ' +
          'section [nats] of their configuration names',
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
