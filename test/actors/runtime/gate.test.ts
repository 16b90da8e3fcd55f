import test from 'ava';
import { Gate } from '../../../actors/runtime/gate.ts';

/** Work that ends when it is told to. */
function held(): { work: () => Promise<string>; end: () => void; hasStarted: () => boolean } {
  let end = (): void => undefined;
  let hasStarted = false;
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  const work = async (): Promise<string> => {
    hasStarted = true;
    await ended;
    return 'done';
  };
  return { work, end: () => end(), hasStarted: () => hasStarted };
}

test('so many run, so many wait, and the rest is refused', async t => {
  const gate = new Gate({ runningMax: 2, waitingMax: 1 });
  const works = [held(), held(), held(), held()];
  const results = works.map(({ work }) => gate.run(work));
  t.deepEqual(
    works.map(({ hasStarted }) => hasStarted()),
    [true, true, false, false],
  );
  t.is(results[3], undefined);
  works[1]!.end();
  t.is(await results[1], 'done');
  await Promise.resolve();
  t.true(works[2]!.hasStarted());
  t.is(gate.running, 2);
  works[0]!.end();
  works[2]!.end();
  t.is(await results[0], 'done');
  t.is(await results[2], 'done');
  t.is(gate.running, 0);
});

test('work that fails makes room as work that ends does', async t => {
  const gate = new Gate({ runningMax: 1, waitingMax: 1 });
  const failing = gate.run(async () => Promise.reject(new Error('no')));
  const next = gate.run(async () => Promise.resolve('yes'));
  await t.throwsAsync(async () => failing, { message: 'no' });
  t.is(await next, 'yes');
  t.is(gate.running, 0);
});

test('nobody slips in between one that ends and one that waits', async t => {
  const gate = new Gate({ runningMax: 1, waitingMax: 4 });
  const first = held();
  const order: string[] = [];
  const note = (name: string) => async (): Promise<void> => {
    order.push(`${name} with ${String(gate.running)}`);
  };
  void gate.run(first.work);
  const waiting = gate.run(note('waiting'));
  first.end();
  await Promise.resolve();
  const late = gate.run(note('late'));
  await waiting;
  await late;
  t.deepEqual(order, ['waiting with 1', 'late with 1']);
});
