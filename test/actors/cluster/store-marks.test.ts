import test from 'ava';
import type { ExecutionContext } from 'ava';
import { StoreMarks } from '../../../actors/cluster/store-marks.ts';
import { unlessBehind } from '../../../actors/cluster/unless-behind.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import { partitionId, type NodeId } from '../../../schemas/ids.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { EMPTY_STATE } from '../../../schemas/layout-state.ts';
import type { StoreMark } from '../../../schemas/messages/heartbeat.ts';
import {
  decodeDoubt,
  decodeMark,
  encodeDoubt,
  encodeMark,
} from '../../../schemas/records/store-mark-row.ts';
import { rowKey, TABLE } from '../../../schemas/row-tables.ts';
import { manualEnvironment, type ManualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';

const DOUBT = rowKey(partitionId(0), TABLE.local, Buffer.from('store-doubt'));
const MARK = rowKey(partitionId(0), TABLE.local, Buffer.from('store-mark'));

type Answer = { readonly mark?: StoreMark } | undefined;

async function pass({ advance }: ManualEnvironment, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    advance(Math.min(250, left));
    for (let turn = 0; turn < 6; turn += 1) await new Promise(resolve => setImmediate(resolve));
  }
}

function world(store = new MemoryStore(), batches = { count: 100 }, seed = 1) {
  const environment = manualEnvironment(seed);
  const known = new KnownLayout(3, stateOf(versionOf('abc')));
  const answers = new Map<NodeId, Answer>();
  const brought = { isDone: true, count: 0 };
  const make = (layout = known): StoreMarks =>
    new StoreMarks({
      ...{ nodeId: node('a'), store, known: layout, log: new QuietLog() },
      ...{ random: environment.random, timers: environment.timers },
      batchCount: () => batches.count,
      recall: async peer => answers.get(peer),
      bringInAll: async () => {
        brought.count += 1;
        return brought.isDone;
      },
    });
  return { store, environment, known, answers, brought, make, batches };
}

/** It is behind, and serves once all is brought in. */
async function catchesUp(
  t: ExecutionContext,
  { environment, brought }: Pick<ReturnType<typeof world>, 'environment' | 'brought'>,
  marks: StoreMarks,
): Promise<void> {
  t.is(marks.state, 'behind');
  brought.isDone = true;
  await pass(environment, 3000);
  t.is(marks.state, 'active');
}

test('a store is active once enough peers remember nothing newer, and tells its mark then', async t => {
  const { environment, answers, make, brought } = world();
  const marks = make();
  marks.start();
  await pass(environment, 2000);
  t.is(marks.state, 'asking', 'nobody answers');
  t.is(marks.mark, undefined);
  answers.set(node('b'), {});
  await pass(environment, 1000);
  t.is(marks.state, 'active', 'one of two others is enough for two of three');
  t.is(marks.mark?.durable, 100);
  t.is(brought.count, 0);
  await marks.stop();
});

test('a store whose own mark is damaged is another one until it has caught up', async t => {
  const { environment, answers, make, brought, store } = world();
  answers.set(node('b'), {});
  const first = make();
  first.start();
  await pass(environment, 500);
  const { mark } = first;
  t.not(mark, undefined);
  await first.stop();
  store.damage(MARK);
  answers.set(node('b'), mark && { mark });
  const again = make();
  again.start();
  await pass(environment, 3000);
  t.is(brought.count, 1);
  t.is(again.state, 'active');
  t.not(again.mark?.incarnation, mark?.incarnation);
  await again.stop();
});

test('a store that is older than remembered, or another one, serves when it has caught up', async t => {
  for (const forgot of ['older', 'wiped'] as const) {
    const { environment, answers, make, brought, store, batches } = world();
    const first = make();
    answers.set(node('b'), {});
    first.start();
    await pass(environment, 500);
    const { mark } = first;
    await first.stop();
    t.not(mark, undefined);
    const again = world(
      forgot === 'wiped' ? new MemoryStore() : store,
      { count: forgot === 'wiped' ? 0 : batches.count - 1 },
      7,
    );
    again.answers.set(node('c'), mark === undefined ? {} : { mark });
    again.brought.isDone = false;
    const marks = again.make();
    marks.start();
    await pass(again.environment, 3000);
    t.is(marks.mark, undefined);
    await catchesUp(t, again, marks);
    t.not(marks.mark?.incarnation, mark?.incarnation, 'a new beginning');
    t.is(brought.count, 0);
    await marks.stop();
    const row = again.make();
    t.is(row.state, 'asking', 'asked again after every start');
  }
});

test('a store with the mark that is remembered is as it was', async t => {
  const { environment, answers, make, batches } = world();
  const first = make();
  answers.set(node('b'), {});
  first.start();
  await pass(environment, 500);
  const { mark } = first;
  await first.stop();
  batches.count += 5;
  answers.set(node('b'), mark === undefined ? {} : { mark });
  const marks = make();
  marks.start();
  await pass(environment, 500);
  t.is(marks.state, 'active');
  await marks.stop();
});

for (const state of ['behind', 'asking'] as const) {
  test(`a store that was set back and took batches while ${state} is no further for them`, async t => {
    const { environment, answers, make, batches, brought } = world();
    const b = node('b');
    answers.set(b, {});
    batches.count = 150;
    const first = make();
    first.start();
    await pass(environment, 500);
    const { mark } = first;
    await first.stop();
    t.is(mark?.durable, 150);
    batches.count = 100;
    answers.delete(b);
    if (state === 'behind') answers.set(b, mark && { mark });
    brought.isDone = false;
    const second = make();
    second.start();
    await pass(environment, 3000);
    t.is(second.state, state);
    await second.stop();
    // Writes that it takes and rows that it pulls are batches.
    batches.count = 160;
    answers.set(b, mark && { mark });
    const third = make();
    third.start();
    await pass(environment, 3000);
    await catchesUp(t, { environment, brought }, third);
    const whole = third.mark;
    await third.stop();
    answers.set(b, whole && { mark: whole });
    const fourth = make();
    fourth.start();
    await pass(environment, 500);
    t.is(fourth.state, 'active', 'it is compared by all that it has, once it is whole');
    await fourth.stop();
  });
}

test('a store that is known to be behind stays so, whoever is asked after its next start', async t => {
  const { environment, answers, make, brought } = world();
  answers.set(node('b'), { mark: { incarnation: '0123456789abcdef', durable: 1 } });
  brought.isDone = false;
  const first = make();
  first.start();
  await pass(environment, 3000);
  t.is(first.state, 'behind');
  await first.stop();
  answers.clear();
  answers.set(node('c'), {});
  const second = make();
  second.start();
  await pass(environment, 3000);
  t.is(second.state, 'behind');
  await second.stop();
});

test('an active store that turns out to lack something is brought in, also after a restart', async t => {
  const { environment, answers, make, brought } = world();
  answers.set(node('b'), {});
  brought.isDone = false;
  const first = make();
  first.start();
  first.fallBehind();
  t.is(first.state, 'asking', 'it is being found out');
  await pass(environment, 500);
  t.is(first.state, 'active');
  first.fallBehind();
  first.fallBehind();
  t.is(first.state, 'behind');
  t.is(first.mark, undefined);
  await pass(environment, 3000);
  t.is(first.state, 'behind');
  await first.stop();
  const second = make();
  t.is(second.state, 'behind');
  brought.isDone = true;
  second.start();
  await pass(environment, 500);
  t.is(second.state, 'active');
  const { count } = brought;
  await pass(environment, 10_000);
  t.is(brought.count, count, 'once');
  second.fallBehind();
  await pass(environment, 500);
  t.is(second.state, 'active', 'and again, should it be so again');
  t.is(brought.count, count + 1);
  await second.stop();
});

test('how far a store was found is its first batch, and damage to it is the worst of cases', async t => {
  const { environment, answers, make, store, brought } = world();
  const first = make();
  await store.commit([]);
  t.deepEqual(decodeDoubt(store.get(DOUBT) ?? Buffer.alloc(0)), { found: 100, isBehind: false });
  await first.stop();
  store.damage(DOUBT);
  answers.set(node('b'), {});
  brought.isDone = false;
  const second = make();
  second.start();
  await pass(environment, 3000);
  await catchesUp(t, { environment, brought }, second);
  t.is(store.get(DOUBT), undefined);
  await second.stop();
});

test('an empty store waits until it knows what it should hold', async t => {
  const { environment, answers, make } = world();
  answers.set(node('b'), {});
  const unknowing = new KnownLayout(3, EMPTY_STATE);
  const marks = make(unknowing);
  marks.start();
  await pass(environment, 2000);
  t.is(marks.state, 'asking');
  unknowing.learn(stateOf(versionOf('bcd')));
  await pass(environment, 1000);
  t.is(marks.state, 'active', 'it is to hold nothing');
  await marks.stop();
});

test('what peers told is remembered, also after a restart', async t => {
  const { environment, make } = world();
  const marks = make();
  const mark = { incarnation: '0123456789abcdef', durable: 77 };
  t.is(marks.remembered(node('b')), undefined);
  marks.start();
  marks.heard(node('b'), mark);
  t.deepEqual(marks.remembered(node('b')), mark);
  await pass(environment, 6000);
  await marks.stop();
  t.deepEqual(make().remembered(node('b')), mark);
});

test('a store that is behind takes writes and answers nothing', async t => {
  const state = { isBehind: true, takesWrites: true };
  const server = unlessBehind(() => ({ kind: 'written' }), {
    isBehind: () => state.isBehind,
    takesWrites: () => state.takesWrites,
  });
  const context = { deadlineAtMs: 0 };
  t.deepEqual(await server({ kind: 'digest-read' }, context), { kind: 'unknown' });
  t.deepEqual(await server({ kind: 'rows-merge', rows: [] }, context), { kind: 'written' });
  const unfence = { kind: 'bucket-unfence', bucket: '', token: '' } as unknown as TableRequest;
  t.deepEqual(await server(unfence, context), { kind: 'written' });
  state.takesWrites = false;
  t.deepEqual(await server(unfence, context), { kind: 'unknown' });
  t.deepEqual(await server({ kind: 'rows-merge', rows: [] }, context), { kind: 'written' });
  state.isBehind = false;
  t.deepEqual(await server({ kind: 'digest-read' }, context), { kind: 'written' });
});

test('the stored bytes of a mark are read, and written the same', t => {
  const mark = { incarnation: '0123456789abcdef', durable: 300 };
  t.is(encodeMark(mark).toString('hex'), '9301c4080123456789abcdefcd012c');
  t.deepEqual(decodeMark(Buffer.from('9301c4080123456789abcdefcd012c', 'hex')), mark);
});

test('the stored bytes of a doubt are read, and written the same', t => {
  const doubt = { found: 300, isBehind: true };
  t.is(encodeDoubt(doubt).toString('hex'), '9301cd012cc3');
  t.deepEqual(decodeDoubt(Buffer.from('9301cd012cc3', 'hex')), doubt);
});
