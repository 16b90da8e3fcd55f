// Method: websites of a real server, asked by host name over bare HTTP; names are given with the
// garage command and certificates asked for at the admin door.
import { PutBucketWebsiteCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import test from 'ava';
import type { GarageProcess } from '../support/garage-process.ts';
import { visitPage, type Page, type Visit } from '../support/page-visit.ts';
import { sharedGarage, ownGarage, scratchDirectory } from '../support/shared-garage.ts';
import { sdkClient } from '../support/sdk-client.ts';

const shared = sharedGarage();

/** The page's text is what most tests look at. */
async function visit(
  server: GarageProcess,
  host: string,
  path: string,
  options: Visit = {},
): Promise<Page & { readonly text: string }> {
  const page = await visitPage(server, host, path, options);
  return { ...page, text: page.body.toString() };
}

let sites = 0;

/** A bucket of the test's own with some pages. */
async function makeSite(
  server: GarageProcess,
): Promise<{ readonly name: string; readonly client: S3Client; readonly host: string }> {
  sites += 1;
  const name = `site-${String(sites)}`;
  const client = sdkClient(server);
  await server.command('bucket', 'create', name);
  const { accessKeyId } = server.credentials;
  await server.command(
    'bucket',
    'allow',
    '--read',
    '--write',
    '--owner',
    name,
    '--key',
    accessKeyId,
  );
  const put = (Key: string, Body: string, ContentType = 'text/html') =>
    client.send(new PutObjectCommand({ Bucket: name, Key, Body, ContentType }));
  await put('index.html', '<h1>root</h1>');
  await put('docs/index.html', '<h1>docs</h1>');
  await put('404.html', '<h1>lost</h1>');
  await put('large.bin', 'x'.repeat(3 * 1024 * 1024), 'application/octet-stream');
  return { name, client, host: `${name}.web.localhost` };
}

test('a bucket becomes a website, at its own host and at a domain', async t => {
  const server = await shared();
  const { name, host } = await makeSite(server);
  t.is((await visit(server, host, '/')).status, 404);
  const made = await server.command('bucket', 'website', '--allow', name, '-e', '404.html');
  t.regex(
    made.stdout,
    /Website access: +true\n +index document: +index\.html\n +error document: +404\.html/,
  );
  const root = await visit(server, host, '/');
  t.is(root.status, 200);
  t.is(root.text, '<h1>root</h1>');
  t.is(root.headers['content-type'], 'text/html');
  const folder = await visit(server, host, '/docs');
  t.is(folder.status, 302);
  t.is(folder.headers['location'], '/docs/');
  t.is((await visit(server, host, '/docs/')).text, '<h1>docs</h1>');
  const lost = await visit(server, host, '/nothing');
  t.is(lost.status, 404);
  t.is(lost.text, '<h1>lost</h1>');
  const range = await visit(server, host, '/large.bin', {
    headers: { range: 'bytes=1048570-1048580' },
  });
  t.is(range.status, 206);
  t.is(range.text, 'x'.repeat(11));
  const head = await visit(server, host, '/large.bin', { method: 'HEAD' });
  t.is(head.headers['content-length'], String(3 * 1024 * 1024));
  t.is(head.text, '');
  const etag = String(root.headers['etag']);
  t.is((await visit(server, host, '/', { headers: { 'if-none-match': etag } })).status, 304);
  t.is((await visit(server, host, '/', { method: 'POST' })).status, 405);

  const domain = `www.${name}.example`;
  t.is((await visit(server, domain, '/')).status, 404);
  t.is((await server.command('bucket', 'alias', name, domain)).exitCode, 0);
  t.is((await visit(server, domain, '/')).text, '<h1>root</h1>');
  t.is((await visit(server, `${domain}:8080`, '/')).text, '<h1>root</h1>');
  t.is((await server.command('bucket', 'unalias', domain)).exitCode, 0);
  t.is((await visit(server, domain, '/')).status, 404);

  const ended = await server.command('bucket', 'website', '--deny', name);
  t.regex(ended.stdout, /Website access: +false/);
  t.is((await visit(server, host, '/')).status, 404);
});

test('rules set over S3 are followed', async t => {
  const server = await shared();
  const { name, client, host } = await makeSite(server);
  const IndexDocument = { Suffix: 'index.html' };
  await client.send(
    new PutBucketWebsiteCommand({
      Bucket: name,
      WebsiteConfiguration: {
        IndexDocument,
        RoutingRules: [
          { Condition: { KeyPrefixEquals: 'old/' }, Redirect: { ReplaceKeyPrefixWith: 'docs/' } },
          {
            Condition: { HttpErrorCodeReturnedEquals: '404' },
            Redirect: { HostName: 'archive.example', Protocol: 'https', HttpRedirectCode: '307' },
          },
        ],
      },
    }),
  );
  const old = await visit(server, host, '/old/x?a=b');
  t.is(old.status, 301);
  t.is(old.headers['location'], '/docs/x?a=b');
  const lost = await visit(server, host, '/lost');
  t.is(lost.status, 307);
  t.is(lost.headers['location'], 'https://archive.example/lost');
  await client.send(
    new PutBucketWebsiteCommand({
      Bucket: name,
      WebsiteConfiguration: {
        RedirectAllRequestsTo: { HostName: 'new.example', Protocol: 'https' },
      },
    }),
  );
  const all = await visit(server, host, '/a%20b?c');
  t.is(all.status, 301);
  t.is(all.headers['location'], 'https://new.example/a%20b?c');
  const info = await server.command('bucket', 'info', name);
  t.regex(info.stdout, /redirects to: +https:\/\/new\.example/);
});

test('an object sends its visitors elsewhere', async t => {
  const server = await shared();
  const { name, client, host } = await makeSite(server);
  await server.command('bucket', 'website', '--allow', name);
  const moved = { Bucket: name, Key: 'moved', WebsiteRedirectLocation: '/docs/' };
  await client.send(new PutObjectCommand(moved));
  const answer = await visit(server, host, '/moved');
  t.is(answer.status, 301);
  t.is(answer.headers['location'], '/docs/');
});

test('proxies are told which domains are served, and nobody else needs a token', async t => {
  const server = await shared();
  const { name, host } = await makeSite(server);
  const check = async (domain: string): Promise<number> => {
    const url = `http://127.0.0.1:${String(server.ports.admin)}/check?domain=${domain}`;
    const reply = await fetch(url);
    await reply.arrayBuffer();
    return reply.status;
  };
  t.is(await check(host), 400);
  await server.command('bucket', 'website', '--allow', name);
  t.is(await check(host), 200);
  t.is(await check(`unknown.web.localhost`), 400);
  t.is(await check(name), 200, 'the name of the bucket is a host, too');
  const { accessKeyId } = server.credentials;
  await server.command('bucket', 'alias', '--local', accessKeyId, name, 'only-mine');
  t.is(await check('only-mine'), 400);
  t.is((await visit(server, 'only-mine.web.localhost', '/')).status, 404);
});

test('visits are counted by host where the configuration says so', async t => {
  const directory = await scratchDirectory(t);
  const server = await ownGarage(t, { directory, web: ['add_host_to_metrics = true'] });
  const { name, host } = await makeSite(server);
  await server.command('bucket', 'website', '--allow', name);
  await visit(server, host, '/');
  await visit(server, host, '/nothing');
  const reply = await fetch(`http://127.0.0.1:${String(server.ports.admin)}/metrics`);
  const text = await reply.text();
  t.true(text.includes(`web_request_counter{method="GET",host="${host}"} 2`), text.slice(0, 2000));
  t.true(text.includes(`web_error_counter{method="GET",host="${host}",status_code="404"} 1`));
  t.is(await server.end(), 0);
});
