/**
 * Operations that are addressed to nodes.
 *
 * Owns:          the choice of nodes by `node`, the form of the answers.
 * Knows:         the ClusterControl.
 * Must not know: what is asked of the nodes.
 *
 * Such an operation answers per node, success or error, and never fails as a whole because one node
 * did.
 */
import { Type } from 'typebox';
import type { NodeAnswer, NodeStatus } from '../../schemas/admin-types.ts';
import { badRequest } from './admin-error.ts';
import type { AdminPorts } from './admin-ports.ts';

export const nodeParams = Type.Object({ node: Type.String() });

/** `node`: `*` for all that are up, `self`, or the beginning of an id that only one node has. */
export async function onNodes(
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
