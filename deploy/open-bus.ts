/**
 * The bus of a process: embedded, or on the nats-servers of its configuration.
 *
 * Owns:          which of the two, and what operators see of the process on NATS.
 * Knows:         the configuration.
 * Must not know: who talks on it.
 */
import type { Bus } from '../bus/bus.ts';
import { MemoryBus } from '../bus/memory-bus.ts';
import type { MicroService } from '../bus/micro-services.ts';
import { NatsBus } from '../bus/nats-bus.ts';
import type { PeerClocks } from '../bus/nats-serving.ts';
import { Subjects } from '../bus/subjects.ts';
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Log } from '../schemas/telemetry.ts';
import { natsAccess } from './nats-access.ts';
import { GARAGE_VERSION } from './version.ts';

export type OpenBusOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly log: Log;
  /** As it is known now; undefined: not yet. */
  readonly layout: () => LayoutVersion | undefined;
  readonly peerClocks: PeerClocks;
};

export type OpenedBus = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** By which requests of this process are known to others; 0 where there are none. */
  readonly process: number;
  /** The nats-server of the control connection. */
  readonly server: () => string | undefined;
  /** Among NATS's micro services; what is served on the bus is there by itself. */
  show(service: MicroService): void;
  /** Answers what was taken on, and leaves. */
  close(): Promise<void>;
};

const SHORT_ID = 16;
const EMBEDDED_NAME = 'local';

/** Throws StartRefusedError. Nats-servers that are away are no reason not to start. */
export function openBus(options: OpenBusOptions): OpenedBus {
  const { config, nodeId, rpcSecret, environment, log, layout, peerClocks } = options;
  const onServerFailure = (subject: string, error: unknown): void => {
    log.error({ subject, error }, 'an actor failed to answer');
  };
  if (config.nats === undefined) {
    const bus = new MemoryBus({ ...environment, onServerFailure });
    const alone = { process: 0, server: () => undefined, show: () => undefined };
    const subjects = new Subjects(EMBEDDED_NAME);
    return { bus, subjects, ...alone, close: () => Promise.resolve() };
  }
  const { clusterName, bulkUrls } = config.nats;
  const bus = new NatsBus({
    ...{ environment, log, onServerFailure, bulkUrls, peerClocks },
    access: natsAccess(config.nats, rpcSecret),
    name: `garage ${clusterName} ${nodeId.slice(0, SHORT_ID)}`,
    version: GARAGE_VERSION,
    metadata: () => serviceMetadata({ clusterName, nodeId, layout: layout() }),
  });
  return {
    ...{ bus, subjects: new Subjects(clusterName), process: bus.processNumber },
    server: () => bus.server,
    show: service => void bus.showService(service),
    close: () => bus.close(),
  };
}

/** What `nats micro info` shows of a node. */
export function serviceMetadata(of: {
  readonly clusterName: string;
  readonly nodeId: NodeId;
  readonly layout: LayoutVersion | undefined;
}): Readonly<Record<string, string>> {
  const { clusterName, nodeId, layout } = of;
  const partitions = layout?.replicas.filter(nodes => nodes.includes(nodeId)).length ?? 0;
  return {
    cluster: clusterName,
    node: nodeId,
    site: layout?.roles.get(nodeId)?.zone ?? '',
    partitions: String(partitions),
    layout: String(layout?.version ?? 0),
  };
}
