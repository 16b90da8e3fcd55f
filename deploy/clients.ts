/**
 * The clients through which every part of this process talks to tables, blocks and settings.
 *
 * Owns:          their wiring.
 * Knows:         the bus.
 * Must not know: who uses them.
 */
import { BlockClient } from '../bus/block-client.ts';
import type { Bus } from '../bus/bus.ts';
import { ClusterClient } from '../bus/cluster-client.ts';
import type { ClusterView } from '../bus/cluster-view.ts';
import type { ConsistencyMode } from '../bus/quorums.ts';
import { ReplicaCalls } from '../bus/replica-calls.ts';
import { SettingsClient } from '../bus/settings-client.ts';
import type { Subjects } from '../bus/subjects.ts';
import { TableClient } from '../bus/table-client.ts';
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

export function makeClients(options: {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly node: NodeId;
  readonly config: { readonly consistencyMode: ConsistencyMode };
  readonly environment: Environment;
  readonly view: ClusterView;
}): Clients {
  const { bus, subjects, stamper, node, environment, view } = options;
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
    ...{ layout: view, view },
  };
}
