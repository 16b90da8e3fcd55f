import fc from 'fast-check';
import test from 'ava';

import { ChunkedDecoder } from '../../../gateway/http/chunked-decoder.ts';

type Run = { outcome: string; data: string; rest: string };

/** Decodes `text`, handed over in pieces that end at `cuts`. */
function decode(text: string, cuts: readonly number[]): Run {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from(text, 'latin1');
  const ends = [...cuts.filter(cut => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  let data = '';
  let from = 0;
  for (const to of ends) {
    const { outcome, consumed } = decoder.decode(bytes.subarray(from, to), chunk => {
      data += Buffer.from(chunk).toString('latin1');
    });
    if (outcome !== 'more') {
      return { outcome, data, rest: bytes.subarray(from + consumed).toString('latin1') };
    }
    from = to;
  }
  return { outcome: 'more', data, rest: '' };
}

test('data comes out the same however its bytes are cut', t => {
  const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 6 }),
      fc.array(fc.nat(400), { maxLength: 20 }),
      fc.constantFrom('', ';a=b', ' ;a="b c"'),
      fc.constantFrom('', 'X-Trailer: 1\r\n', 'a:b\r\nc:d\r\n'),
      (chunks, cuts, extension, trailers) => {
        const coded = chunks.map(data => `${data.length.toString(16)}${extension}\r\n${data}\r\n`);
        const text = `${coded.join('')}000\r\n${trailers}\r\nGET /next`;
        const run = decode(text, cuts);
        t.is(run.outcome, 'end');
        t.is(run.data, chunks.join(''));
        return cuts.length > 0 || run.rest === 'GET /next';
      },
    ),
  );
  t.is(decode('5\r\nhello\r\n0\r\n\r\nrest', []).rest, 'rest');
});

test('an unfinished body asks for more, at every cut', t => {
  const text = '5;x\r\nhello\r\n0\r\nA: b\r\n\r\n';
  for (let length = 0; length < text.length; length += 1) {
    t.is(decode(text.slice(0, length), []).outcome, 'more', String(length));
  }
  t.is(decode(text, []).outcome, 'end');
});

for (const [what, text] of [
  ['no size', '\r\nhello'],
  ['letters that are not hex', '5g\r\n'],
  ['a sign', '-5\r\n'],
  ['a prefix', '0x5\r\nhello'],
  ['a size of 13 digits', '0000000000005\r\nhello'],
  ['a bare line feed after the size', '5\nhello'],
  ['a bare line feed in an extension', '5;a\nhello'],
  ['a bare return after the size', '5\rhello'],
  ['data longer than its size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['data shorter than its size', '6\r\nhello\r\n0\r\n\r\n'],
  ['a bare line feed after data', '5\r\nhello\n0\r\n\r\n'],
  ['a bare line feed for the end', '0\r\n\n'],
  ['an extension without end', `5;${'a'.repeat(300)}`],
  ['trailers without end', `0\r\n${'A: b\r\n'.repeat(2000)}`],
] as const) {
  test(`${what} is malformed`, t => {
    t.is(decode(text, []).outcome, 'malformed');
    t.is(decode(text, [1, 2, 3, 5, 8]).outcome, 'malformed');
  });
}
