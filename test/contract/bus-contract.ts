/**
 * What any bus must do; run on every implementation.
 *
 * Owns:          the suite.
 * Knows:         the bus port.
 * Must not know: which bus it is.
 *
 * One test after the other: all at once, on a machine that has much else to do, a process is behind
 * with reading, and a nats-server that is behind cuts it off.
 */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Bus, NoAnswer, RequestContext } from '../../bus/bus.ts';
import { EVENTS_WAITING_MAX } from '../../schemas/limits.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import {
  echoAddress,
  laterConversation,
  wordTopic,
  type EchoReply,
  type EchoRequest,
} from '../support/echo-conversation.ts';

export type BusUnderTest = {
  /** Where requests and events come from, and where they go: two processes, or the same one. */
  readonly asking: Bus;
  readonly answering: Bus;
  /** Where no other test serves. */
  readonly cluster: string;
  nowMs(): number;
  /** Lets this much time pass, and everything that is due happen. */
  pass(ms: number): Promise<void>;
  /** Until both sides see what the other serves and listens to. */
  settle(): Promise<void>;
  /** What servers and listeners threw, by message. */
  readonly failures: string[];
  /** Whether messages become bytes on the way. */
  readonly codecs: 'ignored' | 'used';
};

export type MakeBus = (t: ExecutionContext) => Promise<BusUnderTest> | BusUnderTest;
type Answer = EchoReply | NoAnswer;

const PATIENT = { timeoutMs: 10_000 };
/** On a machine that has much else to do. */
const MUCH_LATER_MS = 3000;
const GIVE_UP_MS = 20_000;

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Answers every kind as its name says. */
export function echo(request: EchoRequest): EchoReply {
  switch (request.kind) {
    case 'say':
      return { kind: 'said', text: request.text };
    case 'count':
      return { kind: 'counted', number: request.number };
    case 'carry':
      return { kind: 'carried', bytes: seededBytes(2, request.want) };
  }
}

function say(word: string): EchoRequest {
  return { kind: 'say', text: word };
}

function said(word: string): EchoReply {
  return { kind: 'said', text: word };
}

function requestsAreAnswered(name: string, make: MakeBus): void {
  test.serial(`${name}: a request is answered by the server of its address`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const [paris, lille] = [echoAddress('paris', { cluster }), echoAddress('lille', { cluster })];
    answering.serve(paris, () => ({ kind: 'said', text: 'bonjour', by: 'paris' }));
    answering.serve(lille, () => ({ kind: 'said', text: 'bonjour', by: 'lille' }));
    await settle();
    const reply = await asking.request(lille, say('hello'), PATIENT);
    t.deepEqual(reply, { kind: 'said', text: 'bonjour', by: 'lille' });
  });

  test.serial(
    `${name}: many requests under way are each answered with their own reply`,
    async t => {
      const { asking, answering, settle, cluster } = await make(t);
      const address = echoAddress('a', { cluster });
      answering.serve(address, async request => {
        if (request.kind === 'count' && request.number % 3 === 0) await Promise.resolve();
        return echo(request);
      });
      await settle();
      const numbers = Array.from({ length: 500 }, (_, number) => number);
      const replies = await Promise.all(
        numbers.map(async number => asking.request(address, { kind: 'count', number }, PATIENT)),
      );
      t.deepEqual(
        replies,
        numbers.map((number): Answer => ({ kind: 'counted', number })),
      );
    },
  );

  test.serial(`${name}: an address that nobody serves has no responders`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    const ask = async (): Promise<Answer> => asking.request(address, say('x'), PATIENT);
    t.deepEqual(await ask(), { kind: 'no-responders' });
    const subscription = answering.serve(address, echo);
    await settle();
    t.deepEqual(await ask(), said('x'));
    subscription.close();
    await settle();
    t.deepEqual(await ask(), { kind: 'no-responders' });
  });

  test.serial(`${name}: one process serves an address once`, async t => {
    const { answering, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    const first = answering.serve(address, echo);
    t.throws(() => answering.serve(address, echo));
    first.close();
    t.notThrows(() => answering.serve(address, echo));
  });

  test.serial(
    `${name}: what this process serves itself is answered like anything else`,
    async t => {
      const { answering, failures, pass, cluster } = await make(t);
      const address = echoAddress('a', { cluster });
      answering.serve(address, request => {
        if (request.kind === 'count') throw new Error('a bug at home');
        return echo(request);
      });
      t.deepEqual(await answering.request(address, say('x'), PATIENT), said('x'));
      const bug = answering.request(address, { kind: 'count', number: 1 }, { timeoutMs: 100 });
      await pass(300);
      t.deepEqual(await bug, { kind: 'timed-out' });
      t.deepEqual(failures, ['a bug at home']);
    },
  );

  test.serial(`${name}: what goes along with a request arrives with it`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    const contexts: RequestContext[] = [];
    answering.serve(address, (request, context) => {
      contexts.push(context);
      return echo(request);
    });
    await settle();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await asking.request(address, say('x'), { ...PATIENT, layouts: 'v7', traceparent });
    await asking.request(address, say('y'), PATIENT);
    t.is(contexts[0]?.layouts, 'v7');
    t.is(contexts[0]?.traceparent, traceparent);
    t.is(contexts[1]?.layouts, undefined);
  });
}

function bytesAreKept(name: string, make: MakeBus): void {
  for (const traffic of ['control', 'bulk'] as const) {
    test.serial(`${name}: a block goes there and back intact (${traffic})`, async t => {
      const { asking, answering, settle, cluster } = await make(t);
      const address = echoAddress('a', { cluster, traffic });
      const arrived: Uint8Array[] = [];
      answering.serve(address, request => {
        if (request.kind === 'carry') arrived.push(request.bytes);
        return echo(request);
      });
      await settle();
      const sizes = [0, 1, 4095, 65_536, 1_048_576, 5_000_001];
      for (const size of sizes) {
        const bytes = seededBytes(1, size);
        const reply = await carried(() =>
          asking.request(address, { kind: 'carry', bytes, want: size }, PATIENT),
        );
        t.true(seededBytes(2, size).equals(reply), `${size} bytes back`);
      }
      t.deepEqual(
        arrived.map(bytes => bytes.length),
        sizes,
      );
      t.true(arrived.every(bytes => seededBytes(1, bytes.length).equals(bytes)));
    });
  }

  test.serial(`${name}: many blocks at once, each intact`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster, traffic: 'bulk' });
    answering.serve(address, request =>
      request.kind === 'carry' ? { kind: 'carried', bytes: request.bytes } : echo(request),
    );
    await settle();
    const carry = (seed: number): Promise<Uint8Array> => {
      const bytes = seededBytes(seed, 1_048_576);
      return carried(() =>
        asking.request(address, { kind: 'carry', bytes, want: bytes.length }, PATIENT),
      );
    };
    const seeds = Array.from({ length: 24 }, (_, seed) => seed + 1);
    const replies = await Promise.all(seeds.map(carry));
    for (const [index, reply] of replies.entries()) {
      t.true(seededBytes(index + 1, 1_048_576).equals(reply));
    }
  });

  test.serial(`${name}: who asks may use a buffer again once it is answered`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    const sums: number[] = [];
    answering.serve(address, request => {
      if (request.kind === 'carry') sums.push(request.bytes.reduce((sum, byte) => sum + byte, 0));
      return echo(request);
    });
    await settle();
    const bytes = Buffer.alloc(1000);
    for (const value of [1, 2, 3]) {
      bytes.fill(value);
      await asking.request(address, { kind: 'carry', bytes, want: 0 }, PATIENT);
    }
    t.deepEqual(sums, [1000, 2000, 3000]);
  });
}

/** Asks until it is carried: a connection for blocks, and who serves on another one, take a moment
 *  to be there. */
async function carried(ask: () => Answer | Promise<Answer>): Promise<Uint8Array> {
  const started = performance.now();
  for (;;) {
    const answer = await ask();
    if (answer.kind === 'carried') return answer.bytes;
    if (performance.now() - started > GIVE_UP_MS) throw new Error(answer.kind);
    // An answer without a wait must not keep everything else from happening.
    await delay(1);
  }
}

function deadlinesAreKept(name: string, make: MakeBus): void {
  test.serial(`${name}: a server that does not answer in time is a time-out, in time`, async t => {
    const { asking, answering, settle, pass, nowMs, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    answering.serve(address, never);
    await settle();
    const startedMs = nowMs();
    const answered: number[] = [];
    const reply = Promise.resolve(asking.request(address, say('x'), { timeoutMs: 300 }));
    void reply.then(() => answered.push(nowMs() - startedMs));
    while (answered.length === 0 && nowMs() - startedMs < MUCH_LATER_MS) await pass(50);
    t.deepEqual(await reply, { kind: 'timed-out' });
    const [tookMs = 0] = answered;
    t.true(tookMs >= 300, 'not before');
    t.true(tookMs < MUCH_LATER_MS, 'not much later');
  });

  test.serial(`${name}: an answer that comes too late is nobody's`, async t => {
    const { asking, answering, settle, pass, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    const late: ((reply: EchoReply) => void)[] = [];
    answering.serve(address, request =>
      request.kind === 'say' ? new Promise(resolve => late.push(resolve)) : echo(request),
    );
    await settle();
    const first = asking.request(address, say('x'), { timeoutMs: 100 });
    await pass(300);
    t.deepEqual(await first, { kind: 'timed-out' });
    const second = asking.request(address, { kind: 'count', number: 5 }, PATIENT);
    for (const answer of late) answer(said('late'));
    t.deepEqual(await second, { kind: 'counted', number: 5 });
  });

  test.serial(`${name}: a request whose time is over is not handed to its server`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    let calls = 0;
    answering.serve(address, request => {
      calls += 1;
      return echo(request);
    });
    await settle();
    for (const timeoutMs of [0, -5]) {
      t.deepEqual(await asking.request(address, say('x'), { timeoutMs }), { kind: 'timed-out' });
    }
    t.deepEqual(await asking.request(address, say('y'), PATIENT), said('y'));
    t.is(calls, 1);
  });

  test.serial(`${name}: a server that throws answers nothing, and the bus hears of it`, async t => {
    const { asking, answering, settle, pass, failures, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    answering.serve(address, async request => {
      if (request.kind === 'count') await Promise.resolve();
      throw new Error(request.kind);
    });
    await settle();
    const first = asking.request(address, say('x'), { timeoutMs: 200 });
    const second = asking.request(address, { kind: 'count', number: 1 }, { timeoutMs: 200 });
    await pass(400);
    t.deepEqual([await first, await second], [{ kind: 'timed-out' }, { kind: 'timed-out' }]);
    t.deepEqual(failures.sort(), ['count', 'say']);
  });
}

function releasesCoexist(name: string, make: MakeBus): void {
  test.serial(
    `${name}: what a server or a caller does not understand is answered, not lost`,
    async t => {
      const { asking, answering, settle, codecs, cluster } = await make(t);
      const address = echoAddress('a', { cluster });
      answering.serve(address, echo);
      await settle();
      const later = { ...address, conversation: laterConversation };
      const sung = await asking.request(later, { kind: 'sing', song: 'la' }, PATIENT);
      if (codecs === 'ignored') {
        t.true(sung === undefined, 'nothing is in the way of a wrong message');
        return;
      }
      t.deepEqual(sung, { kind: 'not-understood' });
      t.deepEqual(await asking.request(later, { kind: 'count', number: 1 }, PATIENT), {
        kind: 'counted',
        number: 1,
      });
    },
  );

  test.serial(
    `${name}: a reply of a later release is not understood by an older caller`,
    async t => {
      const { asking, answering, settle, codecs, cluster } = await make(t);
      const address = echoAddress('a', { cluster });
      answering.serve({ ...address, conversation: laterConversation }, () => ({ kind: 'sung' }));
      await settle();
      const reply: { readonly kind: string } = await asking.request(address, say('x'), PATIENT);
      t.is(reply.kind, codecs === 'ignored' ? 'sung' : 'not-understood');
    },
  );
}

function eventsAreHints(name: string, make: MakeBus): void {
  test.serial(`${name}: every listener hears an event, until it stops listening`, async t => {
    const { asking, answering, settle, pass, cluster } = await make(t);
    const topic = wordTopic(cluster);
    const heard: string[] = [];
    const first = answering.listen(topic, word => heard.push(`first ${word}`));
    answering.listen(topic, word => heard.push(`second ${word}`));
    asking.listen(topic, word => heard.push(`at home ${word}`));
    await settle();
    asking.publish(topic, 'one');
    await pass(50);
    await settle();
    first.close();
    asking.publish(topic, 'two');
    await pass(50);
    await settle();
    t.deepEqual(heard.sort(), [
      'at home one',
      'at home two',
      'first one',
      'second one',
      'second two',
    ]);
  });

  test.serial(`${name}: a publisher goes on before any listener runs`, async t => {
    const { asking, settle, pass, cluster } = await make(t);
    const topic = wordTopic(cluster);
    const order: string[] = [];
    asking.listen(topic, () => order.push('heard'));
    await settle();
    asking.publish(topic, 'x');
    order.push('published');
    await pass(50);
    await settle();
    t.deepEqual(order, ['published', 'heard']);
  });

  test.serial(`${name}: a listener that throws harms nobody`, async t => {
    const { asking, answering, settle, pass, failures, cluster } = await make(t);
    const topic = wordTopic(cluster);
    const heard: string[] = [];
    answering.listen(topic, word => {
      throw new Error(`bad ${word}`);
    });
    answering.listen(topic, word => heard.push(word));
    await settle();
    asking.publish(topic, 'one');
    asking.publish(topic, 'two');
    await pass(50);
    await settle();
    t.deepEqual(heard, ['one', 'two']);
    t.deepEqual(failures, ['bad one', 'bad two']);
  });

  test.serial(
    `${name}: of a flood in one step the newest events are heard, and not all are kept`,
    async t => {
      const { asking, settle, pass, cluster } = await make(t);
      const topic = wordTopic(cluster);
      const heard: string[] = [];
      asking.listen(topic, word => heard.push(word));
      await settle();
      const count = 3 * EVENTS_WAITING_MAX;
      for (let number = 1; number <= count; number += 1) asking.publish(topic, String(number));
      await pass(50);
      await settle();
      t.is(heard.at(-1), String(count));
      t.is(heard.length, EVENTS_WAITING_MAX);
    },
  );
}

export function busContract(name: string, make: MakeBus): void {
  requestsAreAnswered(name, make);
  bytesAreKept(name, make);
  deadlinesAreKept(name, make);
  releasesCoexist(name, make);
  eventsAreHints(name, make);
}
