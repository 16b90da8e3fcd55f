/**
 * Replicas that answer as a test says, when it says so.
 *
 * Owns:          the nodes, their zones, the live versions, and who is down.
 * Knows:         the echo conversation, the bus within a process.
 * Must not know: what is tested.
 */
import type { ClusterView } from '../../bus/cluster-view.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import type { ConsistencyMode } from '../../bus/quorums.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../../schemas/ids.ts';
import { echoAddress, type EchoReply, type EchoRequest } from '../support/echo-conversation.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

export const PLACE = partitionId(7);
export const ASK: EchoRequest = { kind: 'say', text: 'do it' };

export function nodeOf(name: string): NodeId {
  return name.repeat(64) as NodeId;
}

/** Each partition lies on all of these; `zones` names a zone for each, by default its own. */
export function layoutOf(names: string, zones = names): LayoutVersion {
  const nodes = Array.from(names).map(nodeOf);
  const roleOf = (index: number) => ({ zone: zones[index] ?? '', tags: [], capacityBytes: 1 });
  return {
    version: 1,
    replicationFactor: names.length,
    zoneRedundancy: 1,
    roles: new Map(nodes.map((node, index) => [node, roleOf(index)])),
    replicas: Array.from({ length: PARTITION_COUNT }, () => nodes),
    partitionBytes: 1,
  };
}

export type ReplicaWorldOptions = {
  readonly live: readonly LayoutVersion[];
  readonly mode?: ConsistencyMode;
};

export class ReplicaWorld {
  readonly environment = manualEnvironment();
  readonly bus: MemoryBus;
  readonly view: ClusterView;
  readonly calls: ReplicaCalls<EchoRequest, EchoReply>;
  /** Names of the nodes that were asked, in order; with the set of live versions if any. */
  readonly asked: string[] = [];
  readonly #down = new Set<NodeId>();
  readonly #downListeners = new Set<(node: NodeId) => void>();
  live: readonly LayoutVersion[];
  liveIds = '';
  readonly takenOver: string[] = [];
  onTakeOver: () => void = () => undefined;

  constructor({ live, mode }: ReplicaWorldOptions) {
    this.live = live;
    this.bus = new MemoryBus({
      ...this.environment,
      onServerFailure: (subject, failure) => {
        throw new Error(subject, { cause: failure });
      },
    });
    this.view = this.#view();
    this.calls = new ReplicaCalls<EchoRequest, EchoReply>({
      ...{ ...this.environment, bus: this.bus, view: this.view, mode },
      address: node => echoAddress(node),
    });
  }

  #view(): ClusterView {
    const newest = (): LayoutVersion => this.live.at(-1) as LayoutVersion;
    const oldest = (): LayoutVersion => this.live[0] as LayoutVersion;
    const live = (): readonly LayoutVersion[] => this.live;
    const liveIds = (): string => this.liveIds;
    return {
      get current() {
        return newest();
      },
      get live() {
        return live();
      },
      get read() {
        return oldest();
      },
      get liveIds() {
        return liveIds();
      },
      isUp: node => !this.#down.has(node),
      nearest: nodes => nodes,
      onDown: listener => {
        this.#downListeners.add(listener);
        return { close: () => this.#downListeners.delete(listener) };
      },
      takeOver: state => {
        this.takenOver.push(Buffer.from(state).toString());
        this.onTakeOver();
      },
    };
  }

  /** The node answers so, after a while. `never` takes the request and says nothing. */
  serve(name: string, reply: EchoReply | 'never', afterMs = 0): void {
    this.bus.serve(echoAddress(nodeOf(name)), (_, context) => {
      this.asked.push(context.layouts === undefined ? name : `${name} ${context.layouts}`);
      if (reply === 'never') return new Promise<EchoReply>(() => undefined);
      if (afterMs === 0) return reply;
      return new Promise(resolve => {
        this.environment.timers.after(afterMs, () => {
          resolve(reply);
        });
      });
    });
  }

  isDown(name: string): void {
    this.#down.add(nodeOf(name));
  }

  goesDown(name: string): void {
    this.#down.add(nodeOf(name));
    for (const listener of this.#downListeners) listener(nodeOf(name));
  }

  /** What is said at once is heard; then time goes on by that much. */
  async passes(ms: number): Promise<void> {
    await settle();
    for (let passed = 0; passed < ms; passed += 10) {
      this.environment.advance(10);
      await settle();
    }
  }
}

async function settle(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve));
}

export function done(by: string): EchoReply {
  return { kind: 'said', text: 'done', by };
}
