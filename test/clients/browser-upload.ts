/**
 * Uploads from a web page: through presigned URLs, and through forms with a signed policy.
 *
 * Owns:          their checks, the pages that upload, reading back what was stored.
 * Knows:         presigned URLs, CORS and browser-based uploads of S3; the AWS SDK.
 * Must not know: the server's code; how the browser is driven.
 *
 * The files are chosen in the browser, so it is the browser that reads and sends them.
 */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketCorsCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { signedPolicy } from '../support/browser-form.ts';
import { REGION } from '../support/garage-process.ts';
import { SignedRequests } from '../support/signed-requests.ts';
import { browserPackages, withPage, type BrowserPage } from './browser.ts';
import { expectArrival, expectValue, originOf, withSdk } from './browser-site.ts';
import type { Client } from './client.ts';
import { assertSameFile, check, type ClientWorld } from './client-world.ts';

const MIB = 1024 * 1024;
const LARGE = 'folder/sub folder/large ü+&.bin';
const PART_BYTES = String(10 * MIB);
const TYPE = 'application/x-uploaded';

function target({ bucket }: ClientWorld): string {
  return `${bucket}-target`;
}

const UPLOAD_PAGE = '<!doctype html><meta charset="utf-8"><title>Upload</title>';
const FILE_INPUT = '<input type="file" id="file" name="file">';

async function putPage(world: ClientWorld, name: string, body: string): Promise<string> {
  await withSdk(world, client =>
    client.send(
      new PutObjectCommand({
        ...{ Bucket: world.bucket, Key: name, ContentType: 'text/html' },
        Body: `${UPLOAD_PAGE}<link rel="icon" href="data:,">${body}`,
      }),
    ),
  );
  return `${originOf(world, world.bucket)}/${name}`;
}

async function makeBuckets(world: ClientWorld): Promise<void> {
  await withSdk(world, async client => {
    for (const Bucket of [world.bucket, target(world)]) {
      await client.send(new CreateBucketCommand({ Bucket }));
    }
    const WebsiteConfiguration = { IndexDocument: { Suffix: 'index.html' } };
    const Bucket = world.bucket;
    await client.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
    const rule = {
      ...{ AllowedOrigins: [originOf(world, Bucket)], AllowedMethods: ['PUT', 'POST'] },
      ...{ AllowedHeaders: ['content-type', 'x-amz-*'], ExposeHeaders: ['ETag'] },
    };
    const CORSConfiguration = { CORSRules: [rule] };
    await client.send(new PutBucketCorsCommand({ Bucket: target(world), CORSConfiguration }));
  });
  await putPage(world, 'put.html', FILE_INPUT);
  await putPage(world, 'done.html', '<h1>Done</h1>');
}

/** A page that may upload, with a file chosen. */
async function atUpload(
  world: ClientWorld,
  file: string,
  use: (page: BrowserPage) => Promise<void>,
): Promise<void> {
  await withPage(world, async page => {
    await page.open(`${originOf(world, world.bucket)}/put.html`);
    await page.chooseFile('#file', file);
    await use(page);
  });
}

/** The URL for one PUT, which must come with this type and where it is from. */
function presignedPut(world: ClientWorld, client: S3Client, Key: string): Promise<string> {
  const what = { Bucket: target(world), Key, ContentType: TYPE, Metadata: { from: 'a page' } };
  return getSignedUrl(client, new PutObjectCommand(what), {
    signableHeaders: new Set(['content-type', 'host']),
    unhoistableHeaders: new Set(['x-amz-meta-from']),
  });
}

const HEADERS = JSON.stringify({ 'content-type': TYPE, 'x-amz-meta-from': 'a page' });

/** Rejects unless the object has the bytes of the file. */
async function assertStored(
  world: ClientWorld,
  Key: string,
  source: string,
): Promise<{ readonly etag: string; readonly type: string; readonly from: string }> {
  return withSdk(world, async client => {
    const at = { Bucket: target(world), Key };
    const { Body } = await client.send(new GetObjectCommand(at));
    const back = join(world.directory, 'back');
    await writeFile(back, (await Body?.transformToByteArray()) ?? '');
    await assertSameFile(back, source);
    const { ETag, ContentType, Metadata } = await client.send(new HeadObjectCommand(at));
    return { etag: ETag ?? '', type: ContentType ?? '', from: Metadata?.['from'] ?? '' };
  });
}

async function assertNothingStored(world: ClientWorld, prefix: string): Promise<void> {
  const keys = await new SignedRequests(world.server, target(world)).keys(prefix);
  check(keys.length === 0, `stored is ${keys.join(', ')}`);
}

async function presigned(world: ClientWorld): Promise<void> {
  await makeBuckets(world);
  for (const [key, name] of [
    ['put/small', 'small.txt'],
    ['put/empty', 'empty'],
    ['put/ü +&.bin', LARGE],
  ] as const) {
    const source = join(world.sources, name);
    const url = await withSdk(world, client => presignedPut(world, client, key));
    await atUpload(world, source, async page => {
      const put = `fetch(${JSON.stringify(url)}, {
        method: 'PUT', body: file.files[0], headers: ${HEADERS},
      }).then(reply => [reply.status, reply.headers.get('etag')])`;
      const [status, etag] = (await page.evaluate(put)) as [number, string];
      check(status === 200, `${key}: ${String(status)}`);
      const stored = await assertStored(world, key, source);
      check(stored.etag === etag, `the page was told ${etag}, stored is ${stored.etag}`);
      check(stored.type === TYPE && stored.from === 'a page', JSON.stringify(stored));
      const answers = page.received.filter(({ url: from }) => from === url);
      check(answers.length === 2, `${String(answers.length)} answers, with the preflight's`);
    });
  }
}

async function progress(world: ClientWorld): Promise<void> {
  const source = join(world.sources, LARGE);
  const url = await withSdk(world, client => presignedPut(world, client, 'progress'));
  await atUpload(world, source, async page => {
    const sent = `new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      let last = 0;
      request.upload.onprogress = event => { last = event.loaded; };
      request.onload = () => resolve([request.status, last]);
      request.onerror = () => reject(new Error('not sent'));
      request.open('PUT', ${JSON.stringify(url)});
      for (const [name, value] of Object.entries(${HEADERS})) {
        request.setRequestHeader(name, value);
      }
      request.send(file.files[0]);
    })`;
    await expectValue(page, sent, [200, 40 * MIB]);
  });
  await assertStored(world, 'progress', source);
}

async function inParts(world: ClientWorld): Promise<void> {
  const source = join(world.sources, LARGE);
  await withSdk(world, async client => {
    const at = { Bucket: target(world), Key: 'in parts' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
    const urls = await Promise.all(
      [1, 2, 3, 4].map(PartNumber =>
        getSignedUrl(client, new UploadPartCommand({ ...at, UploadId, PartNumber })),
      ),
    );
    await atUpload(world, source, async page => {
      const etags = await page.evaluate(`Promise.all(${JSON.stringify(urls)}.map((url, index) => {
        const body = file.files[0].slice(index * ${PART_BYTES}, (index + 1) * ${PART_BYTES});
        return fetch(url, { method: 'PUT', body }).then(reply => reply.headers.get('etag'));
      }))`);
      const Parts = (etags as string[]).map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
      const list = { ...at, UploadId, MultipartUpload: { Parts } };
      await client.send(new CompleteMultipartUploadCommand(list));
    });
  });
  await assertStored(world, 'in parts', source);
}

async function refusedPuts(world: ClientWorld): Promise<void> {
  const source = join(world.sources, LARGE);
  const url = await withSdk(world, client => presignedPut(world, client, 'refused'));
  await atUpload(world, source, async page => {
    // The page can read why: a rule of CORS holds for refusals, too.
    const headers = JSON.stringify({ 'content-type': 'text/html', 'x-amz-meta-from': 'a page' });
    const put = `fetch(${JSON.stringify(url)}, {
      method: 'PUT', body: file.files[0], headers: ${headers},
    })`;
    const read = 'async reply => [reply.status, /<Code>(\\w+)/.exec(await reply.text())[1]]';
    await expectValue(page, `${put}.then(${read})`, [403, 'SignatureDoesNotMatch']);
  });
  await withPage(world, async page => {
    await page.open(`${originOf(world, `${world.bucket}-other`)}/`);
    const put = `fetch(${JSON.stringify(url)}, { method: 'PUT', body: 'a', headers: ${HEADERS} })`;
    await expectValue(page, `${put}.then(() => 'allowed', error => error.name)`, 'TypeError');
  });
  await assertNothingStored(world, 'refused');
}

type Form = {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly sizeBytesMax?: number;
  readonly expiration?: string;
};

/** A page whose form posts one file; answers its address. */
async function putForm(world: ClientWorld, form: Form): Promise<string> {
  const { name, fields, sizeBytesMax = 50 * MIB, expiration } = form;
  const conditions = [
    { bucket: target(world) },
    ['content-length-range', 0, sizeBytesMax],
    ...Object.keys(fields).map(field => ['starts-with', `$${field}`, '']),
  ];
  const key = { ...world.server.credentials, region: REGION, nowMs: Date.now() };
  const change = expiration === undefined ? {} : { expiration };
  const all = { ...fields, ...signedPolicy(key, conditions, change) };
  const inputs = Object.entries(all).map(([field, value]) => {
    const text = value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
    return `<input type="hidden" name="${field}" value="${text}">`;
  });
  const action = `${world.server.endpoint}/${target(world)}`;
  const open = `<form id="form" action="${action}" method="post" enctype="multipart/form-data">`;
  const body = `${open}${inputs.join('')}${FILE_INPUT}<button id="send">Send</button></form>`;
  return putPage(world, `${name}.html`, body);
}

const SEND = "document.querySelector('#send').click()";

async function form(world: ClientWorld): Promise<void> {
  const done = `${originOf(world, world.bucket)}/done.html`;
  for (const [folder, name] of [
    ['small', 'small.txt'],
    ['empty', 'empty'],
    ['large', LARGE],
  ] as const) {
    const source = join(world.directory, `a file ü+&.${folder}`);
    await copyFile(join(world.sources, name), source);
    // eslint-disable-next-line no-template-curly-in-string -- S3's name for that of the file
    const key = `forms/${folder}/` + '${filename}';
    const fields = {
      ...{ key, 'Content-Type': TYPE, 'x-amz-meta-from': 'a form' },
      success_action_redirect: done,
    };
    const url = await putForm(world, { name: 'form', fields });
    await withPage(world, async page => {
      await page.open(url);
      await page.chooseFile('#file', source);
      const { status, url: arrived } = await page.follow(SEND);
      const stored = await assertStored(world, `forms/${folder}/a file ü+&.${folder}`, source);
      check(stored.type === TYPE && stored.from === 'a form', JSON.stringify(stored));
      const told = new URL(arrived);
      check(status === 200 && told.href.startsWith(done), `${String(status)} ${arrived}`);
      const found = ['bucket', 'key', 'etag'].map(field => told.searchParams.get(field)).join('\n');
      const wanted = [target(world), `forms/${folder}/a file ü+&.${folder}`, stored.etag].join(
        '\n',
      );
      check(found === wanted, `${found}\nand not\n${wanted}`);
    });
  }
}

async function formStatus(world: ClientWorld): Promise<void> {
  const source = join(world.sources, 'folder/medium.bin');
  const fields = { key: 'status/a b', success_action_status: '201' };
  const url = await putForm(world, { name: 'status', fields });
  await withPage(world, async page => {
    await page.open(url);
    await page.chooseFile('#file', source);
    const action = `${world.server.endpoint}/${target(world)}`;
    expectArrival(await page.follow(SEND), 201, action);
    const { etag } = await assertStored(world, 'status/a b', source);
    const names = "['Bucket', 'Key', 'ETag'].map(name => document.querySelector(name).textContent)";
    await expectValue(page, names, [target(world), 'status/a b', etag]);
  });
}

async function formByScript(world: ClientWorld): Promise<void> {
  const source = join(world.sources, LARGE);
  const url = await putForm(world, { name: 'script', fields: { key: 'script/a' } });
  await withPage(world, async page => {
    await page.open(url);
    await page.chooseFile('#file', source);
    const sent = `fetch(form.action, { method: 'POST', body: new FormData(form) })
      .then(reply => [reply.status, reply.headers.get('etag')])`;
    const [status, etag] = (await page.evaluate(sent)) as [number, string];
    check(status === 204, String(status));
    check((await assertStored(world, 'script/a', source)).etag === etag, `${etag} is not stored`);
  });
}

async function refusedForms(world: ClientWorld): Promise<void> {
  const fields = { key: 'forbidden' };
  const expiration = new Date(Date.now() - 1000).toISOString();
  for (const [change, code, status] of [
    [{ sizeBytesMax: 1000 }, 'EntityTooLarge', 400],
    [{ expiration }, 'AccessDenied', 403],
  ] as const) {
    const url = await putForm(world, { name: 'refused', fields, ...change });
    for (const name of ['small.txt', LARGE]) {
      await withPage(world, async page => {
        await page.open(url);
        await page.chooseFile('#file', join(world.sources, name));
        const action = `${world.server.endpoint}/${target(world)}`;
        expectArrival(await page.follow(SEND), status, action);
        await expectValue(page, "document.querySelector('Code').textContent", code);
      });
    }
  }
  await assertNothingStored(world, 'forbidden');
}

export const browserUpload: Client = {
  name: 'browser: uploads',
  packages: browserPackages(),
  checks: [
    { title: 'a presigned URL, after a preflight', run: presigned },
    { title: 'XMLHttpRequest, with progress', run: progress },
    { title: 'parts through presigned URLs, whose ETags the page reads', run: inParts },
    { title: 'refusals can be read, and other origins send nothing', run: refusedPuts },
    { title: 'a form that leads back to the site', run: form },
    { title: 'a form whose answer is shown', run: formStatus },
    { title: 'a form that a script sends', run: formByScript },
    { title: 'forms that are refused say why', run: refusedForms },
  ],
};
