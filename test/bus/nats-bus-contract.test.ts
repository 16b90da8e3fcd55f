// Method: the contract suite on a real nats-server, and on two that form a cluster, with who asks
// on one and who answers on the other. Tests share the servers and keep apart by cluster name.
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { busContract } from '../contract/bus-contract.ts';
import { networkBusContract, type MakeNetworkBus } from '../contract/network-bus-contract.ts';
import { startNatsCluster, startNatsServer, type NatsServer } from '../support/nats-servers.ts';
import { connected, openBus, settled } from '../support/nats-world.ts';

const undo: (() => void | Promise<void>)[] = [];
test.after.always(async () => {
  for (const step of undo.reverse()) await step();
});
const shared = { teardown: (step: () => void | Promise<void>) => undo.push(step) };
const single = startNatsServer(shared).then(server => [server]);
const clustered = startNatsCluster(shared, 2);
let clusters = 0;

function between(servers: Promise<readonly NatsServer[]>): MakeNetworkBus {
  return async (t, { lateByMs } = {}) => {
    const urls = (await servers).map(server => server.url);
    const one = openBus(t, urls.slice(0, 1));
    const sentAtHere = (): number | undefined =>
      lateByMs === undefined ? undefined : performance.now() - lateByMs;
    const other = openBus(t, urls.slice(-1), { peerClocks: { sentAtHere } });
    await connected(one.bus, other.bus);
    clusters += 1;
    return {
      asking: one.bus,
      answering: other.bus,
      cluster: `c${String(clusters)}`,
      failures: other.failures,
      codecs: 'used',
      nowMs: () => performance.now(),
      pass: delay,
      settle: () => settled(one.bus, other.bus),
    };
  };
}

for (const [name, servers] of [
  ['one nats-server', single],
  ['two nats-servers', clustered],
] as const) {
  busContract(name, between(servers));
  networkBusContract(name, between(servers));
}
