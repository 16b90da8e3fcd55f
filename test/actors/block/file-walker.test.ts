// Method: files are planted behind the node's back; a walk must find what does not belong there,
// and touch nothing else.
import { dirname } from 'node:path';
import test from 'ava';
import type { Step } from '../../support/faulty-files.ts';
import {
  BlockWorld,
  DELETE_DELAY_MS,
  hashOf,
  makeBlock,
  makeOwner,
  pathOf,
  type Block,
} from './block-world.ts';

test('a file without a row goes after the delay, one with a row stays', async t => {
  const world = new BlockWorld();
  const [kept, orphan] = [makeBlock(100, 1), makeBlock(100, 2)];
  await world.storeBlock(kept, makeOwner(1));
  world.files.plant(pathOf(orphan.hash), orphan.bytes);
  const walk = await world.walker.walk('fast');
  t.deepEqual(walk, { files: 2, orphans: 1, leftovers: 0, isSuspicious: false });
  await world.collector.collect();
  t.is(world.blockFilePaths().length, 2, 'not before the delay');
  world.environment.advance(DELETE_DELAY_MS);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), [pathOf(kept.hash)]);
  t.is(world.stats.orphans, 1);
});

test('an orphan whose block is stored during the delay stays', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100);
  world.files.plant(pathOf(block.hash), Buffer.from('half of a block'));
  await world.walker.walk('fast');
  t.is((await world.storeBlock(block, makeOwner(1))).kind, 'stored');
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'bytes');
});

test('temporary files of earlier processes go, those of this one and foreign files stay', async t => {
  const world = new BlockWorld();
  const own = `/data/ab/cd/tmp-${world.blockFiles.tag}-1`;
  const foreign = '/data/ab/cd/notes.txt';
  world.files.plant('/data/ab/cd/tmp-0123456789ab-7', Buffer.alloc(10));
  world.files.plant(own, Buffer.alloc(10));
  world.files.plant(foreign, Buffer.alloc(10));
  t.is((await world.walker.walk('fast')).leftovers, 1);
  t.deepEqual(world.blockFilePaths(), [foreign, own].sort());
});

test('a directory that cannot be listed is passed by, and the walk fails at its end', async t => {
  const orphans = [1, 2, 3, 4, 5].map(seed => makeBlock(100, seed)).sort(byHash);
  const [bad] = orphans;
  for (const path of [`/data/${bad!.hash.slice(0, 2)}`, dirname(pathOf(bad!.hash))]) {
    const world = new BlockWorld();
    for (const { hash, bytes } of orphans) world.files.plant(pathOf(hash), bytes);
    const isBad = (step: Step): boolean => step.operation === 'list' && step.path === path;
    world.files.fail(isBad, 'EIO', 'always');
    await t.throwsAsync(world.walker.walk('fast'), { message: `${path} could not be listed` });
    t.is(world.walker.journal.consecutiveErrors, 1);
    world.environment.advance(DELETE_DELAY_MS);
    await world.collector.collect();
    t.deepEqual(world.blockFilePaths(), [pathOf(bad!.hash)]);
    world.files.heal();
    t.is((await world.walker.walk('fast')).orphans, 1);
  }
});

test('a disk that cannot be listed keeps no other one from being walked', async t => {
  const directories = ['/one', '/two'].map(path => ({
    ...{ path, capacityBytes: undefined, isReadOnly: false },
  }));
  const world = new BlockWorld({ directories });
  const block = makeBlock(100);
  world.files.plant(pathOf(block.hash, '/two'), block.bytes);
  world.files.fail(({ operation, path }) => operation === 'list' && path === '/one', 'EIO');
  await t.throwsAsync(world.walker.walk('fast'), { message: '/one could not be listed' });
  world.environment.advance(DELETE_DELAY_MS);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), []);
});

test('when most files seem to be orphans nothing is deleted, and an operator is told', async t => {
  const world = new BlockWorld();
  for (let index = 0; index < 1200; index += 1) {
    const bytes = Buffer.from(String(index));
    world.files.plant(pathOf(hashOf(bytes)), bytes);
  }
  const walk = await world.walker.walk('fast');
  t.true(walk.isSuspicious);
  t.is(walk.orphans, 1200);
  world.environment.advance(DELETE_DELAY_MS);
  await world.collector.collect();
  t.is(world.blockFilePaths().length, 1200);
  t.is(world.log.count('error'), 1);
});

test('read-only directories are left alone', async t => {
  const world = new BlockWorld({
    directories: [
      { path: '/data', capacityBytes: 1, isReadOnly: false },
      { path: '/old', capacityBytes: undefined, isReadOnly: true },
    ],
  });
  const block = makeBlock(100);
  world.files.plant(pathOf(block.hash, '/old'), block.bytes);
  t.is((await world.walker.walk('fast')).files, 0);
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), [pathOf(block.hash, '/old')]);
});

test('a deletion that fails is tried again, and does not stop the others', async t => {
  const world = new BlockWorld();
  const blocks = [1, 2, 3].map(seed => makeBlock(100, seed));
  for (const block of blocks) {
    await world.storeBlock(block, makeOwner(1));
    await world.release(block.hash, makeOwner(1));
  }
  const stuck = pathOf(blocks[1]!.hash);
  world.files.fail(step => step.operation === 'unlink' && step.path === stuck, 'EIO', 'always');
  world.environment.advance(DELETE_DELAY_MS);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), [stuck]);
  world.files.heal();
  world.environment.advance(60_000);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), []);
});

test('the collector works by itself once started, and rests when it is stopped', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100);
  await world.storeBlock(block, makeOwner(1));
  await world.release(block.hash, makeOwner(1));
  world.collector.start();
  world.environment.advance(DELETE_DELAY_MS + 1000);
  for (let turn = 0; turn < 2000 && world.blockFilePaths().length > 0; turn += 1) {
    await new Promise(resolve => setImmediate(resolve));
  }
  t.deepEqual(world.blockFilePaths(), []);
  await world.collector.stop();
});

test('a store that may have forgotten something takes no file for an orphan', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100, 1);
  world.files.plant(pathOf(block.hash), block.bytes);
  world.isBehind = true;
  t.is((await world.walker.walk('fast')).orphans, 1);
  world.isBehind = false;
  world.environment.advance(DELETE_DELAY_MS);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), [pathOf(block.hash)]);
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), []);
});

test('and carries out no deletion, however long it is due', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100, 1);
  await world.storeBlock(block, makeOwner(1));
  await world.release(block.hash, makeOwner(1));
  world.isBehind = true;
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), [pathOf(block.hash)]);
  world.isBehind = false;
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), []);
});

function byHash(one: Block, other: Block): number {
  return one.hash < other.hash ? -1 : 1;
}
