/**
 * What this process knows of its cluster: the layout, who is there, how their clocks stand.
 *
 * Owns:          the wiring of it, and what the process says of itself to others.
 * Knows:         bus/.
 * Must not know: what is done with it.
 *
 * On the embedded bus there is nobody to hear, and a fixed view of the layout is all there is. With
 * nats-servers every process beats, whatever its role; a storage node adds what is on its disks.
 */
import { hostname } from 'node:os';
import { NO_MEMBERS, type ClusterMembers } from '../actors/cluster/cluster-status.ts';
import type { Bus } from '../bus/bus.ts';
import type { ClusterClock } from '../bus/cluster-clock.ts';
import { fixedView, type ClusterView } from '../bus/cluster-view.ts';
import { KnownLayout } from '../bus/known-layout.ts';
import { LivingView } from '../bus/living-view.ts';
import { Membership, type OwnFacts } from '../bus/membership.ts';
import type { PeerOffsets } from '../bus/peer-offsets.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Config } from '../schemas/config.ts';
import type { Clock, Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Heartbeat } from '../schemas/messages/heartbeat.ts';
import { GARAGE_VERSION } from './version.ts';

export type ClusterKnowledgeOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** By which requests of this process are known to others. */
  readonly process: number;
  /** The nats-server that it is connected to. */
  readonly server: () => string | undefined;
  /** With this machine's own clock. */
  readonly environment: Environment;
  readonly clusterClock: ClusterClock;
  readonly offsets: PeerOffsets;
};

/** What a storage node adds to its heartbeats. */
export type StoredFacts = Pick<OwnFacts, 'mark' | 'work' | 'data' | 'metadata'>;

export class ClusterKnowledge {
  readonly known: KnownLayout;
  readonly view: ClusterView;
  readonly members: ClusterMembers;
  readonly offsets: PeerOffsets;
  readonly process: number;
  /** This machine's own. */
  readonly clock: Clock;
  readonly #membership: Membership | undefined;
  #stored: () => StoredFacts = () => ({});

  constructor(options: ClusterKnowledgeOptions) {
    const { config, nodeId, environment, offsets, clusterClock } = options;
    this.known = new KnownLayout(config.replicationFactor);
    this.offsets = offsets;
    this.process = options.process;
    this.clock = environment.clock;
    if (config.nats === undefined) {
      this.view = fixedView(this.known);
      this.members = NO_MEMBERS;
      return;
    }
    const name = hostname();
    const membership = new Membership({
      ...{ ...options, roles: config.roles, known: this.known, clock: clusterClock },
      facts: () => ({
        ...{ hostname: name, garageVersion: GARAGE_VERSION, ...this.#stored() },
        address: config.rpcPublicAddress ?? options.server() ?? '',
      }),
    });
    this.#membership = membership;
    this.members = membership;
    this.view = new LivingView(nodeId, this.known, membership);
  }

  /** Asked for each heartbeat. */
  describe(stored: () => StoredFacts): void {
    this.#stored = stored;
  }

  /** Once this process answers what it is asked. */
  start(): void {
    this.#membership?.start();
  }

  /** Others hear that it leaves. */
  stop(): void {
    this.#membership?.stop();
  }
}

const SPACE_MS = 10_000;

/** Free space as it was measured a moment ago: a heartbeat waits for no disk. */
export function measuredSpace(
  clock: Clock,
  measure: () => Promise<Pick<Heartbeat, 'data' | 'metadata'> | undefined>,
): () => Pick<Heartbeat, 'data' | 'metadata'> {
  let last: Pick<Heartbeat, 'data' | 'metadata'> = {};
  let nextAtMs = 0;
  const again = async (): Promise<void> => {
    try {
      last = (await measure()) ?? {};
    } catch {
      // A directory that cannot be read now: what is not known is not said.
      last = {};
    }
  };
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs >= nextAtMs) {
      nextAtMs = nowMs + SPACE_MS;
      void again();
    }
    return last;
  };
}
