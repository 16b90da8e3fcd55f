// Method: traffic between two buses while nats-servers are killed, frozen, away, and back. Every
// request must be answered rightly or say why not, soon; and all must be well again by itself.
// One after the other: they measure time.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { NoAnswer } from '../../bus/bus.ts';
import type { NatsBus } from '../../bus/nats-bus.ts';
import { echo } from '../contract/bus-contract.ts';
import { echoAddress, type EchoAddress, type EchoReply } from '../support/echo-conversation.ts';
import { freePort } from '../support/free-port.ts';
import { prepareNatsServer, startNatsCluster, startNatsServer } from '../support/nats-servers.ts';
import { connected, eventually, openBus, settled } from '../support/nats-world.ts';

type Answer = EchoReply | NoAnswer;

const ECHO_PROCESS = fileURLToPath(new URL('../support/echo-process.js', import.meta.url));
const BLOCK = Buffer.alloc(1_048_576, 7);

type Traffic = { readonly kinds: Map<string, number>; wrong: number; slowestMs: number };

/** Asks without a pause, eight at a time, until `end` is called. */
function startTraffic(bus: NatsBus, address: EchoAddress): Traffic & { end(): Promise<void> } {
  const traffic: Traffic = { kinds: new Map(), wrong: 0, slowestMs: 0 };
  const over = new AbortController();
  let number = 0;
  const worker = async (): Promise<void> => {
    while (!over.signal.aborted) {
      number += 1;
      const mine = number;
      const startedMs = performance.now();
      const request = { kind: 'count', number: mine } as const;
      const reply: Answer = await bus.request(address, request, { timeoutMs: 2000 });
      traffic.slowestMs = Math.max(traffic.slowestMs, performance.now() - startedMs);
      traffic.kinds.set(reply.kind, (traffic.kinds.get(reply.kind) ?? 0) + 1);
      if (reply.kind === 'counted' && reply.number !== mine) traffic.wrong += 1;
      if (reply.kind !== 'counted') await delay(1);
    }
  };
  const workers = Array.from({ length: 8 }, worker);
  return Object.assign(traffic, {
    end: async () => {
      over.abort();
      await Promise.all(workers);
    },
  });
}

async function answers(bus: NatsBus, address: EchoAddress): Promise<boolean> {
  const reply: Answer = await bus.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 500 });
  return reply.kind === 'said';
}

test.serial(
  'a nats-server is killed in the middle of traffic: nobody hangs, and it goes on',
  async t => {
    const [first, second] = await startNatsCluster(t, 2);
    const urls = [first!.url, second!.url];
    const { bus: asking } = openBus(t, urls);
    const { bus: answering } = openBus(t, urls);
    const address = echoAddress('a');
    answering.serve(address, echo);
    await connected(asking, answering);
    await settled(asking, answering);
    const traffic = startTraffic(asking, address);
    await eventually('traffic', () => (traffic.kinds.get('counted') ?? 0) > 200);
    const victim = asking.server?.endsWith(String(first!.port)) ? first! : second!;
    await victim.kill();
    await eventually('on the other', async () => answers(asking, address));
    const before = traffic.kinds.get('counted') ?? 0;
    await eventually('goes on', () => (traffic.kinds.get('counted') ?? 0) > before + 200);
    await traffic.end();
    t.is(traffic.wrong, 0);
    t.true(traffic.slowestMs < 2500, `${traffic.slowestMs} ms`);
    t.true((traffic.kinds.get('disconnected') ?? 0) > 0, 'what was under way ended at once');
  },
);

test.serial('all nats-servers are killed and come back: so does everything', async t => {
  const servers = await startNatsCluster(t, 2);
  const urls = servers.map(server => server.url);
  const { bus: asking } = openBus(t, urls);
  const { bus: answering } = openBus(t, urls);
  const address = echoAddress('a');
  answering.serve(address, echo);
  await connected(asking, answering);
  await settled(asking, answering);
  const hanging = asking.request(echoAddress('a'), { kind: 'say', text: 'x' }, { timeoutMs: 500 });
  t.is((await hanging).kind, 'said');
  await Promise.all(servers.map(server => server.kill()));
  await eventually('noticed', () => !asking.isConnected && !answering.isConnected);
  const startedMs = performance.now();
  const away = await asking.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 10_000 });
  t.deepEqual(away, { kind: 'disconnected' });
  t.true(performance.now() - startedMs < 1000, 'at once');
  t.true(await answers(answering, address), 'its own are served all the same');
  t.notThrows(() => {
    answering.serve(echoAddress('made-meanwhile'), echo);
  });
  await Promise.all(servers.map(server => server.start()));
  await eventually('back', async () => answers(asking, address));
  await eventually('new ones too', async () => answers(asking, echoAddress('made-meanwhile')));
});

test.serial('a process that starts while the nats-servers are away waits for them', async t => {
  const port = await freePort();
  const configuration = `host: 127.0.0.1\nport: ${port}\n`;
  const server = await prepareNatsServer(t, port, configuration);
  const { bus: asking } = openBus(t, [server.url]);
  const { bus: answering, log } = openBus(t, [server.url]);
  const address = echoAddress('a');
  answering.serve(address, echo);
  t.is(
    (await asking.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 500 })).kind,
    'disconnected',
  );
  t.true(await answers(answering, address));
  await delay(300);
  t.false(asking.isConnected);
  await server.start();
  await eventually('served', async () => answers(asking, address));
  t.is(log.count('warn'), 1, 'one line says that they are away, not one for each attempt');
});

test.serial('a nats-server that stands still is left for the other', async t => {
  const servers = await startNatsCluster(t, 2);
  const urls = servers.map(server => server.url);
  const { bus: asking } = openBus(t, urls);
  const { bus: answering } = openBus(t, urls);
  const address = echoAddress('a');
  answering.serve(address, echo);
  await connected(asking, answering);
  await settled(asking, answering);
  const victim = servers.find(({ port }) => asking.server?.endsWith(String(port)));
  victim?.signal('SIGSTOP');
  const startedMs = performance.now();
  await eventually('left', () => asking.server?.endsWith(String(victim?.port)) === false);
  await eventually('answered', async () => answers(asking, address));
  t.true(performance.now() - startedMs < 15_000);
});

test.serial('blocks larger than a nats-server takes go in pieces', async t => {
  const server = await startNatsServer(t, { maxPayload: '100KB' });
  const { bus: asking } = openBus(t, [server.url]);
  const { bus: answering } = openBus(t, [server.url]);
  const address = echoAddress('a', { traffic: 'bulk' });
  answering.serve(address, request =>
    request.kind === 'carry' ? { kind: 'carried', bytes: request.bytes } : echo(request),
  );
  await connected(asking, answering);
  await eventually('served', async () => answers(asking, address));
  const request = { kind: 'carry', bytes: BLOCK, want: BLOCK.length } as const;
  const replies = await Promise.all(
    [1, 2, 3].map(async () => asking.request(address, request, { timeoutMs: 10_000 })),
  );
  for (const reply of replies) t.true(reply.kind === 'carried' && BLOCK.equals(reply.bytes));
});

test.serial('blocks go over nats-servers of their own where such are named', async t => {
  const [control, bulk] = await Promise.all([startNatsServer(t), startNatsServer(t)]);
  const options = { bulkUrls: [bulk.url] };
  const { bus: asking } = openBus(t, [control.url], options);
  const { bus: answering } = openBus(t, [control.url], options);
  const small = echoAddress('a');
  const blocks = echoAddress('a', { traffic: 'bulk' });
  answering.serve(small, echo);
  answering.serve(blocks, echo);
  await connected(asking, answering);
  await eventually('both', async () => (await answers(asking, small)) && answers(asking, blocks));
  await bulk.kill();
  await eventually('no blocks', async () => {
    const reply = await asking.request(blocks, { kind: 'say', text: 'x' }, { timeoutMs: 500 });
    return reply.kind === 'disconnected';
  });
  t.true(await answers(asking, small), 'small messages do not mind');
  await bulk.start();
  await eventually('blocks again', async () => answers(asking, blocks));
});

async function startEchoProcess(
  t: ExecutionContext,
  url: string,
  [cluster, node]: readonly [string, string],
): Promise<ChildProcess> {
  const child = fork(ECHO_PROCESS, [url, cluster, node]);
  t.teardown(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  await once(child, 'message');
  return child;
}

test.serial('a process that stands still slows nobody who asks others', async t => {
  const server = await startNatsServer(t);
  const cluster = 'frozen';
  const frozenProcess = await startEchoProcess(t, server.url, [cluster, 'frozen']);
  await startEchoProcess(t, server.url, [cluster, 'lively']);
  const { bus } = openBus(t, [server.url]);
  await connected(bus);
  const address = (node: string, traffic: 'control' | 'bulk') =>
    echoAddress(node, { cluster, traffic });
  for (const node of ['frozen', 'lively']) {
    for (const traffic of ['control', 'bulk'] as const) {
      await eventually('served', async () => answers(bus, address(node, traffic)));
    }
  }
  frozenProcess.kill('SIGSTOP');
  const rssBefore = process.memoryUsage().rss;
  const carry = { kind: 'carry', bytes: BLOCK, want: 0 } as const;
  const stuck = Array.from({ length: 100 }, async () =>
    bus.request(address('frozen', 'bulk'), carry, { timeoutMs: 4000 }),
  );
  const times: number[] = [];
  const endMs = performance.now() + 3000;
  while (performance.now() < endMs) {
    for (const traffic of ['control', 'bulk'] as const) {
      const startedMs = performance.now();
      const reply: Answer = await bus.request(address('lively', traffic), carry, {
        timeoutMs: 4000,
      });
      times.push(performance.now() - startedMs);
      t.is(reply.kind, 'carried');
    }
  }
  const kinds = new Set((await Promise.all(stuck)).map(reply => reply.kind));
  t.deepEqual([...kinds].sort(), ['timed-out', 'window-full']);
  times.sort((a, b) => a - b);
  const p90 = times[Math.floor(times.length * 0.9)] ?? Infinity;
  t.log(`${times.length} blocks to the other, p90 ${p90.toFixed(1)} ms`);
  t.true(p90 < 400, `p90 ${p90} ms`);
  const grownMiB = (process.memoryUsage().rss - rssBefore) / 2 ** 20;
  t.true(grownMiB < 256, `${grownMiB} MiB`);
  frozenProcess.kill('SIGCONT');
  await eventually('thawed', async () => answers(bus, address('frozen', 'bulk')));
  await eventually('thawed', async () => answers(bus, address('frozen', 'control')));
});
