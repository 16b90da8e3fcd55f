import test from 'ava';
import fc from 'fast-check';
import { contentRange, parseCopyRange, parseRange } from '../../../gateway/s3/ranges.ts';
import type { S3Error } from '../../../gateway/s3/s3-error.ts';

const RANGES: readonly (readonly [text: string, sizeBytes: number, expected: string])[] = [
  ['bytes=0-0', 10, '0+1'],
  ['bytes=0-9', 10, '0+10'],
  ['bytes=0-99', 10, '0+10'],
  ['bytes=3-5', 10, '3+3'],
  ['bytes=3-', 10, '3+7'],
  ['bytes=9-', 10, '9+1'],
  ['bytes=-3', 10, '7+3'],
  ['bytes=-10', 10, '0+10'],
  ['bytes=-11', 10, '0+10'],
  ['bytes= 3-5', 10, 'ignored'],
  ['bytes=3 -5', 10, 'ignored'],
  ['BYTES=3-5', 10, '3+3'],
  ['bytes=0-99999999999999999999999', 10, '0+10'],
  ['bytes=10-5', 10, 'ignored'],
  ['bytes=abc', 10, 'ignored'],
  ['bytes=', 10, 'ignored'],
  ['bytes=-', 10, 'ignored'],
  ['bytes=0-0,5-6', 10, 'ignored'],
  ['bytes=1.5-3', 10, 'ignored'],
  ['bytes=+1-3', 10, 'ignored'],
  ['items=0-1', 10, 'ignored'],
  ['0-1', 10, 'ignored'],
  ['bytes=10-', 10, 'InvalidRange'],
  ['bytes=10-20', 10, 'InvalidRange'],
  ['bytes=99999999999999999999999-', 10, 'InvalidRange'],
  ['bytes=-0', 10, 'InvalidRange'],
  ['bytes=0-', 0, 'InvalidRange'],
  ['bytes=0-0', 0, 'InvalidRange'],
  ['bytes=-0', 0, 'InvalidRange'],
  ['bytes=-5', 0, 'ignored'],
];

function outcome(text: string, sizeBytes: number): string {
  try {
    const range = parseRange(text, sizeBytes);
    return range === undefined ? 'ignored' : `${String(range.first)}+${String(range.sizeBytes)}`;
  } catch (error) {
    return (error as S3Error).code;
  }
}

for (const [text, sizeBytes, expected] of RANGES) {
  test(`Range ${text} of ${String(sizeBytes)} bytes selects ${expected}`, t => {
    t.is(outcome(text, sizeBytes), expected);
  });
}

test('a range that selects nothing tells the size of the object', t => {
  const error = t.throws<S3Error>(() => parseRange('bytes=20-', 10));
  t.is(error?.status, 416);
  t.deepEqual(error?.headers, [['Content-Range', 'bytes */10']]);
});

test('what a range selects is what slicing selects', t => {
  const natural = fc.nat({ max: 40 });
  fc.assert(
    fc.property(natural, natural, fc.integer({ min: 1, max: 30 }), (first, last, size) => {
      const bytes = Array.from({ length: size }, (_, index) => index);
      const expected = last < first ? undefined : bytes.slice(first, last + 1);
      const text = `bytes=${String(first)}-${String(last)}`;
      if (expected?.length === 0) {
        t.is(outcome(text, size), 'InvalidRange');
        return;
      }
      const range = parseRange(text, size);
      t.deepEqual(range && bytes.slice(range.first, range.first + range.sizeBytes), expected);
    }),
  );
});

test('the range of a copy is exact or refused', t => {
  t.deepEqual(parseCopyRange('bytes=2-4', 10), { first: 2, sizeBytes: 3 });
  t.deepEqual(parseCopyRange('bytes=0-9', 10), { first: 0, sizeBytes: 10 });
  for (const text of [
    'bytes=0-10',
    'bytes=4-2',
    'bytes=2-',
    'bytes=-2',
    'bytes=0-1,3-4',
    '',
    'x',
  ]) {
    const error = t.throws<S3Error>(() => parseCopyRange(text, 10));
    t.is(error?.code, 'InvalidArgument', text);
  }
});

test('Content-Range names the first and the last byte', t => {
  t.is(contentRange({ first: 2, sizeBytes: 3 }, 10), 'bytes 2-4/10');
});
