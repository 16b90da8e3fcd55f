/**
 * Asks the replicas that decide on one settings row until enough of them said yes.
 *
 * Owns:          hearing all of them at a time, and ending with the answer that settles it.
 * Knows:         the settings messages; the goals of quorums.ts.
 * Must not know: what is decided.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import { replicasOf } from '../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type { SettingsReply } from '../schemas/messages/settings.ts';
import type { Soon } from '../schemas/soon.ts';
import type { NoAnswer } from './bus.ts';
import { quorumsOf } from './quorums.ts';

/** The replicas of one row in one layout version, and which of them are enough. */
export interface Goal {
  readonly replicas: readonly NodeId[];
  isReachedBy(isCounted: (node: NodeId) => boolean): boolean;
}

/** Enough to hear of every decision. */
export function readGoal(version: LayoutVersion, partition: PartitionId): Goal {
  const replicas = replicasOf(version, partition);
  const { read } = quorumsOf(version.replicationFactor, 'consistent');
  return { replicas, isReachedBy: isCounted => replicas.filter(isCounted).length >= read };
}

export type Poll = {
  readonly goals: readonly Goal[];
  readonly ask: (node: NodeId) => Soon<SettingsReply | NoAnswer>;
  readonly isYes: (reply: SettingsReply | NoAnswer) => boolean;
};

export type PollReply = { readonly node: NodeId; readonly reply: SettingsReply | NoAnswer };

export type PollResult = {
  /** `short`: those who can still be heard are not enough. */
  readonly kind: 'enough' | 'short' | 'stale';
  /** What came until then. */
  readonly yes: readonly PollReply[];
  readonly no: readonly PollReply[];
};

export function areReached(goals: readonly Goal[], nodes: ReadonlySet<NodeId>): boolean {
  return goals.every(goal => goal.isReachedBy(node => nodes.has(node)));
}

export function poll({ goals, ask, isYes }: Poll): Promise<PollResult> {
  const nodes = [...new Set(goals.flatMap(goal => goal.replicas))];
  return new Promise(resolve => {
    const yes: PollReply[] = [];
    const no: PollReply[] = [];
    const said = new Set<NodeId>();
    const possible = new Set(nodes);
    const hear = (node: NodeId, reply: SettingsReply | NoAnswer): void => {
      if (isYes(reply)) {
        yes.push({ node, reply });
        said.add(node);
      } else {
        no.push({ node, reply });
        possible.delete(node);
      }
      if (reply.kind === 'stale-layout') resolve({ kind: 'stale', yes, no });
      else if (areReached(goals, said)) resolve({ kind: 'enough', yes, no });
      else if (!areReached(goals, possible)) resolve({ kind: 'short', yes, no });
    };
    if (nodes.length === 0) resolve({ kind: 'short', yes, no });
    for (const node of nodes) {
      void Promise.resolve(ask(node)).then(reply => {
        hear(node, reply);
      });
    }
  });
}
