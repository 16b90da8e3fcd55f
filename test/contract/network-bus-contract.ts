/**
 * What a bus between processes must do beyond what any bus must.
 *
 * Owns:          the suite: windows, ends, what is late.
 * Knows:         the bus port, and that its two sides end on their own.
 * Must not know: what carries the messages.
 */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Bus, NoAnswer } from '../../bus/bus.ts';
import { WINDOW_BULK_BYTES, WINDOW_STALL_MS } from '../../schemas/limits.ts';
import { echoAddress, type EchoReply, type EchoRequest } from '../support/echo-conversation.ts';
import { echo, type BusUnderTest } from './bus-contract.ts';

export type NetworkBus = Bus & { close(): Promise<void> };

export type NetworkBusUnderTest = BusUnderTest & {
  readonly asking: NetworkBus;
  readonly answering: NetworkBus;
};

export type NetworkBusOptions = {
  /** The clock of who answers is behind that of who asks by so much, and it knows that. */
  readonly lateByMs?: number;
};

export type MakeNetworkBus = (
  t: ExecutionContext,
  options?: NetworkBusOptions,
) => Promise<NetworkBusUnderTest>;

type Answer = EchoReply | NoAnswer;

const PATIENT = { timeoutMs: 10_000 };
const BLOCK = Buffer.alloc(1_048_576);
const CARRY: EchoRequest = { kind: 'carry', bytes: BLOCK, want: 0 };
const SAY: EchoRequest = { kind: 'say', text: 'x' };

function windowsAreKept(name: string, make: MakeNetworkBus): void {
  test.serial(
    `${name}: a node that takes nothing fills its own window, and nobody else's`,
    async t => {
      const { asking, answering, settle, nowMs, cluster } = await make(t);
      const frozen = echoAddress('frozen', { cluster, traffic: 'bulk' });
      const lively = echoAddress('lively', { cluster, traffic: 'bulk' });
      let taken = 0;
      answering.serve(frozen, () => {
        taken += 1;
        return new Promise(() => undefined);
      });
      answering.serve(lively, () => ({ kind: 'said', text: 'here' }));
      await settle();
      await reached(asking, lively);
      const count = Math.ceil((2 * WINDOW_BULK_BYTES) / BLOCK.length);
      const startedMs = nowMs();
      const stuck = Array.from({ length: count }, async () =>
        asking.request(frozen, CARRY, PATIENT),
      );
      for (let index = 0; index < 20; index += 1) {
        t.is((await asking.request(lively, CARRY, PATIENT)).kind, 'said');
      }
      const refused = stuck.slice(-count / 2);
      const kinds = new Set((await Promise.all(refused)).map(reply => reply.kind));
      t.deepEqual([...kinds], ['window-full']);
      t.true(nowMs() - startedMs >= WINDOW_STALL_MS, 'not before it had its time');
      t.true(taken * BLOCK.length <= WINDOW_BULK_BYTES, 'no more than a window was under way');
      const now = await asking.request(frozen, CARRY, PATIENT);
      t.deepEqual(now, { kind: 'window-full' }, 'and the next one does not wait');
    },
  );

  test.serial(`${name}: a slow node gets all, one window after the other`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const slow = echoAddress('slow', { cluster, traffic: 'bulk' });
    let underWay = 0;
    let most = 0;
    const turns: (() => void)[] = [];
    answering.serve(slow, async request => {
      if (request.kind === 'say') return echo(request);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise<void>(resolve => turns.push(resolve));
      underWay -= 1;
      return { kind: 'said', text: 'done' };
    });
    await settle();
    await reached(asking, slow);
    const count = Math.ceil((3 * WINDOW_BULK_BYTES) / BLOCK.length);
    const done: Answer[] = [];
    const all = Array.from({ length: count }, async () => {
      done.push(await asking.request(slow, CARRY, { timeoutMs: 60_000 }));
    });
    while (done.length < count) {
      turns.shift()?.();
      await new Promise(setImmediate);
    }
    await Promise.all(all);
    t.deepEqual([...new Set(done.map(reply => reply.kind))], ['said']);
    t.true(most * BLOCK.length <= WINDOW_BULK_BYTES);
  });

  test.serial(`${name}: what an answer will weigh counts, too`, async t => {
    const { asking, answering, settle, pass, cluster } = await make(t);
    const address = echoAddress('reader', { cluster, traffic: 'bulk' });
    let taken = 0;
    answering.serve(address, request => {
      if (request.kind === 'say') return echo(request);
      taken += 1;
      return new Promise(() => undefined);
    });
    await settle();
    await reached(asking, address);
    const want: EchoRequest = { kind: 'carry', bytes: Buffer.alloc(1), want: BLOCK.length };
    const asked = Array.from({ length: 40 }, async () =>
      asking.request(address, want, { timeoutMs: 500 }),
    );
    await pass(300);
    t.true(taken * BLOCK.length <= WINDOW_BULK_BYTES, `${taken} were asked for`);
    await Promise.all(asked);
  });
}

/** A connection of its own takes a moment to be there. */
async function reached(asking: Bus, address: ReturnType<typeof echoAddress>): Promise<void> {
  for (;;) {
    const reply: Answer = await asking.request(address, SAY, PATIENT);
    if (reply.kind === 'said') return;
    await delay(1);
  }
}

function endsAreOrderly(name: string, make: MakeNetworkBus): void {
  test.serial(
    `${name}: who leaves answers what it has taken on, and takes nothing more`,
    async t => {
      const { asking, answering, settle, cluster } = await make(t);
      const address = echoAddress('a', { cluster });
      const taken: ((reply: EchoReply) => void)[] = [];
      answering.serve(address, () => new Promise(resolve => taken.push(resolve)));
      await settle();
      const reply = asking.request(address, SAY, PATIENT);
      while (taken.length === 0) await new Promise(setImmediate);
      const closed = answering.close();
      const later = await asked(asking, address, answer => answer.kind === 'no-responders');
      t.deepEqual(later, { kind: 'no-responders' });
      for (const answer of taken) answer({ kind: 'said', text: 'in time' });
      t.deepEqual(await reply, { kind: 'said', text: 'in time' });
      await closed;
    },
  );

  test.serial(`${name}: who leaves has its own questions answered by disconnected`, async t => {
    const { asking, answering, settle, cluster } = await make(t);
    const address = echoAddress('a', { cluster });
    answering.serve(address, () => new Promise(() => undefined));
    await settle();
    const pending = asking.request(address, SAY, PATIENT);
    await asking.close();
    t.deepEqual(await pending, { kind: 'disconnected' });
    t.deepEqual(await asking.request(address, SAY, PATIENT), { kind: 'disconnected' });
    await t.notThrowsAsync(async () => asking.close());
  });
}

/** With short patience each time, until it is answered like that. */
async function asked(
  asking: Bus,
  address: ReturnType<typeof echoAddress>,
  isIt: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const answer: Answer = await asking.request(address, SAY, { timeoutMs: 100 });
    if (isIt(answer)) return answer;
    await delay(1);
  }
}

function latenessIsSeen(name: string, make: MakeNetworkBus): void {
  test.serial(
    `${name}: a request that was long on its way is dropped, where clocks are known`,
    async t => {
      const { asking, answering, settle, cluster } = await make(t, { lateByMs: 5000 });
      const address = echoAddress('a', { cluster });
      let calls = 0;
      answering.serve(address, request => {
        calls += 1;
        return echo(request);
      });
      await settle();
      t.deepEqual(await asking.request(address, SAY, { timeoutMs: 1000 }), { kind: 'timed-out' });
      t.is(calls, 0, 'five seconds are more than one');
      t.deepEqual(await asking.request(address, SAY, PATIENT), { kind: 'said', text: 'x' });
      t.is(calls, 1);
    },
  );
}

export function networkBusContract(name: string, make: MakeNetworkBus): void {
  windowsAreKept(name, make);
  endsAreOrderly(name, make);
  latenessIsSeen(name, make);
}
