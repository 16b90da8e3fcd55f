// Method: several data directories on a file system in memory whose faults are told by path.
import test from 'ava';
import {
  DataDirectories,
  NoSpaceForBlocksError,
} from '../../../actors/storage/data-directories.ts';
import type { BlockHash } from '../../../schemas/ids.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { BlockWorld, hashOf, makeBlock, makeOwner, pathOf } from '../block/block-world.ts';

const GIB = 1024 ** 3;
const TWO = [
  { path: '/one', capacityBytes: GIB, isReadOnly: false },
  { path: '/two', capacityBytes: 3 * GIB, isReadOnly: false },
];

test('blocks are spread by capacity, and each has its place for good', async t => {
  const { clock } = manualEnvironment();
  const files = new FaultyFiles();
  const make = (): DataDirectories =>
    new DataDirectories({ files, clock, directories: TWO, minFreeBytes: 0, log: new QuietLog() });
  const [first, second] = [make(), make()];
  const count = { '/one': 0, '/two': 0 };
  for (let index = 0; index < 2000; index += 1) {
    const hash = hashOf(Buffer.from(String(index)));
    const path = await first.write(hash, 10, async root => root.path);
    t.is(await second.write(hash, 10, async root => root.path), path);
    count[path as keyof typeof count] += 1;
  }
  const part = count['/two'] / 2000;
  t.true(part > 0.71 && part < 0.79, String(part));
});

test('a larger directory takes blocks over, and none moves between the others', async t => {
  const { clock } = manualEnvironment();
  const files = new FaultyFiles();
  const three = [...TWO, { path: '/three', capacityBytes: GIB, isReadOnly: false }];
  const before = new DataDirectories({
    files,
    clock,
    directories: TWO,
    minFreeBytes: 0,
    log: new QuietLog(),
  });
  const after = new DataDirectories({
    files,
    clock,
    directories: three,
    minFreeBytes: 0,
    log: new QuietLog(),
  });
  for (let index = 0; index < 500; index += 1) {
    const hash = hashOf(Buffer.from(String(index)));
    const [old] = before.inOrder(hash);
    const [now] = after.inOrder(hash);
    t.true(now?.path === old?.path || now?.path === '/three');
  }
});

test('a block is written elsewhere when its directory is full, read-only or broken', async t => {
  for (const fault of ['ENOSPC', 'EIO', 'EROFS', 'read-only'] as const) {
    const block = blockIn('/one');
    const directories = TWO.map(directory => ({
      ...directory,
      isReadOnly: fault === 'read-only' && directory.path === '/one',
    }));
    const world = new BlockWorld({ directories });
    if (fault !== 'read-only') {
      const isHit = ({ operation, path }: { operation: string; path: string }): boolean =>
        operation === 'write' && path.startsWith('/one');
      world.files.fail(isHit, fault, 'always');
    }
    t.is((await world.storeBlock(block, makeOwner(1))).kind, 'stored');
    t.deepEqual(world.blockFilePaths(), [pathOf(block.hash, '/two')], fault);
    t.is((await world.read(block.hash)).kind, 'bytes');
    t.deepEqual(await world.addReference(block.hash, makeOwner(2)), { kind: 'referenced' });
  }
});

test('a directory that failed is tried again after a while', async t => {
  const world = new BlockWorld({ directories: TWO });
  const blocks = [1, 2, 3].map(seed => blockIn('/one', seed * 100));
  world.files.fail(step => step.operation === 'write' && step.path.startsWith('/one'), 'EIO');
  await world.storeBlock(blocks[0]!, makeOwner(1));
  await world.storeBlock(blocks[1]!, makeOwner(1));
  const states = await world.directories.measure();
  t.deepEqual(
    states.map(state => state.isSetAside),
    [true, false],
  );
  world.environment.advance(60_001);
  await world.storeBlock(blocks[2]!, makeOwner(1));
  t.deepEqual(
    world.blockFilePaths().map(path => path.slice(0, 4)),
    ['/one', '/two', '/two'],
  );
});

test('where no directory takes blocks, that is said', async t => {
  const { clock } = manualEnvironment();
  const directories = TWO.map(directory => ({ ...directory, isReadOnly: true }));
  const all = new DataDirectories({
    files: new FaultyFiles(),
    clock,
    directories,
    minFreeBytes: 0,
    log: new QuietLog(),
  });
  const hash = hashOf(Buffer.from('x'));
  await t.throwsAsync(() => all.write(hash, 1, async () => undefined), {
    instanceOf: NoSpaceForBlocksError,
  });
});

test('a damaged copy in one directory does not hide a good one in another', async t => {
  const world = new BlockWorld({ directories: TWO });
  const block = blockIn('/one');
  await world.storeBlock(block, makeOwner(1));
  const bytes = Buffer.alloc(100, 1);
  world.files.plant(pathOf(block.hash, '/two'), bytes);
  t.is((await world.read(block.hash)).kind, 'bytes');
  const other = blockIn('/two');
  await world.storeBlock(other, makeOwner(1));
  world.files.plant(pathOf(other.hash, '/one'), bytes);
  t.is((await world.read(other.hash)).kind, 'bytes');
  t.is((await world.addReference(other.hash, makeOwner(2))).kind, 'referenced');
});

test('a block goes from all directories at once', async t => {
  const world = new BlockWorld({ directories: TWO });
  const block = blockIn('/one');
  await world.storeBlock(block, makeOwner(1));
  world.files.plant(pathOf(block.hash, '/two'), Buffer.alloc(3));
  await world.release(block.hash, makeOwner(1));
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), []);
});

/** A block whose first choice is that directory. */
function blockIn(path: string, from = 1): { hash: BlockHash; bytes: Buffer } {
  const { clock } = manualEnvironment();
  const files = new FaultyFiles();
  const order = new DataDirectories({
    files,
    clock,
    directories: TWO,
    minFreeBytes: 0,
    log: new QuietLog(),
  });
  for (let seed = from; ; seed += 1) {
    const block = makeBlock(1000 + seed, seed);
    if (order.inOrder(block.hash)[0]?.path === path) return block;
  }
}
