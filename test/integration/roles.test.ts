// Method: the files of a trial cluster, of which only some processes are started: a storage
// process, a gateway process, nats-servers or none. What each offers is asked over HTTP.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { TrialCluster } from '../cluster/trial-cluster.ts';
import type { Child } from '../cluster/child.ts';
import { runGarage, startGarage } from '../support/garage-process.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

async function made(t: ExecutionContext, top: readonly string[] = []): Promise<TrialCluster> {
  t.timeout(120_000);
  const directory = await scratchDirectory(t);
  const cluster = await TrialCluster.make({ directory, roundTrips: undefined, top });
  t.teardown(() => cluster.stop('SIGKILL'));
  return cluster;
}

function first(cluster: TrialCluster) {
  const [site] = cluster.sites;
  if (site === undefined) throw new Error('a cluster without sites');
  return site;
}

/** undefined: nobody listens there. */
async function statusOf(port: number, path: string): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status;
}

/** Until the test's own time is up: a start takes long on a machine that has much else to do. */
async function untilListening(port: number, child: Child): Promise<void> {
  while ((await statusOf(port, '/health')) === undefined) {
    if (!child.isRunning) throw new Error(`${child.name} has ended: ${child.logTail}`);
    await pause(20);
  }
}

test.serial(
  'a gateway without storage keeps nothing, and says 503 while its nats-servers are away',
  async t => {
    const site = first(await made(t));
    const { s3, gatewayAdmin } = site.files.ports;
    site.gateway.start();
    await untilListening(gatewayAdmin, site.gateway);
    t.is(await statusOf(gatewayAdmin, '/health'), 503);
    t.is(await statusOf(gatewayAdmin, '/metrics'), 200);
    t.is(await statusOf(s3, '/some-bucket/some-key?X-Amz-Algorithm=none'), 400, 'S3 is spoken');
    const kept = await readdir(join(site.files.home, 'gateway-meta'));
    t.deepEqual(kept.sort(), ['node_key', 'node_key.pub']);
    for (const server of site.nats) server.start();
    const status = await runGarage(['-c', site.files.gatewayConfig, 'node', 'id', '-q']);
    t.regex(status.stdout, /^[0-9a-f]{64}/);
    await site.gateway.end('SIGTERM');
    t.false(site.gateway.isRunning);
  },
);

test.serial('a storage process serves no clients, and is asked by its operator', async t => {
  const site = first(await made(t));
  const { storageAdmin } = site.files.ports;
  for (const server of site.nats) server.start();
  site.storage.start();
  await untilListening(storageAdmin, site.storage);
  const shown = await runGarage(['-c', site.files.storageConfig, 'layout', 'show']);
  t.is(shown.exitCode, 0, shown.stderr);
  t.false(site.storage.logTail.includes('"door":"S3"'));
  await site.storage.end('SIGTERM');
});

test.serial(
  'with [nats] a missing rpc_secret refuses the start, and --single-node one that stores nothing',
  async t => {
    const site = first(await made(t));
    const flags = ['-c', site.files.gatewayConfig, 'server', '--single-node'];
    const stored = await runGarage(flags);
    t.is(stored.exitCode, 1);
    t.regex(stored.stderr, /--single-node is for a node that stores/);
    const secret = await runGarage(['-c', site.files.gatewayConfig, '--rpc-secret', '', 'server']);
    t.is(secret.exitCode, 1);
    t.regex(secret.stderr, /rpc_secret/);
  },
);

test.serial(
  'a file that names another number of copies than the layout refuses the start, and says both',
  async t => {
    t.timeout(120_000);
    const single = await startGarage({ directory: await scratchDirectory(t) });
    await single.end();
    const file = await readFile(single.configPath, 'utf8');
    const joined = `${file}\n[nats]\nurls = ["nats://127.0.0.1:1"]\n`;
    await writeFile(single.configPath, joined.replace('_factor = 1', '_factor = 3'));
    const { exitCode, stderr } = await runGarage(['-c', single.configPath, 'server']);
    t.is(exitCode, 1);
    t.regex(stderr, /keeps 1 copies and replication_factor says 3/);
  },
);
