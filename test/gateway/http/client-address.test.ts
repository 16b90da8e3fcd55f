import test from 'ava';

import { addressFromBytes, ProxyTrust } from '../../../gateway/http/client-address.ts';
import { plainAddress } from '../../../gateway/http/networks.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';

function clientAddress(trusted: readonly string[], peer: string, ...forwarded: string[]): string {
  const headers = new HeaderList();
  for (const value of forwarded) headers.add('x-forwarded-for', value);
  return new ProxyTrust(trusted).clientAddress(peer, headers);
}

test('without trusted proxies the peer is the client, whatever it says', t => {
  t.is(clientAddress([], '192.0.2.1', '198.51.100.1'), '192.0.2.1');
  t.is(clientAddress(['10.0.0.0/8'], '192.0.2.1', '198.51.100.1'), '192.0.2.1');
});

test('a trusted proxy is believed about the hop before it, and no further', t => {
  const trusted = ['10.0.0.0/8', 'fd00::/8'];
  t.is(clientAddress(trusted, '10.0.0.1', '198.51.100.1'), '198.51.100.1');
  t.is(clientAddress(trusted, '10.0.0.1', '1.1.1.1, 198.51.100.1'), '198.51.100.1');
  t.is(clientAddress(trusted, '10.0.0.1', '198.51.100.1, 10.9.9.9'), '198.51.100.1');
  t.is(clientAddress(trusted, '10.0.0.1', '198.51.100.1', '10.2.2.2'), '198.51.100.1');
  t.is(clientAddress(trusted, 'fd00::1', '2001:db8::5'), '2001:db8::5');
});

test('when every hop is trusted the first one is the client', t => {
  t.is(clientAddress(['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2'), '10.0.0.3');
  t.is(clientAddress(['10.0.0.0/8'], '10.0.0.1'), '10.0.0.1');
});

test('what is no address ends the search at the hop that said it', t => {
  const trusted = ['10.0.0.0/8'];
  for (const nonsense of ['unknown', '', '1.2.3.4.5', '<script>', 'fe80::1%eth0']) {
    t.is(clientAddress(trusted, '10.0.0.1', `1.1.1.1, ${nonsense}`), '10.0.0.1');
    t.is(clientAddress(trusted, '10.0.0.1', `1.1.1.1, ${nonsense}, 10.0.0.2`), '10.0.0.2');
  }
});

test('ports and brackets of hops are not part of their address', t => {
  const trusted = ['10.0.0.0/8'];
  t.is(clientAddress(trusted, '10.0.0.1', '198.51.100.1:4711'), '198.51.100.1');
  t.is(clientAddress(trusted, '10.0.0.1', '[2001:db8::5]:4711'), '2001:db8::5');
  t.is(clientAddress(trusted, '10.0.0.1', '[2001:db8::5]'), '2001:db8::5');
  t.is(clientAddress(trusted, '10.0.0.1', '::ffff:198.51.100.1'), '198.51.100.1');
});

test('networks that are none are refused with their text', t => {
  for (const bad of [
    '',
    'proxy',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '1.2.3/8',
  ]) {
    const error = t.throws(() => new ProxyTrust([bad]));
    t.true(error?.message.includes(`"${bad}"`));
  }
});

test('addresses are written as operators write them', t => {
  t.is(addressFromBytes(Uint8Array.of(127, 0, 0, 1)), '127.0.0.1');
  t.is(addressFromBytes(new Uint8Array(0)), '');
  const v6 = (...groups: number[]): string =>
    addressFromBytes(Uint8Array.from(groups.flatMap(group => [group >> 8, group & 255])));
  t.is(v6(0, 0, 0, 0, 0, 0, 0, 1), '::1');
  t.is(v6(0, 0, 0, 0, 0, 0, 0, 0), '::');
  t.is(v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1');
  t.is(v6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1');
  t.is(v6(0xfe80, 0, 0, 0, 0, 0, 0, 0), 'fe80::');
  t.is(v6(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), '127.0.0.1');
  t.is(plainAddress('::ffff:10.1.2.3'), '10.1.2.3');
  t.is(plainAddress('::ffff:1'), '::ffff:1');
});
