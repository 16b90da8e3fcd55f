// Method: three sites as real processes on real nats-servers, 20 ms apart. Each test breaks
// something, asks over S3 what still goes, mends it, and waits until all is well.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { BenchSigner } from '../bench/bench-client.ts';
import { sharedTrial } from '../cluster/cluster-fixture.ts';
import type { TrialCluster, TrialSite } from '../cluster/trial-cluster.ts';
import { FaultClient, type FaultAnswer } from '../support/fault-client.ts';
import { eventually } from '../support/nats-world.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const TIMEOUT_MS = 240_000;
const REFUSED_WITHIN_MS = 5000;
/** The machine may be slow: a promise of the protocol is kept to the millisecond in simulation. */
const SLACK_MS = 2500;
const MIB = 1024 * 1024;

const trial = sharedTrial({ roundTrips: () => 20 });

async function world(t: ExecutionContext) {
  t.timeout(TIMEOUT_MS);
  const cluster = await trial();
  const clients = cluster.sites.map(({ target }) => new FaultClient(target));
  t.teardown(() => {
    for (const client of clients) client.close();
  });
  const [paris, lille, lyon] = cluster.sites;
  const [atParis, atLille, atLyon] = clients;
  if (!paris || !lille || !lyon || !atParis || !atLille || !atLyon) throw new Error('three sites');
  return { cluster, clients, paris, lille, lyon, atParis, atLille, atLyon };
}

async function kill(site: TrialSite): Promise<void> {
  await Promise.all(site.children.map(child => child.end('SIGKILL')));
}

async function startAgain(cluster: TrialCluster, ...sites: readonly TrialSite[]): Promise<void> {
  for (const child of sites.flatMap(({ children }) => children)) cluster.startAgain(child);
  await cluster.untilHealthy();
}

/** Repeats what was answered 503, as clients do. */
async function patiently(ask: () => Promise<FaultAnswer>): Promise<FaultAnswer> {
  let answer = await ask();
  await eventually('answered', async () => {
    if (answer.status === 503) answer = await ask();
    return answer.status !== 503;
  });
  return answer;
}

test.serial('what is written at one site is read at all of them at once', async t => {
  const { clients, atParis, atLille } = await world(t);
  for (const [key, bytes] of [
    ['all/small', seededBytes(1, 1000)],
    ['all/block', seededBytes(2, 100_000)],
    ['all/blocks', seededBytes(3, 3 * MIB + 5)],
  ] as const) {
    t.is((await atParis.put(key, bytes)).status, 200);
    for (const client of clients) {
      const { status, body } = await client.get(key);
      t.is(status, 200);
      t.true(body.equals(bytes), key);
    }
    t.is((await atLille.delete(key)).status, 204);
    for (const client of clients) t.is((await client.get(key)).status, 404);
  }
});

test.serial(
  'one site may go; with two gone nothing is acknowledged, and nothing is lost',
  async t => {
    const { cluster, clients, paris, lille, lyon, atParis, atLille } = await world(t);
    t.is((await atParis.put('gone/before', seededBytes(4, 70_000))).status, 200);
    await kill(lyon);
    const meanwhile = seededBytes(5, 70_000);
    t.is((await patiently(() => atLille.put('gone/meanwhile', meanwhile))).status, 200);
    t.is((await patiently(() => atParis.get('gone/before'))).status, 200);
    await kill(lille);
    await pause(1000);
    for (const ask of [
      () => atParis.put('gone/refused', seededBytes(6, 1000)),
      () => atParis.put('gone/refused', seededBytes(6, 70_000)),
      () => atParis.get('gone/before'),
    ]) {
      const startedMs = performance.now();
      const { status } = await ask();
      const tookMs = performance.now() - startedMs;
      t.is(status, 503);
      t.true(tookMs < REFUSED_WITHIN_MS + SLACK_MS, `${tookMs.toFixed(0)} ms`);
    }
    await startAgain(cluster, lille, lyon);
    for (const client of clients) {
      const { status, body } = await patiently(() => client.get('gone/meanwhile'));
      t.is(status, 200);
      t.true(body.equals(meanwhile));
    }
    t.true(paris.gateway.isRunning);
  },
);

test.serial('a gateway that dies in the middle of a PUT leaves nothing behind', async t => {
  const { cluster, lille, atParis } = await world(t);
  const bytes = seededBytes(7, 4 * MIB);
  const head = new BenchSigner(lille.target).head({
    ...{ method: 'PUT', path: `/${lille.target.bucket}/half`, bodyBytes: bytes.length },
    payload: 'UNSIGNED-PAYLOAD',
  });
  const socket = connect(lille.target.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(head, 'latin1');
  socket.write(bytes.subarray(0, 3 * MIB));
  await pause(300);
  await lille.gateway.end('SIGKILL');
  socket.destroy();
  t.is((await atParis.get('half')).status, 404);
  cluster.startAgain(lille.gateway);
  await cluster.untilHealthy();
});

test.serial('a nats-server may go, and a storage process may stand still', async t => {
  const { cluster, paris, lille, atParis, atLyon } = await world(t);
  await paris.nats[0]?.end('SIGKILL');
  t.is((await patiently(() => atParis.put('still/1', seededBytes(8, 70_000)))).status, 200);
  lille.storage.signal('SIGSTOP');
  t.teardown(() => {
    lille.storage.signal('SIGCONT');
  });
  for (let round = 0; round < 5; round += 1) {
    const key = `still/2-${round}`;
    t.is((await patiently(() => atParis.put(key, seededBytes(9, 70_000)))).status, 200);
    t.is((await patiently(() => atLyon.get(key))).status, 200);
  }
  lille.storage.signal('SIGCONT');
  for (const child of paris.nats) cluster.startAgain(child);
  await cluster.untilHealthy();
});
