// Method: the format of block files, over lengths around the borders of chunks, and over flipped
// bits.
import test from 'ava';
import fc from 'fast-check';
import {
  checksumsMatch,
  checksumsOf,
  checksumsOfTail,
  chunkCount,
  chunksMatch,
  lengthInFile,
  makeFooter,
  tailBytes,
} from '../../../actors/storage/block-format.ts';
import { BLOCK_BYTES_MAX, CHECKSUM_CHUNK_BYTES } from '../../../schemas/limits.ts';

test('the size of a file says how long its block is', t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: BLOCK_BYTES_MAX }), length => {
      t.is(lengthInFile(length + tailBytes(length)), length);
    }),
  );
  for (let chunks = 0; chunks < 5; chunks += 1) {
    for (const around of [-1, 0, 1]) {
      const length = chunks * CHECKSUM_CHUNK_BYTES + around;
      if (length >= 0) t.is(lengthInFile(length + tailBytes(length)), length);
    }
  }
});

test('a size that no block makes is none', t => {
  for (const size of [0, 1, 15, 17, 18, 19, 20]) t.is(lengthInFile(size), undefined);
  t.is(lengthInFile(16), 0);
  t.is(lengthInFile(21), 1);
});

test('the tail of a file gives back its table, and with one flipped bit nothing', t => {
  const bytes = Buffer.alloc(3 * CHECKSUM_CHUNK_BYTES + 5, 7);
  const checksums = checksumsOf(bytes);
  t.is(checksums.length, chunkCount(bytes.length) * 4);
  const tail = Buffer.concat([checksums, makeFooter(bytes.length, checksums)]);
  t.deepEqual(checksumsOfTail(tail, bytes.length), checksums);
  t.is(checksumsOfTail(tail, bytes.length - 1), undefined);
  t.is(checksumsOfTail(tail.subarray(1), bytes.length), undefined);
  for (let bit = 0; bit < tail.length * 8; bit += 1) {
    const flipped = Buffer.from(tail);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    t.is(checksumsOfTail(flipped, bytes.length), undefined);
  }
});

test('a flipped bit is seen by the chunk that holds it, and by no other', t => {
  const bytes = Buffer.alloc(3 * CHECKSUM_CHUNK_BYTES + 5, 7);
  const checksums = checksumsOf(bytes);
  t.true(chunksMatch(bytes, checksums, 0));
  t.true(chunksMatch(bytes.subarray(2 * CHECKSUM_CHUNK_BYTES), checksums, 2));
  bytes[2 * CHECKSUM_CHUNK_BYTES]! ^= 1;
  t.false(chunksMatch(bytes, checksums, 0));
  t.false(chunksMatch(bytes.subarray(2 * CHECKSUM_CHUNK_BYTES), checksums, 2));
  t.true(chunksMatch(bytes.subarray(0, 2 * CHECKSUM_CHUNK_BYTES), checksums, 0));
  t.true(chunksMatch(bytes.subarray(3 * CHECKSUM_CHUNK_BYTES), checksums, 3));
});

test('a table of another length belongs to other bytes', t => {
  const bytes = Buffer.alloc(CHECKSUM_CHUNK_BYTES + 1);
  const checksums = checksumsOf(bytes);
  t.true(checksumsMatch(bytes, checksums));
  t.false(checksumsMatch(bytes.subarray(0, CHECKSUM_CHUNK_BYTES), checksums));
  t.false(checksumsMatch(bytes, checksums.subarray(0, 4)));
  t.true(checksumsMatch(Buffer.alloc(0), Buffer.alloc(0)));
});

test('the bytes of a footer are these', t => {
  const footer = makeFooter(5, checksumsOf(Buffer.from('hello')));
  t.is(footer.toString('hex'), '47424c4b010000000000000559d8eaf0');
});
