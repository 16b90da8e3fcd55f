/**
 * CORS: API_PutBucketCors and its kin, "Using cross-origin resource sharing"; what browsers ask.
 *
 * Owns:          their cases.
 * Knows:         the API reference, the Fetch standard.
 * Must not know: how a rule is matched.
 */
import { each, table, type Cases } from '../s3-case.ts';

function rule(...elements: readonly (readonly [name: string, text: string])[]): string {
  const inside = elements.map(([name, text]) => `<${name}>${text}</${name}>`).join('');
  return `<CORSRule>${inside}</CORSRule>`;
}

function cors(...rules: readonly string[]): string {
  return `<CORSConfiguration>${rules.join('')}</CORSConfiguration>`;
}

const GET = ['AllowedMethod', 'GET'] as const;
const ANY = ['AllowedOrigin', '*'] as const;
const SITE = ['AllowedOrigin', 'https://www.example.org'] as const;
const SUBSITES = ['AllowedOrigin', 'https://*.example.org'] as const;
const FULL = cors(
  rule(
    ...([
      ['ID', 'full'],
      SITE,
      GET,
      ['AllowedMethod', 'PUT'],
      ['AllowedHeader', 'x-amz-*'],
    ] as const),
    ...([
      ['ExposeHeader', 'ETag'],
      ['MaxAgeSeconds', '3000'],
    ] as const),
  ),
);

const BAD: readonly (readonly [title: string, body: string, answer: string])[] = [
  ['no document', '', '400 MissingRequestBodyError'],
  ['nonsense', 'nonsense', '400 MalformedXML'],
  ['no rules', cors(), '400 MalformedXML'],
  ['a rule without a method', cors(rule(ANY)), '400 MalformedXML'],
  ['a rule without an origin', cors(rule(GET)), '400 MalformedXML'],
  ['a method of no use', cors(rule(ANY, ['AllowedMethod', 'PATCH'])), '400 InvalidRequest'],
  ['a method in small letters', cors(rule(ANY, ['AllowedMethod', 'get'])), '400 InvalidRequest'],
  [
    'two wildcards in an origin',
    cors(rule(GET, ['AllowedOrigin', 'https://*.*'])),
    '400 InvalidRequest',
  ],
  [
    'two wildcards in a header',
    cors(rule(GET, ANY, ['AllowedHeader', '*-*'])),
    '400 InvalidRequest',
  ],
  [
    'a wildcard in an exposed header',
    cors(rule(GET, ANY, ['ExposeHeader', 'x-*'])),
    '400 InvalidRequest',
  ],
  ['an age that is no number', cors(rule(GET, ANY, ['MaxAgeSeconds', 'long'])), '400 MalformedXML'],
  ['an unknown element', cors(rule(GET, ANY, ['Colour', 'blue'])), '400 MalformedXML'],
  ['a hundred and one rules', cors(...Array<string>(101).fill(rule(GET, ANY))), '400 MalformedXML'],
];

const document: Cases = {
  'rules are kept': {
    ...{ ask: 'PUT /{bucket}?cors', body: FULL, answer: '200', text: '' },
    then: [
      {
        ...{ ask: 'GET /{bucket}?cors', answer: '200' },
        xml: {
          ...{ root: 'CORSConfiguration', 'CORSRule.ID': 'full', 'CORSRule.MaxAgeSeconds': '3000' },
          ...{ 'CORSRule.AllowedMethod': ['GET', 'PUT'], 'CORSRule.AllowedOrigin': SITE[1] },
          ...{ 'CORSRule.AllowedHeader': 'x-amz-*', 'CORSRule.ExposeHeader': 'ETag' },
        },
      },
    ],
  },
  'a bucket without rules': { ask: 'GET /{bucket}?cors', answer: '404 NoSuchCORSConfiguration' },
  'rules are taken away': {
    given: [`PUT /{bucket}?cors < ${FULL}`],
    ...{ ask: 'DELETE /{bucket}?cors', answer: '204' },
    then: ['GET /{bucket}?cors = 404 NoSuchCORSConfiguration'],
  },
  'a hundred rules': {
    ...{ ask: 'PUT /{bucket}?cors', body: cors(...Array<string>(100).fill(rule(GET, ANY))) },
    answer: '200',
  },
  ...each(BAD, ([title, body, answer]) => [title, { ask: 'PUT /{bucket}?cors', body, answer }]),
  'a key of another tenant may not': {
    ...{ ask: 'PUT /{bucket}?cors', body: FULL, as: 'stranger', answer: '403 AccessDenied' },
  },
  'the SDK puts rules': {
    call: 'PutBucketCors',
    input: {
      Bucket: '{bucket}',
      CORSConfiguration: { CORSRules: [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }] },
    },
    answer: '200',
  },
};

/** The rules, origin, method and headers that a browser asks with; what it is told. */
type Preflight = readonly [
  title: string,
  rules: string,
  asked: readonly [origin: string, method: string, headers?: string],
  answer: string,
  told?: Readonly<Record<string, string | RegExp | null>>,
];

const SITE_RULE = cors(rule(SITE, GET));
const DENIED = '403 AccessForbidden';

const PREFLIGHTS: readonly Preflight[] = [
  [
    'an origin that a rule names',
    FULL,
    [SITE[1], 'PUT', 'x-amz-date'],
    '200',
    {
      'access-control-allow-origin': SITE[1],
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'x-amz-date',
      'access-control-expose-headers': 'ETag',
      'access-control-max-age': '3000',
      'access-control-allow-credentials': 'true',
      vary: /Origin/,
    },
  ],
  ['another origin', SITE_RULE, ['https://example.org', 'GET'], DENIED],
  ['another scheme', SITE_RULE, ['http://www.example.org', 'GET'], DENIED],
  ['another port', SITE_RULE, ['https://www.example.org:8080', 'GET'], DENIED],
  ['another method', SITE_RULE, [SITE[1], 'PUT'], DENIED],
  ['a header that no rule allows', SITE_RULE, [SITE[1], 'GET', 'x-secret'], DENIED],
  ['one of two headers', FULL, [SITE[1], 'GET', 'x-amz-date, x-secret'], DENIED],
  ['headers in any case', FULL, [SITE[1], 'GET', 'X-Amz-Date'], '200'],
  [
    'any origin',
    cors(rule(ANY, GET)),
    ['https://anywhere.example', 'GET'],
    '200',
    { 'access-control-allow-origin': '*', 'access-control-allow-credentials': null },
  ],
  [
    'an origin by a wildcard',
    cors(rule(SUBSITES, GET)),
    ['https://a.example.org', 'GET'],
    '200',
    { 'access-control-allow-origin': 'https://a.example.org' },
  ],
  [
    'a wildcard that does not fit',
    cors(rule(SUBSITES, GET)),
    ['https://example.org', 'GET'],
    DENIED,
  ],
  [
    'the second rule',
    cors(rule(SITE, GET), rule(ANY, ['AllowedMethod', 'DELETE'])),
    ['https://anywhere.example', 'DELETE'],
    '200',
    { 'access-control-allow-methods': 'DELETE' },
  ],
  ['a method that nobody knows', FULL, [SITE[1], 'FROB'], '400 BadRequest'],
];

const browsers: Cases = {
  ...each(PREFLIGHTS, ([title, rules, [origin, method, names], answer, told = {}]) => [
    `preflight: ${title}`,
    {
      given: [`PUT /{bucket}?cors < ${rules}`],
      ...{ ask: 'OPTIONS /{bucket}/a', as: 'nobody' as const, answer, has: told },
      headers: {
        ...{ origin, 'access-control-request-method': method },
        ...(names === undefined ? {} : { 'access-control-request-headers': names }),
      },
    },
  ]),
  'preflight: a bucket without rules': {
    ...{ ask: 'OPTIONS /{bucket}/a', as: 'nobody', answer: DENIED },
    headers: { origin: SITE[1], 'access-control-request-method': 'GET' },
  },
  'preflight: no origin': {
    ...{ ask: 'OPTIONS /{bucket}/a', as: 'nobody', answer: '400 BadRequest' },
    headers: { 'access-control-request-method': 'GET' },
  },
  'preflight: no method': {
    ...{ ask: 'OPTIONS /{bucket}/a', as: 'nobody', answer: '400 BadRequest' },
    headers: { origin: SITE[1] },
  },
  'a request of an origin that a rule names': {
    given: [`PUT /{bucket}?cors < ${FULL}`, 'PUT /{bucket}/a < x'],
    ...{ ask: 'GET /{bucket}/a', headers: { origin: SITE[1] }, answer: '200' },
    has: { 'access-control-allow-origin': SITE[1], 'access-control-expose-headers': 'ETag' },
  },
  'a request that carries what a preflight asks is judged by it': {
    given: [`PUT /{bucket}?cors < ${FULL}`, 'PUT /{bucket}/a < x'],
    ask: 'GET /{bucket}/a',
    headers: { origin: SITE[1], 'access-control-request-method': 'DELETE' },
    ...{ answer: '200', has: { 'access-control-allow-origin': null } },
  },
  'a request of another origin': {
    given: [`PUT /{bucket}?cors < ${FULL}`, 'PUT /{bucket}/a < x'],
    ...{ ask: 'GET /{bucket}/a', headers: { origin: 'https://x.example' }, answer: '200' },
    has: { 'access-control-allow-origin': null, vary: /Origin/ },
  },
  'an error is told to the page too': {
    given: [`PUT /{bucket}?cors < ${FULL}`],
    ...{ ask: 'GET /{bucket}/missing', headers: { origin: SITE[1] }, answer: '404 NoSuchKey' },
    has: { 'access-control-allow-origin': SITE[1] },
  },
  'a refusal is told to the page too': {
    given: [`PUT /{bucket}?cors < ${FULL}`],
    ...{ ask: 'GET /{bucket}/a', as: 'nobody', headers: { origin: SITE[1] } },
    ...{ answer: '403 AccessDenied', has: { 'access-control-allow-origin': SITE[1] } },
  },
  'a request without an origin is told nothing': {
    given: [`PUT /{bucket}?cors < ${FULL}`, 'PUT /{bucket}/a < x'],
    ...{ ask: 'GET /{bucket}/a', answer: '200', has: { 'access-control-allow-origin': null } },
  },
};

export const bucketCors = table(
  'GetBucketCors, PutBucketCors, DeleteBucketCors',
  'a hundred rules',
  document,
);
export const corsRequests = table(
  'Options',
  'CORS: preflights and requests on S3 and website doors, also with presigned URLs',
  browsers,
);
