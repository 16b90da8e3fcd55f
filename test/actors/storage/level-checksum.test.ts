import test from 'ava';
import fc from 'fast-check';
import {
  flipBit,
  flippedBit,
  isFlippedChecksum,
  maskedChecksum,
} from '../../../actors/storage/level-checksum.ts';

const BYTES = fc.uint8Array({ minLength: 1, maxLength: 5000 });

test('the one flipped bit is found by the checksum alone', t => {
  const property = fc.property(BYTES, fc.nat(), (bytes, choice) => {
    const stored = maskedChecksum(bytes);
    const position = choice % (bytes.length * 8);
    flipBit(bytes, position);
    return flippedBit(bytes, stored) === position;
  });
  t.notThrows(() => fc.assert(property));
});

test('two flipped bits are not taken for one', t => {
  const property = fc.property(BYTES, fc.nat(), fc.nat(), (bytes, one, other) => {
    const [first, second] = [one % (bytes.length * 8), other % (bytes.length * 8)];
    fc.pre(first !== second);
    const stored = maskedChecksum(bytes);
    flipBit(bytes, first);
    flipBit(bytes, second);
    return flippedBit(bytes, stored) === undefined;
  });
  t.notThrows(() => fc.assert(property));
});

test('a flipped bit of the checksum itself is told from one of the bytes', t => {
  const bytes = Buffer.from('what was written');
  const stored = maskedChecksum(bytes);
  t.false(isFlippedChecksum(bytes, stored));
  for (let bit = 0; bit < 32; bit += 1) {
    t.true(isFlippedChecksum(bytes, (stored ^ (1 << bit)) >>> 0));
  }
  t.is(flippedBit(bytes, stored), undefined);
});

test('the checksum is LevelDB’s: crc32c, rotated, with a constant', t => {
  // RFC 3720 gives 0x8a9136aa for 32 zeros.
  const crc = 0x8a9136aa;
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  t.is(maskedChecksum(Buffer.alloc(32)), masked);
});
