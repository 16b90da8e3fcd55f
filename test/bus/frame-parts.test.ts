// Method: frames cut and put together again, with pieces missing, doubled, or out of order.
import test from 'ava';
import fc from 'fast-check';
import { cutFrame, FrameParts } from '../../bus/frame-parts.ts';
import { CodecError } from '../../schemas/codec.ts';
import { FRAMES_UNFINISHED_MAX, REQUEST_DEADLINE_MS } from '../../schemas/limits.ts';
import { manualEnvironment } from '../support/manual-environment.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

function world() {
  const environment = manualEnvironment();
  const parts = new FrameParts(environment.clock);
  const addAll = (name: string, pieces: readonly Buffer[]): Buffer | undefined => {
    let whole;
    for (const piece of pieces) whole = parts.add(name, piece)?.frame ?? whole;
    return whole;
  };
  return { environment, parts, addAll };
}

test('a frame that is small enough is not cut', t => {
  const frame = seededBytes(1, 1000);
  t.deepEqual(cutFrame(frame, 1000), [frame]);
});

test('a frame in pieces is put together as it was, and nothing of it is kept', t => {
  const { parts, addAll } = world();
  const cases = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 21, max: 500 }));
  fc.assert(
    fc.property(cases, ([frameBytes, partBytes]) => {
      const frame = seededBytes(2, frameBytes);
      const pieces = cutFrame(frame, partBytes);
      if (pieces.length === 1) return true;
      const fits = pieces.every(piece => piece.length <= partBytes);
      return fits && addAll('x', pieces)?.equals(frame) === true && parts.bytesHeld === 0;
    }),
  );
  t.pass();
});

test('pieces of several frames at once are kept apart by name', t => {
  const { parts } = world();
  const frames = ['a', 'b', 'c'].map((name, index) => ({ name, frame: seededBytes(index, 100) }));
  const wholes = new Map<string, Buffer>();
  for (const index of [0, 1, 2]) {
    for (const { name, frame } of frames) {
      const whole = parts.add(name, cutFrame(frame, 60)[index]!);
      if (whole !== undefined) wholes.set(name, whole.frame);
    }
  }
  for (const { name, frame } of frames) t.deepEqual(wholes.get(name), frame);
});

test('a frame of which a piece is missing, doubled or out of order is dropped', t => {
  const { parts, addAll } = world();
  const [one, two, three] = cutFrame(seededBytes(1, 100), 60) as [Buffer, Buffer, Buffer];
  for (const pieces of [
    [one, three],
    [two, three],
    [one, two, two, three],
    [three, two, one],
  ]) {
    t.is(addAll('x', pieces), undefined);
  }
  t.deepEqual(addAll('x', [one, two, one, two, three]), seededBytes(1, 100), 'begun anew');
  t.is(parts.bytesHeld, 0);
});

test('what is not whole in time makes room, and there are never too many', t => {
  const { environment, parts, addAll } = world();
  const [first] = cutFrame(seededBytes(1, 1000), 100) as [Buffer];
  for (let index = 0; index < 2 * FRAMES_UNFINISHED_MAX; index += 1) parts.add(`n${index}`, first);
  t.is(parts.bytesHeld, 1000 * FRAMES_UNFINISHED_MAX);
  environment.advance(REQUEST_DEADLINE_MS + 1);
  parts.add('newest', first);
  t.is(parts.bytesHeld, 1000);
  t.is(addAll('late', []), undefined);
});

test('a frame that is said to be too large, or a head that is cut, is refused', t => {
  const { parts } = world();
  const [first] = cutFrame(seededBytes(1, 1000), 100) as [Buffer];
  t.throws(() => parts.add('x', first.subarray(0, 12)), { instanceOf: CodecError });
  first.writeUInt32BE(2 ** 31, 16);
  t.throws(() => parts.add('x', first), { instanceOf: CodecError });
  t.is(parts.bytesHeld, 0);
});
