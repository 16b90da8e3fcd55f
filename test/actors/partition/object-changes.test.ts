// Method: one partition on a store in memory; versions are changed and read back.
import test from 'ava';
import type { TableReply } from '../../../schemas/messages/table.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  blocksOf,
  bucket,
  put,
  putBlocks,
  remove,
  stamp,
  tablePartition,
} from './partition-fixture.ts';

const tagged = (tick: number, ...keys: string[]) =>
  ({
    kind: 'object-change',
    place: at('a'),
    tagging: { stamp: stamp(tick), tags: keys.map(key => ({ key, value: 'v' })) },
  }) as const;

async function read(f: Fixture, want: 'row' | 'content'): Promise<ObjectVersion> {
  const reply: TableReply = await f.ask({ kind: 'object-read', place: at('a'), want });
  if (reply.kind !== 'object' || reply.row?.kind !== 'version') throw new Error(reply.kind);
  return reply.row;
}

test('a change of tags keeps the version as it is, with its bytes', async t => {
  const f = tablePartition();
  const write = put('a', 1, 5);
  await f.ask(write);
  t.deepEqual(await f.ask(tagged(2, 'x')), { kind: 'written', version: 'null' });
  for (const want of ['row', 'content'] as const) {
    const { tagging, ...bare } = await read(f, want);
    t.deepEqual(tagging?.tags, [{ key: 'x', value: 'v' }]);
    t.deepEqual(bare, write.row);
  }
  const content = await f.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.deepEqual(content.kind === 'object' && content.inline, write.inline);
});

test('the later change wins, whichever comes last', async t => {
  const f = tablePartition();
  await f.ask(putBlocks('a', 1, blocksOf(1)));
  await f.ask(tagged(5, 'later'));
  await f.ask(tagged(4, 'earlier'));
  t.deepEqual((await read(f, 'row')).tagging?.tags[0]?.key, 'later');
  await f.ask(tagged(6));
  t.deepEqual((await read(f, 'row')).tagging, { stamp: stamp(6), tags: [] });
});

test('what is not there cannot be changed', async t => {
  const f = tablePartition();
  const absent = { kind: 'no-such-version', because: 'absent' };
  t.deepEqual(await f.ask(tagged(1, 'x')), absent);
  await f.ask(put('a', 2));
  t.deepEqual(await f.ask({ ...tagged(3, 'x'), version: stamp(9) }), absent);
  t.is((await f.ask({ ...tagged(3, 'x'), version: 'null' })).kind, 'written');
  await f.ask(remove('a', 4));
  t.deepEqual(await f.ask(tagged(5, 'x')), absent);
});

test('a closed bucket and a full disk refuse changes', async t => {
  let space = true;
  const f = tablePartition({ space: () => space });
  await f.ask(put('a', 1));
  space = false;
  t.deepEqual(await f.ask(tagged(2, 'x')), { kind: 'no-space' });
  space = true;
  await f.ask({ kind: 'bucket-fence', bucket, token: 'who' });
  t.deepEqual(await f.ask(tagged(2, 'x')), { kind: 'bucket-closed' });
});

test('an object that is overwritten has the tags it comes with, or none', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  await f.ask(tagged(2, 'x'));
  await f.ask(put('a', 3));
  t.is((await read(f, 'content')).tagging, undefined);
});

test('tags and the access control list change apart from each other', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  await f.ask(tagged(2, 'x'));
  const acl = { stamp: stamp(3), acl: 'public-read' } as const;
  await f.ask({ kind: 'object-change', place: at('a'), acl });
  await f.ask(tagged(4, 'y'));
  const row = await read(f, 'content');
  t.deepEqual(row.acl, acl);
  t.is(row.tagging?.tags[0]?.key, 'y');
  await f.ask({ kind: 'object-change', place: at('a'), acl: { stamp: stamp(2), acl: 'private' } });
  t.deepEqual((await read(f, 'row')).acl, acl);
});
