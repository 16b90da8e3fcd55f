import test from 'ava';
import type { NodesAnswer } from '../../../deploy/cli/api-answers.ts';
import type { WorkerView } from '../../../schemas/node-work.ts';
import { WorkerJournal } from '../../../actors/runtime/worker-journal.ts';
import { numberVariable, type WorkerReport } from '../../../actors/runtime/worker-registry.ts';
import { adminWorld, NODE, refusal } from './admin-world.ts';

function world() {
  const admin = adminWorld();
  const { registry, environment } = admin;
  const journal = new WorkerJournal(environment.clock);
  const worker = (report: WorkerReport) => ({ journal, report: () => report });
  registry.add(worker({ name: 'first', state: 'idle' }), worker({ name: 'second', state: 'busy' }));
  let tranquility = 4;
  registry.addVariable(
    numberVariable({
      ...{ name: 'scrub-tranquility', least: 0, most: 10, read: () => tranquility },
      write: value => {
        tranquility = value;
      },
    }),
  );
  const list = async (body: object): Promise<readonly string[]> => {
    const params = { node: 'self', body };
    const answer = await admin.call<NodesAnswer<readonly WorkerView[]>>('ListWorkers', params);
    return (answer.success[NODE] ?? []).map(({ name }) => name);
  };
  return { ...admin, journal, list };
}

test('workers are listed, those that work, and those that have errors', async t => {
  const { list, journal, call } = world();
  t.deepEqual(await list({}), ['first', 'second']);
  t.deepEqual(await list({ busyOnly: true, errorOnly: false }), ['second']);
  t.deepEqual(await list({ errorOnly: true }), []);
  journal.failed(new Error('x'));
  t.deepEqual(await list({ errorOnly: true }), ['first', 'second']);
  const one = await call<NodesAnswer<WorkerView>>('GetWorkerInfo', { node: '*', body: { id: 2 } });
  t.like(one.success[NODE], { id: 2, name: 'second', lastError: { message: 'x' } });
  const none = await call<NodesAnswer<WorkerView>>('GetWorkerInfo', { node: '*', body: { id: 9 } });
  t.deepEqual(none, { success: {}, error: { [NODE]: 'There is no worker 9.' } });
});

test('variables are read and set as text', async t => {
  const { call } = world();
  const set = (value: string): Promise<NodesAnswer<unknown>> =>
    call('SetWorkerVariable', { node: 'self', body: { variable: 'scrub-tranquility', value } });
  t.deepEqual((await set('3')).success, {
    [NODE]: { variable: 'scrub-tranquility', value: '3' },
  });
  t.regex((await set('11')).error[NODE] ?? '', /from 0 to 10/);
  const get = (body: object): Promise<NodesAnswer<unknown>> =>
    call('GetWorkerVariable', { node: 'self', body });
  t.deepEqual((await get({})).success, { [NODE]: { 'scrub-tranquility': '3' } });
  t.deepEqual((await get({ variable: 'nope' })).error, { [NODE]: 'There is no variable nope.' });
});

test('a repair is launched by its name, the scrub by its command', async t => {
  const { call, registry } = world();
  const launched: string[] = [];
  for (const repair of ['multipartUploads', 'scrub-pause'] as const) {
    registry.addRepair(repair, async () => {
      launched.push(repair);
      return undefined;
    });
  }
  const launch = (repairType: unknown): Promise<NodesAnswer<null>> =>
    call('LaunchRepairOperation', { node: 'self', body: { repairType } });
  t.deepEqual(await launch('multipartUploads'), { success: { [NODE]: null }, error: {} });
  t.deepEqual(await launch({ scrub: 'pause' }), { success: { [NODE]: null }, error: {} });
  t.deepEqual(launched, ['multipartUploads', 'scrub-pause']);
  t.regex((await launch('rebalance')).error[NODE] ?? '', /nothing/);
  t.is(await refusal(launch('everything')), 'InvalidRequest');
  t.is(await refusal(launch({ scrub: 'faster' })), 'InvalidRequest');
});

test('dead nodes are skipped only while a change is under way', async t => {
  const { call } = world();
  const skip = { version: 1, allowMissingData: false };
  t.is(await refusal(call('ClusterLayoutSkipDeadNodes', skip)), 'InvalidRequest');
});

test('only a node that is up and new takes the place of one that has a role', async t => {
  const { call } = world();
  const role = { id: NODE, zone: 'dc1', tags: [], capacity: 100_000_000_000 };
  const replace = (old: string, by: string): Promise<string> =>
    refusal(call('ReplaceClusterNode', { old, new: by }));
  t.is(await replace(NODE, 'b'.repeat(64)), 'InvalidRequest', 'no role yet');
  await call('UpdateClusterLayout', { roles: [role] });
  await call('ApplyClusterLayout', { version: 1 });
  t.is(await replace(NODE, 'b'.repeat(64)), 'InvalidRequest', 'nobody knows it');
  t.is(await replace(NODE, NODE), 'InvalidRequest', 'it has a role already');
});
