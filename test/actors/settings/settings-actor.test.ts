import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { SettingsActor } from '../../../actors/settings/settings-actor.ts';
import type { AccessKeyId } from '../../../schemas/ids.ts';
import type { SettingsChanged, SettingsReply } from '../../../schemas/messages/settings.ts';
import type { AccessKeyRow } from '../../../schemas/records/settings-rows.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';

function world() {
  const { clock, random } = manualEnvironment();
  const store = new MemoryStore();
  const changes: SettingsChanged[] = [];
  const actor = new SettingsActor({ store, clock, changed: change => changes.push(change) });
  const stamper = new Stamper(clock, random);
  const ask = (request: Parameters<SettingsActor['receive']>[0]): Promise<SettingsReply> =>
    actor.receive(request, { deadlineAtMs: clock.monotonicMs() + 1000 });
  const row = (name: string): AccessKeyRow => ({
    ...{ kind: 'key', timestamp: stamper.now(), id: 'GKone0000' as AccessKeyId, secret: 's' },
    ...{ name, createdMs: 1, canCreateBucket: false, deleted: false },
  });
  return { actor, store, changes, ask, row, clock };
}

test('a decision on the row that was read wins; one on an older row is told what stands there', async t => {
  const { ask, row } = world();
  const first = row('first');
  t.is((await ask({ kind: 'settings-decide', row: first })).kind, 'decided');
  const second = row('second');
  const base = first.timestamp;
  t.is((await ask({ kind: 'settings-decide', row: second, base })).kind, 'decided');
  const late = await ask({ kind: 'settings-decide', row: row('late'), base });
  t.deepEqual(late, { kind: 'lost', row: second });
});

test('of many deciders at once on one row exactly one wins', async t => {
  const { ask, row, changes } = world();
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, n) => ask({ kind: 'settings-decide', row: row(String(n)) })),
  );
  t.is(replies.filter(reply => reply.kind === 'decided').length, 1);
  t.is(changes.length, 1);
});

test('the same decision, told twice, is decided twice and published once', async t => {
  const { ask, row, changes } = world();
  const decided = row('once');
  t.is((await ask({ kind: 'settings-decide', row: decided })).kind, 'decided');
  t.is((await ask({ kind: 'settings-decide', row: decided })).kind, 'decided');
  t.is(changes.length, 1);
});

test('a decision whose commit failed is unknown, and nothing is published', async t => {
  const { ask, row, store, changes } = world();
  store.failNext('lost');
  t.is((await ask({ kind: 'settings-decide', row: row('gone') })).kind, 'unknown');
  t.deepEqual(changes, []);
  for (let turns = 0; turns < 20; turns += 1) await setImmediate();
  t.deepEqual(await ask({ kind: 'settings-read', table: 'key', id: 'GKone0000' }), {
    kind: 'settings-row',
  });
});

test('a decision after its deadline is not carried out', async t => {
  const { actor, row, store, clock } = world();
  const reply = await actor.receive(
    { kind: 'settings-decide', row: row('late') },
    { deadlineAtMs: clock.monotonicMs() - 1 },
  );
  t.is(reply.kind, 'deadline-passed');
  t.is(store.rowCount, 0);
});

test('rows of a kind are listed in the order of their ids, page by page', async t => {
  const { ask, row } = world();
  for (const id of ['GKb', 'GKa', 'GKab', 'GKc']) {
    await ask({ kind: 'settings-decide', row: { ...row(id), id: id as AccessKeyId } });
  }
  const list = async (after: string): Promise<string[]> => {
    const reply = await ask({ kind: 'settings-list', table: 'key', after, limit: 2 });
    return reply.kind === 'settings-rows' ? reply.rows.map(found => found.id) : [];
  };
  t.deepEqual(await list(''), ['GKa', 'GKab']);
  t.deepEqual(await list('GKab'), ['GKb', 'GKc']);
  t.deepEqual(await list('GKc'), []);
});

test('one that may not vote decides nothing, and nobody compares with it', async t => {
  const { clock } = manualEnvironment();
  const options = { store: new MemoryStore(), clock, changed: () => undefined };
  const actor = new SettingsActor({ ...options, mayVote: () => false });
  const { row } = world();
  for (const request of [
    { kind: 'settings-decide', row: row('one') },
    { kind: 'settings-digest', root: Buffer.alloc(16) },
  ] as const) {
    t.deepEqual(await actor.receive(request, { deadlineAtMs: 1e9 }), { kind: 'behind' });
  }
});
