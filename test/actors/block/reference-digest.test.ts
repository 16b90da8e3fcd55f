// Method: random references come and go while leaves are counted at random moments; what is known
// in the end must be what a digest says that saw the final set alone. Then the replies of a
// partition whose references really change, against one that got the same in another order.
import test from 'ava';
import fc from 'fast-check';
import {
  differingLeaves,
  leafOf,
  ReferenceDigest,
  rootOf,
} from '../../../actors/block/reference-digest.ts';
import type { BlockHash } from '../../../schemas/ids.ts';
import { BlockWorld, makeBlock, makeOwner } from './block-world.ts';

const ID = '0123456789abcdef'.repeat(2);

function nameOf(number: number): { hash: BlockHash; id: string } {
  const leaf = (number % 3).toString(16).padStart(2, '0');
  const hash = `ab${leaf}${number.toString(16).padStart(60, '0')}` as BlockHash;
  return { hash, id: ID };
}

type Which = number | 'all';

async function* membersIn(live: ReadonlySet<number>, which: Which): AsyncGenerator<Buffer> {
  for (const number of live) {
    const { hash, id } = nameOf(number);
    if (which === 'all' || leafOf(hash) === which) yield Buffer.from(hash + id, 'hex');
  }
}

async function countAll(digest: ReferenceDigest, live: ReadonlySet<number>): Promise<void> {
  await digest.count('all', () => membersIn(live, 'all'));
}

test('whatever happens in whatever order, a known leaf is right', async t => {
  const step = fc.record({
    number: fc.nat(20),
    does: fc.constantFrom('toggle' as const, 'fail' as const, 'count' as const),
    isSlow: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const digest = new ReferenceDigest();
      const live = new Set<number>();
      const underWay: (() => void)[] = [];
      const counts: Promise<void>[] = [];
      for (const { number, does, isSlow } of steps) {
        const { hash, id } = nameOf(number);
        if (does === 'count') {
          const which = isSlow ? 'all' : leafOf(hash);
          counts.push(digest.count(which, () => membersIn(new Set(live), which)));
          continue;
        }
        const change = digest.begin(hash, id);
        const end = (): void => {
          if (does === 'toggle' && !live.delete(number)) live.add(number);
          digest.end(change, does === 'toggle' ? 'durable' : 'unknown', hash);
        };
        if (isSlow) underWay.push(end);
        else end();
      }
      for (const end of underWay) end();
      await Promise.all(counts);
      await countAll(digest, live);
      const naive = new ReferenceDigest();
      await countAll(naive, live);
      return digest.leaves()!.equals(naive.leaves()!);
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('partitions with the same references agree, and differ in the leaf of one that is not', async t => {
  const [first, second] = [new BlockWorld(), new BlockWorld()];
  const block = makeBlock(100);
  const numbers = [1, 2, 3, 4, 5];
  for (const number of numbers) await first.storeBlock(block, makeOwner(number));
  // It is looked at between changes, so that later ones are kept in memory.
  t.truthy(await second.partitionOf(block.hash).digestLeaves());
  for (const number of [...numbers, 6].reverse()) {
    await second.storeBlock(block, makeOwner(number));
  }
  const leaves = (await first.partitionOf(block.hash).digestLeaves())!;
  const root = rootOf(leaves);
  const asked = { kind: 'references-compare', root } as const;
  t.deepEqual(await first.ask(block.hash, asked), { kind: 'compared' });
  const reply = await second.ask(block.hash, asked);
  t.is(reply.kind, 'compared');
  if (reply.kind !== 'compared') return;
  t.deepEqual(differingLeaves(leaves, reply.leaves!), [leafOf(block.hash)]);
  await second.release(block.hash, makeOwner(6));
  t.deepEqual(await second.ask(block.hash, asked), { kind: 'compared' });
  const counted = second.restart('none').partitionOf(block.hash);
  t.deepEqual(await counted.digestLeaves(), leaves, 'counted from the rows it is the same');
});

test('a commit that fails leaves its leaf to be counted anew', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100);
  const partition = world.partitionOf(block.hash);
  await world.storeBlock(block, makeOwner(1));
  await partition.digestLeaves();
  for (const residue of ['lost', 'kept'] as const) {
    world.store.failNext(residue);
    t.deepEqual(await world.storeBlock(block, makeOwner(2)), { kind: 'unknown' });
    await world.store.whenOpen();
    const leaves = await partition.digestLeaves();
    t.deepEqual(leaves, await world.restart('none').partitionOf(block.hash).digestLeaves());
  }
});
