// Method: serving and calls on a link that is a list of what was published, so that a nats-server
// that is behind, late messages and odd ones can be had at will.
import type { Msg } from '@nats-io/transport-node';
import test from 'ava';
import { DeadlineWheel } from '../../bus/deadline-wheel.ts';
import { readReplyFrame, requestFrame } from '../../bus/frame.ts';
import { cutFrame } from '../../bus/frame-parts.ts';
import { LentBytes } from '../../bus/lent-bytes.ts';
import { NatsCalls } from '../../bus/nats-calls.ts';
import {
  NatsMessage,
  type MessageLink,
  type Sending,
  type NatsQuestion,
  type Published,
} from '../../bus/nats-client.ts';
import { NatsServing } from '../../bus/nats-serving.ts';
import { SendWindow } from '../../bus/send-window.ts';
import { ServiceCounters } from '../../bus/service-counters.ts';
import { TraceHeaders } from '../../bus/traceparent.ts';
import { decodeMessage, encodeMessage, text } from '../../schemas/wire.ts';
import { echo } from '../contract/bus-contract.ts';
import {
  echoAddress,
  echoConversation,
  type EchoReply,
  type EchoRequest,
} from '../support/echo-conversation.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

type Sent = { readonly subject: string; readonly data: Buffer; readonly question?: NatsQuestion };

class FakeLink implements MessageLink {
  isConnected = true;
  isBusy = false;
  messageBytesMax = 100_000;
  outcome: Published = 'sent';
  readonly sent: Sent[] = [];
  readonly handlers = new Map<string, (message: NatsMessage) => void>();

  subscribe(subject: string, handle: (message: NatsMessage) => void) {
    this.handlers.set(subject, handle);
    return { close: () => this.handlers.delete(subject) };
  }

  publish(subject: string, data: Uint8Array, question?: NatsQuestion): Published {
    if (this.outcome === 'sent') {
      const sent = { subject, data: Buffer.from(data) };
      this.sent.push(question === undefined ? sent : { ...sent, question });
    }
    return this.outcome;
  }

  publishInPlace(
    subject: string,
    pieces: readonly Uint8Array[],
    { question, written }: Sending,
  ): Published {
    const published = this.publish(subject, Buffer.concat(pieces), question);
    if (published === 'sent') written();
    return published;
  }

  /** A message comes in. */
  deliver(subject: string, data: Uint8Array, also: { reply?: string; code?: number } = {}): void {
    const { reply, code } = also;
    const headers = code === undefined ? undefined : { code };
    const message = { subject, data, reply, headers } as unknown as Msg;
    for (const [pattern, handle] of this.handlers) {
      const prefix = pattern.replace('*', '');
      if (subject.startsWith(prefix)) handle(new NatsMessage(message));
    }
  }
}

const address = echoAddress('a');
const SAY: EchoRequest = { kind: 'say', text: 'x' };

function frameOf(request: EchoRequest, remainingMs = 1000, sender = 1): Buffer {
  const head = { call: 7, remainingMs, sentAtMs: 0, sender };
  return Buffer.concat(requestFrame(head, encodeMessage(echoConversation.request, request)));
}

function served(lateByMs: Readonly<Record<number, number>> = {}) {
  const environment = manualEnvironment();
  const { clock, timers } = environment;
  const link = new FakeLink();
  const failures: unknown[] = [];
  const serving = new NatsServing({
    ...{ clock, timers, onServerFailure: (_, failure) => failures.push(failure) },
    peerClocks: {
      sentAtHere: sender => {
        const late = lateByMs[sender];
        return late === undefined ? undefined : clock.monotonicMs() - late;
      },
    },
  });
  const counters = new ServiceCounters([], clock);
  const asked: { request: EchoRequest; leftMs: number }[] = [];
  serving.serve(link, {
    ...{ address, counters },
    server: (request, { deadlineAtMs }) => {
      asked.push({ request, leftMs: deadlineAtMs - clock.monotonicMs() });
      return echo(request);
    },
  });
  const ask = (data: Uint8Array, reply = 'inbox'): void => {
    link.deliver(address.subject, data, { reply });
  };
  const replies = (): (EchoReply | 'busy')[] =>
    link.sent.splice(0).map(({ data }) => {
      const { head, message } = readReplyFrame(data);
      return head.kind === 'busy' ? 'busy' : decodeMessage(echoConversation.reply, message);
    });
  return { environment, link, serving, counters, asked, ask, replies };
}

test('a request is answered where its sender waits', t => {
  const { link, ask, asked } = served();
  ask(frameOf(SAY));
  t.is(link.sent[0]?.subject, 'inbox');
  t.deepEqual(asked, [{ request: SAY, leftMs: 1000 }]);
});

test('how long a request was under way counts, where the clock of its sender is known', t => {
  const { ask, asked, replies, serving } = served({ 1: 400, 2: 1000 });
  ask(frameOf(SAY, 1000, 1));
  t.is(asked[0]?.leftMs, 600);
  ask(frameOf(SAY, 1000, 2));
  t.is(asked.length, 1, 'that one was dropped');
  t.is(serving.expired, 1);
  t.is(replies().length, 1);
});

test('while the nats-server does not take answers nothing is taken on, and that is said', t => {
  const { link, ask, asked, replies } = served();
  link.isBusy = true;
  ask(frameOf(SAY));
  t.deepEqual(replies(), ['busy']);
  t.deepEqual(asked, []);
  link.isBusy = false;
  ask(frameOf(SAY));
  t.deepEqual(replies(), [{ kind: 'said', text: 'x' }]);
});

test('a request in pieces is put together, and its time counts from the first of them', t => {
  const { environment, ask, asked } = served();
  const request: EchoRequest = { kind: 'carry', bytes: Buffer.alloc(5000, 3), want: 0 };
  for (const part of cutFrame(frameOf(request), 1000)) {
    ask(part);
    environment.advance(100);
  }
  t.deepEqual(asked, [{ request, leftMs: 500 }]);
});

test('a request that is not understood is answered so, in pieces or not; what is no frame is not', t => {
  const { ask, replies, counters } = served();
  const head = { call: 1, remainingMs: 1000, sentAtMs: 0, sender: 1 };
  const odd = Buffer.concat(requestFrame(head, encodeMessage(text, 'y'.repeat(3000))));
  ask(odd);
  for (const part of cutFrame(odd, 1000)) ask(part);
  t.deepEqual(replies(), [{ kind: 'not-understood' }, { kind: 'not-understood' }]);
  ask(Buffer.from('hello, is anybody there?'));
  t.deepEqual(replies(), []);
  t.like(counters.endpoints.at(-1), { name: 'not-understood', errors: 3 });
});

test('who wants no answer asks nothing', t => {
  const { asked, ask } = served();
  ask(frameOf(SAY), '');
  t.deepEqual(asked, []);
});

function calling() {
  const environment = manualEnvironment();
  const { clock, random } = environment;
  const link = new FakeLink();
  const calls = new NatsCalls({
    ...{ link, inbox: '_INBOX.me.1', clock, sender: 9 },
    ...{ deadlines: new DeadlineWheel(environment), traces: new TraceHeaders(random) },
  });
  const window = new SendWindow(10_000, environment);
  const request = (asked: EchoRequest = SAY) =>
    calls.request(address, asked, [{ timeoutMs: 1000 }, window]);
  return { environment, link, calls, window, request };
}

test('no responders: the call ends at once, and its room is free', async t => {
  const { link, window, request } = calling();
  const reply = request();
  t.true(window.bytesUnderWay > 0);
  link.deliver('_INBOX.me.1.1', Buffer.alloc(0), { code: 503 });
  t.deepEqual(await reply, { kind: 'no-responders' });
  t.is(window.bytesUnderWay, 0);
});

test('whatever comes to the inbox that is no answer to a call harms no call', async t => {
  const { environment, link, calls, request } = calling();
  const reply = request();
  link.deliver('_INBOX.me.1.1', Buffer.from('nonsense'));
  link.deliver('_INBOX.me.1.99', Buffer.alloc(0), { code: 503 });
  link.deliver('_INBOX.me.1.abc', Buffer.alloc(0), { code: 503 });
  t.is(calls.countUnderWay, 1);
  environment.advance(1200);
  t.deepEqual(await reply, { kind: 'timed-out' });
  t.is(calls.countUnderWay, 0);
});

test('what cannot be sent says why', async t => {
  const { link, request } = calling();
  link.outcome = 'full';
  t.deepEqual(await request(), { kind: 'window-full' });
  link.outcome = 'away';
  t.deepEqual(await request(), { kind: 'disconnected' });
});

test('a call that waits for its connection goes when it is there', async t => {
  const { environment, link, calls, request } = calling();
  link.isConnected = false;
  const late = request();
  environment.advance(500);
  link.isConnected = true;
  calls.connected();
  t.is(link.sent.length, 1);
  t.is(link.sent[0]?.question?.reply, '_INBOX.me.1.1');
  link.isConnected = false;
  const never = request();
  environment.advance(2000);
  t.deepEqual(await late, { kind: 'timed-out' });
  t.deepEqual(await never, { kind: 'disconnected' }, 'it was never sent');
});

test('a call whose time ran out while it waited for room is not sent', async t => {
  const { environment, link, request } = calling();
  const large: EchoRequest = { kind: 'carry', bytes: Buffer.alloc(9000), want: 0 };
  const replies = [request(large), request(large)];
  t.is(link.sent.length, 1);
  environment.advance(1200);
  for (const reply of replies) t.deepEqual(await reply, { kind: 'timed-out' });
  t.is(link.sent.length, 1);
});

test('lent bytes are free once they are copied, or their request is given up', async t => {
  const { link, calls, window } = calling();
  const bytes = Buffer.alloc(6000);
  const ask = (lent: LentBytes) =>
    calls.request(address, { kind: 'carry', bytes, want: 0 }, [
      { timeoutMs: 1000, loan: lent.lend() },
      window,
    ]);
  const [sent, waiting] = [new LentBytes(), new LentBytes()];
  const first = ask(sent);
  t.is(link.sent.length, 1);
  t.true(sent.isFree, 'they were copied');
  const second = ask(waiting);
  t.false(waiting.isFree, 'there is no room for it yet');
  waiting.recall();
  t.true(waiting.isFree);
  t.deepEqual(await second, { kind: 'window-full' });
  sent.recall();
  calls.disconnected();
  t.deepEqual(await first, { kind: 'disconnected' });
  t.is(link.sent.length, 1);
});
