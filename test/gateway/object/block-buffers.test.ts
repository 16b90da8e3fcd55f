import test from 'ava';
import fc from 'fast-check';
import { LentBytes } from '../../../bus/lent-bytes.ts';
import { BlockBuffers, type Slab } from '../../../gateway/object/block-buffers.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

function buffersOf(slabs: number, blockBytes = 1024): BlockBuffers {
  return new BlockBuffers({ blockBytes, bytesMax: slabs * blockBytes });
}

function take(buffers: BlockBuffers): Slab {
  const slab = buffers.take();
  if (slab === undefined) throw new Error('no slab is free');
  return slab;
}

test('there are as many slabs as fit, and never fewer than a body can work with', t => {
  t.is(buffersOf(10).slabsMax, 10);
  t.is(buffersOf(0).slabsMax, 4);
});

test('the slab given back last is taken first, and no other is made', t => {
  const buffers = buffersOf(10);
  const first = take(buffers);
  const second = take(buffers);
  buffers.give(first);
  t.is(take(buffers), first);
  t.is(buffers.inUse, 2);
  buffers.give(second);
  buffers.give(first);
  t.is(buffers.inUse, 0);
});

test('those who wait are served in the order they came, before anyone who comes later', t => {
  const buffers = buffersOf(4);
  const slabs = [0, 1, 2, 3].map(() => take(buffers));
  const served: string[] = [];
  const waits = ['a', 'b', 'c'].map(name =>
    buffers.wait(() => {
      served.push(name);
    }),
  );
  t.is(buffers.waiting, 3);
  waits[1]?.cancel();
  for (const slab of slabs.slice(0, 2)) buffers.give(slab);
  t.deepEqual(served, ['a', 'c']);
  t.is(buffers.take(), undefined);
});

test('a discarded slab makes room for a new one with other memory', t => {
  const buffers = buffersOf(4);
  const slabs = [0, 1, 2, 3].map(() => take(buffers));
  const ids = new Set(slabs.map(slab => slab.id));
  const [first] = slabs;
  if (first === undefined) throw new Error('no slab');
  const reader = first.bytes.subarray(0);
  buffers.discard(first, reader);
  const next = take(buffers);
  t.false(ids.has(next.id));
  t.not(next.offset, first.offset);
  t.is(buffers.take(), undefined);
  t.is(reader.length, first.bytes.length, 'held up to here');
});

test('slabs that are never let go of are replaced only as often as memory allows', t => {
  const buffers = buffersOf(4);
  const held: Uint8Array[] = [];
  for (;;) {
    const slab = buffers.take();
    if (slab === undefined) break;
    const reader = slab.bytes.subarray(0);
    held.push(reader);
    buffers.discard(slab, reader);
  }
  t.is(held.length, 8);
  t.is(buffers.inUse, 0);
});

test('bytes of any alignment and length arrive as they are', t => {
  const buffers = buffersOf(4, 300_000);
  const slab = take(buffers);
  const source = seededBytes(1, 300_000);
  const natural = (max: number): fc.Arbitrary<number> => fc.nat({ max });
  fc.assert(
    fc.property(natural(200_000), natural(200_000), natural(90_000), (from, at, length) => {
      slab.bytes.fill(0);
      buffers.fill(slab, at, source.subarray(from, from + length));
      t.true(slab.bytes.subarray(at, at + length).equals(source.subarray(from, from + length)));
      t.is(at === 0 ? 0 : slab.bytes[at - 1], 0);
      t.is(slab.bytes[at + length], 0);
    }),
    { numRuns: 60 },
  );
});

test('a slab that is lent comes back by itself, and at once where others need it', t => {
  const buffers = buffersOf(4);
  const slabs = [0, 1, 2, 3].map(() => take(buffers));
  const lend = (slab: Slab, canBeRecalled: boolean): (() => void) => {
    const lent = new LentBytes();
    const loan = lent.lend();
    if (canBeRecalled) loan.onRecall(() => loan.over());
    buffers.giveAfter(slab, { lent, reader: slab.bytes.subarray(0) });
    return () => loan.over();
  };
  const end = lend(slabs[0]!, false);
  lend(slabs[1]!, true);
  t.is(buffers.inUse, 4);
  t.is(take(buffers), slabs[1]!, 'the other one cannot be given up');
  t.is(buffers.take(), undefined);
  const served: Slab[] = [];
  buffers.wait(slab => served.push(slab));
  end();
  t.deepEqual(served, [slabs[0]]);
  buffers.wait(slab => served.push(slab));
  lend(slabs[2]!, true);
  t.is(served[1], slabs[2], 'who waits already is served at once');
});

test('slabs that cannot be recalled are waited for up to half of all, then replaced', t => {
  const buffers = buffersOf(4);
  const slabs = [0, 1, 2, 3].map(() => take(buffers));
  const outcomes = slabs.map(slab => {
    const lent = new LentBytes();
    lent.lend();
    return buffers.giveAfter(slab, { lent, reader: slab.bytes.subarray(0) });
  });
  t.deepEqual(outcomes, ['kept', 'kept', 'discarded', 'discarded']);
  t.false(slabs.includes(take(buffers)));
  t.false(slabs.includes(take(buffers)));
  t.is(buffers.take(), undefined);
});
