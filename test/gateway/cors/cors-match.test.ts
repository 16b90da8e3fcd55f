import test from 'ava';
import {
  corsHeaders,
  matchCors,
  permissiveHeaders,
  preflightHeaders,
  readPreflight,
} from '../../../gateway/cors/cors-match.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import type { CorsRule } from '../../../schemas/records/bucket-settings/cors-rules.ts';

function rule(change: Partial<CorsRule> = {}): CorsRule {
  return {
    ...{ id: undefined, allowedOrigins: ['https://a.example'], allowedMethods: ['GET', 'PUT'] },
    ...{ allowedHeaders: [], exposeHeaders: [], maxAgeSeconds: undefined },
    ...change,
  };
}

function sent(headers: Readonly<Record<string, string>>): HeaderList {
  const list = new HeaderList();
  for (const [name, value] of Object.entries(headers)) list.add(name, value);
  return list;
}

const origins: readonly (readonly [pattern: string, origin: string, matches: boolean])[] = [
  ['https://a.example', 'https://a.example', true],
  ['https://a.example', 'http://a.example', false],
  ['https://a.example', 'https://A.example', false],
  ['https://a.example', 'https://a.example:8443', false],
  ['*', 'https://anything', true],
  ['*', 'null', true],
  ['https://*.example', 'https://a.b.example', true],
  ['https://*.example', 'https://.example', true],
  ['https://*.example', 'https://example', false],
  ['https://*.example', 'https://a.example.evil', false],
  ['https://*', 'http://a', false],
  ['*.example', 'https://a.example', true],
  ['aba*aba', 'aba', false],
  ['aba*aba', 'abaaba', true],
];

for (const [pattern, origin, matches] of origins) {
  test(`the origin ${origin} ${matches ? 'matches' : 'does not match'} ${pattern}`, t => {
    const question = { origin, method: 'GET', headerNames: [] };
    t.is(matchCors([rule({ allowedOrigins: [pattern] })], question) !== undefined, matches);
  });
}

const headerCases: readonly (readonly [
  allowed: readonly string[],
  asked: readonly string[],
  matches: boolean,
])[] = [
  [[], [], true],
  [[], ['range'], false],
  [['*'], ['range', 'authorization'], true],
  [['Range'], ['range'], true],
  [['X-Amz-*'], ['x-amz-date', 'x-amz-meta-a'], true],
  [['X-Amz-*'], ['x-amz-date', 'range'], false],
  [['*-type'], ['content-type'], true],
];

for (const [allowed, asked, matches] of headerCases) {
  const what = `${asked.join('+') || 'no headers'} of ${allowed.join('+') || 'none'}`;
  test(`asked for ${what}: ${matches ? 'allowed' : 'not allowed'}`, t => {
    const question = { origin: 'https://a.example', method: 'GET', headerNames: asked };
    t.is(matchCors([rule({ allowedHeaders: allowed })], question) !== undefined, matches);
  });
}

test('the first rule that allows everything holds', t => {
  const rules = [
    rule({ id: 'no method', allowedMethods: ['DELETE'] }),
    rule({ id: 'no header' }),
    rule({ id: 'both', allowedHeaders: ['*'] }),
    rule({ id: 'later', allowedHeaders: ['*'] }),
  ];
  const question = { origin: 'https://a.example', method: 'GET', headerNames: ['range'] };
  t.is(matchCors(rules, question)?.rule.id, 'both');
});

const VARY = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method';

test('an answer tells one origin, and what the rule says', t => {
  const rules = [
    rule({
      allowedOrigins: ['https://b.example', 'https://a.example'],
      exposeHeaders: ['ETag', 'x-amz-meta-a'],
      maxAgeSeconds: 600,
    }),
  ];
  t.deepEqual(corsHeaders(rules, 'GET', sent({ origin: 'https://a.example' })), [
    ['Access-Control-Allow-Origin', 'https://a.example'],
    ['Access-Control-Allow-Methods', 'GET, PUT'],
    ['Access-Control-Expose-Headers', 'ETag, x-amz-meta-a'],
    ['Access-Control-Max-Age', '600'],
    ['Access-Control-Allow-Credentials', 'true'],
    ['Vary', VARY],
  ]);
});

for (const [pattern, origin, told] of [
  ['*', 'https://a.example', '*'],
  ['https://*.example', 'https://a.example', 'https://a.example'],
  ['null', 'null', 'null'],
] as const) {
  test(`an origin that matched ${pattern} is told ${told}, without credentials`, t => {
    const rules = [rule({ allowedOrigins: [pattern] })];
    const headers = new Map(corsHeaders(rules, 'GET', sent({ origin })));
    t.is(headers.get('Access-Control-Allow-Origin'), told);
    t.false(headers.has('Access-Control-Allow-Credentials'));
  });
}

test('without a match an answer only says what it depends on', t => {
  const rules = [rule()];
  for (const headers of [{ origin: 'https://evil' }, {}] as Record<string, string>[]) {
    t.deepEqual(corsHeaders(rules, 'GET', sent(headers)), [['Vary', VARY]]);
  }
  t.deepEqual(corsHeaders(rules, 'DELETE', sent({ origin: 'https://a.example' })), [
    ['Vary', VARY],
  ]);
});

test('a preflight is told the headers it asked for', t => {
  const asked = readPreflight(
    sent({
      origin: 'https://a.example',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'X-Amz-Date,  Content-Type ,,range',
    }),
  );
  if (asked.kind !== 'asked') return t.fail();
  const { question } = asked;
  t.deepEqual(question.headerNames, ['x-amz-date', 'content-type', 'range']);
  const match = matchCors([rule({ allowedHeaders: ['*'] })], question);
  if (match === undefined) return t.fail();
  const told = new Map(preflightHeaders(match, question));
  t.is(told.get('Access-Control-Allow-Headers'), 'x-amz-date, content-type, range');
  const permissive = new Map(permissiveHeaders(question));
  t.is(permissive.get('Access-Control-Allow-Origin'), '*');
  t.is(permissive.get('Access-Control-Allow-Methods'), 'PUT');
  return t.false(permissive.has('Access-Control-Allow-Credentials'));
});

for (const [title, headers] of [
  ['no origin', { 'access-control-request-method': 'GET' }],
  ['no method', { origin: 'https://a' }],
  ['a method that is none of S3', { origin: 'https://a', 'access-control-request-method': 'FROB' }],
  [
    'headers that are no names',
    {
      origin: 'https://a',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'a b',
    },
  ],
] as readonly (readonly [string, Record<string, string>])[]) {
  test(`a preflight with ${title} is none`, t => {
    t.is(readPreflight(sent(headers)).kind, 'insufficient');
  });
}

test('long input is matched in no time', t => {
  const long = 'a'.repeat(100_000);
  const rules = [rule({ allowedOrigins: [`${long}*${long}b`], allowedHeaders: [`${long}*b`] })];
  const started = performance.now();
  for (let turn = 0; turn < 20; turn += 1) {
    matchCors(rules, { origin: long + long, method: 'GET', headerNames: [long] });
  }
  t.true(performance.now() - started < 200);
});
