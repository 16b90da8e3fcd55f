// The naive twin computes each CRC over all bytes at once, with the packages the gateway uses.
import { crc32, crc32c } from '@node-rs/crc32';
import test from 'ava';
import fc from 'fast-check';
import { createCRC64 } from 'hash-wasm';
import { CrcCombiner, isCombinable, type CombinableCrc } from '../../../gateway/s3/crc-combine.ts';

const crc64 = await createCRC64('9a6c9329ac4bc9b5');

function direct(algorithm: CombinableCrc, bytes: Uint8Array): Buffer {
  if (algorithm === 'CRC64NVME') return Buffer.from(crc64.init().update(bytes).digest('binary'));
  const digest = Buffer.alloc(4);
  const buffer = Buffer.from(bytes);
  digest.writeUInt32BE(algorithm === 'CRC32' ? crc32(buffer) : crc32c(buffer));
  return digest;
}

function combined(algorithm: CombinableCrc, pieces: readonly Uint8Array[]): Buffer {
  const combiner = new CrcCombiner(algorithm);
  for (const piece of pieces) combiner.append(direct(algorithm, piece), piece.length);
  return combiner.digest();
}

for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
  test(`${algorithm} of pieces is that of the whole`, t => {
    const piece = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const whole = Buffer.concat(pieces);
        t.deepEqual(combined(algorithm, pieces), direct(algorithm, whole));
      }),
    );
  });

  test(`${algorithm} of pieces of many sizes and of equal sizes`, t => {
    const whole = Buffer.alloc(3 * 1024 * 1024 + 17, 'some text that repeats ');
    const cuts = [0, 1, 65_536, 1_048_576, 1_048_576 + 65_536, 2_097_153, whole.length];
    const pieces = cuts.slice(1).map((end, index) => whole.subarray(cuts[index], end));
    t.deepEqual(combined(algorithm, pieces), direct(algorithm, whole));
    const equal: Uint8Array[] = [];
    for (let at = 0; at < whole.length; at += 262_144) equal.push(whole.subarray(at, at + 262_144));
    t.deepEqual(combined(algorithm, equal), direct(algorithm, whole));
  });

  test(`${algorithm} of zeros as long as the largest parts, piece by piece`, t => {
    // 2^33 zero bytes: the CRC of twice as many zeros follows from combining it with itself.
    const small = Buffer.alloc(1024);
    let crc = direct(algorithm, small);
    let sizeBytes = small.length;
    const doublings = 23;
    for (let round = 0; round < doublings; round += 1) {
      const combiner = new CrcCombiner(algorithm);
      combiner.append(crc, sizeBytes);
      combiner.append(crc, sizeBytes);
      crc = combiner.digest();
      sizeBytes *= 2;
    }
    const other = new CrcCombiner(algorithm);
    other.append(direct(algorithm, small), 1024);
    // All but the first piece at once: the two ways meet only if large powers are right.
    let rest = new CrcCombiner(algorithm);
    let restBytes = 0;
    let unit = direct(algorithm, small);
    let unitBytes = 1024;
    for (let round = 0; round < doublings; round += 1) {
      const next = new CrcCombiner(algorithm);
      if (restBytes > 0) next.append(rest.digest(), restBytes);
      next.append(unit, unitBytes);
      rest = next;
      restBytes += unitBytes;
      const doubled = new CrcCombiner(algorithm);
      doubled.append(unit, unitBytes);
      doubled.append(unit, unitBytes);
      unit = doubled.digest();
      unitBytes *= 2;
    }
    other.append(rest.digest(), restBytes);
    t.is(restBytes + 1024, sizeBytes);
    t.deepEqual(other.digest(), crc);
  });
}

test('ten thousand parts of one size are combined in some milliseconds', t => {
  const combiner = new CrcCombiner('CRC64NVME');
  const crc = Buffer.from('0123456789abcdef', 'hex');
  const started = process.hrtime.bigint();
  for (let part = 0; part < 10_000; part += 1) combiner.append(crc, 5_242_880);
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  t.log(`${ms.toFixed(1)} ms`);
  t.true(ms < 500);
});

test('hashes cannot be combined', t => {
  t.false(isCombinable('SHA1'));
  t.false(isCombinable('SHA256'));
});
