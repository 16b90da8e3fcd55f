import test from 'ava';
import { WorkerJournal } from '../../../actors/runtime/worker-journal.ts';
import {
  numberVariable,
  WorkerRegistry,
  type WorkerReport,
} from '../../../actors/runtime/worker-registry.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

function world() {
  const { clock, advance } = manualEnvironment();
  const journal = new WorkerJournal(clock);
  const registry = new WorkerRegistry(clock);
  const report: { value: WorkerReport } = { value: { name: 'sweeper', state: 'idle' } };
  registry.add({ journal, report: () => report.value });
  return { advance, journal, registry, report };
}

test('a worker is shown with its number, its queue and what went wrong', t => {
  const { advance, journal, registry, report } = world();
  t.deepEqual(registry.workers(), [
    {
      ...{ id: 1, name: 'sweeper', state: 'idle', errors: 0, consecutiveErrors: 0 },
      ...{ lastError: null, tranquility: null, progress: null, queueLength: null },
      ...{ persistentErrors: null, freeform: [] },
    },
  ]);
  journal.failed(new Error('the disk is gone'));
  journal.failed('again');
  advance(5000);
  report.value = { name: 'sweeper', state: { restMs: 1500 }, queueLength: 3, tranquility: 2 };
  const [worker] = registry.workers();
  t.like(worker, {
    ...{ errors: 2, consecutiveErrors: 2, queueLength: 3, tranquility: 2 },
    state: { throttled: { durationSecs: 2 } },
    lastError: { message: 'again', secsAgo: 5 },
  });
  journal.succeeded();
  t.like(registry.workers()[0], { errors: 2, consecutiveErrors: 0 });
});

test('a variable takes what is a value for it, and says what is not', async t => {
  const { registry } = world();
  let rest = 2;
  registry.addVariable(
    numberVariable({
      ...{ name: 'rest', least: 1, most: 8, read: () => rest },
      write: value => {
        rest = value;
      },
    }),
  );
  registry.addVariable({ name: 'last', read: () => 'never' });
  t.deepEqual(registry.variables(), { rest: '2', last: 'never' });
  t.is(await registry.setVariable('rest', '8'), undefined);
  t.is(rest, 8);
  for (const wrong of ['0', '9', '', '2.5', 'many', '-1']) {
    t.regex((await registry.setVariable('rest', wrong)) ?? '', /from 1 to 8/);
  }
  t.is(rest, 8);
  t.regex((await registry.setVariable('last', 'now')) ?? '', /only be read/);
  t.regex((await registry.setVariable('none', '1')) ?? '', /no variable none/);
});

test('a repair is launched wherever there is something to repair', async t => {
  const { registry } = world();
  const launched: string[] = [];
  registry.addRepair('blocks', async () => {
    launched.push('files');
    return undefined;
  });
  registry.addRepair('blocks', async () => {
    launched.push('queue');
    return undefined;
  });
  t.is(await registry.launch('blocks'), undefined);
  t.deepEqual(launched, ['files', 'queue']);
  t.regex((await registry.launch('rebalance')) ?? '', /nothing/);
  registry.addRepair('scrub-pause', async () => 'It is paused already.');
  t.is(await registry.launch('scrub-pause'), 'It is paused already.');
});
