// Method: the disk of a data directory goes away under a running node and comes back: directories
// that are moved in a file system in memory, and once a real mount.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BlockFiles } from '../../../actors/storage/block-files.ts';
import { checksumsOf } from '../../../actors/storage/block-format.ts';
import {
  DataDirectories,
  NoSpaceForBlocksError,
} from '../../../actors/storage/data-directories.ts';
import { DiskFiles } from '../../../actors/storage/disk-files.ts';
import { UnmountedError } from '../../../actors/storage/known-directories.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { testWithNeeds } from '../../support/needs.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { scratchDirectory } from '../../support/shared-garage.ts';
import { run, SmallDisk, unmount } from '../../support/small-disk.ts';
import type { Block } from '../block/block-world.ts';
import { BlockWorld, makeBlock, makeOwner, pathOf } from '../block/block-world.ts';

const ASIDE_MS = 60_000;

test('a disk that was unmounted under a running node gets nothing until it is back', async t => {
  for (const sync of [true, false]) {
    const world = new BlockWorld({ sync });
    const blocks = [1, 2, 3].map(seed => makeBlock(1000, seed));
    if (sync) await world.blockFiles.prepare(() => false);
    await world.storeBlock(blocks[0]!, makeOwner(1));
    await takeAway(world, '/data');
    for (const block of [blocks[0]!, blocks[1]!]) {
      t.deepEqual(await world.storeBlock(block, makeOwner(2)), { kind: 'no-space' });
      world.environment.advance(ASIDE_MS);
    }
    t.deepEqual(await world.files.list('/data'), [], 'nothing is made under the mount point');
    await world.files.rename('/away', '/data');
    t.is((await world.storeBlock(blocks[2]!, makeOwner(1))).kind, 'stored');
    t.deepEqual(
      world.blockFilePaths(),
      [blocks[0]!, blocks[2]!].map(({ hash }) => pathOf(hash)).sort(),
    );
  }
});

test('another directory takes the blocks of an unmounted one, and an operator is told', async t => {
  const directories = ['/one', '/two'].map(path => ({
    ...{ path, capacityBytes: undefined, isReadOnly: false },
  }));
  const world = new BlockWorld({ directories });
  await world.blockFiles.prepare(() => false);
  await takeAway(world, '/one');
  const blocks = Array.from({ length: 20 }, (_, seed) => makeBlock(100 + seed, seed));
  const replies = await Promise.all(blocks.map(block => world.storeBlock(block, makeOwner(1))));
  t.true(replies.every(({ kind }) => kind === 'stored'));
  t.true(world.blockFilePaths().every(path => path.startsWith('/two/')));
  const [line] = world.log.lines;
  t.is(world.log.lines.length, 1);
  t.is(line?.fields['directory'], '/one');
  t.true(line?.fields['error'] instanceof UnmountedError);
  const states = await world.directories.measure();
  t.deepEqual(
    states.map(({ isSetAside }) => isSetAside),
    [true, false],
  );
});

test('directories are not made ahead where the disk is not', async t => {
  const world = new BlockWorld();
  await takeAway(world, '/data');
  await t.throwsAsync(
    world.blockFiles.prepare(() => false),
    { instanceOf: UnmountedError },
  );
  t.deepEqual(await world.files.list('/data'), []);
});

test('directories that are made while the disk goes do not count as made', async t => {
  const world = new BlockWorld();
  const block = makeBlock(1000);
  const isMarker = (operation: string, path: string): boolean =>
    operation === 'stat' && path === '/data/marker';
  let looks = 0;
  world.files.fail(({ operation, path }) => isMarker(operation, path) && (looks += 1) === 2, 'EIO');
  t.deepEqual(await world.storeBlock(block, makeOwner(1)), { kind: 'no-space' });
  t.is(looks, 2);
});

test('a directory that is known costs no look at the marker', async t => {
  const world = new BlockWorld();
  await world.storeBlock(makeBlock(1000), makeOwner(1));
  await world.blockFiles.remove(makeBlock(1000).hash);
  const before = world.files.steps.length;
  await world.storeBlock(makeBlock(1000), makeOwner(2));
  const steps = world.files.steps.slice(before);
  t.deepEqual(
    steps.filter(({ path }) => path === '/data/marker'),
    [],
  );
});

testWithNeeds(['tmpfs'], 'a real disk that is unmounted gets nothing until it is back', async t => {
  const scratch = await scratchDirectory(t);
  const disk = SmallDisk.mount(t, join(scratch, 'disk'), 16).path;
  const path = join(scratch, 'data');
  mkdirSync(path);
  run('mount', ['--bind', disk, path]);
  writeFileSync(join(path, 'marker'), '');
  const { clock, random, advance } = manualEnvironment();
  const files = new DiskFiles();
  const directories = new DataDirectories({
    ...{ files, clock, minFreeBytes: 0, log: new QuietLog() },
    directories: [{ path, capacityBytes: undefined, isReadOnly: false }],
  });
  const blockFiles = new BlockFiles({ files, random, directories, sync: true });
  await blockFiles.prepare(() => false);
  const write = ({ hash, bytes }: Block): Promise<void> =>
    blockFiles.write(hash, bytes, checksumsOf(bytes));
  const [first, second, third] = [1, 2, 3].map(seed => makeBlock(5000, seed));
  await write(first!);
  run('umount', [path]);
  await t.throwsAsync(write(second!), { instanceOf: NoSpaceForBlocksError });
  t.deepEqual(readdirSync(path), []);
  run('mount', ['--bind', disk, path]);
  t.teardown(() => {
    unmount(path);
  });
  advance(ASIDE_MS);
  await write(third!);
  t.is((await blockFiles.look(first!.hash)).kind, 'whole');
  t.is((await blockFiles.look(third!.hash)).kind, 'whole');
});

/** What is left is the empty directory under the mount point. */
async function takeAway({ files }: BlockWorld, path: string): Promise<void> {
  await files.rename(path, '/away');
  await files.makeDirectory(path);
}
