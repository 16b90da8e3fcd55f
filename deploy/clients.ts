/**
 * The clients through which every part of this process talks to tables, blocks and settings.
 *
 * Owns:          their wiring.
 * Knows:         the bus.
 * Must not know: who uses them.
 */
import { BlockClient } from '../bus/block-client.ts';
import type { Bus } from '../bus/bus.ts';
import { ClusterClient, LayoutCopy } from '../bus/cluster-client.ts';
import { fixedView, type ClusterView } from '../bus/cluster-view.ts';
import type { ConsistencyMode } from '../bus/quorums.ts';
import { ReplicaCalls } from '../bus/replica-calls.ts';
import { SettingsClient } from '../bus/settings-client.ts';
import type { Subjects } from '../bus/subjects.ts';
import { TableClient } from '../bus/table-client.ts';
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { BLOCKS_PATIENCE_MS } from '../schemas/limits.ts';
import type { Stamper } from '../schemas/stamper.ts';

export type Clients = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly settings: SettingsClient;
  readonly cluster: ClusterClient;
  readonly layout: Pick<ClusterView, 'current'>;
  readonly view: ClusterView;
};

/** What a gateway without storage knows before it has heard of a layout. */
export const NO_LAYOUT: LayoutVersion = {
  ...{ version: 0, replicationFactor: 1, zoneRedundancy: 'maximum', partitionBytes: 0 },
  roles: new Map(),
  replicas: [],
};

export function makeClients(options: {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly node: NodeId;
  readonly layout: LayoutVersion;
  readonly config: { readonly consistencyMode: ConsistencyMode };
  readonly environment: Environment;
  /** What is known of the cluster; absent: the layout alone, as in a process without peers. */
  readonly view?: ClusterView;
}): Clients {
  const { bus, subjects, stamper, node, environment } = options;
  const layout = new LayoutCopy(options.layout, bus, subjects);
  const view = options.view ?? fixedView(layout);
  const { clock, timers } = environment;
  const common = { ...{ bus, view, clock, timers }, mode: options.config.consistencyMode };
  const tableCalls = new ReplicaCalls({ ...common, address: subjects.table.bind(subjects) });
  const blockCalls = new ReplicaCalls({
    ...{ ...common, patienceMs: BLOCKS_PATIENCE_MS },
    address: subjects.block.bind(subjects),
  });
  return {
    tables: new TableClient(tableCalls, stamper),
    blocks: new BlockClient(blockCalls),
    settings: new SettingsClient({ bus, subjects, node, stamper, cluster: { view, environment } }),
    cluster: new ClusterClient(bus, subjects),
    ...{ layout, view },
  };
}
