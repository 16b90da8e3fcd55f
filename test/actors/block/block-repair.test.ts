// Method: one node's block partitions that have peers, which the test plays: references are merged,
// blocks fetched and restored, the machine stops between two steps.
import test from 'ava';
import { decodeResync, encodeResync } from '../../../actors/block/block-rows.ts';
import { RESYNC_WORKERS_MAX, ResyncPace } from '../../../actors/block/resync-pace.ts';
import { checksumsOf } from '../../../actors/storage/block-format.ts';
import type { BlockHash } from '../../../schemas/ids.ts';
import type { Block } from './block-world.ts';
import { BlockWorld, hashOf, makeBlock, makeOwner, pathOf } from './block-world.ts';

const KIB = 1024;

function fetched({ bytes }: Block): { bytes: Buffer; checksums: Buffer } {
  return { bytes, checksums: checksumsOf(bytes) };
}

async function queued(world: BlockWorld, hash: BlockHash): Promise<readonly BlockHash[]> {
  const { partition } = world.partitionOf(hash);
  const { blocks } = await world.queue.page(partition, undefined, 100);
  return blocks.map(block => block.hash);
}

test('a queued block is these bytes in the store', t => {
  const row = { dueMs: 1_700_000_000_123, errors: 3 };
  t.is(encodeResync(row).toString('hex'), '9301cb4278bcfe5687b00003');
  t.deepEqual(decodeResync(encodeResync(row)), row);
});

test('the pace of the resync outlives a restart, within bounds', async t => {
  const { store } = new BlockWorld();
  const pace = new ResyncPace(store);
  t.deepEqual([pace.workers, pace.tranquility], [1, 2]);
  await pace.set({ tranquility: 0 });
  await pace.set({ workers: 99 });
  const later = new ResyncPace(store.crash());
  t.deepEqual([later.workers, later.tranquility], [RESYNC_WORKERS_MAX, 0]);
});

test('a peer gets the whole block with its checksums, or is told why not', async t => {
  const world = new BlockWorld();
  const block = makeBlock(200 * KIB);
  const asked = { kind: 'block-fetch', hash: block.hash } as const;
  t.deepEqual(await world.ask(block.hash, asked), { kind: 'absent' });
  await world.storeBlock(block, makeOwner(1));
  const reply = await world.ask(block.hash, asked);
  t.is(reply.kind, 'whole');
  if (reply.kind !== 'whole') return;
  t.is(hashOf(reply.bytes), block.hash);
  t.deepEqual(Buffer.from(reply.checksums), checksumsOf(block.bytes));
  world.files.flip(pathOf(block.hash), 70 * KIB);
  world.blockFiles.close();
  t.deepEqual(await world.ask(block.hash, asked), { kind: 'damaged' });
});

test('a replica says what it keeps, what it wants, and what it does not know', async t => {
  const world = new BlockWorld();
  const [kept, wanted] = [makeBlock(100, 1), makeBlock(100, 2)];
  await world.storeBlock(kept, makeOwner(1));
  await world.repairOf(wanted.hash).merge([{ hash: wanted.hash, owner: makeOwner(1) }]);
  const ask = (hash: BlockHash) => world.ask(hash, { kind: 'blocks-have', hashes: [hash] });
  t.deepEqual(await ask(kept.hash), { kind: 'holdings', holdings: ['kept'] });
  t.deepEqual(await ask(wanted.hash), { kind: 'holdings', holdings: ['wanted'] });
  t.deepEqual(await ask(makeBlock(5).hash), { kind: 'holdings', holdings: ['unknown'] });
  await world.release(kept.hash, makeOwner(1));
  t.deepEqual(await ask(kept.hash), { kind: 'holdings', holdings: ['unknown'] });
});

test('references are listed leaf by leaf and page by page', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10);
  for (let owner = 1; owner <= 600; owner += 1) {
    const references = [{ hash: block.hash, owner: makeOwner(owner) }];
    await world.repairOf(block.hash).merge(references);
  }
  const leaf = Number.parseInt(block.hash.slice(2, 4), 16);
  const seen = new Set<string>();
  for (let after: Uint8Array | undefined; ;) {
    const asked = { kind: 'references-list', leaf } as const;
    const reply = await world.ask(block.hash, after === undefined ? asked : { ...asked, after });
    if (reply.kind !== 'references') return t.fail(reply.kind);
    for (const { owner } of reply.references) seen.add(owner.key);
    if (reply.next === undefined) break;
    after = reply.next;
  }
  t.is(seen.size, 600);
  const other = await world.ask(block.hash, { kind: 'references-list', leaf: (leaf + 1) % 256 });
  t.deepEqual(other, { kind: 'references', references: [] });
});

test('a merged reference whose block is missing is wanted, restored and served', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  const repair = world.repairOf(block.hash);
  const reference = { hash: block.hash, owner: makeOwner(1) };
  t.deepEqual(await repair.merge([reference]), ['added']);
  t.deepEqual(await repair.merge([reference]), ['known']);
  t.deepEqual(await queued(world, block.hash), [block.hash]);
  t.deepEqual(await world.addReference(block.hash, makeOwner(2)), { kind: 'send-it' });
  t.is(await repair.examine(block.hash), 'missing');
  const later = world.restart('unsynced');
  await later.queue.load();
  t.is(later.queue.length, 1);
  t.is(await later.repairOf(block.hash).restore(block.hash, fetched(block)), 'restored');
  t.is((await later.read(block.hash)).kind, 'bytes');
  t.is(later.queue.length, 0);
  t.deepEqual(await queued(later, block.hash), []);
  t.is((await later.restart('unsynced').read(block.hash)).kind, 'bytes');
});

test('a merged reference whose block is here counts it, and wants nothing', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  await world.storeBlock(block, makeOwner(1));
  await world.repairOf(block.hash).merge([{ hash: block.hash, owner: makeOwner(2) }]);
  t.is(world.queue.length, 0);
  await world.release(block.hash, makeOwner(1));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'bytes');
  await world.release(block.hash, makeOwner(2));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'absent');
});

test('what this replica was told to release is not revived by a peer', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  await world.storeBlock(block, makeOwner(1));
  await world.release(block.hash, makeOwner(1));
  const merged = await world
    .repairOf(block.hash)
    .merge([{ hash: block.hash, owner: makeOwner(1) }]);
  t.deepEqual(merged, ['released']);
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), []);
});

test('a block whose last reference went while it was fetched is not written', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  const repair = world.repairOf(block.hash);
  await repair.merge([{ hash: block.hash, owner: makeOwner(1) }]);
  t.is(await repair.examine(block.hash), 'missing');
  await world.release(block.hash, makeOwner(1));
  t.is(await repair.restore(block.hash, fetched(block)), 'unneeded');
  t.deepEqual(world.blockFilePaths(), []);
  t.is(world.queue.length, 0);
});

test('a damaged block is queued by who reads it where there are peers, else not', async t => {
  for (const isReplicated of [true, false]) {
    const world = new BlockWorld({ isReplicated });
    const block = makeBlock(10 * KIB);
    await world.storeBlock(block, makeOwner(1));
    world.files.flip(pathOf(block.hash), 5);
    t.deepEqual(await world.read(block.hash), { kind: 'damaged' });
    // Its turn comes after that of the reader's note.
    await world.repairOf(block.hash).hasten(block.hash);
    t.deepEqual(await queued(world, block.hash), isReplicated ? [block.hash] : []);
    if (!isReplicated) continue;
    t.is(await world.repairOf(block.hash).examine(block.hash), 'missing');
    await world.repairOf(block.hash).restore(block.hash, fetched(block));
    t.is((await world.read(block.hash)).kind, 'bytes');
    t.is(await world.repairOf(block.hash).examine(block.hash), 'kept');
  }
});

test('what cannot be had is tried after 1, 2, 4, and in the end every 64 minutes', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10);
  const repair = world.repairOf(block.hash);
  await repair.merge([{ hash: block.hash, owner: makeOwner(1) }]);
  const { partition } = world.partitionOf(block.hash);
  const minutes: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    await repair.postpone(block.hash, 0);
    const { blocks } = await world.queue.page(partition, undefined, 9);
    minutes.push(blocks[0]!.dueMs / 60_000);
  }
  t.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
  t.is(world.queue.errored, 1);
  await repair.hasten(block.hash);
  const { blocks } = await world.queue.page(partition, undefined, 9);
  t.deepEqual(blocks, [{ hash: block.hash, dueMs: 0, errors: 9 }]);
  await repair.restore(block.hash, fetched(block));
  t.is(world.queue.errored, 0);
});
