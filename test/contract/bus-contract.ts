/**
 * What any bus must do; run on every implementation.
 *
 * Owns:          the suite.
 * Knows:         the bus port.
 * Must not know: which bus it is.
 */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Bus, Subject } from '../../bus/bus.ts';

export type BusUnderTest = {
  readonly bus: Bus;
  /** Lets this much time pass, and everything that is due happen. */
  pass(ms: number): Promise<void>;
  /** What servers threw, by message. */
  readonly failures: string[];
};

const ECHO = 'garage.test.node.a.table.1' as Subject;
const EVENT = 'garage.test.gossip.settings' as Subject;

function never(): Promise<never> {
  return new Promise(() => undefined);
}

type Make = (t: ExecutionContext) => Promise<BusUnderTest> | BusUnderTest;

function requestsAreAnswered(name: string, make: Make): void {
  test(`${name}: a request is answered by the server of its subject`, async t => {
    const { bus } = await make(t);
    bus.serve(ECHO, (request: { text: string }) => ({ kind: 'echo', text: request.text }));
    const reply = await bus.request(ECHO, { text: 'hello' }, { timeoutMs: 1000 });
    t.deepEqual(reply, { kind: 'echo', text: 'hello' });
  });

  test(`${name}: bytes arrive as they were sent`, async t => {
    const { bus } = await make(t);
    bus.serve(ECHO, (request: { bytes: Uint8Array }) => ({ kind: 'echo', bytes: request.bytes }));
    const bytes = Buffer.from([0, 255, 10, 13]);
    const reply = await bus.request<unknown, { kind: string; bytes: Uint8Array }>(
      ECHO,
      { bytes },
      { timeoutMs: 1000 },
    );
    t.true('bytes' in reply && bytes.equals(reply.bytes));
  });

  test(`${name}: many requests under way are each answered with their own reply`, async t => {
    const { bus } = await make(t);
    bus.serve(ECHO, async (request: { n: number }) => {
      if (request.n % 3 === 0) await Promise.resolve();
      return { kind: 'echo', n: request.n };
    });
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    const replies = await Promise.all(
      numbers.map(n => bus.request(ECHO, { n }, { timeoutMs: 5000 })),
    );
    t.deepEqual(
      replies,
      numbers.map(n => ({ kind: 'echo', n })),
    );
  });

  test(`${name}: a subject that nobody serves has no responders`, async t => {
    const { bus } = await make(t);
    t.deepEqual(await bus.request(ECHO, {}, { timeoutMs: 1000 }), { kind: 'no-responders' });
    const subscription = bus.serve(ECHO, () => ({ kind: 'echo' }));
    t.deepEqual(await bus.request(ECHO, {}, { timeoutMs: 1000 }), { kind: 'echo' });
    subscription.close();
    t.deepEqual(await bus.request(ECHO, {}, { timeoutMs: 1000 }), { kind: 'no-responders' });
  });
}

function deadlinesAreKept(name: string, make: Make): void {
  test(`${name}: a server that does not answer in time is a time-out`, async t => {
    const { bus, pass } = await make(t);
    bus.serve(ECHO, never);
    const reply = bus.request(ECHO, {}, { timeoutMs: 300 });
    await pass(1000);
    t.deepEqual(await reply, { kind: 'timed-out' });
  });

  test(`${name}: a request whose time is over is not handed to its server`, async t => {
    const { bus } = await make(t);
    let calls = 0;
    bus.serve(ECHO, () => {
      calls += 1;
      return { kind: 'echo' };
    });
    t.deepEqual(await bus.request(ECHO, {}, { timeoutMs: 0 }), { kind: 'timed-out' });
    t.is(calls, 0);
  });

  test(`${name}: a server that throws answers nothing, and the bus hears of it`, async t => {
    const { bus, pass, failures } = await make(t);
    bus.serve(ECHO, () => {
      throw new Error('a bug');
    });
    const reply = bus.request(ECHO, {}, { timeoutMs: 200 });
    await pass(1000);
    t.deepEqual(await reply, { kind: 'timed-out' });
    t.deepEqual(failures, ['a bug']);
  });
}

function eventsAreHints(name: string, make: Make): void {
  test(`${name}: every listener hears an event, until it stops listening`, async t => {
    const { bus, pass } = await make(t);
    const heard: string[] = [];
    const first = bus.listen(EVENT, event => heard.push(`first ${String(event)}`));
    bus.listen(EVENT, event => heard.push(`second ${String(event)}`));
    bus.publish(EVENT, 'one');
    await pass(50);
    first.close();
    bus.publish(EVENT, 'two');
    await pass(50);
    t.deepEqual(heard.sort(), ['first one', 'second one', 'second two']);
  });

  test(`${name}: a publisher goes on before any listener runs`, async t => {
    const { bus, pass } = await make(t);
    const order: string[] = [];
    bus.listen(EVENT, () => order.push('heard'));
    bus.publish(EVENT, {});
    order.push('published');
    await pass(50);
    t.deepEqual(order, ['published', 'heard']);
  });
}

export function busContract(name: string, make: Make): void {
  requestsAreAnswered(name, make);
  deadlinesAreKept(name, make);
  eventsAreHints(name, make);
}
