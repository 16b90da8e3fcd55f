// Method: visits through a whole door in process; the bucket is filled through the S3 door.
import { hash } from 'node:crypto';
import test from 'ava';
import type { WebsiteConfiguration } from '../../../schemas/records/bucket-settings/website.ts';
import { fakeRequest } from '../../support/fake-exchange.ts';
import { pages, routed, SITE, webWorld, type WebWorld } from './web-world.ts';

async function filled(website?: WebsiteConfiguration): Promise<WebWorld> {
  const world = webWorld(website);
  await world.put('index.html', '<p>root</p>', [['content-type', 'text/html']]);
  await world.put('docs/index.html', 'docs');
  await world.put('docs/deep/index.html', 'deep');
  await world.put('docs/page', 'page');
  await world.put('a%20b%2Fc', 'blank');
  await world.put('404.html', 'lost', [['content-type', 'text/html']]);
  await world.put('app.html', 'application');
  return world;
}

const withError = { ...pages, errorDocument: '404.html' };

const served: readonly (readonly [target: string, text: string])[] = [
  ['/', '<p>root</p>'],
  ['/index.html', '<p>root</p>'],
  ['/docs/', 'docs'],
  ['/docs/deep/', 'deep'],
  ['/docs/page', 'page'],
  ['/docs/page?list-type=2&uploads', 'page'],
  ['/?list-type=2', '<p>root</p>'],
  ['/a%20b%2fc', 'blank'],
  ['/a%20b/c', 'blank'],
];

for (const [target, text] of served) {
  test(`${target} is served`, async t => {
    const { visit } = await filled();
    const answer = await visit(target);
    t.is(answer.status, 200);
    t.is(answer.text, text);
    t.is(answer.header('etag'), `"${hash('md5', text)}"`);
    const head = await visit(target, { method: 'HEAD' });
    t.is(head.status, 200);
    t.is(head.text, '');
    t.deepEqual(head.reply.headers, answer.reply.headers);
    t.deepEqual(head.reply.body, { kind: 'head', sizeBytes: Buffer.byteLength(text) });
  });
}

const redirected: readonly (readonly [target: string, location: string])[] = [
  ['/docs', '/docs/'],
  ['/docs/deep', '/docs/deep/'],
  ['/docs?a=b', '/docs/?a=b'],
];

for (const [target, location] of redirected) {
  test(`${target} is a folder: the browser is sent to ${location}`, async t => {
    const { visit } = await filled();
    for (const method of ['GET', 'HEAD']) {
      const answer = await visit(target, { method });
      t.is(answer.status, 302);
      t.is(answer.header('location'), location);
    }
  });
}

test('a folder whose name begins with a slash is no way to another host', async t => {
  const { put, visit } = webWorld();
  await put('%2Fevil.example/index.html', 'x');
  const answer = await visit('//evil.example');
  t.is(answer.header('location'), '/%2Fevil.example/');
  t.is((await visit('/%2Fevil.example/')).text, 'x');
});

for (const target of ['/nothing', '/nothing/', '/docs/deep/nothing', '/docs//', '/DOCS/']) {
  test(`${target} is missing`, async t => {
    const { visit } = await filled();
    const answer = await visit(target);
    t.is(answer.status, 404);
    t.is(answer.header('x-amz-error-code'), 'NoSuchKey');
    t.regex(answer.text, /<h1>404 Not Found<\/h1>/);
    t.is(answer.header('content-type'), 'text/html; charset=utf-8');
    t.is(answer.header('x-content-type-options'), 'nosniff');
    const head = await visit(target, { method: 'HEAD' });
    t.is(head.status, 404);
    t.deepEqual(head.reply.body, { kind: 'head', sizeBytes: answer.bytes.length });
  });
}

test('an error document is served under the status of the error, whole and unconditionally', async t => {
  const { visit } = await filled(withError);
  const answer = await visit('/nothing', {
    headers: [
      ['range', 'bytes=0-1'],
      ['if-none-match', '*'],
    ],
  });
  t.is(answer.status, 404);
  t.is(answer.text, 'lost');
  t.is(answer.header('content-type'), 'text/html');
  t.is(answer.header('x-amz-error-code'), 'NoSuchKey');
  t.is(answer.header('x-garage-error'), 'The specified key does not exist.');
  const head = await visit('/nothing', { method: 'HEAD' });
  t.is(head.status, 404);
  t.deepEqual(head.reply.body, { kind: 'head', sizeBytes: 4 });
  t.is((await visit('/%ff')).status, 400);
  t.is((await visit('/%ff')).text, 'lost');
});

test('an error document that is missing itself leaves the plain page', async t => {
  const { visit } = webWorld({ ...pages, errorDocument: 'gone.html' });
  const answer = await visit('/nothing');
  t.is(answer.status, 404);
  t.regex(answer.text, /NoSuchKey/);
});

test('what a page repeats of a request is escaped', async t => {
  const { visit } = await filled();
  for (const path of [
    '<script>alert(1)</script>',
    '%3Cscript%3Ealert(1)%3C/script%3E',
    "'%22%26",
  ]) {
    const { text, header } = await visit(`/${path}`);
    t.false(text.includes('<script'));
    t.false(text.includes('\'"&'));
    t.is(header('content-security-policy'), "default-src 'none'");
  }
});

test('conditions and ranges hold as for any object', async t => {
  const { visit } = await filled();
  const { header } = await visit('/docs/page');
  const etag = header('etag') ?? '';
  const ask = (name: string, value: string) => visit('/docs/page', { headers: [[name, value]] });
  t.is((await ask('if-none-match', etag)).status, 304);
  t.is((await ask('if-modified-since', header('last-modified') ?? '')).status, 304);
  t.is((await ask('if-match', '"other"')).status, 412);
  const part = await ask('range', 'bytes=1-2');
  t.is(part.status, 206);
  t.is(part.text, 'ag');
  t.is(part.header('content-range'), 'bytes 1-2/4');
  const beyond = await ask('range', 'bytes=9-');
  t.is(beyond.status, 416);
  t.is(beyond.header('content-range'), 'bytes */4');
  t.is((await ask('range', 'bytes=0-0,2-3')).status, 200);
});

test('stored headers are told, caching ones among them', async t => {
  const { put, visit } = webWorld();
  await put('style.css', 'a', [
    ['content-type', 'text/css'],
    ['cache-control', 'max-age=60'],
    ['content-encoding', 'identity'],
    ['expires', 'Thu, 01 Dec 2033 16:00:00 GMT'],
    ['x-amz-meta-a', 'b'],
  ]);
  const { header } = await visit('/style.css');
  t.is(header('content-type'), 'text/css');
  t.is(header('cache-control'), 'max-age=60');
  t.is(header('content-encoding'), 'identity');
  t.is(header('expires'), 'Thu, 01 Dec 2033 16:00:00 GMT');
  t.is(header('x-amz-meta-a'), 'b');
});

for (const location of ['/new', 'https://example.org/a?b=c#d', 'http://example.org']) {
  test(`an object may send its visitors to ${location}`, async t => {
    const { put, visit, s3 } = webWorld();
    const name = 'x-amz-website-redirect-location';
    await put('old', '', [[name, location]]);
    for (const method of ['GET', 'HEAD']) {
      const answer = await visit('/old', { method });
      t.is(answer.status, 301);
      t.is(answer.header('location'), location);
      t.is(answer.text, '');
    }
    // The S3 door tells it and goes nowhere.
    const object = await s3.ask({ target: '/site/old' });
    t.is(object.status, 200);
    t.is(object.header(name), location);
  });
}

test('a website is read only', async t => {
  const { visit, s3 } = await filled();
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'FROB']) {
    const answer = await visit('/docs/page', { method });
    t.is(answer.status, 405);
    t.is(answer.header('allow'), 'GET, HEAD, OPTIONS');
  }
  t.is((await s3.ask({ target: '/site/docs/page' })).text, 'page');
});

test('a bucket that is no website looks like none at all', async t => {
  const world = webWorld('none', { tags: [{ key: 'k', value: 'v' }] });
  await world.put('index.html', 'x');
  const plain = await world.visit('/');
  const nobody = await world.visit('/', { host: 'unknown.web.test' });
  t.is(plain.status, 404);
  t.is(plain.header('x-amz-error-code'), 'NoSuchWebsiteConfiguration');
  t.is(plain.text, nobody.text, 'nobody learns which buckets exist');
});

test('no path leads to another bucket', async t => {
  const world = await filled();
  const { visit, s3 } = world;
  await s3.ask({ method: 'PUT', target: '/pictures/secret', body: 'secret' });
  for (const target of ['/pictures/secret', '/../pictures/secret', '/%2e%2e/pictures/secret']) {
    t.is((await visit(target)).status, 404);
  }
  t.is((await visit('/secret', { host: 'pictures.web.test' })).status, 404);
  t.is((await visit('/secret', { host: 'pictures' })).status, 404);
});

test('all requests may be sent to another host', async t => {
  const target = { kind: 'redirect-all', hostName: 'example.org', protocol: undefined } as const;
  const { visit } = webWorld(target);
  const answer = await visit('/a%20b/c?d=e');
  t.is(answer.status, 301);
  t.is(answer.header('location'), '//example.org/a%20b/c?d=e');
  const secure = webWorld({ ...target, protocol: 'https' });
  t.is((await secure.visit('/')).header('location'), 'https://example.org/');
  t.is((await secure.visit('//x')).header('location'), 'https://example.org//x');
});

test('rules by prefix hold before anything is looked up', async t => {
  const { visit, s3 } = await filled(
    routed(
      { keyPrefix: 'docs/', replaceKeyPrefixWith: 'documents/' },
      { keyPrefix: 'docs/deep', hostName: 'never.example' },
      { keyPrefix: 'ext/', hostName: 'example.org', protocol: 'https', redirectCode: 307 },
    ),
  );
  s3.objects.tables.requests.length = 0;
  const answer = await visit('/docs/page?a=b');
  t.is(answer.status, 301);
  t.is(answer.header('location'), '/documents/page?a=b');
  const other = await visit('/ext/x');
  t.is(other.status, 307);
  t.is(other.header('location'), 'https://example.org/ext/x');
  t.is(s3.objects.tables.requests.length, 0);
  t.is((await visit('/')).status, 200);
});

test('rules for an error hold when it happens, after folders', async t => {
  const { visit } = await filled(
    routed(
      { errorCode: 404, keyPrefix: 'docs/', replaceKeyWith: 'docs/', redirectCode: 302 },
      { errorCode: 412, replaceKeyWith: 'stale' },
    ),
  );
  t.is((await visit('/docs/page')).text, 'page');
  t.is((await visit('/docs/deep')).header('location'), '/docs/deep/');
  const lost = await visit('/docs/lost');
  t.is(lost.status, 302);
  t.is(lost.header('location'), '/docs/');
  t.is((await visit('/lost')).status, 404);
  const stale = await visit('/docs/page', { headers: [['if-match', '"x"']] });
  t.is(stale.status, 301);
  t.is(stale.header('location'), '/stale');
});

test('a rule may serve another key instead of redirecting', async t => {
  const { visit } = await filled(
    routed(
      { errorCode: 404, keyPrefix: 'app/', replaceKeyWith: 'app.html', redirectCode: 200 },
      { errorCode: 404, keyPrefix: 'docs/', replaceKeyWith: '404.html', redirectCode: 404 },
      { keyPrefix: 'old/', replaceKeyPrefixWith: 'docs/', redirectCode: 200 },
      { errorCode: 404, replaceKeyWith: 'gone', redirectCode: 404 },
    ),
  );
  const app = await visit('/app/any/route');
  t.is(app.status, 200);
  t.is(app.text, 'application');
  const part = await visit('/app/x', { headers: [['range', 'bytes=0-1']] });
  t.is(part.status, 206);
  const lost = await visit('/docs/lost', { headers: [['range', 'bytes=0-1']] });
  t.is(lost.status, 404);
  t.is(lost.text, 'lost');
  t.is((await visit('/old/page')).text, 'page');
  t.is((await visit('/old/')).text, 'docs');
  t.is((await visit('/old/lost')).status, 404);
  const gone = await visit('/lost');
  t.is(gone.status, 404);
  t.regex(gone.text, /NoSuchKey/);
});

test('a rule without a condition sends everybody away', async t => {
  const { visit } = await filled(routed({ hostName: 'example.org' }));
  t.is((await visit('/docs/page')).header('location'), '//example.org/docs/page');
  t.is((await visit('/')).header('location'), '//example.org/');
});

const rule = {
  ...{ id: undefined, allowedOrigins: ['https://page.example'], allowedMethods: ['GET'] },
  ...{ allowedHeaders: ['range'], exposeHeaders: ['ETag'], maxAgeSeconds: 5 },
};

test('pages of other origins are told what the rules of the bucket allow', async t => {
  const { put, visit } = webWorld(pages, { cors: [rule] });
  await put('a', 'x');
  const origin = ['origin', 'https://page.example'] as const;
  for (const [target, status] of [
    ['/a', 200],
    ['/lost', 404],
  ] as const) {
    const answer = await visit(target, { headers: [origin] });
    t.is(answer.status, status);
    t.is(answer.header('access-control-allow-origin'), 'https://page.example');
    t.regex(answer.header('vary') ?? '', /Origin/);
  }
  const evil = await visit('/a', { headers: [['origin', 'https://evil']] });
  t.is(evil.header('access-control-allow-origin'), undefined);

  const preflight = (method: string, from: string) =>
    visit('/a', {
      method: 'OPTIONS',
      headers: [
        ['origin', from],
        ['access-control-request-method', method],
      ],
    });
  const allowed = await preflight('GET', 'https://page.example');
  t.is(allowed.status, 200);
  t.is(allowed.header('access-control-max-age'), '5');
  t.is((await preflight('GET', 'https://evil')).status, 403);
  t.is((await preflight('PUT', 'https://page.example')).status, 403);
  t.is((await visit('/a', { method: 'OPTIONS' })).status, 400);
});

test('an object that cannot be read is told as such, and logged', async t => {
  const world = await filled(withError);
  world.s3.objects.tables.interfere = () => ({ kind: 'damaged' });
  const answer = await world.visit('/docs/page');
  t.is(answer.status, 500);
  t.regex(answer.text, /InternalError/);
  t.true(world.s3.objects.log.lines.length > 0);
  world.s3.objects.tables.interfere = () => ({ kind: 'overloaded' });
  t.is((await world.visit('/docs/page')).status, 503);
});

test('visits are counted by method, and by the hosts of websites where that is wanted', async t => {
  const plain = await filled();
  const asked = (method: string, host: string) => ({
    method,
    target: '/',
    headers: [['host', host] as const],
  });
  const nameOf = (world: WebWorld, method: string, host: string): string =>
    world.door.endpointOf(fakeRequest(asked(method, host)));
  await plain.visit('/');
  t.is(nameOf(plain, 'GET', SITE), 'GET');
  t.is(nameOf(plain, 'FROB', SITE), '-');
  const counted = webWorld(pages, {}, { countsHosts: true });
  t.is(nameOf(counted, 'GET', SITE), 'GET', 'not before it was found to be a website');
  await counted.visit('/');
  await counted.visit('/', { host: 'unknown.web.test' });
  t.is(nameOf(counted, 'GET', `${SITE}:3902`), `GET ${SITE}`);
  t.is(nameOf(counted, 'GET', 'unknown.web.test'), 'GET');
});

test('a website serves everything but what the policy of its bucket denies', async t => {
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      ...{ Effect: 'Deny', Principal: '*', Action: 's3:GetObject' },
      Resource: 'arn:aws:s3:::site/drafts/*',
    },
  });
  const world = webWorld({ ...pages, errorDocument: 'error.html' }, { policy });
  await world.put('index.html', 'home');
  await world.put('drafts/index.html', 'a draft');
  await world.put('error.html', 'sorry');
  t.is((await world.visit('/')).text, 'home');
  const refused = await world.visit('/drafts/');
  t.is(refused.status, 403);
  t.is(refused.text, 'sorry');
});

test('what is encrypted with a key of its owner is not shown to visitors', async t => {
  const { put, visit } = await filled(withError);
  const key = Buffer.alloc(32, 7);
  const keyed = [
    ['x-amz-server-side-encryption-customer-algorithm', 'AES256'],
    ['x-amz-server-side-encryption-customer-key', key.toString('base64')],
    ['x-amz-server-side-encryption-customer-key-md5', hash('md5', key, 'base64')],
  ] as const;
  await put('secret', 'a secret', keyed);
  for (const headers of [[], keyed]) {
    const answer = await visit('/secret', { headers });
    t.is(answer.status, 400);
    t.is(answer.text, 'lost');
  }
  await put('404.html', 'a secret', keyed);
  const lost = await visit('/missing');
  t.is(lost.status, 404);
  t.regex(lost.text, /NoSuchKey/);
});
