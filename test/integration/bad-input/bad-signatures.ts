/**
 * Requests whose signature must not be believed.
 *
 * Owns:          rows 1 to 17 of the table, and 60.
 * Knows:         Signature Version 4.
 * Must not know: how the server checks it.
 */
import { newCredentials } from '../../support/garage-process.ts';
import { headText } from '../../support/signed-requests.ts';
import type { HeaderPair, ScopeOverride } from '../../support/sigv4-signer.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

const MINUTE_MS = 60_000;
const EXPIRES_WRONG = ['604801', '-1', '0', 'abc', '', '1e3', '9'.repeat(30)];

function authorization(value: string): BadCase['bytes'] {
  return ({ s3, known }) => {
    const headers: HeaderPair[] = [
      ['host', s3.host],
      ['authorization', value],
      ['x-amz-date', '20240101T000000Z'],
      ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
    ];
    return headText(`GET ${s3.path(known.key)}`, headers);
  };
}

const malformed = ['400 AuthorizationHeaderMalformed', '400 InvalidArgument'];

const headers: readonly BadCase[] = [
  {
    ...{ row: 1, title: 'no signature', expect: ['403 AccessDenied'] },
    bytes: ({ s3, known }) => headText(`GET ${s3.path(known.key)}`, [['host', s3.host]]),
  },
  {
    ...{ row: 1, title: 'no signature on a PUT with a body', expect: ['403 AccessDenied'] },
    bytes: ({ s3 }) =>
      `${headText(`PUT ${s3.path('x')}`, [
        ['host', s3.host],
        ['content-length', '3'],
      ])}abc`,
  },
  ...[
    'garbage',
    'AWS4-HMAC-SHA256',
    'AWS4-HMAC-SHA256 ',
    'AWS4-HMAC-SHA256 SignedHeaders=host,Signature=00',
    'AWS4-HMAC-SHA256 Credential=GK1/20240101/garage/s3/aws4_request,Signature=00',
    'AWS4-HMAC-SHA256 Credential=GK1/20240101/garage/s3/aws4_request,SignedHeaders=host',
    'AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=',
    'AWS4-HMAC-SHA256 Credential=a/b/c,SignedHeaders=host,Signature=00',
    'AWS4-HMAC-SHA256 =,=,=',
    'Bearer abcdef',
  ].map(value => ({
    ...{ row: 2, title: `Authorization: ${value}`, expect: malformed },
    bytes: authorization(value),
  })),
  {
    ...{ row: 3, title: 'Signature Version 2', expect: ['400 InvalidRequest'] },
    bytes: authorization('AWS GK0123:c2lnbmF0dXJl'),
  },
  {
    ...{ row: 4, title: 'an unknown access key', expect: ['403 InvalidAccessKeyId'] },
    bytes: ({ s3, known }) => s3.build({ key: known.key, credentials: newCredentials() }).bytes,
  },
  {
    ...{ row: 5, title: 'a wrong secret', expect: ['403 SignatureDoesNotMatch'] },
    bytes: ({ s3, server, known }) => {
      const { accessKeyId } = server.credentials;
      const credentials = { accessKeyId, secretKey: newCredentials().secretKey };
      return s3.build({ key: known.key, credentials }).bytes;
    },
  },
  ...(
    [
      ['region', { region: 'eu-west-1' }],
      ['service', { service: 'ec2' }],
      ['date', { date: '20130524' }],
      ['terminator', { terminator: 'aws5_request' }],
    ] as const satisfies readonly (readonly [string, ScopeOverride])[]
  ).map(([title, scope]) => ({
    ...{ row: 6, title: `a scope with another ${title}` },
    expect: ['400 AuthorizationHeaderMalformed'],
    bytes: ({ s3, known }: BadWorld) => s3.build({ key: known.key, sign: { scope } }).bytes,
    ...(title === 'region' ? { body: /<Region>garage<\/Region>/ } : {}),
  })),
  ...[-16, 16].map(minutes => ({
    ...{ row: 7, title: `a clock ${minutes} minutes off`, expect: ['403 RequestTimeTooSkewed'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ key: known.key, timeMs: Date.now() + minutes * MINUTE_MS }).bytes,
  })),
  {
    ...{ row: 8, title: 'no date', expect: ['403 AccessDenied'] },
    bytes: ({ s3, known }) => s3.build({ key: known.key, sign: { dateHeader: 'none' } }).bytes,
  },
  {
    ...{ row: 9, title: 'the host is not signed' },
    expect: ['403 AccessDenied', '403 SignatureDoesNotMatch'],
    bytes: ({ s3, known }) =>
      s3.build({
        key: known.key,
        sign: { signedNames: ['x-amz-content-sha256', 'x-amz-date'] },
      }).bytes,
  },
  {
    ...{ row: 10, title: 'an x-amz- header is not signed', expect: ['403 AccessDenied'] },
    bytes: ({ s3 }) =>
      s3.build({
        ...{ method: 'PUT', key: 'x', body: 'abc' },
        unsignedHeaders: [['x-amz-meta-extra', '1']],
      }).bytes,
  },
  {
    ...{ row: 11, title: 'a signed header is missing', expect: ['403 SignatureDoesNotMatch'] },
    bytes: ({ s3 }) =>
      s3.build({
        ...{ method: 'PUT', key: 'x', body: 'abc', unsent: ['x-amz-meta-a'] },
        headers: [['x-amz-meta-a', '1']],
      }).bytes,
  },
  {
    ...{ row: 5, title: 'another path than the signed one' },
    expect: ['403 SignatureDoesNotMatch'],
    bytes: ({ s3, known }) =>
      s3.build({ key: known.key, sign: { canonicalPath: s3.path('other') } }).bytes,
  },
  {
    ...{ row: 12, title: 'signatures in header and query', expect: ['400 InvalidArgument'] },
    bytes: ({ s3, known }) =>
      s3.build({ key: known.key, query: presign(s3, { key: known.key }).split('?')[1] ?? '' })
        .bytes,
  },
];

type Presigned = {
  readonly key: string;
  readonly method?: string;
  readonly expiresSeconds?: string;
  readonly timeMs?: number;
  readonly query?: string;
};

function presign(s3: BadWorld['s3'], wanted: Presigned): string {
  return s3.signer().presign({
    method: wanted.method ?? 'GET',
    path: s3.path(wanted.key),
    headers: [['host', s3.host]],
    expiresSeconds: wanted.expiresSeconds ?? '60',
    timeMs: wanted.timeMs ?? Date.now(),
    ...(wanted.query === undefined ? {} : { query: wanted.query }),
  }).target;
}

function use(s3: BadWorld['s3'], method: string, target: string, body = ''): string {
  const sent: HeaderPair[] = [['host', s3.host]];
  if (body !== '') sent.push(['content-length', String(body.length)]);
  return headText(`${method} ${target}`, sent) + body;
}

const mismatch = ['403 SignatureDoesNotMatch'];

const presigned: readonly BadCase[] = [
  {
    ...{ row: 13, title: 'an expired URL', expect: ['403 AccessDenied'], body: /expired/ },
    bytes: ({ s3, known }) =>
      use(s3, 'GET', presign(s3, { key: known.key, timeMs: Date.now() - 2 * MINUTE_MS })),
  },
  ...EXPIRES_WRONG.map(expiresSeconds => ({
    ...{ row: 14, title: `X-Amz-Expires=${expiresSeconds}` },
    expect: ['400 AuthorizationQueryParametersError'],
    bytes: ({ s3, known }: BadWorld) =>
      use(s3, 'GET', presign(s3, { key: known.key, expiresSeconds })),
  })),
  ...['PUT', 'DELETE'].map(method => ({
    ...{ row: 15, title: `the URL of a GET used for ${method}`, expect: mismatch },
    bytes: ({ s3, known }: BadWorld) =>
      use(s3, method, presign(s3, { key: known.key }), method === 'DELETE' ? '' : 'abc'),
  })),
  {
    ...{ row: 15, title: 'the URL of another key', expect: mismatch },
    bytes: ({ s3, known, emptyKey }) =>
      use(s3, 'GET', presign(s3, { key: emptyKey }).replace(`/${emptyKey}?`, `/${known.key}?`)),
  },
  {
    ...{ row: 16, title: 'two X-Amz-Signature', expect: mismatch },
    bytes: ({ s3, known }) => {
      const target = presign(s3, { key: known.key });
      return use(s3, 'GET', `${target}&${target.slice(target.indexOf('X-Amz-Signature'))}`);
    },
  },
  {
    ...{ row: 16, title: 'a parameter that was not signed', expect: mismatch },
    bytes: ({ s3, known }) =>
      use(s3, 'GET', `${presign(s3, { key: known.key })}&response-content-type=text%2Fhtml`),
  },
  {
    ...{ row: 17, title: 'a URL from the future', expect: ['403 AccessDenied'] },
    bytes: ({ s3, known }) =>
      use(s3, 'GET', presign(s3, { key: known.key, timeMs: Date.now() + 20 * MINUTE_MS })),
  },
  {
    ...{ row: 10, title: 'an unsigned x-amz- header beside a URL', expect: ['403 AccessDenied'] },
    bytes: ({ s3 }) =>
      `${headText(`PUT ${presign(s3, { key: 'x', method: 'PUT' })}`, [
        ['host', s3.host],
        ['x-amz-meta-extra', '1'],
        ['content-length', '3'],
      ])}abc`,
  },
];

const anonymous: readonly BadCase[] = ['HEAD', 'GET'].flatMap(method =>
  ['known', 'missing'].map(which => ({
    ...{ row: 60, title: `anonymous ${method} of a ${which} key, with If-Modified-Since`, method },
    expect: method === 'HEAD' ? ['403'] : ['403 AccessDenied'],
    bytes: ({ s3, known }: BadWorld) =>
      headText(`${method} ${s3.path(which === 'known' ? known.key : 'missing')}`, [
        ['host', s3.host],
        ['if-modified-since', 'Sat, 01 Jan 2000 00:00:00 GMT'],
      ]),
  })),
);

export const badSignatures: readonly BadCase[] = [...headers, ...presigned, ...anonymous];
