import fc from 'fast-check';
import test from 'ava';

import { parseHead } from '../../../gateway/http/head-parser.ts';
import { checkHead } from '../../../gateway/http/head-rules.ts';
import { HTTP_LIMITS } from '../../../gateway/http/http-core.ts';

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ";

const token = fc
  .array(fc.constantFrom(...TOKEN.split(/(?:)/)), { minLength: 1, maxLength: 12 })
  .map(letters => letters.join(''));

/** Visible text of any script, as header values and paths may have it. */
const visible = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map(text => text.replace(/[\0-\x20\x7f\ufffd\s]/gu, '.'));

function asLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

test('what was put into a head comes out of it, byte for byte', t => {
  fc.assert(
    fc.property(
      token,
      visible,
      visible,
      fc.array(fc.tuple(token, visible), { maxLength: 8 }),
      (method, path, query, headers) => {
        const rawPath = `/${path.replaceAll('?', '.')}`;
        const lines = headers.map(([name, value]) => `\r\n${name}:\t ${asLatin1(value)} \t`);
        const target = asLatin1(query === '' ? rawPath : `${rawPath}?${query}`);
        const head = parseHead(`${method} ${target} HTTP/1.1${lines.join('')}`);
        if (head.kind !== 'parsed') return false;
        t.is(head.line.rawPath, method === 'CONNECT' ? '/' : rawPath);
        t.is(head.line.method, method);
        t.deepEqual(
          head.headers.entries,
          headers.map(([name, value]) => [name.toLowerCase(), value]),
        );
        return head.line.rawQuery === (method === 'CONNECT' ? '' : query);
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test('a flipped byte never throws, and never changes where a body ends without a refusal', t => {
  const text =
    'PUT /bucket/key?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n' +
    'x-amz-meta-a: b\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=00';
  let accepted = 0;
  let refused = 0;
  for (let at = 0; at < text.length; at += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const flipped = text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);
      const head = parseHead(flipped);
      if (head.kind === 'refused') {
        refused += 1;
        continue;
      }
      const verdict = checkHead(head.line, head.headers, HTTP_LIMITS);
      if (verdict.kind === 'refused') refused += 1;
      else accepted += 1;
      const lengths = head.headers.entries.filter(([name]) => name === 'content-length');
      if (verdict.kind === 'accepted' && lengths.length === 1) {
        t.is(String(verdict.declaredBytes), String(Number(lengths[0]?.[1])));
      }
    }
  }
  t.true(accepted > 1000 && refused > 1000);
});

test('any bytes at all are a head or a refusal', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const head = parseHead(Buffer.from(bytes).toString('latin1'));
      return head.kind === 'refused' || head.line.rawPath.startsWith('/');
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('only spaces and tabs are blanks around a value', t => {
  const head = parseHead('GET / HTTP/1.1\r\na:\xa0b\xa0\r\nb: \t \r\nc:\t\tx y\t ');
  t.is(head.kind === 'parsed' ? head.headers.get('a') : '', '\ufffd');
  t.is(head.kind === 'parsed' ? head.headers.get('b') : undefined, '');
  t.is(head.kind === 'parsed' ? head.headers.get('c') : '', 'x y');
});

test('the absolute form gives its path, and an authority alone gives the root', t => {
  const pathOf = (target: string): string | undefined => {
    const head = parseHead(`GET ${target} HTTP/1.1`);
    return head.kind === 'parsed' ? `${head.line.rawPath}|${head.line.rawQuery}` : undefined;
  };
  t.is(pathOf('http://h:1/a?b'), '/a|b');
  t.is(pathOf('HTTPS://h'), '/|');
  t.is(pathOf('http://h?q'), '/|q');
  t.is(pathOf('ftp://h/a'), undefined);
  t.is(pathOf('//h/a?b?c'), '//h/a|b?c');
});
