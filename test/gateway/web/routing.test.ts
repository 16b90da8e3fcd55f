import test from 'ava';
import { pathOfKey, redirectOf, replacedKey } from '../../../gateway/web/routing.ts';
import type { RoutingRule } from '../../../schemas/records/bucket-settings/website.ts';

function rule(change: Partial<RoutingRule>): RoutingRule {
  return {
    ...{ keyPrefix: undefined, errorCode: undefined, protocol: undefined, hostName: undefined },
    ...{ replaceKeyPrefixWith: undefined, replaceKeyWith: undefined, redirectCode: undefined },
    ...change,
  };
}

const cases: readonly (readonly [title: string, Partial<RoutingRule>, key: string, to: string])[] =
  [
    ['another prefix', { keyPrefix: 'a/', replaceKeyPrefixWith: 'b/' }, 'a/x', '/b/x'],
    ['a prefix taken away', { keyPrefix: 'a/', replaceKeyPrefixWith: '' }, 'a/x', '/x'],
    ['a prefix without a condition', { replaceKeyPrefixWith: 'b/' }, 'x', '/b/x'],
    ['another key', { keyPrefix: 'a/', replaceKeyWith: 'b' }, 'a/x', '/b'],
    ['another host', { hostName: 'h' }, 'a', '//h/a'],
    ['another host and protocol', { hostName: 'h', protocol: 'https' }, 'a', 'https://h/a'],
    ['another protocol', { protocol: 'https' }, 'a', 'https://host:3902/a'],
    ['a fragment of the owner', { keyPrefix: 'a/', replaceKeyPrefixWith: '#!/' }, 'a/x', '/#!/x'],
    ['a query of the owner', { replaceKeyWith: 'p?x=' }, 'a', '/p?x='],
    ['signs of a visitor', { protocol: 'http' }, 'a?b#c', 'http://host:3902/a%3Fb%23c'],
    ['blanks and letters', { replaceKeyPrefixWith: 'ä b/' }, 'ü c', '/%C3%A4%20b/%C3%BC%20c'],
    ['a slash in front', { keyPrefix: 'a/', replaceKeyPrefixWith: '' }, 'a//evil', '/%2Fevil'],
    ['a slash of the owner', { replaceKeyWith: '/b' }, 'a', '/%2Fb'],
    ['a backslash', { keyPrefix: 'a', replaceKeyPrefixWith: '' }, 'a\\evil', '/%5Cevil'],
    ['a line break', { keyPrefix: 'a', replaceKeyPrefixWith: '' }, 'a\r\nx: y', '/%0D%0Ax%3A%20y'],
  ];

for (const [title, change, key, to] of cases) {
  test(`a redirect to ${title}`, t => {
    const visit = { key, hostHeader: 'host:3902', rawQuery: '' };
    t.deepEqual(redirectOf(rule(change), visit), { status: 301, location: to });
  });
}

test('a rule says its code, and the query goes along', t => {
  const visit = { key: 'a', hostHeader: 'host', rawQuery: 'b=c' };
  const told = redirectOf(rule({ replaceKeyWith: 'x', redirectCode: 308 }), visit);
  t.deepEqual(told, { status: 308, location: '/x?b=c' });
});

test('the key that is served instead is not encoded', t => {
  t.is(replacedKey(rule({ keyPrefix: 'a/', replaceKeyPrefixWith: 'ä/' }), 'a/ü'), 'ä/ü');
  t.is(replacedKey(rule({}), 'a/ü'), 'a/ü');
  t.is(pathOfKey('a/ü'), '/a/%C3%BC');
});
