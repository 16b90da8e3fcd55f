import test from 'ava';

import { HeaderList } from '../../../gateway/http/request-headers.ts';

test('duplicates are joined in the order sent, and counted', t => {
  const headers = new HeaderList();
  headers.add('a', '1');
  headers.add('b', '');
  headers.add('a', '2');
  headers.add('a', '');
  t.is(headers.get('a'), '1,2,');
  t.is(headers.get('b'), '');
  t.is(headers.get('c'), undefined);
  t.is(headers.count('a'), 3);
  t.is(headers.count('b'), 1);
  t.is(headers.count('c'), 0);
  t.is(headers.length, 4);
  t.deepEqual(headers.entries, [
    ['a', '1'],
    ['b', ''],
    ['a', '2'],
    ['a', ''],
  ]);
});

test('names of JavaScript are headers like others', t => {
  const headers = new HeaderList();
  headers.add('__proto__', 'x');
  t.is(headers.get('constructor'), undefined);
  t.is(headers.get('__proto__'), 'x');
});
