// Method: a table of settings that S3 refuses, each with the code it is refused with, beside one of
// each kind that is accepted.
import test from 'ava';
import {
  BUCKET_TAGS_MAX,
  faultOfTags,
} from '../../../../schemas/records/bucket-settings/bucket-tags.ts';
import type { CorsRule } from '../../../../schemas/records/bucket-settings/cors-rules.ts';
import {
  CORS_RULES_MAX,
  faultOfCors,
} from '../../../../schemas/records/bucket-settings/cors-rules.ts';
import type {
  LifecycleFilter,
  LifecycleRule,
} from '../../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import {
  faultOfLifecycle,
  LIFECYCLE_RULES_MAX,
} from '../../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { SettingFault } from '../../../../schemas/records/bucket-settings/setting-fault.ts';
import type {
  RoutingRule,
  WebsiteConfiguration,
} from '../../../../schemas/records/bucket-settings/website.ts';
import {
  faultOfWebsite,
  ROUTING_RULES_MAX,
} from '../../../../schemas/records/bucket-settings/website.ts';

type Verdict = SettingFault['code'] | 'accepted';

function cors(change: Partial<CorsRule> = {}): CorsRule {
  return {
    ...{ id: undefined, allowedOrigins: ['https://*.example.org'], allowedMethods: ['GET'] },
    ...{ allowedHeaders: ['x-amz-*'], exposeHeaders: ['ETag'], maxAgeSeconds: 10 },
    ...change,
  };
}

const corsCases: readonly (readonly [string, readonly CorsRule[], Verdict])[] = [
  ['one rule', [cors()], 'accepted'],
  ['as many rules as possible', Array<CorsRule>(CORS_RULES_MAX).fill(cors()), 'accepted'],
  ['no rule', [], 'MalformedXML'],
  ['one rule too many', Array<CorsRule>(CORS_RULES_MAX + 1).fill(cors()), 'MalformedXML'],
  ['no origin', [cors({ allowedOrigins: [] })], 'MalformedXML'],
  ['no method', [cors({ allowedMethods: [] })], 'MalformedXML'],
  ['any origin', [cors({ allowedOrigins: ['*'] })], 'accepted'],
  ['two wildcards in an origin', [cors({ allowedOrigins: ['http*://*.a'] })], 'InvalidRequest'],
  ['two wildcards in a header', [cors({ allowedHeaders: ['x-*-*'] })], 'InvalidRequest'],
  ['a header that is none', [cors({ allowedHeaders: ['a b'] })], 'InvalidRequest'],
  ['a wildcard in an exposed header', [cors({ exposeHeaders: ['x-*'] })], 'InvalidRequest'],
  ['a line break in an exposed header', [cors({ exposeHeaders: ['a\r\nb'] })], 'InvalidRequest'],
  ['the method PATCH', [cors({ allowedMethods: ['GET', 'PATCH'] })], 'InvalidRequest'],
  ['the method *', [cors({ allowedMethods: ['*'] })], 'InvalidRequest'],
  ['a method in small letters', [cors({ allowedMethods: ['get'] })], 'InvalidRequest'],
  ['the longest ID', [cors({ id: 'i'.repeat(255) })], 'accepted'],
  ['an ID that is too long', [cors({ id: 'i'.repeat(256) })], 'InvalidArgument'],
];

for (const [title, rules, verdict] of corsCases) {
  test(`CORS with ${title}: ${verdict}`, t => {
    t.is(faultOfCors(rules)?.code ?? 'accepted', verdict);
  });
}

const noRule: RoutingRule = {
  ...{ keyPrefix: undefined, errorCode: undefined, protocol: undefined, hostName: undefined },
  ...{ replaceKeyPrefixWith: undefined, replaceKeyWith: undefined, redirectCode: undefined },
};

function routed(change: Partial<RoutingRule>): WebsiteConfiguration {
  const routingRules = [{ ...noRule, ...change }];
  return { kind: 'pages', indexDocument: 'index.html', errorDocument: undefined, routingRules };
}

function pages(indexDocument: string, errorDocument?: string): WebsiteConfiguration {
  return { kind: 'pages', indexDocument, errorDocument, routingRules: [] };
}

function redirectAll(hostName: string): WebsiteConfiguration {
  return { kind: 'redirect-all', hostName, protocol: 'https' };
}

function manyRules(count: number): WebsiteConfiguration {
  const routingRules = Array<RoutingRule>(count).fill({ ...noRule, replaceKeyWith: 'x' });
  return { kind: 'pages', indexDocument: 'i', errorDocument: undefined, routingRules };
}

const websiteCases: readonly (readonly [string, WebsiteConfiguration, Verdict])[] = [
  ['an index document', pages('index.html'), 'accepted'],
  ['both documents', pages('index.html', 'errors/404.html'), 'accepted'],
  ['an empty index document', pages(''), 'InvalidArgument'],
  ['a slash in the index document', pages('a/index.html'), 'InvalidArgument'],
  ['an index document longer than a key', pages('i'.repeat(1025)), 'InvalidArgument'],
  ['an empty error document', pages('index.html', ''), 'MalformedXML'],
  ['a redirect of everything', redirectAll('example.org'), 'accepted'],
  ['a redirect of everything to a port', redirectAll('example.org:8080'), 'accepted'],
  ['a redirect of everything to nowhere', redirectAll(''), 'InvalidArgument'],
  ['a line break in a host name', redirectAll('a\r\nset-cookie: x'), 'InvalidArgument'],
  ['as many routing rules as possible', manyRules(ROUTING_RULES_MAX), 'accepted'],
  ['one routing rule too many', manyRules(ROUTING_RULES_MAX + 1), 'InvalidRequest'],
  [
    'both kinds of replacement',
    routed({ replaceKeyWith: 'a', replaceKeyPrefixWith: 'b' }),
    'InvalidRequest',
  ],
  ['a redirect that says nothing', routed({ keyPrefix: 'x' }), 'MalformedXML'],
  ['a protocol alone', routed({ protocol: 'https' }), 'accepted'],
  ['redirect code 301', routed({ hostName: 'a', redirectCode: 301 }), 'accepted'],
  ['redirect code 300', routed({ hostName: 'a', redirectCode: 300 }), 'InvalidRequest'],
  ['redirect code 400', routed({ hostName: 'a', redirectCode: 400 }), 'InvalidRequest'],
  [
    'redirect code 200 with a key',
    routed({ replaceKeyWith: 'app', redirectCode: 200 }),
    'accepted',
  ],
  [
    'redirect code 404 with a prefix',
    routed({ replaceKeyPrefixWith: 'x/', redirectCode: 404 }),
    'accepted',
  ],
  ['redirect code 200 without a key', routed({ redirectCode: 200 }), 'InvalidRequest'],
  [
    'redirect code 200 with a host',
    routed({ hostName: 'a', replaceKeyWith: 'b', redirectCode: 200 }),
    'InvalidRequest',
  ],
  ['error code 404', routed({ errorCode: 404, replaceKeyWith: 'x' }), 'accepted'],
  ['error code 503', routed({ errorCode: 503, replaceKeyWith: 'x' }), 'accepted'],
  ['error code 399', routed({ errorCode: 399, replaceKeyWith: 'x' }), 'InvalidRequest'],
  ['error code 600', routed({ errorCode: 600, replaceKeyWith: 'x' }), 'InvalidRequest'],
];

for (const [title, website, verdict] of websiteCases) {
  test(`a website with ${title}: ${verdict}`, t => {
    t.is(faultOfWebsite(website)?.code ?? 'accepted', verdict);
  });
}

function lifecycle(
  change: Partial<LifecycleRule>,
  filter: Partial<LifecycleFilter> = {},
): LifecycleRule {
  return {
    ...{ id: 'one', enabled: true, expiration: { kind: 'days', days: 1 } as const },
    ...{ abortUploadsDays: undefined, noncurrent: undefined },
    filter: {
      ...{ form: 'single', prefix: undefined, tags: [], sizeGreaterThan: undefined },
      ...{ sizeLessThan: undefined, ...filter },
    },
    ...change,
  };
}

const numbered = (count: number): LifecycleRule[] =>
  Array.from({ length: count }, (_, index) => lifecycle({ id: String(index) }));
const tags = [{ key: 'k', value: 'v' }];
const marker = { kind: 'delete-marker', enabled: true } as const;
const aborting = { expiration: undefined, abortUploadsDays: 1 };

const lifecycleCases: readonly (readonly [string, readonly LifecycleRule[], Verdict])[] = [
  ['one rule', [lifecycle({})], 'accepted'],
  ['no rule', [], 'MalformedXML'],
  ['as many rules as possible', numbered(LIFECYCLE_RULES_MAX), 'accepted'],
  ['one rule too many', numbered(LIFECYCLE_RULES_MAX + 1), 'MalformedXML'],
  ['two rules of one ID', [lifecycle({}), lifecycle({})], 'InvalidArgument'],
  ['the longest ID', [lifecycle({ id: 'i'.repeat(255) })], 'accepted'],
  ['an ID that is too long', [lifecycle({ id: 'i'.repeat(256) })], 'InvalidArgument'],
  ['no action', [lifecycle({ expiration: undefined })], 'InvalidRequest'],
  ['an abort alone', [lifecycle(aborting)], 'accepted'],
  ['days of 0', [lifecycle({ expiration: { kind: 'days', days: 0 } })], 'InvalidArgument'],
  ['days of 2^31', [lifecycle({ expiration: { kind: 'days', days: 2 ** 31 } })], 'InvalidArgument'],
  ['an abort after 0 days', [lifecycle({ abortUploadsDays: 0 })], 'InvalidArgument'],
  [
    'noncurrent days of 0',
    [lifecycle({ noncurrent: { days: 0, newerVersions: undefined } })],
    'InvalidArgument',
  ],
  [
    'newer versions with a prefix of the rule itself',
    [
      lifecycle({
        noncurrent: { days: 1, newerVersions: 1 },
        filter: { ...lifecycle({}).filter, form: 'legacy', prefix: '' },
      }),
    ],
    'InvalidRequest',
  ],
  [
    '101 newer versions',
    [lifecycle({ noncurrent: { days: 1, newerVersions: 101 } })],
    'InvalidArgument',
  ],
  [
    'a date at midnight',
    [lifecycle({ expiration: { kind: 'date', dateMs: 86_400_000 } })],
    'accepted',
  ],
  [
    'a date at noon',
    [lifecycle({ expiration: { kind: 'date', dateMs: 43_200_000 } })],
    'InvalidArgument',
  ],
  [
    'sizes that leave nothing',
    [lifecycle({}, { sizeGreaterThan: 5, sizeLessThan: 5 })],
    'InvalidRequest',
  ],
  ['a size below 0', [lifecycle({}, { sizeLessThan: 0 })], 'InvalidRequest'],
  ['an abort and tags', [lifecycle(aborting, { tags })], 'InvalidRequest'],
  ['an abort and a size', [lifecycle(aborting, { sizeLessThan: 5 })], 'InvalidRequest'],
  ['delete markers and tags', [lifecycle({ expiration: marker }, { tags })], 'InvalidRequest'],
  ['delete markers', [lifecycle({ expiration: marker })], 'accepted'],
  ['a tag of AWS', [lifecycle({}, { tags: [{ key: 'aws:x', value: '' }] })], 'InvalidTag'],
  ['a prefix longer than a key', [lifecycle({}, { prefix: 'p'.repeat(1025) })], 'InvalidRequest'],
];

for (const [title, rules, verdict] of lifecycleCases) {
  test(`a lifecycle with ${title}: ${verdict}`, t => {
    t.is(faultOfLifecycle(rules)?.code ?? 'accepted', verdict);
  });
}

const manyTags = (count: number): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ key: `k${String(index)}`, value: 'v' }));

const tagCases: readonly (readonly [string, readonly { key: string; value: string }[], Verdict])[] =
  [
    ['nothing', [], 'accepted'],
    ['as many as possible', manyTags(BUCKET_TAGS_MAX), 'accepted'],
    ['one too many', manyTags(BUCKET_TAGS_MAX + 1), 'BadRequest'],
    ['letters, digits, blanks and signs', [{ key: 'Äx 1_.:/=+-@', value: '' }], 'accepted'],
    ['an empty key', [{ key: '', value: 'v' }], 'InvalidTag'],
    ['the longest key and value', [{ key: 'k'.repeat(128), value: 'v'.repeat(256) }], 'accepted'],
    ['a key that is too long', [{ key: 'k'.repeat(129), value: '' }], 'InvalidTag'],
    ['a value that is too long', [{ key: 'k', value: 'v'.repeat(257) }], 'InvalidTag'],
    ['a sign that is not allowed', [{ key: 'k!', value: '' }], 'InvalidTag'],
    ['a line break in a value', [{ key: 'k', value: 'a\nb' }], 'InvalidTag'],
    ['a key of AWS', [{ key: 'AWS:x', value: '' }], 'InvalidTag'],
    [
      'two equal keys',
      [
        { key: 'k', value: '1' },
        { key: 'k', value: '2' },
      ],
      'InvalidTag',
    ],
  ];

for (const [title, given, verdict] of tagCases) {
  test(`tags: ${title}: ${verdict}`, t => {
    t.is(faultOfTags(given, BUCKET_TAGS_MAX)?.code ?? 'accepted', verdict);
  });
}
