/**
 * Websites: API_PutBucketWebsite and its kin, "Hosting a static website using Amazon S3".
 *
 * Owns:          their cases.
 * Knows:         the API reference, the user guide.
 * Must not know: how a page is found.
 */
import { each, table, type Cases, type Step } from '../s3-case.ts';

function website(inside: string): string {
  return `<WebsiteConfiguration>${inside}</WebsiteConfiguration>`;
}

const INDEX = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>';
const ERROR = '<ErrorDocument><Key>error.html</Key></ErrorDocument>';

function rules(...list: readonly string[]): string {
  const inside = list.map(rule => `<RoutingRule>${rule}</RoutingRule>`);
  return `<RoutingRules>${inside.join('')}</RoutingRules>`;
}

const TO_NEW =
  '<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>' +
  '<Redirect><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect>';
const IF_MISSING =
  '<Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>' +
  '<Redirect><HostName>www.example.org</HostName><Protocol>https</Protocol>' +
  '<HttpRedirectCode>302</HttpRedirectCode></Redirect>';
const ALL_TO =
  '<RedirectAllRequestsTo><HostName>www.example.org</HostName><Protocol>https</Protocol>' +
  '</RedirectAllRequestsTo>';

const BAD: readonly (readonly [title: string, body: string, answer: string])[] = [
  ['no document', '', '400 MissingRequestBodyError'],
  ['nonsense', 'nonsense', '400 MalformedXML'],
  ['neither index nor redirect', website(''), '400 InvalidArgument'],
  [
    'an index with a slash',
    website('<IndexDocument><Suffix>a/b</Suffix></IndexDocument>'),
    '400 InvalidArgument',
  ],
  [
    'an empty index',
    website('<IndexDocument><Suffix></Suffix></IndexDocument>'),
    '400 InvalidArgument',
  ],
  [
    'an empty error document',
    website(`${INDEX}<ErrorDocument><Key></Key></ErrorDocument>`),
    '400 MalformedXML',
  ],
  ['a redirect of all, and an index', website(`${ALL_TO}${INDEX}`), '400 InvalidArgument'],
  ['a protocol that is none', website(ALL_TO.replace('https', 'ftp')), '400 InvalidRequest'],
  [
    'a rule without a redirect',
    website(`${INDEX}${rules('<Condition><KeyPrefixEquals>a</KeyPrefixEquals></Condition>')}`),
    '400 MalformedXML',
  ],
  [
    'both ways to replace a key',
    website(
      `${INDEX}${rules('<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith></Redirect>')}`,
    ),
    '400 InvalidRequest',
  ],
  ['an unknown element', website(`${INDEX}<Colour>blue</Colour>`), '400 MalformedXML'],
];

const document: Cases = {
  'a website is kept': {
    ask: 'PUT /{bucket}?website',
    ...{ body: website(`${INDEX}${ERROR}${rules(TO_NEW, IF_MISSING)}`), answer: '200', text: '' },
    then: [
      {
        ...{ ask: 'GET /{bucket}?website', answer: '200' },
        xml: {
          ...{ root: 'WebsiteConfiguration', 'IndexDocument.Suffix': 'index.html' },
          'ErrorDocument.Key': 'error.html',
          'RoutingRules.RoutingRule.Condition.KeyPrefixEquals': ['old/'],
          'RoutingRules.RoutingRule.Redirect.ReplaceKeyPrefixWith': ['new/'],
          'RoutingRules.RoutingRule.Redirect.HttpRedirectCode': ['302'],
        },
      },
    ],
  },
  'a redirect of everything is kept': {
    ...{ ask: 'PUT /{bucket}?website', body: website(ALL_TO), answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{bucket}?website', answer: '200' },
        xml: {
          'RedirectAllRequestsTo.HostName': 'www.example.org',
          'RedirectAllRequestsTo.Protocol': 'https',
        },
      },
    ],
  },
  'a bucket without a website': {
    ...{ ask: 'GET /{bucket}?website', answer: '404 NoSuchWebsiteConfiguration' },
  },
  'a website is taken away': {
    given: [`PUT /{bucket}?website < ${website(INDEX)}`],
    ...{ ask: 'DELETE /{bucket}?website', answer: '204' },
    then: ['GET /{bucket}?website = 404 NoSuchWebsiteConfiguration'],
  },
  ...each(BAD, ([title, body, answer]) => [title, { ask: 'PUT /{bucket}?website', body, answer }]),
  'a key of another tenant may not': {
    ...{ ask: 'PUT /{bucket}?website', body: website(INDEX), as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'the SDK puts a website': {
    call: 'PutBucketWebsite',
    input: {
      Bucket: '{bucket}',
      WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' } },
    },
    answer: '200',
  },
};

/** A bucket with two pages and an error page. */
function site(inside: string): readonly Step[] {
  return [
    `PUT /{bucket}?website < ${website(inside)}`,
    {
      ask: 'PUT /{bucket}/index.html',
      body: 'home',
      headers: { 'content-type': 'text/html' },
      answer: '200',
    },
    'PUT /{bucket}/docs/index.html < docs',
    'PUT /{bucket}/page < a page',
    'PUT /{bucket}/error.html < sorry',
  ];
}

type Told = Readonly<Record<string, string | RegExp | null>>;
/** The configuration, the request and its headers; what the visitor gets. */
type Visit = readonly [
  title: string,
  inside: string,
  ask: string,
  answer: string,
  more?: {
    readonly text?: string | RegExp;
    readonly has?: Told;
    readonly headers?: Record<string, string>;
  },
];

const PLAIN = `${INDEX}${ERROR}`;
const ROUTED = `${INDEX}${rules(TO_NEW, IF_MISSING)}`;

const VISITS: readonly Visit[] = [
  [
    'the root is the index',
    PLAIN,
    'GET /{bucket}/',
    '200',
    { text: 'home', has: { 'content-type': 'text/html' } },
  ],
  ['a page', PLAIN, 'GET /{bucket}/page', '200', { text: 'a page' }],
  ['a folder is its index', PLAIN, 'GET /{bucket}/docs/', '200', { text: 'docs' }],
  [
    'a folder without its slash',
    PLAIN,
    'GET /{bucket}/docs',
    '302',
    { has: { location: /\/docs\/$/ } },
  ],
  ['the query is ignored', PLAIN, 'GET /{bucket}/page?acl&x=1', '200', { text: 'a page' }],
  ['HEAD', PLAIN, 'HEAD /{bucket}/page', '200', { text: '', has: { 'content-length': '6' } }],
  ['a missing page', PLAIN, 'GET /{bucket}/missing', '404', { text: 'sorry' }],
  [
    'a missing page without an error document',
    INDEX,
    'GET /{bucket}/missing',
    '404',
    { text: /NoSuchKey/ },
  ],
  ['a missing page to HEAD', PLAIN, 'HEAD /{bucket}/missing', '404', { text: '' }],
  ['a missing folder', PLAIN, 'GET /{bucket}/missing/', '404', { text: 'sorry' }],
  [
    'a range',
    PLAIN,
    'GET /{bucket}/page',
    '206',
    { headers: { range: 'bytes=2-5' }, text: 'page' },
  ],
  [
    'what is not modified',
    PLAIN,
    'GET /{bucket}/page',
    '304',
    { headers: { 'if-modified-since': '{future}' }, text: '' },
  ],
  ['POST', PLAIN, 'POST /{bucket}/page', '405', {}],
  ['PUT', PLAIN, 'PUT /{bucket}/page', '405', {}],
  ['DELETE', PLAIN, 'DELETE /{bucket}/page', '405', {}],
  [
    'a prefix that moved',
    ROUTED,
    'GET /{bucket}/old/page',
    '301',
    { has: { location: /\/new\/page$/ } },
  ],
  [
    'what is missing is elsewhere',
    ROUTED,
    'GET /{bucket}/missing',
    '302',
    { has: { location: 'https://www.example.org/missing' } },
  ],
  ['what is there is not elsewhere', ROUTED, 'GET /{bucket}/page', '200', { text: 'a page' }],
  [
    'everything is elsewhere',
    ALL_TO,
    'GET /{bucket}/a/b?c=d',
    '301',
    { has: { location: /^https:\/\/www\.example\.org\/a\/b/ } },
  ],
];

const visits: Cases = {
  ...each(VISITS, ([title, inside, ask, answer, more]) => [
    title,
    { given: site(inside), ask, door: 'website' as const, answer, ...more },
  ]),
  'a bucket that is no website': {
    ...{ ask: 'GET /{bucket}/', door: 'website', answer: '404' },
    given: ['PUT /{bucket}/index.html < x'],
  },
  'a host that is no bucket': { ask: 'GET /{free}/', door: 'website', answer: '404' },
  'an object that leads elsewhere': {
    given: [
      ...site(PLAIN),
      {
        ask: 'PUT /{bucket}/moved',
        headers: { 'x-amz-website-redirect-location': '/page' },
        answer: '200',
      },
    ],
    ...{ ask: 'GET /{bucket}/moved', door: 'website', answer: '301', has: { location: '/page' } },
  },
  'a page of another origin': {
    given: [
      ...site(PLAIN),
      'PUT /{bucket}?cors < <CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>' +
        '<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>',
    ],
    ...{ ask: 'GET /{bucket}/page', door: 'website', headers: { origin: 'https://x.example' } },
    ...{ answer: '200', has: { 'access-control-allow-origin': '*' } },
  },
};

export const bucketWebsite = table(
  'GetBucketWebsite, PutBucketWebsite, DeleteBucketWebsite',
  'index and error documents, routing rules, redirect of everything',
  document,
);
export const websiteVisits = table(
  'websites',
  'index at every level, error documents, routing rules, redirects of objects, ranges, conditions, CORS',
  visits,
);
