/**
 * Listens to what the storage nodes of a trial cluster tell of their digests.
 *
 * Owns:          the last root that each node told of each partition.
 * Knows:         the bus, the gossip of roots.
 * Must not know: rows.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { NatsBus } from '../../bus/nats-bus.ts';
import { NATS_USER, natsPassword } from '../../bus/nats-password.ts';
import { Subjects } from '../../bus/subjects.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import { readRoots } from '../../schemas/messages/digest-gossip.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { CLUSTER_NAME } from './trial-files.ts';

type Told = { readonly atMs: number; readonly roots: ReadonlyMap<number, string> };

const LOOK_MS = 100;

export class ReplicaWatch {
  readonly #bus: NatsBus;
  readonly #told = new Map<NodeId, Told>();

  constructor(urls: readonly string[], rpcSecret: string) {
    const login = { kind: 'password', user: NATS_USER, password: natsPassword(rpcSecret) } as const;
    this.#bus = new NatsBus({
      ...{ environment: realEnvironment, log: new QuietLog(), name: 'trial watch' },
      ...{ access: { urls, login }, version: '0.0.1', metadata: () => ({}) },
      onServerFailure: (_, failure) => {
        throw new Error('what was told could not be read', { cause: failure });
      },
    });
    this.#bus.listen(new Subjects(CLUSTER_NAME).digests(), gossip => {
      const roots = [...readRoots(gossip)].map(
        ([partition, root]) => [partition, Buffer.from(root).toString('hex')] as const,
      );
      this.#told.set(gossip.node, { atMs: performance.now(), roots: new Map(roots) });
    });
  }

  /** Until these nodes, each of which holds everything, have told the same since now. Answers in
   *  how many partitions some differ still when that takes longer than `patienceMs`. */
  async untilEqual(nodes: readonly NodeId[], patienceMs: number): Promise<number> {
    const sinceMs = performance.now();
    let differing = this.#differing(nodes, sinceMs);
    while (differing > 0 && performance.now() - sinceMs < patienceMs) {
      await pause(LOOK_MS);
      differing = this.#differing(nodes, sinceMs);
    }
    return differing;
  }

  #differing(nodes: readonly NodeId[], sinceMs: number): number {
    const told = nodes.flatMap(node => this.#told.get(node) ?? []);
    if (told.length < nodes.length || told.some(({ atMs }) => atMs < sinceMs)) {
      return PARTITION_COUNT;
    }
    const isEqual = (partition: number): boolean => {
      const roots = new Set(told.map(({ roots: of }) => of.get(partition)));
      return roots.size === 1 && !roots.has(undefined);
    };
    const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition);
    return partitions.filter(partition => !isEqual(partition)).length;
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
