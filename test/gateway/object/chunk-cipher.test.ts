// Method: streams are encrypted, then tampered with as somebody could who has the disks but not the
// key. Whatever is opened is the right bytes, or refused.
import test from 'ava';
import fc from 'fast-check';
import { hash } from 'node:crypto';
import {
  openChunk,
  openWhole,
  SealBroken,
  sealInPlace,
  sealWhole,
} from '../../../gateway/object/chunk-cipher.ts';
import {
  PLAIN_CHUNK_BYTES,
  plainBytesOf,
  SEAL_TAG_BYTES,
  SEALED_CHUNK_BYTES,
  sealedBytesOf,
} from '../../../schemas/records/customer-encryption.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const key = Buffer.alloc(32, 7);
const other = Buffer.alloc(32, 8);
const refused = { instanceOf: SealBroken };

/** Lengths around those of chunks. */
const sizes = fc.oneof(
  fc.nat(300_000),
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -20, max: 20 }))
    .map(([chunks, more]) => Math.max(0, chunks * PLAIN_CHUNK_BYTES + more)),
);

function chunksOf(sealed: Buffer): Buffer[] {
  const count = Math.ceil(sealed.length / SEALED_CHUNK_BYTES);
  return Array.from({ length: count }, (_, index) =>
    sealed.subarray(index * SEALED_CHUNK_BYTES, (index + 1) * SEALED_CHUNK_BYTES),
  );
}

test('what was encrypted is opened, and has the size that is counted with', t => {
  fc.assert(
    fc.property(sizes, size => {
      const plain = seededBytes(size, size);
      const sealed = sealWhole(key, plain);
      t.is(sealed.length, sealedBytesOf(size));
      t.is(plainBytesOf(sealed.length), size);
      t.true(openWhole(key, sealed).equals(plain));
      t.is(size > 20 && sealed.includes(plain.subarray(0, 20)), false);
    }),
    { numRuns: 40 },
  );
});

test('the encrypted bytes of a stream stay the same for ever', t => {
  const plain = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
  t.is(
    hash('sha256', sealWhole(key, plain)),
    '147a11fe2cb7f6faba4fb7a9236be4d4c67df8469e1e648ca5d3aa1787d94460',
  );
});

test('so many bytes of room hold what is said, and no more', t => {
  fc.assert(
    fc.property(fc.integer({ min: 4096, max: 400_000 }), room => {
      const plain = plainBytesOf(room);
      return sealedBytesOf(plain) <= room && plain > 0;
    }),
  );
  t.is(sealedBytesOf(0), 0);
  t.is(plainBytesOf(1024 * 1024), 16 * PLAIN_CHUNK_BYTES);
  t.is(sealedBytesOf(16 * PLAIN_CHUNK_BYTES), 1024 * 1024);
});

test('a stream that is encrypted in memory, piece by piece, is the same stream', t => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 3 }), (size, chunksOfPiece) => {
      const plain = seededBytes(size, size);
      const step = chunksOfPiece * PLAIN_CHUNK_BYTES;
      const pieces: Buffer[] = [];
      for (let firstByte = 0; firstByte < size; firstByte += step) {
        const piece = plain.subarray(firstByte, firstByte + step);
        const memory = Buffer.from(new SharedArrayBuffer(sealedBytesOf(piece.length) + 5));
        memory.set(piece);
        const place = { firstByte, isLast: firstByte + step >= size };
        const sealedBytes = sealInPlace(key, place, { memory, plainBytes: piece.length });
        pieces.push(Buffer.from(memory.subarray(0, sealedBytes)));
      }
      return Buffer.concat(pieces).equals(sealWhole(key, plain));
    }),
    { numRuns: 40 },
  );
  t.pass();
});

test('chunks that were exchanged, cut off, repeated or moved are refused', t => {
  const plain = seededBytes(1, 3 * PLAIN_CHUNK_BYTES + 100);
  const chunks = chunksOf(sealWhole(key, plain));
  const [a, b, c, last] = chunks as [Buffer, Buffer, Buffer, Buffer];
  const streams: Readonly<Record<string, readonly Buffer[]>> = {
    'two exchanged': [b, a, c, last],
    'the last one missing': [a, b, c],
    'the end of the last one missing': [a, b, c, last.subarray(0, -1)],
    'only its tag missing': [a, b, c, last.subarray(0, -SEAL_TAG_BYTES)],
    'one missing in between': [a, c, last],
    'one repeated': [a, b, b, last],
    'the last one alone': [last],
    'one behind the last one': [a, b, c, last.subarray(0, 0), a],
  };
  for (const [title, stream] of Object.entries(streams)) {
    t.throws(() => openWhole(key, Buffer.concat(stream)), refused, title);
  }
});

test('a chunk opens at its own place only, and under its own key', t => {
  const plain = seededBytes(2, 2 * PLAIN_CHUNK_BYTES);
  const [first, last] = chunksOf(sealWhole(key, plain)) as [Buffer, Buffer];
  const at = { firstByte: 0, isLast: false };
  t.true(openChunk(key, at, first).equals(plain.subarray(0, PLAIN_CHUNK_BYTES)));
  t.throws(() => openChunk(other, at, first), refused);
  t.throws(() => openChunk(key, { ...at, isLast: true }, first), refused);
  t.throws(() => openChunk(key, { ...at, firstByte: PLAIN_CHUNK_BYTES }, first), refused);
  t.throws(() => openChunk(key, { firstByte: PLAIN_CHUNK_BYTES, isLast: false }, last), refused);
  t.throws(() => openChunk(key, at, Buffer.alloc(SEAL_TAG_BYTES - 1)), refused);
});

test('a bit that was flipped anywhere is refused', t => {
  const sealed = sealWhole(key, seededBytes(3, 5000));
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.nat(7), (at, bit) => {
      const flipped = Buffer.from(sealed);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      t.throws(() => openWhole(key, flipped), refused);
    }),
  );
});
