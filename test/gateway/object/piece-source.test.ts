import test from 'ava';
import { PieceSource } from '../../../gateway/object/piece-source.ts';
import type { BlockHash } from '../../../schemas/ids.ts';
import { READ_PIECE_BYTES } from '../../../schemas/limits.ts';
import { objectWorld, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const MIB = 1024 * 1024;
const BLOCK = 'a'.repeat(64) as BlockHash;

async function* oneBlock(sizeBytes: number) {
  yield { hash: BLOCK, first: 0, sizeBytes };
}

function sourceOf(world: ObjectWorld, onOver: () => void): PieceSource {
  world.blocks.blocks.set(BLOCK, seededBytes(1, MIB));
  return new PieceSource({
    blocks: world.clients.blocks,
    clock: world.environment.clock,
    slices: oneBlock(MIB),
    sizeBytes: MIB,
    onOver,
  });
}

const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5));

test('a client that keeps up has one piece read ahead, and never two', async t => {
  const world = objectWorld(t);
  const source = sourceOf(world, () => undefined);
  await source.prime();
  const reads = (): number => world.blocks.count('block-read');
  t.is(reads(), 1);
  await source.next();
  await settle();
  // Nothing is known of the client's pace yet.
  t.is(reads(), 1);
  await source.next();
  await settle();
  t.is(reads(), 3);
  await source.next();
  await settle();
  t.is(reads(), 4);
});

test('a slow client gets small pieces and nothing ahead', async t => {
  const world = objectWorld(t);
  const source = sourceOf(world, () => undefined);
  await source.prime();
  t.is((await source.next())?.length, READ_PIECE_BYTES);
  for (let pieces = 1; pieces <= 3; pieces += 1) {
    world.environment.advance(1000);
    t.true(((await source.next())?.length ?? 0) < READ_PIECE_BYTES);
    await settle();
    t.is(world.blocks.count('block-read'), 1 + pieces);
  }
});

test('a burst does not make a slow client a fast one', async t => {
  const world = objectWorld(t);
  const source = sourceOf(world, () => undefined);
  await source.prime();
  await source.next();
  world.environment.advance(1000);
  for (let pieces = 0; pieces < 4; pieces += 1) {
    t.true(((await source.next())?.length ?? 0) <= READ_PIECE_BYTES / 4);
  }
  await settle();
  t.is(world.blocks.count('block-read'), 5);
});

test('a source is over once, at its end, on failure, or when the client leaves', async t => {
  const world = objectWorld(t);
  let overs = 0;
  const count = (): void => {
    overs += 1;
  };
  const whole = sourceOf(world, count);
  await whole.prime();
  for (let bytes = 0; bytes < MIB;) bytes += (await whole.next())?.length ?? 0;
  t.is(overs, 1);
  t.is(await whole.next(), undefined);
  whole.cancel();
  t.is(overs, 1);

  const left = sourceOf(world, count);
  await left.prime();
  left.cancel();
  left.cancel();
  t.is(overs, 2);
  t.is(await left.next(), undefined);

  world.blocks.interfere = () => ({ kind: 'damaged' });
  await t.throwsAsync(sourceOf(world, count).prime());
  t.is(overs, 3);
});
