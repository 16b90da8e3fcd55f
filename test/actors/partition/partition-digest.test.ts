// Method: random writes, several to a batch, while batches fail and the digest is made anew now and
// then. Whenever it says that it is ready it must be what a naive walk over the stored rows gives.
import test from 'ava';
import fc from 'fast-check';
import {
  DIGEST_BYTES,
  DIGEST_LEAVES,
  differingLeaves,
  DigestTree,
  isLeafSet,
  leafOf,
} from '../../../actors/partition/digest-tree.ts';
import { digestPage } from '../../../actors/partition/digest-pages.ts';
import { COMPARED_TABLES, itemOf } from '../../../actors/partition/row-items.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { nameOfKey, rowRange, TABLE } from '../../../schemas/row-tables.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  complete,
  createUpload,
  partition,
  partOf,
  put,
  putBlocks,
  remove,
  tablePartition,
  uploadId,
  writePart,
} from './partition-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const ALL = { leaves: Buffer.alloc(DIGEST_LEAVES / 8, 0xff), tables: 'compared' } as const;

function fixture(): Fixture {
  return tablePartition({ digestKey, soleReplica: false });
}

function naiveTree({ store }: Fixture): DigestTree {
  const tree = new DigestTree();
  for (const table of COMPARED_TABLES) {
    for (const { key, value } of store.entries(rowRange(partition, table))) {
      const name = nameOfKey(key);
      tree.toggle(leafOf(name), itemOf(digestKey, name, value));
    }
  }
  return tree;
}

function build({ table }: Fixture, rest = (): Promise<void> => Promise.resolve()): Promise<void> {
  return table.digest!.build(apply => table.change(apply), rest);
}

type Action = { readonly kind: 'put' | 'blocks' | 'remove' | 'upload' | 'done'; key: number };
type Round = { readonly actions: readonly Action[]; readonly then: 'build' | 'fail' | 'go on' };

const rounds: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    actions: fc.array(
      fc.record({
        kind: fc.constantFrom('put', 'blocks', 'remove', 'upload', 'done'),
        key: fc.nat(3),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    then: fc.constantFrom('build', 'build', 'fail', 'go on'),
  }),
  { minLength: 5, maxLength: 20 },
);

function requestsOf({ kind, key }: Action, tick: number): TableRequest[] {
  const name = `key ${String(key)}`;
  const id = uploadId(key);
  switch (kind) {
    case 'put':
      return [put(name, tick)];
    case 'blocks':
      return [putBlocks(name, tick)];
    case 'remove':
      return [remove(name, tick)];
    case 'upload':
      return [createUpload(name, id), writePart(name, partOf(id, 1, tick))];
    case 'done':
      return [complete(name, id, { tick, parts: [partOf(id, 1, tick)] })];
  }
}

test('the digest is that of the rows, whatever was written while it was made', async t => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(rounds, async all => {
      const world = fixture();
      let tick = 0;
      for (const { actions, then } of all) {
        const builds = then === 'build' ? build(world).catch(() => undefined) : undefined;
        if (then === 'fail') world.store.failNext('lost');
        const asked = actions.flatMap(action => requestsOf(action, (tick += 2)));
        await Promise.all(asked.map(request => world.ask(request)));
        await builds;
        await world.store.whenOpen();
        world.store.failNext(undefined);
        const tree = world.table.digest?.tree;
        if (tree === undefined) continue;
        compared += 1;
        const naive = naiveTree(world);
        if (!tree.leaves.equals(naive.leaves) || !tree.root.equals(naive.root)) return false;
      }
      return true;
    }),
    { numRuns: 50 },
  );
  t.true(compared > 100, `compared ${String(compared)} times`);
});

test('two replicas with the same rows have the same digest, in whatever order they came', async t => {
  const writes = [put('a', 1), put('b', 2), remove('a', 3), putBlocks('c', 4)];
  const one = fixture();
  const other = fixture();
  await build(one);
  for (const write of writes) await one.ask(write);
  for (const write of writes.toReversed()) await other.ask(write);
  await build(other);
  t.deepEqual(one.table.digest?.tree?.leaves, other.table.digest?.tree?.leaves);
  t.notDeepEqual(one.table.digest?.tree?.root, Buffer.alloc(DIGEST_BYTES));
});

test('how many parts were counted on a replica is no difference', async t => {
  const one = fixture();
  const other = fixture();
  const id = uploadId(1);
  const part = partOf(id, 1, 2);
  for (const world of [one, other]) await world.ask(createUpload('up', id));
  await one.ask(writePart('up', part));
  await build(one);
  await build(other);
  const [mine, others] = [one.table.digest!.tree!.leaves, other.table.digest!.tree!.leaves];
  const differing = differingLeaves(mine, others)!;
  const leaves = one.rows(TABLE.part).map(({ key }) => leafOf(nameOfKey(key)));
  const named = Array.from({ length: DIGEST_LEAVES }, (_, leaf) => leaf);
  t.deepEqual(
    named.filter(leaf => isLeafSet(differing, leaf)),
    leaves,
  );
});

test('a digest answers with its leaves, and says which a write changed a moment ago', async t => {
  const world = fixture();
  t.deepEqual(await world.ask({ kind: 'digest-read' }), { kind: 'digest', round: 0 });
  await build(world);
  await world.ask(put('a', 1));
  const fresh = await world.ask({ kind: 'digest-read' });
  t.true(fresh.kind === 'digest' && fresh.tree?.unquiet.some(byte => byte !== 0));
  world.environment.advance(60_000);
  const later = await world.ask({ kind: 'digest-read' });
  t.true(later.kind === 'digest' && later.tree?.unquiet.every(byte => byte === 0));
});

test('a partition without peers keeps no digest', async t => {
  const world = tablePartition();
  t.is(world.table.digest, undefined);
  t.deepEqual(await world.ask({ kind: 'digest-read' }), { kind: 'digest', round: 0 });
});

test('pages of names and items hold every row of their leaves once, in order', async t => {
  const world = fixture();
  const puts = Array.from({ length: 1500 }, (_, index) => put(`key ${String(index)}`, index));
  await Promise.all(puts.map(write => world.ask(write)));
  await world.ask(createUpload('up', uploadId(1)));
  const names: string[] = [];
  let after: Uint8Array | undefined;
  let pages = 0;
  do {
    const page = await digestPage(world.table, digestKey, { ...ALL, after });
    names.push(...page.rows.map(({ name }) => Buffer.from(name).toString('hex')));
    after = page.next;
    pages += 1;
  } while (after !== undefined);
  t.true(pages > 1);
  t.is(names.length, 1501);
  t.is(new Set(names).size, 1501);
  t.deepEqual(names, names.toSorted());
  const upTo = Buffer.from(names[10]!, 'hex');
  const part = await digestPage(world.table, digestKey, { ...ALL, upTo });
  t.is(part.rows.length, 11);
  const one = Buffer.alloc(DIGEST_LEAVES / 8);
  one[0] = 1;
  const leaf = await digestPage(world.table, digestKey, { ...ALL, leaves: one });
  t.true(leaf.rows.length > 0 && leaf.rows.every(({ name }) => leafOf(name) === 0));
});

test('leaves that differ are named', t => {
  const one = new DigestTree();
  const other = new DigestTree();
  t.is(differingLeaves(one.leaves, other.leaves), undefined);
  one.toggle(17, Buffer.alloc(DIGEST_BYTES, 1));
  const mask = differingLeaves(one.leaves, other.leaves)!;
  const named = Array.from({ length: DIGEST_LEAVES }, (_, leaf) => leaf).filter(leaf =>
    isLeafSet(mask, leaf),
  );
  t.deepEqual(named, [17]);
});
