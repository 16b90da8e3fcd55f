/**
 * Methods, sub-resources, hosts and headers that lead nowhere.
 *
 * Owns:          rows 63 to 72 of the table that end in a refusal.
 * Knows:         what S3 has and this server does not.
 * Must not know: the route table.
 */
import { headText, type S3Request } from '../../support/signed-requests.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

function ask(request: S3Request): BadCase['bytes'] {
  return ({ s3 }) => s3.build(request).bytes;
}

const notThere = ['501 NotImplemented'];

const methods: readonly BadCase[] = [
  ...['FROB', 'get', 'Put', 'TRACE', 'CONNECT', 'PATCH', 'PROPFIND'].map(method => ({
    ...{ row: 63, title: `the method ${method}`, method },
    expect: ['405 MethodNotAllowed', '400', '501', '505', 'closed'],
    ...{ unfinished: 'waits' as const },
    bytes: ({ s3, known }: BadWorld) => s3.build({ method, key: known.key }).bytes,
  })),
  ...['POST', 'DELETE'].map(method => ({
    ...{ row: 63, title: `${method} of the service`, expect: ['405 MethodNotAllowed'] },
    bytes: ask({ method, path: '/' }),
  })),
  {
    ...{ row: 63, title: 'another version of HTTP', expect: ['400', '505', 'closed'] },
    ...{ unfinished: 'waits' as const },
    bytes: ({ s3 }) => s3.build({}).head.replace('HTTP/1.1', 'HTTP/3.7'),
  },
  {
    ...{ row: 63, title: 'no HTTP at all', expect: ['400', '505', 'closed'] },
    ...{ unfinished: 'waits' as const },
    bytes: () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
  },
];

const NOT_BUILT: readonly (readonly [method: string, query: string])[] = [
  ...(['encryption=', 'replication='] as const).map(query => ['PUT', query] as const),
];

/** A bucket without settings has none of these, and says so. */
const NOT_CONFIGURED: Readonly<Record<string, string>> = {
  cors: 'NoSuchCORSConfiguration',
  encryption: 'ServerSideEncryptionConfigurationNotFoundError',
  lifecycle: 'NoSuchLifecycleConfiguration',
  'object-lock': 'ObjectLockConfigurationNotFoundError',
  policy: 'NoSuchBucketPolicy',
  policyStatus: 'NoSuchBucketPolicy',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  replication: 'ReplicationConfigurationNotFoundError',
  tagging: 'NoSuchTagSet',
  website: 'NoSuchWebsiteConfiguration',
};

const OBJECT_NOT_BUILT: readonly (readonly [method: string, query: string])[] = [
  ['GET', 'torrent='],
  ['POST', 'select=&select-type=2'],
  ['POST', 'restore='],
];

const subresources: readonly BadCase[] = [
  {
    ...{ row: 64, title: 'an unknown parameter', expect: ['200'] },
    bytes: ({ s3, known }) => s3.build({ key: known.key, query: 'foo=&bar=1&__proto__=2' }).bytes,
  },
  ...NOT_BUILT.map(([method, query]) => ({
    ...{ row: 64, title: `${method} bucket ?${query}`, expect: notThere },
    bytes: ask({ method, query, ...(method === 'GET' ? {} : { body: '<x/>' }) }),
  })),
  ...Object.entries(NOT_CONFIGURED).map(([name, code]) => ({
    ...{ row: 64, title: `GET bucket ?${name}`, expect: [`404 ${code}`] },
    bytes: ask({ method: 'GET', query: `${name}=` }),
  })),
  ...['cors', 'lifecycle', 'object-lock', 'tagging', 'website'].map(name => ({
    ...{ row: 53, title: `PUT bucket ?${name} of another document` },
    ...{ expect: ['400 MalformedXML'] },
    bytes: ask({ method: 'PUT', query: `${name}=`, body: '<x/>' }),
  })),
  {
    ...{ row: 64, title: 'a policy that is none', expect: ['400 MalformedPolicy'] },
    bytes: ask({ method: 'PUT', query: 'policy=', body: '<x/>' }),
  },
  {
    ...{ row: 64, title: 'an access control list that is none', expect: ['400 MalformedACLError'] },
    bytes: ask({ method: 'PUT', query: 'acl=', body: '<x/>' }),
  },
  ...OBJECT_NOT_BUILT.map(([method, query]) => ({
    ...{ row: 64, title: `${method} object ?${query}`, expect: notThere },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ method, query, key: known.key, ...(method === 'GET' ? {} : { body: '<x/>' }) })
        .bytes,
  })),
  ...['retention', 'legal-hold'].map(name => ({
    ...{ row: 64, title: `PUT object ?${name} where nothing is locked` },
    ...{ expect: ['400 InvalidRequest'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ method: 'PUT', query: `${name}=`, key: known.key, body: '<x/>' }).bytes,
  })),
  ...['acl=&policy=', 'uploads=&location=', 'policy=&acl=', 'list-type=2&uploads='].map(query => ({
    ...{ row: 65, title: `GET ?${query}`, expect: ['400 InvalidRequest'] },
    bytes: ask({ query }),
  })),
  {
    ...{ row: 65, title: 'PUT of a part and of tags at once', expect: ['400 InvalidRequest'] },
    bytes: ({ s3, upload }) =>
      s3.build({
        ...{ method: 'PUT', key: upload.key, body: 'a' },
        query: `tagging=&uploadId=${upload.id}&partNumber=1`,
      }).bytes,
  },
];

const REFUSED_HEADERS: readonly (readonly [name: string, value: string, expect: string])[] = [
  ['x-amz-acl', 'public-read', '400 AccessControlListNotSupported'],
  ['x-amz-grant-read', 'id="x"', '400 AccessControlListNotSupported'],
  ['x-amz-tagging', 'a=b&a=c', '400 InvalidArgument'],
  ['x-amz-tagging', 'a=%7B', '400 InvalidTag'],
  ['x-amz-object-lock-mode', 'GOVERNANCE', '400 InvalidArgument'],
  ['x-amz-object-lock-legal-hold', 'ON', '400 InvalidRequest'],
  ['x-amz-server-side-encryption', 'AES256', '501 NotImplemented'],
  ['x-amz-server-side-encryption-customer-algorithm', 'AES256', '400 InvalidArgument'],
  [
    'x-amz-server-side-encryption-customer-algorithm',
    'AES128',
    '400 InvalidEncryptionAlgorithmError',
  ],
  ['x-amz-server-side-encryption-customer-key', 'AAAA', '400 InvalidArgument'],
  ['x-amz-server-side-encryption-context', 'e30=', '501 NotImplemented'],
  ['x-amz-storage-class', 'GLACIER', '400 InvalidStorageClass'],
  ['x-amz-website-redirect-location', 'javascript:alert(1)', '400 InvalidRedirectLocation'],
];

const headers: readonly BadCase[] = [
  ...REFUSED_HEADERS.map(([name, value, expected]) => ({
    ...{ row: 68, title: `PUT with ${name}: ${value}`, expect: [expected] },
    bytes: ask({ method: 'PUT', key: 'x', body: 'a', headers: [[name, value]] }),
  })),
  {
    ...{ row: 66, title: 'two Host headers', expect: ['400'], unfinished: 'waits' as const },
    bytes: ({ s3 }) => {
      const { head } = s3.build({});
      return head.replace('\r\n', `\r\nHost: other.example\r\n`);
    },
  },
  {
    ...{ row: 66, title: 'no Host header', expect: ['400'], unfinished: 'waits' as const },
    bytes: ({ s3 }) => s3.build({ unsent: ['host'] }).head,
  },
  ...['a b', '[::1', '1.2.3.4:x', 'h:1:2', 'host/path', 'a,b'].map(host => ({
    ...{ row: 66, title: `Host: ${host}`, unfinished: 'waits' as const },
    expect: ['400', '403 SignatureDoesNotMatch', 'closed', '200'],
    bytes: ({ s3 }: BadWorld) => s3.build({ headers: [['host', host]] }).bytes,
  })),
  ...(
    [
      ['http://evil.example', 'GET'],
      ['null', 'PUT'],
    ] as const
  ).map(([origin, wanted]) => ({
    ...{ row: 71, title: `a preflight from ${origin}`, expect: ['403 AccessForbidden'] },
    ...{ method: 'OPTIONS' },
    bytes: ({ s3, known }: BadWorld) =>
      headText(`OPTIONS ${s3.path(known.key)}`, [
        ['host', s3.host],
        ['origin', origin],
        ['access-control-request-method', wanted],
      ] satisfies readonly HeaderPair[]),
  })),
  {
    ...{ row: 72, title: 'aws-chunked without a streaming payload', expect: ['400'] },
    bytes: ask({
      method: 'PUT',
      key: 'x',
      body: 'a',
      headers: [['content-encoding', 'aws-chunked']],
    }),
  },
];

export const badRoutes: readonly BadCase[] = [...methods, ...subresources, ...headers];
