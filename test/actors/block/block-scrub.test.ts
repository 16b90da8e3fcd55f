// Method: files are damaged so that their own checksums say nothing; the scrub must name each of
// them, and go on where it stopped.
import { dirname } from 'node:path';
import test from 'ava';
import { BlockScrub } from '../../../actors/block/block-scrub.ts';
import { checksumsOf, makeFooter } from '../../../actors/storage/block-format.ts';
import { StoreUnavailableError } from '../../../actors/storage/store.ts';
import type { Step } from '../../support/faulty-files.ts';
import type { Block } from './block-world.ts';
import { BlockWorld, makeBlock, makeOwner, pathOf } from './block-world.ts';

const BLOCKS = Array.from({ length: 20 }, (_, seed) => makeBlock(1000 + seed * 30_000, seed));

test('a round reads every block, and finds those whose name is not theirs', async t => {
  const world = new BlockWorld();
  for (const block of BLOCKS) await world.storeBlock(block, makeOwner(1));
  const scrub = scrubOf(world);
  const clean = await scrub.scrubAll();
  t.is(clean.checkedBlocks, BLOCKS.length);
  t.is(clean.damagedBlocks, 0);
  replace(world, BLOCKS[3]!);
  world.files.flip(pathOf(BLOCKS[5]!.hash), 10);
  world.blockFiles.close();
  const dirty = await scrubOf(world).scrubAll();
  t.is(dirty.damagedBlocks, 2);
  const named = world.log.lines.map(line => line.fields['block']);
  t.deepEqual(named.sort(), [BLOCKS[3]!, BLOCKS[5]!].map(block => pathOf(block.hash)).sort());
});

test('a scrub goes on after a restart where it was, and begins anew after a month', async t => {
  const first = new BlockWorld();
  for (const block of BLOCKS) await first.storeBlock(block, makeOwner(1));
  const begun = scrubOf(first);
  begun.start();
  await runFor(first, 6_400_000, 60_000);
  await begun.stop();
  const reached = begun.state.checkedBlocks;
  t.true(reached > 2 && reached < BLOCKS.length, String(reached));
  const second = first.restart('unsynced');
  const resumed = scrubOf(second);
  resumed.start();
  await runFor(second, 19_200_000, 60_000);
  t.is(resumed.state.checkedBlocks, BLOCKS.length - reached);
  await runFor(second, 31 * 24 * 3600 * 1000, 6 * 3600 * 1000);
  t.true(resumed.state.checkedBlocks > BLOCKS.length - reached);
  await resumed.stop();
});

test('a directory that cannot be read is tried again later', async t => {
  const world = new BlockWorld();
  await world.storeBlock(BLOCKS[0]!, makeOwner(1));
  world.files.fail(step => step.operation === 'list', 'EIO');
  const scrub = scrubOf(world);
  scrub.start();
  await runFor(world, 70_000);
  t.is(world.log.count('warn'), 1);
  await runFor(world, 700_000);
  t.is(scrub.state.checkedBlocks, 1);
  await scrub.stop();
});

test('a store that is being reopened when the scrub begins is asked again later', async t => {
  const world = new BlockWorld();
  await world.storeBlock(BLOCKS[0]!, makeOwner(1));
  const scrub = scrubOf(world);
  const get = world.store.get.bind(world.store);
  world.store.get = () => {
    throw new StoreUnavailableError('the store is being reopened');
  };
  scrub.start();
  await runFor(world, 70_000);
  world.store.get = get;
  t.is(world.log.count('warn'), 1);
  await runFor(world, 700_000);
  t.is(scrub.state.checkedBlocks, 1);
  await scrub.stop();
});

test('a directory that stays unreadable is passed by, and tried again each day', async t => {
  const [first] = BLOCKS.map(({ hash }) => hash).sort();
  for (const path of [`/data/${first!.slice(0, 2)}`, dirname(pathOf(first!))]) {
    const world = new BlockWorld();
    for (const block of BLOCKS) await world.storeBlock(block, makeOwner(1));
    const isBad = (step: Step): boolean => step.operation === 'list' && step.path === path;
    world.files.fail(isBad, 'EIO', 'always');
    const hidden = BLOCKS.filter(({ hash }) => pathOf(hash).startsWith(path)).length;
    const scrub = scrubOf(world);
    scrub.start();
    await scrub.command('start');
    await runFor(world, 60_000, 1000);
    t.is(scrub.state.checkedBlocks, BLOCKS.length - hidden);
    t.true(scrub.journal.errors > 0);
    t.true(scrub.report().freeform?.some(line => line.startsWith('Unreadable')));
    world.files.heal();
    await runFor(world, 25 * 3600 * 1000, 3600 * 1000);
    t.is(scrub.state.checkedBlocks, BLOCKS.length);
    t.deepEqual(scrub.report().freeform, []);
    await scrub.stop();
  }
});

function scrubOf(world: BlockWorld): BlockScrub {
  const { files, directories, blockFiles, store, log, stats } = world;
  const { clock, timers } = world.environment;
  return new BlockScrub({ files, directories, blockFiles, store, clock, timers, log, stats });
}

/** Another block's bytes, with checksums of their own. */
function replace(world: BlockWorld, block: Block): void {
  const { bytes } = makeBlock(500, 99);
  const checksums = checksumsOf(bytes);
  const file = Buffer.concat([bytes, checksums, makeFooter(bytes.length, checksums)]);
  world.files.plant(pathOf(block.hash), file);
  world.blockFiles.close();
}

/** Lets time pass in pieces, with turns for what is under way in between. */
async function runFor(world: BlockWorld, ms: number, pieceMs = 10_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += pieceMs) {
    world.environment.advance(pieceMs);
    for (let turn = 0; turn < 60; turn += 1) await new Promise(resolve => setImmediate(resolve));
  }
}

test('a round that is asked for reads everything at once, and is remembered', async t => {
  const world = new BlockWorld();
  for (const block of BLOCKS) await world.storeBlock(block, makeOwner(1));
  replace(world, BLOCKS[3]!);
  const scrub = scrubOf(world);
  scrub.start();
  t.is(scrub.orders.lastCompletedMs, 0);
  t.is(await scrub.command('start'), undefined);
  t.is(scrub.report().state !== 'idle', true);
  await runFor(world, 60_000, 1000);
  t.is(scrub.state.checkedBlocks, BLOCKS.length, 'a minute is enough');
  t.is(scrub.damagedEver, 1);
  t.true(scrub.orders.lastCompletedMs > 0);
  t.false(scrub.orders.isHurried);
  await scrub.stop();
  const second = scrubOf(world.restart('unsynced'));
  t.is(second.damagedEver, 1);
  t.is(second.orders.lastCompletedMs, scrub.orders.lastCompletedMs);
});

test('a scrub that is paused does nothing until it is resumed or a day has passed', async t => {
  const world = new BlockWorld();
  for (const block of BLOCKS) await world.storeBlock(block, makeOwner(1));
  const scrub = scrubOf(world);
  scrub.start();
  t.regex((await scrub.command('resume')) ?? '', /not paused/);
  await scrub.command('start');
  t.is(await scrub.command('pause'), undefined);
  t.regex((await scrub.command('pause')) ?? '', /already/);
  await runFor(world, 600_000, 60_000);
  t.is(scrub.state.checkedBlocks, 0);
  t.is(scrub.report().state, 'idle');
  t.is(await scrub.command('resume'), undefined);
  await runFor(world, 60_000, 1000);
  t.is(scrub.state.checkedBlocks, BLOCKS.length);
  await scrub.command('start');
  await scrub.command('pause');
  await runFor(world, 24 * 3600 * 1000, 600_000);
  await runFor(world, 60_000, 1000);
  t.is(scrub.state.checkedBlocks, 2 * BLOCKS.length);
  await scrub.stop();
});

test('a round that was asked for can be given up', async t => {
  const world = new BlockWorld();
  for (const block of BLOCKS) await world.storeBlock(block, makeOwner(1));
  const scrub = scrubOf(world);
  scrub.start();
  t.regex((await scrub.command('cancel')) ?? '', /No round/);
  await scrub.setTranquility(7);
  await scrub.command('start');
  t.is(await scrub.command('cancel'), undefined);
  await runFor(world, 60_000, 1000);
  t.true(scrub.state.checkedBlocks < BLOCKS.length);
  await scrub.stop();
  t.is(scrubOf(world.restart('unsynced')).orders.tranquility, 7);
});
