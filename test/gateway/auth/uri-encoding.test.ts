// Method: encodeURIComponent with AWS's four differences is the naive twin.
import test from 'ava';
import fc from 'fast-check';
import {
  canonicalComponent,
  canonicalPath,
  encodedPath,
} from '../../../gateway/auth/uri-encoding.ts';
import { canonicalQuery, parseQuery } from '../../../gateway/auth/canonical-query.ts';

function naive(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const text = fc.string({ unit: 'binary', maxLength: 40 });

test('any text is encoded as the naive way does, encoded or not before', t => {
  fc.assert(
    fc.property(text, plain => {
      const expected = naive(plain);
      t.is(canonicalComponent(expected), expected);
      t.is(canonicalComponent(encodeURIComponent(plain)), expected);
      const unescaped = plain.replaceAll('%', '%25').replaceAll('+', '%2B');
      t.is(canonicalComponent(unescaped), expected);
      t.is(encodedPath(plain), naive(plain).replaceAll('%2F', '/'));
    }),
    { numRuns: 1000 },
  );
});

test('lower-case escapes, needless escapes and a plus are brought into the one form', t => {
  t.is(canonicalComponent('%2f%7e%41+b'), '%2F~A%20b');
  t.is(canonicalComponent('%ff%c3'), '%FF%C3', 'bytes that are not UTF-8 stay bytes');
});

test('a path keeps its slashes, sent plain or escaped', t => {
  t.is(canonicalPath('/a%2fb/c+d/~%7E/@'), '/a%2Fb/c%2Bd/~~/%40');
  t.is(canonicalPath('//../.'), '//../.');
});

test('an escape without two hex digits has no canonical form', t => {
  for (const bad of ['%', '%2', '%zz', '%2g', '%g2', 'a%', '%%41', '%\u0130\u0131']) {
    t.is(canonicalComponent(bad), undefined, bad);
    t.is(canonicalPath(`/${bad}`), undefined, bad);
  }
});

test('a query is sorted by name, then by value, whatever the characters between', t => {
  const sorted = (query: string) => canonicalQuery(parseQuery(query));
  t.is(sorted('b=1&a=2&a=10&a-b=3&a'), 'a=&a=10&a=2&a-b=3&b=1');
  t.is(sorted('a=b=c&A=1'), 'A=1&a=b%3Dc');
  t.is(sorted('&&a&'), 'a=');
  t.is(sorted(''), '');
  t.is(sorted('X-Amz-%53ignature=1&x=2'), 'x=2');
});
