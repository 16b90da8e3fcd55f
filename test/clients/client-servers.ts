/**
 * The servers that clients are driven against: one node, or a cluster of three.
 *
 * Owns:          their start, their end, and what went wrong with them in between.
 * Knows:         the helpers that start them.
 * Must not know: clients.
 */
import { join } from 'node:path';
import { startGarage, type GarageProcess } from '../support/garage-process.ts';
import { startSmallCluster } from '../support/small-cluster.ts';

const LOG_TAIL = 4000;

/** The last one loses a node for good before the first client comes. */
export type ServersKind = 'single node' | 'cluster' | 'cluster with a node down';

export type ClientServers = {
  /** Whose doors the clients use. */
  readonly server: GarageProcess;
  readonly copies: number;
  /** Ends all; one sentence for each that had ended before, or ended badly. */
  end(): Promise<readonly string[]>;
};

export async function startServers(directory: string, kind: ServersKind): Promise<ClientServers> {
  const undo: (() => void | Promise<void>)[] = [];
  const nodes = [
    ...(kind === 'single node'
      ? [await startGarage({ directory: join(directory, 'server') })]
      : await startSmallCluster({ teardown: step => undo.unshift(step) }, directory)),
  ];
  const copies = nodes.length;
  if (kind === 'cluster with a node down') await nodes.pop()?.end('SIGKILL');
  return {
    server: nodes[0]!,
    copies,
    async end() {
      const problems: string[] = [];
      for (const { child, log, end } of nodes) {
        const isEarly = child.exitCode !== null || child.signalCode !== null;
        const exit = await end();
        const how = `a server ended with ${String(exit)}${isEarly ? ' by itself' : ''}`;
        if (isEarly || exit !== 0) problems.push(`${how}:\n${log().slice(-LOG_TAIL)}`);
      }
      for (const step of undo) await step();
      return problems;
    },
  };
}
