import test from 'ava';
import { PieceSource } from '../../../gateway/object/piece-source.ts';
import type { BlockHash } from '../../../schemas/ids.ts';
import { ReadBuffers } from '../../../gateway/object/read-buffers.ts';
import type { BlockReply } from '../../../schemas/messages/block.ts';
import { READ_PIECE_BYTES } from '../../../schemas/limits.ts';
import { objectWorld, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const MIB = 1024 * 1024;
const BLOCK = 'a'.repeat(64) as BlockHash;
const CONTENT = seededBytes(1, MIB);

async function* blocksOf(count: number) {
  for (let n = 0; n < count; n += 1) {
    yield { hash: BLOCK, blockBytes: MIB, first: 0, sizeBytes: MIB };
  }
}

type SourceOptions = {
  readonly blocks?: number;
  readonly buffers?: ReadBuffers;
  readonly isCrowded?: () => boolean;
};

function sourceOf(
  world: ObjectWorld,
  onOver: () => void,
  { blocks = 1, buffers = buffersOf(0), isCrowded = () => false }: SourceOptions = {},
): PieceSource {
  world.blocks.blocks.set(BLOCK, CONTENT);
  return new PieceSource({
    blocks: world.clients.blocks,
    buffers,
    clock: world.environment.clock,
    slices: blocksOf(blocks),
    sizeBytes: blocks * MIB,
    isCrowded,
    onOver,
  });
}

function buffersOf(countMax: number): ReadBuffers {
  return new ReadBuffers({ blockBytes: MIB, countMax });
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

test('in a crowd a client without a buffer has half a piece, and nothing ahead', async t => {
  const world = objectWorld(t);
  const source = sourceOf(world, () => undefined, { isCrowded: () => true });
  await source.prime();
  for (let pieces = 1; pieces <= 4; pieces += 1) {
    t.is((await source.next())?.length, READ_PIECE_BYTES / 2);
    await settle();
    t.is(world.blocks.count('block-read'), pieces);
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

test('whoever finds buffers gets whole blocks, two ahead once it keeps up, and the same memory', async t => {
  const world = objectWorld(t);
  const buffers = buffersOf(3);
  const source = sourceOf(world, () => undefined, { blocks: 8, buffers });
  await source.prime();
  const memories = new Set<ArrayBufferLike>();
  for (let blocks = 0; blocks < 8; blocks += 1) {
    const piece = await source.next();
    t.true(CONTENT.equals(piece ?? Buffer.alloc(0)));
    memories.add((piece ?? CONTENT).buffer);
    await settle();
  }
  t.is(world.blocks.count('block-read'), 8);
  t.is(buffers.inUse, 1, 'the last one is still with the client');
  t.is(await source.next(), undefined);
  t.is(buffers.inUse, 0);
  t.true(memories.size <= 3);
});

test('where few buffers are left, whoever begins reads small pieces', async t => {
  const world = objectWorld(t);
  const buffers = buffersOf(2);
  const held = buffers.take(MIB);
  const source = sourceOf(world, () => undefined, { buffers });
  await source.prime();
  t.is((await source.next())?.length, READ_PIECE_BYTES);
  t.not(held, undefined);
});

for (const whence of [
  'before its first piece',
  'with a piece on its way',
  'with one ahead',
] as const) {
  test(`a client that leaves ${whence} keeps no buffer, and what it may be sent is not reused`, async t => {
    const world = objectWorld(t);
    const buffers = buffersOf(4);
    const source = sourceOf(world, () => undefined, { blocks: 8, buffers });
    await source.prime();
    const sent = new Set<ArrayBufferLike>();
    const pieces = {
      'before its first piece': 0,
      'with a piece on its way': 1,
      'with one ahead': 2,
    };
    for (let count = 0; count < pieces[whence]; count += 1) {
      sent.clear();
      sent.add(((await source.next()) ?? CONTENT).buffer);
    }
    source.cancel();
    await settle();
    t.is(buffers.inUse, 0);
    for (let count = 0; count < 4; count += 1) {
      const buffer = buffers.take(MIB);
      t.false(buffer === undefined || sent.has(buffer.buffer));
    }
  });
}

test('a buffer whose read was never answered is not used again; one that was refused is', async t => {
  for (const answer of ['timed-out', 'damaged'] as const) {
    const world = objectWorld(t);
    const buffers = buffersOf(1);
    const before = buffers.take(MIB);
    if (before !== undefined) buffers.give(before);
    world.blocks.interfere = () => ({ kind: answer }) as BlockReply;
    await t.throwsAsync(sourceOf(world, () => undefined, { buffers }).prime());
    t.is(buffers.inUse, 0);
    t.is(buffers.take(MIB) === before, answer === 'damaged');
  }
});
