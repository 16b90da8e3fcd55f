// Method: documents through a whole door in process: what is put is got again in the same form,
// what S3 refuses is refused with its code and changes nothing.
import { createHash } from 'node:crypto';
import test from 'ava';
import { OWNER, READER, s3World, STRANGER, type Answer, type S3World } from './s3-world.ts';

const XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

const ROOTS = {
  cors: 'CORSConfiguration',
  website: 'WebsiteConfiguration',
  lifecycle: 'LifecycleConfiguration',
  tagging: 'Tagging',
} as const;
type Setting = keyof typeof ROOTS;

function documentOf(setting: Setting, content: string): string {
  return `<${ROOTS[setting]} ${XMLNS}>${content}</${ROOTS[setting]}>`;
}

function put(world: S3World, setting: Setting, content: string, as = OWNER): Promise<Answer> {
  const body = documentOf(setting, content);
  return world.ask({ method: 'PUT', target: `/pictures?${setting}`, body, as });
}

function get(world: S3World, setting: Setting): Promise<Answer> {
  return world.ask({ target: `/pictures?${setting}` });
}

const origin = '<AllowedOrigin>*</AllowedOrigin>';
const method = '<AllowedMethod>GET</AllowedMethod>';
const rule = (content: string): string => `<CORSRule>${content}</CORSRule>`;
const lifecycleRule = (content: string): string => `<Rule>${content}</Rule>`;
const on = '<Status>Enabled</Status>';
const days = '<Expiration><Days>3</Days></Expiration>';
const abort =
  '<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>' +
  '</AbortIncompleteMultipartUpload>';
const index = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>';
const routed = (content: string): string =>
  `${index}<RoutingRules><RoutingRule>${content}</RoutingRule></RoutingRules>`;
const tag = (key: string, value: string): string =>
  `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;

const kept: readonly (readonly [setting: Setting, title: string, content: string])[] = [
  ['cors', 'the least', rule(method + origin)],
  [
    'cors',
    'everything, twice',
    rule(
      '<ID>one</ID><AllowedHeader>x-*</AllowedHeader><AllowedMethod>GET</AllowedMethod>' +
        '<AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example.org</AllowedOrigin>' +
        '<AllowedOrigin>http://localhost:8080</AllowedOrigin><ExposeHeader>ETag</ExposeHeader>' +
        '<MaxAgeSeconds>3000</MaxAgeSeconds>',
    ) + rule(method + origin),
  ],
  ['website', 'an index document', index],
  ['website', 'both documents', `${index}<ErrorDocument><Key>e/404.html</Key></ErrorDocument>`],
  [
    'website',
    'a redirect of everything',
    '<RedirectAllRequestsTo><HostName>example.org</HostName><Protocol>https</Protocol>' +
      '</RedirectAllRequestsTo>',
  ],
  [
    'website',
    'routing rules',
    routed(
      '<Condition><KeyPrefixEquals>docs/</KeyPrefixEquals>' +
        '<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>' +
        '<Redirect><Protocol>https</Protocol><HostName>example.org</HostName>' +
        '<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>' +
        '<HttpRedirectCode>302</HttpRedirectCode></Redirect>',
    ),
  ],
  [
    'website',
    'a rule without a condition',
    routed('<Redirect><ReplaceKeyWith>a&amp;b</ReplaceKeyWith></Redirect>'),
  ],
  ['lifecycle', 'the old prefix', lifecycleRule(`${days}<ID>a</ID><Prefix>logs/</Prefix>${on}`)],
  ['lifecycle', 'an empty filter', lifecycleRule(`${days}<ID>a</ID><Filter></Filter>${on}`)],
  [
    'lifecycle',
    'a filter by prefix',
    lifecycleRule(`${days}<ID>a</ID><Filter><Prefix>x</Prefix></Filter>${on}`),
  ],
  [
    'lifecycle',
    'a filter by several',
    lifecycleRule(
      `${days}<ID>a</ID><Filter><And><Prefix>x</Prefix>${tag('k', 'v')}${tag('l', '')}` +
        '<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>' +
        `<ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>${on}`,
    ),
  ],
  [
    'lifecycle',
    'a date and a disabled rule',
    lifecycleRule(
      '<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration><ID>a</ID>' +
        '<Filter></Filter><Status>Disabled</Status>',
    ),
  ],
  ['lifecycle', 'an abort', lifecycleRule(`<ID>a</ID><Filter></Filter>${on}${abort}`)],
  [
    'lifecycle',
    'what is for versions',
    lifecycleRule(
      '<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>' +
        `<ID>a</ID><Filter></Filter>${on}<NoncurrentVersionExpiration>` +
        '<NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions>' +
        '</NoncurrentVersionExpiration>',
    ),
  ],
  ['tagging', 'two tags', `<TagSet>${tag('team', 'web')}${tag('a b', '')}</TagSet>`],
];

for (const [setting, title, content] of kept) {
  test(`${setting} with ${title} is given back as it was put`, async t => {
    const world = s3World();
    const stored = await put(world, setting, content);
    t.is(stored.status, setting === 'tagging' ? 204 : 200, stored.text);
    t.is(stored.text, '');
    const answer = await get(world, setting);
    t.is(answer.status, 200);
    t.is(answer.text, DECLARATION + documentOf(setting, content));
    t.is(answer.header('content-type'), 'application/xml');
  });
}

const refused: readonly (readonly [
  setting: Setting,
  title: string,
  content: string,
  code: string,
])[] = [
  ['cors', 'no rule', '', 'MalformedXML'],
  ['cors', 'an unknown element', rule(`${method}${origin}<Foo/>`), 'MalformedXML'],
  ['cors', 'two IDs', rule(`${method}${origin}<ID>a</ID><ID>b</ID>`), 'MalformedXML'],
  [
    'cors',
    'an age that is no number',
    rule(`${method}${origin}<MaxAgeSeconds>-1</MaxAgeSeconds>`),
    'MalformedXML',
  ],
  [
    'cors',
    'the method OPTIONS',
    rule(`<AllowedMethod>OPTIONS</AllowedMethod>${origin}`),
    'InvalidRequest',
  ],
  ['cors', '101 rules', rule(method + origin).repeat(101), 'MalformedXML'],
  [
    'cors',
    'more than 64 KiB',
    rule(`${method}${origin}<ID>${' '.repeat(65_536)}</ID>`),
    'MalformedXML',
  ],
  ['website', 'nothing', '', 'InvalidArgument'],
  ['website', 'no suffix', '<IndexDocument/>', 'InvalidArgument'],
  ['website', 'an error document without a key', `${index}<ErrorDocument/>`, 'MalformedXML'],
  [
    'website',
    'two ways at once',
    `${index}<RedirectAllRequestsTo><HostName>a</HostName></RedirectAllRequestsTo>`,
    'InvalidArgument',
  ],
  ['website', 'a redirect to no host', '<RedirectAllRequestsTo/>', 'MalformedXML'],
  [
    'website',
    'another protocol',
    '<RedirectAllRequestsTo><HostName>a</HostName><Protocol>ftp</Protocol></RedirectAllRequestsTo>',
    'InvalidRequest',
  ],
  ['website', 'no rule in its rules', `${index}<RoutingRules/>`, 'MalformedXML'],
  [
    'website',
    'an empty condition',
    routed('<Condition/><Redirect><HostName>a</HostName></Redirect>'),
    'InvalidRequest',
  ],
  [
    'website',
    'a rule without a redirect',
    routed('<Condition><KeyPrefixEquals>a</KeyPrefixEquals></Condition>'),
    'MalformedXML',
  ],
  ['website', 'an empty redirect', routed('<Redirect/>'), 'MalformedXML'],
  [
    'website',
    '51 routing rules',
    `${index}<RoutingRules>${'<RoutingRule><Redirect><HostName>a</HostName></Redirect></RoutingRule>'.repeat(51)}</RoutingRules>`,
    'InvalidRequest',
  ],
  [
    'website',
    'an error code that is no number',
    routed(
      '<Condition><HttpErrorCodeReturnedEquals>4xx</HttpErrorCodeReturnedEquals></Condition><Redirect><HostName>a</HostName></Redirect>',
    ),
    'MalformedXML',
  ],
  ['lifecycle', 'no rule', '', 'MalformedXML'],
  ['lifecycle', 'neither filter nor prefix', lifecycleRule(days + on), 'MalformedXML'],
  [
    'lifecycle',
    'both filter and prefix',
    lifecycleRule(`${days}<Filter/><Prefix/>${on}`),
    'MalformedXML',
  ],
  ['lifecycle', 'no status', lifecycleRule(`${days}<Filter/>`), 'MalformedXML'],
  [
    'lifecycle',
    'another status',
    lifecycleRule(`${days}<Filter/><Status>enabled</Status>`),
    'MalformedXML',
  ],
  ['lifecycle', 'no action', lifecycleRule(`<Filter/>${on}`), 'InvalidRequest'],
  [
    'lifecycle',
    'an empty expiration',
    lifecycleRule(`<Expiration/><Filter/>${on}`),
    'MalformedXML',
  ],
  [
    'lifecycle',
    'days and a date',
    lifecycleRule(`<Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration><Filter/>${on}`),
    'MalformedXML',
  ],
  [
    'lifecycle',
    'days of 0',
    lifecycleRule(`<Expiration><Days>0</Days></Expiration><Filter/>${on}`),
    'InvalidArgument',
  ],
  [
    'lifecycle',
    'a date at noon',
    lifecycleRule(`<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration><Filter/>${on}`),
    'InvalidArgument',
  ],
  [
    'lifecycle',
    'a date that is none',
    lifecycleRule(`<Expiration><Date>2030-13-41</Date></Expiration><Filter/>${on}`),
    'MalformedXML',
  ],
  [
    'lifecycle',
    'two conditions without And',
    lifecycleRule(`${days}<Filter><Prefix>a</Prefix>${tag('k', 'v')}</Filter>${on}`),
    'MalformedXML',
  ],
  [
    'lifecycle',
    'an empty And',
    lifecycleRule(`${days}<Filter><And/></Filter>${on}`),
    'MalformedXML',
  ],
  [
    'lifecycle',
    'an abort by tags',
    lifecycleRule(`${abort}<Filter>${tag('k', 'v')}</Filter>${on}`),
    'InvalidRequest',
  ],
  [
    'lifecycle',
    'a transition',
    lifecycleRule(
      `<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition><Filter/>${on}`,
    ),
    'NotImplemented',
  ],
  [
    'lifecycle',
    'two rules of one ID',
    lifecycleRule(`<ID>a</ID>${days}<Filter/>${on}`).repeat(2),
    'InvalidArgument',
  ],
  ['lifecycle', '1001 rules', lifecycleRule(`${days}<Filter/>${on}`).repeat(1001), 'MalformedXML'],
  ['tagging', 'no set', '', 'MalformedXML'],
  ['tagging', 'a tag without a value', '<TagSet><Tag><Key>k</Key></Tag></TagSet>', 'MalformedXML'],
  ['tagging', 'two equal keys', `<TagSet>${tag('k', '1')}${tag('k', '2')}</TagSet>`, 'InvalidTag'],
  [
    'tagging',
    '51 tags',
    `<TagSet>${Array.from({ length: 51 }, (_, n) => tag(`k${String(n)}`, '')).join('')}</TagSet>`,
    'BadRequest',
  ],
];

for (const [setting, title, content, code] of refused) {
  test(`${setting} with ${title}: ${code}`, async t => {
    const world = s3World();
    const answer = await put(world, setting, content);
    t.is(answer.code, code, answer.text);
    t.is(answer.status, code === 'NotImplemented' ? 501 : 400);
    t.false(setting === 'tagging' ? 'tags' in bucketOf(world) : setting in bucketOf(world));
  });
}

function bucketOf(world: S3World): object {
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('the bucket is there');
  return row;
}

const absent: readonly (readonly [setting: Setting, code: string])[] = [
  ['cors', 'NoSuchCORSConfiguration'],
  ['website', 'NoSuchWebsiteConfiguration'],
  ['lifecycle', 'NoSuchLifecycleConfiguration'],
  ['tagging', 'NoSuchTagSet'],
];

for (const [setting, code] of absent) {
  test(`${setting} that was never put, or was deleted: ${code}`, async t => {
    const world = s3World();
    t.is((await get(world, setting)).code, code);
    const [, , content = ''] = kept.find(([name]) => name === setting) ?? [];
    await put(world, setting, content);
    const removed = await world.ask({ method: 'DELETE', target: `/pictures?${setting}` });
    t.is(removed.status, 204);
    const answer = await get(world, setting);
    t.is(answer.status, 404);
    t.is(answer.code, code);
    t.is(answer.one('BucketName'), 'pictures');
    const again = await world.ask({ method: 'DELETE', target: `/pictures?${setting}` });
    t.is(again.status, 204);
  });

  test(`${setting} needs a body, and is changed only by those who may`, async t => {
    const world = s3World();
    const empty = await world.ask({ method: 'PUT', target: `/pictures?${setting}`, body: '' });
    t.is(empty.code, 'MissingRequestBodyError');
    const [, , content = ''] = kept.find(([name]) => name === setting) ?? [];
    t.is((await put(world, setting, content, READER)).code, 'AccessDenied');
    t.is((await put(world, setting, content, STRANGER)).code, 'AccessDenied');
    world.directory.settingsOutcome = 'gone';
    t.is((await put(world, setting, content)).code, 'NoSuchBucket');
    world.directory.settingsOutcome = 'unavailable';
    t.is((await put(world, setting, content)).code, 'ServiceUnavailable');
  });
}

test('one setting leaves the others alone', async t => {
  const world = s3World();
  for (const [setting, , content] of kept) await put(world, setting, content);
  await world.ask({ method: 'DELETE', target: '/pictures?cors' });
  t.is((await get(world, 'cors')).status, 404);
  for (const setting of ['website', 'lifecycle', 'tagging'] as const) {
    t.is((await get(world, setting)).status, 200);
  }
});

test('rules without an ID get one each, the same for the same document', async t => {
  const world = s3World();
  const content = lifecycleRule(`${days}<Filter/>${on}`).repeat(2);
  await put(world, 'lifecycle', content);
  const ids = (await get(world, 'lifecycle')).all('ID');
  t.is(new Set(ids).size, 2);
  t.true(ids.every(id => id.length > 0));
  await put(world, 'lifecycle', content);
  t.deepEqual((await get(world, 'lifecycle')).all('ID'), ids);
});

test('a date may be given in any form of ISO 8601, and false beside days', async t => {
  const world = s3World();
  for (const date of [
    '2030-01-01',
    '2030-01-01T00:00:00Z',
    '2030-01-01T00:00:00',
    '2030-01-01T02:00:00+02:00',
  ]) {
    const content = lifecycleRule(`<Expiration><Date>${date}</Date></Expiration><Filter/>${on}`);
    t.is((await put(world, 'lifecycle', content)).status, 200);
    t.is((await get(world, 'lifecycle')).one('Date'), '2030-01-01T00:00:00.000Z');
  }
  const marker = '<ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker>';
  const both = `<Expiration><Days>1</Days>${marker}</Expiration>`;
  t.is((await put(world, 'lifecycle', lifecycleRule(`${both}<Filter/>${on}`))).status, 200);
  t.is((await get(world, 'lifecycle')).one('Days'), '1');
});

test('the smallest object that is moved is told, because some clients wait for it', async t => {
  const world = s3World();
  const name = 'x-amz-transition-default-minimum-object-size';
  const stored = await put(world, 'lifecycle', lifecycleRule(`${days}<Filter/>${on}`));
  t.is(stored.header(name), 'all_storage_classes_128K');
  t.is((await get(world, 'lifecycle')).header(name), 'all_storage_classes_128K');
  const odd = await world.ask({
    ...{ method: 'PUT', target: '/pictures?lifecycle', headers: [[name, 'none']] },
    body: documentOf('lifecycle', lifecycleRule(`${days}<Filter/>${on}`)),
  });
  t.is(odd.code, 'InvalidArgument');
});

test('a document that nothing vouches for is refused, and a wrong Content-MD5 too', async t => {
  const world = s3World();
  const body = documentOf('cors', rule(method + origin));
  const unsigned = { method: 'PUT', target: '/pictures?cors', body, payload: 'UNSIGNED-PAYLOAD' };
  t.is((await world.ask(unsigned)).code, 'InvalidRequest');
  const md5 = createHash('md5').update(body).digest('base64');
  const right = await world.ask({ ...unsigned, headers: [['content-md5', md5]] });
  t.is(right.status, 200, right.text);
  const other = createHash('md5').update('other').digest('base64');
  const wrong = await world.ask({ ...unsigned, headers: [['content-md5', other]] });
  t.is(wrong.code, 'BadDigest');
});

const probes: readonly (readonly [query: string, status: number, told: string])[] = [
  ['accelerate', 200, '<AccelerateConfiguration'],
  ['analytics', 200, '<IsTruncated>false</IsTruncated>'],
  ['analytics&id=a', 404, 'NoSuchConfiguration'],
  ['encryption', 404, 'ServerSideEncryptionConfigurationNotFoundError'],
  ['intelligent-tiering', 200, '<IsTruncated>false</IsTruncated>'],
  ['inventory', 200, '<IsTruncated>false</IsTruncated>'],
  ['logging', 200, '<BucketLoggingStatus'],
  ['metrics', 200, '<IsTruncated>false</IsTruncated>'],
  ['notification', 200, '<NotificationConfiguration'],
  ['object-lock', 404, 'ObjectLockConfigurationNotFoundError'],
  ['ownershipControls', 200, '<ObjectOwnership>BucketOwnerEnforced</ObjectOwnership>'],
  ['policyStatus', 404, 'NoSuchBucketPolicy'],
  ['publicAccessBlock', 404, 'NoSuchPublicAccessBlockConfiguration'],
  ['replication', 404, 'ReplicationConfigurationNotFoundError'],
  ['requestPayment', 200, '<Payer>BucketOwner</Payer>'],
];

for (const [query, status, told] of probes) {
  test(`a bucket as it was made answers GET ?${query} with ${told}`, async t => {
    const world = s3World();
    const answer = await world.ask({ target: `/pictures?${query}`, as: READER });
    t.is(answer.status, status, answer.text);
    t.true(answer.text.includes(told), answer.text);
    const denied = await world.ask({ target: `/pictures?${query}`, as: STRANGER });
    t.is(denied.code, 'AccessDenied');
  });
}

test('tags may be given when a bucket is made', async t => {
  const world = s3World();
  const tags = `<Tags>${tag('team', 'web')}</Tags>`;
  const body = `<CreateBucketConfiguration ${XMLNS}>${tags}</CreateBucketConfiguration>`;
  t.is((await world.ask({ method: 'PUT', target: '/new-one', body })).status, 200);
  const answer = await world.ask({ target: '/new-one?tagging' });
  t.deepEqual([answer.all('Key'), answer.all('Value')], [['team'], ['web']]);
});
