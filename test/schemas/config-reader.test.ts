import test from 'ava';
import { isNetwork, isTable, parseListenAddress } from '../../schemas/config-reader.ts';

test('addresses are read with their port', t => {
  t.deepEqual(parseListenAddress('127.0.0.1:3900'), { kind: 'tcp', host: '127.0.0.1', port: 3900 });
  t.deepEqual(parseListenAddress('[::]:0'), { kind: 'tcp', host: '::', port: 0 });
  t.deepEqual(parseListenAddress('[fe80::1]:1'), { kind: 'tcp', host: 'fe80::1', port: 1 });
  t.deepEqual(parseListenAddress('/run/s3.sock'), { kind: 'unix', path: '/run/s3.sock' });
});

test('what is no address is refused', t => {
  const texts = ['', '3900', ':3900', '127.0.0.1', '127.0.0.1:65536', '256.0.0.1:1', '::1:3900'];
  for (const text of [...texts, '[:::]:1', '[1.2.3.4]:1', 'host:3900', '127.0.0.1:x']) {
    t.is(parseListenAddress(text), undefined, text);
  }
});

test('networks are addresses with or without a length', t => {
  for (const text of ['10.0.0.0/8', '127.0.0.1', '::/0', 'fd00::/8', '::1'])
    t.true(isNetwork(text));
  for (const text of ['', '10/8', '10.0.0.0/33', '::/129', 'host', '10.0.0.0/']) {
    t.false(isNetwork(text), text);
  }
});

test("a table is neither a list nor one of TOML's dates", t => {
  t.true(isTable({}));
  for (const value of [[], null, 'x', 3, new Date(0)]) t.false(isTable(value));
});
