// Method: a client of the plain NATS protocol asks what `nats micro` asks, and looks at messages as
// `nats sub` would show them. Where the real `nats` command is installed, it is asked, too.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect, type Msg } from '@nats-io/transport-node';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { NatsBus } from '../../bus/nats-bus.ts';
import { parseTraceparent } from '../../bus/traceparent.ts';
import { echo } from '../contract/bus-contract.ts';
import { echoAddress, type EchoAddress } from '../support/echo-conversation.ts';
import { startNatsServer } from '../support/nats-servers.ts';
import { connected, openBus, settled } from '../support/nats-world.ts';
import { testWithNeeds } from '../support/needs.ts';

type World = {
  readonly url: string;
  readonly asking: NatsBus;
  readonly answering: NatsBus;
  readonly address: EchoAddress;
  /** All answers that come to one question, parsed. */
  ask(subject: string, count: number): Promise<Record<string, unknown>[]>;
  watch(subject: string): Promise<Msg[]>;
};

async function world(t: ExecutionContext): Promise<World> {
  const { url } = await startNatsServer(t);
  const { bus: asking } = openBus(t, [url]);
  const { bus: answering } = openBus(t, [url], {
    version: '1.2.3',
    metadata: () => ({ site: 'paris', node: 'n1', partitions: '12' }),
  });
  const address = echoAddress('a');
  answering.serve(address, request =>
    request.kind === 'count' ? { kind: 'overloaded' } : echo(request),
  );
  answering.serve(echoAddress('b'), echo);
  await connected(asking, answering);
  await settled(asking, answering);
  const plain = await connect({ servers: [url] });
  t.teardown(() => plain.close());
  return {
    ...{ url, asking, answering, address },
    ask: async (subject, count) => {
      const answers = await plain.requestMany(subject, '', {
        maxMessages: count,
        maxWait: 5000,
        strategy: 'count',
      });
      const parsed: Record<string, unknown>[] = [];
      for await (const answer of answers) parsed.push(answer.json());
      return parsed;
    },
    watch: async subject => {
      const messages: Msg[] = [];
      plain.subscribe(subject, { callback: (_, message) => void messages.push(message) });
      await plain.flush();
      return messages;
    },
  };
}

const COMMON = {
  name: 'echo',
  version: '1.2.3',
  metadata: { site: 'paris', node: 'n1', partitions: '12' },
};

test('PING, INFO and STATS are answered for all services, for one by name, and by id', async t => {
  const { ask } = await world(t);
  const [ping] = await ask('$SRV.PING', 1);
  t.like(ping, { ...COMMON, type: 'io.nats.micro.v1.ping_response' });
  const id = String(ping?.['id']);
  for (const target of ['', '.echo', `.echo.${id}`]) {
    const [info] = await ask(`$SRV.INFO${target}`, 1);
    t.like(info, { ...COMMON, id, type: 'io.nats.micro.v1.info_response' });
    const [stats] = await ask(`$SRV.STATS${target}`, 1);
    t.like(stats, { ...COMMON, id, type: 'io.nats.micro.v1.stats_response' });
    t.regex(String(stats?.['started']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  }
});

test('the endpoints are the kinds of requests, with live counters', async t => {
  const { ask, asking, answering, address } = await world(t);
  for (let index = 0; index < 3; index += 1) {
    await asking.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 5000 });
  }
  await answering.request(address, { kind: 'count', number: 1 }, { timeoutMs: 5000 });
  const [stats] = await ask('$SRV.STATS.echo', 1);
  const endpoints = stats?.['endpoints'] as Record<string, unknown>[];
  t.deepEqual(
    endpoints.map(endpoint => endpoint['name']),
    ['say', 'count', 'carry'],
  );
  const [say, count] = endpoints;
  t.like(say, {
    subject: 'garage.test.node.*.echo.1',
    num_requests: 3,
    num_errors: 0,
    last_error: '',
  });
  t.true(Number(say?.['processing_time']) > 0);
  t.is(Number(say?.['average_processing_time']), Math.round(Number(say?.['processing_time']) / 3));
  t.like(count, { num_requests: 1, num_errors: 1, last_error: 'overloaded' });
});

test('another service may be shown, and taken away again', async t => {
  const { ask, asking, answering } = await world(t);
  const counters = [{ name: 'GetObject', requests: 5, errors: 1, processingMs: 2, lastError: 'x' }];
  const shown = answering.showService({
    name: 'gateway',
    description: 'S3',
    endpoints: () => [{ subject: 'http', counters }],
  });
  await settled(asking, answering);
  const [info] = await ask('$SRV.INFO.gateway', 1);
  t.like(info, { name: 'gateway', description: 'S3 · paris · n1' });
  const names = (await ask('$SRV.PING', 2)).map(ping => ping['name']);
  t.deepEqual(names.sort(), ['echo', 'gateway']);
  shown.close();
  await settled(asking, answering);
  t.deepEqual(
    (await ask('$SRV.PING', 1)).map(ping => ping['name']),
    ['echo'],
  );
});

test('every request on the wire has a trace: the one that was given, or a new one', async t => {
  const { watch, asking, address } = await world(t);
  const seen = await watch('garage.test.node.>');
  const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await asking.request(
    address,
    { kind: 'say', text: 'x' },
    { timeoutMs: 5000, traceparent: given },
  );
  await asking.request(address, { kind: 'say', text: 'y' }, { timeoutMs: 5000 });
  const traces = seen.map(message => message.headers?.get('traceparent'));
  t.is(traces[0], given);
  t.truthy(parseTraceparent(traces[1]));
  t.not(traces[1], given);
});

test('what is published to a served subject by anyone else harms nothing', async t => {
  const { url, asking, address, ask } = await world(t);
  const plain = await connect({ servers: [url] });
  for (const garbage of [
    Buffer.alloc(0),
    Buffer.from('hello'),
    Buffer.alloc(100, 1),
    Buffer.alloc(5000),
  ]) {
    plain.publish(address.subject, garbage);
    plain.publish(address.subject, garbage, { reply: 'nowhere' });
  }
  await plain.flush();
  await plain.close();
  const reply = await asking.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 5000 });
  t.is(reply.kind, 'said');
  const [stats] = await ask('$SRV.STATS.echo', 1);
  const last = (stats?.['endpoints'] as Record<string, unknown>[]).at(-1);
  t.like(last, { name: 'not-understood', num_requests: 4, num_errors: 4 });
});

testWithNeeds(
  ['command:nats'],
  'the nats command lists, describes and measures the services',
  async t => {
    const { url, asking, address } = await world(t);
    await asking.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 5000 });
    const nats = async (...parameters: string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)('nats', ['--server', url, ...parameters]);
      return stdout;
    };
    t.regex(await nats('micro', 'ls'), /echo.*1\.2\.3/);
    t.regex(await nats('micro', 'info', 'echo'), /paris[\s\S]*garage\.test\.node/);
    t.regex(await nats('micro', 'stats', 'echo'), /say/);
    t.regex(await nats('micro', 'ping'), /echo/);
  },
);
