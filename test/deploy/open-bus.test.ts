import test from 'ava';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { NatsBus } from '../../bus/nats-bus.ts';
import { openBus } from '../../deploy/open-bus.ts';
import { serviceMetadata } from '../../deploy/open-nats-bus.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import { checkConfig } from '../../schemas/config.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { QuietLog } from '../support/quiet-log.ts';

const SECRET = 'a'.repeat(64);
const NODE = 'b'.repeat(64) as NodeId;
const OTHER = 'c'.repeat(64) as NodeId;

function opened(nats: object) {
  const secrets = { rpcSecret: SECRET, adminToken: undefined, metricsToken: undefined };
  const raw = {
    metadata_dir: '/m',
    data_dir: '/d',
    replication_factor: 1,
    rpc_bind_addr: '[::]:1',
  };
  const checked = checkConfig({ ...raw, ...nats }, secrets);
  if (checked.kind === 'invalid') throw new Error(JSON.stringify(checked.problems));
  const { config } = checked;
  return openBus({
    ...{ config, nodeId: NODE, rpcSecret: SECRET, environment: realEnvironment },
    ...{ log: new QuietLog(), layout: () => undefined },
    peerClocks: { sentAtHere: () => undefined },
  });
}

test('without nats-servers the bus is embedded', async t => {
  const { bus, subjects, close } = await opened({});
  t.true(bus instanceof MemoryBus);
  t.is(String(subjects.heartbeat().subject), 'garage.local.gossip.heartbeat');
  await close();
});

test('with nats-servers it is on them, under the name of the cluster, even while they are away', async t => {
  const nats = { cluster_name: 'paris', urls: ['nats://127.0.0.1:1'] };
  const { bus, subjects, close } = await opened({ nats });
  t.true(bus instanceof NatsBus);
  t.is(String(subjects.heartbeat().subject), 'garage.paris.gossip.heartbeat');
  await close();
});

test('operators see the site of a node, and how many partitions it holds', t => {
  const layout: LayoutVersion = {
    ...{ version: 3, replicationFactor: 1, zoneRedundancy: 1, partitionBytes: 1 },
    roles: new Map([[NODE, { zone: 'lyon', tags: [], capacityBytes: 1 }]]),
    replicas: [[NODE], [NODE, OTHER], [OTHER]],
  };
  t.deepEqual(serviceMetadata({ clusterName: 'c', nodeId: NODE, layout }), {
    ...{ cluster: 'c', node: NODE, site: 'lyon', partitions: '2', layout: '3' },
  });
  t.like(serviceMetadata({ clusterName: 'c', nodeId: NODE, layout: undefined }), {
    ...{ site: '', partitions: '0', layout: '0' },
  });
});
