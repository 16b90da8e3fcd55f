/**
 * Where a bug can be planted from outside: in the ports that a process is handed.
 *
 * Owns:          the places; without a bug every port is what it seems.
 * Knows:         the ports.
 * Must not know: which bugs there are.
 */
import type { Bus } from '../../bus/bus.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { PeerClocks } from '../../bus/nats-serving.ts';
import type { StorageDisk } from '../../deploy/storage-role.ts';
import type { Config } from '../../schemas/config.ts';
import type { Environment } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** Of a storage process. */
export type NodePorts = {
  readonly nodeId: NodeId;
  readonly process: SimulatedProcess;
  readonly known: KnownLayout;
};

export type Plants = {
  /** Of every process. */
  readonly mode?: Config['consistencyMode'];
  readonly peerClocks?: (clocks: PeerClocks, environment: Environment) => PeerClocks;
  /** Of storage processes. */
  readonly disk?: (disk: StorageDisk, process: SimulatedProcess) => StorageDisk;
  readonly nodeBus?: (bus: Bus, ports: NodePorts) => Bus;
  /** Of gateways. */
  readonly view?: (view: ClusterView) => ClusterView;
  readonly gatewayBus?: (bus: Bus) => Bus;
  readonly stamper?: (stamper: Stamper, environment: Environment) => Stamper;
};

export const NO_PLANTS: Plants = {};
