// Method: block files on a file system in memory, counted by their steps: how many times a file is
// opened and read is what a reader of large objects pays.
import test from 'ava';
import { BLOCK_BYTES_DEFAULT, READ_PIECE_BYTES } from '../../../schemas/limits.ts';
import { BlockWorld, makeBlock, makeOwner, pathOf } from '../block/block-world.ts';

test('a block that is read in pieces is opened, and its table read, once', async t => {
  const world = new BlockWorld();
  const block = makeBlock(BLOCK_BYTES_DEFAULT);
  await world.storeBlock(block, makeOwner(1));
  const before = world.files.steps.length;
  const pieces: Uint8Array[] = [];
  for (let first = 0; first < block.bytes.length; first += READ_PIECE_BYTES) {
    const piece = await world.read(block.hash, first, READ_PIECE_BYTES);
    if (piece.kind === 'bytes') pieces.push(piece.bytes);
  }
  t.true(Buffer.concat(pieces).equals(block.bytes));
  const steps = world.files.steps.slice(before).map(step => step.operation);
  t.is(steps.filter(step => step === 'open').length, 1);
  t.is(steps.filter(step => step === 'fstat').length, 1);
  t.true(steps.filter(step => step === 'read').length <= 2 + 4, steps.join(' '));
});

test('a small block that is read whole costs one open and one read, then one read', async t => {
  const world = new BlockWorld();
  const block = makeBlock(64 * 1024);
  await world.storeBlock(block, makeOwner(1));
  const costs: string[][] = [];
  for (let time = 0; time < 2; time += 1) {
    const before = world.files.steps.length;
    await world.read(block.hash, 0, block.bytes.length);
    costs.push(world.files.steps.slice(before).map(step => step.operation));
  }
  t.deepEqual(costs, [['open', 'read'], ['read']]);
});

test('open files are bounded, and those that were removed are let go', async t => {
  const world = new BlockWorld();
  for (let seed = 0; seed < 300; seed += 1) {
    const block = makeBlock(100 + seed, seed);
    await world.storeBlock(block, makeOwner(1));
    await world.read(block.hash);
    if (seed % 2 === 0) await world.blockFiles.remove(block.hash);
  }
  t.true(world.files.openHandles <= 256);
  world.blockFiles.close();
  t.is(world.files.openHandles, 0);
});

test('many readers of one block at once all get it, and leave nothing open behind', async t => {
  const world = new BlockWorld();
  const block = makeBlock(300_000);
  await world.storeBlock(block, makeOwner(1));
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, reader) => world.read(block.hash, reader * 1000, 1000)),
  );
  for (const [reader, reply] of replies.entries()) {
    t.is(reply.kind, 'bytes');
    if (reply.kind !== 'bytes') continue;
    const expected = block.bytes.subarray(reader * 1000, reader * 1000 + 1000);
    t.true(Buffer.from(reply.bytes).equals(expected));
  }
  t.is(world.files.openHandles, 1);
});

test('a directory that was removed under a running node is made again', async t => {
  const world = new BlockWorld();
  const block = makeBlock(1000);
  await world.storeBlock(block, makeOwner(1));
  await world.files.unlink(pathOf(block.hash));
  world.files.fail(step => step.operation === 'create', 'ENOENT');
  t.is((await world.storeBlock(block, makeOwner(2))).kind, 'stored');
  t.is((await world.read(block.hash)).kind, 'bytes');
});

test('without data_fsync nothing is synced', async t => {
  const world = new BlockWorld({ sync: false });
  const block = makeBlock(1000);
  await world.storeBlock(block, makeOwner(1));
  await world.storeBlock(block, makeOwner(2));
  const synced = world.files.steps.filter(step => step.operation.includes('sync'));
  t.deepEqual(synced, []);
  t.is((await world.read(block.hash)).kind, 'bytes');
});

test('a disk that cannot be read is damage, not absence', async t => {
  const world = new BlockWorld();
  const block = makeBlock(1000);
  await world.storeBlock(block, makeOwner(1));
  for (const operation of ['open', 'read']) {
    world.files.fail(step => step.operation === operation, 'EIO', 'always');
    t.is((await world.read(block.hash)).kind, 'damaged', operation);
    world.files.heal();
    t.is((await world.read(block.hash, 10, 10)).kind, 'bytes');
    world.blockFiles.close();
  }
});
