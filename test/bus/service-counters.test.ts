import test from 'ava';
import { ServiceCounters } from '../../bus/service-counters.ts';
import { echo } from '../contract/bus-contract.ts';
import type { EchoReply, EchoRequest } from '../support/echo-conversation.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const CONTEXT = { deadlineAtMs: 0 };

function world() {
  const environment = manualEnvironment();
  const counters = new ServiceCounters(['say', 'count'], environment.clock);
  const of = (name: string) => counters.endpoints.find(endpoint => endpoint.name === name);
  return { environment, counters, of };
}

test('requests are counted by kind, with the time they took', async t => {
  const { environment, counters, of } = world();
  const server = counters.counted<EchoRequest, EchoReply>(request => {
    environment.advance(10);
    if (request.kind === 'say') return echo(request);
    return Promise.resolve(echo(request)).then(reply => {
      environment.advance(5);
      return reply;
    });
  });
  t.deepEqual(server({ kind: 'say', text: 'x' }, CONTEXT), { kind: 'said', text: 'x' });
  await server({ kind: 'count', number: 1 }, CONTEXT);
  await server({ kind: 'count', number: 2 }, CONTEXT);
  t.like(of('say'), { requests: 1, errors: 0, processingMs: 10, lastError: '' });
  t.like(of('count'), { requests: 2, errors: 0, processingMs: 30 });
});

test('a refusal that is not of the request, and what is thrown, are errors', async t => {
  const { counters, of } = world();
  const server = counters.counted<EchoRequest, EchoReply>(request => {
    if (request.kind === 'say') return { kind: 'overloaded' };
    if (request.kind === 'count') return Promise.reject(new Error('later'));
    throw new Error('at once');
  });
  t.deepEqual(server({ kind: 'say', text: 'x' }, CONTEXT), { kind: 'overloaded' });
  await t.throwsAsync(async () => server({ kind: 'count', number: 1 }, CONTEXT));
  t.throws(() => server({ kind: 'carry', bytes: Buffer.alloc(0), want: 0 }, CONTEXT));
  t.like(of('say'), { requests: 1, errors: 1, lastError: 'overloaded' });
  t.like(of('count'), { requests: 1, errors: 1, lastError: 'later' });
  t.like(of('carry'), { requests: 1, errors: 1, lastError: 'at once' });
});

test('what was not understood has counters of its own', t => {
  const { counters, of } = world();
  t.is(of('not-understood'), undefined);
  counters.notUnderstood('unknown kind 9');
  t.like(of('not-understood'), { requests: 1, errors: 1, lastError: 'unknown kind 9' });
});
