/**
 * The bus of a process on the nats-servers of its configuration.
 *
 * Owns:          what operators see of the process on NATS.
 * Knows:         the configuration.
 * Must not know: who talks on it.
 *
 * Loaded only where there is a `[nats]`: the client library and what stands on it are a tenth of
 * all the code that a start loads.
 */
import { NatsBus, type NatsBusOptions } from '../bus/nats-bus.ts';
import { Subjects } from '../bus/subjects.ts';
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { NatsConfig } from '../schemas/config-nats.ts';
import type { NodeId } from '../schemas/ids.ts';
import { natsAccess } from './nats-access.ts';
import type { OpenBusOptions, OpenedBus } from './open-bus.ts';
import { GARAGE_VERSION } from './version.ts';

const SHORT_ID = 16;

/** Throws StartRefusedError. Nats-servers that are away are no reason not to start. */
export function openNatsBus(
  nats: NatsConfig,
  options: OpenBusOptions & Pick<NatsBusOptions, 'onServerFailure'>,
): OpenedBus {
  const { nodeId, rpcSecret, environment, log, layout, peerClocks, onServerFailure } = options;
  const { clusterName, bulkUrls } = nats;
  const bus = new NatsBus({
    ...{ environment, log, onServerFailure, bulkUrls, peerClocks },
    access: natsAccess(nats, rpcSecret),
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
