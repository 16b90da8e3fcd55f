/**
 * A binary cache in the style of Nix: written by an S3 client, read over the website door.
 *
 * Owns:          its files, and what a reader of such a cache expects of every answer.
 * Knows:         the format of narinfo; the AWS SDK; curl's continued downloads.
 * Must not know: the server's code.
 *
 * The archives are bytes without meaning, since only their hashes are looked at. What Nix itself
 * makes and reads is in nix.ts.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { visitPage, type Page, type Visit } from '../support/page-visit.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import type { Client } from './client.ts';
import { assertSameFile, check, type ClientWorld } from './client-world.ts';

const MIB = 1024 * 1024;
const CACHE_INFO = 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n';
const NAR_INFO_TYPE = 'text/x-nix-narinfo';
const NAR_TYPE = 'application/x-nix-nar';
const CACHE_CONTROL = 'public, max-age=31536000';

/** The digest of a store path, and the bytes of its archive. */
const PACKAGES: readonly (readonly [digest: string, name: string, nar: Buffer])[] = [
  ['0bkfhz0v2jcyj2m7hwzdzmywav298dl2', 'tiny-1.0', seededBytes(21, 700)],
  ['1c7qxlgr2hs6k0v9xz3n5p8d4wy0bmfa', 'middle-2.1', seededBytes(22, 3 * MIB + 17)],
  ['2rd8pmv6n4k1zq0y9xw7csh3jg5lfb2a', 'large-3.2', seededBytes(23, 23 * MIB + 5)],
];

function narPath(nar: Buffer): string {
  return `nar/${createHash('sha256').update(nar).digest('hex')}.nar`;
}

function narInfo(digest: string, name: string, nar: Buffer): string {
  const hash = createHash('sha256').update(nar).digest('hex');
  const size = String(nar.length);
  return [
    `StorePath: /nix/store/${digest}-${name}`,
    `URL: ${narPath(nar)}`,
    'Compression: none',
    ...[`FileHash: sha256:${hash}`, `FileSize: ${size}`],
    ...[`NarHash: sha256:${hash}`, `NarSize: ${size}`],
    'References: ',
    '',
  ].join('\n');
}

function hostOf({ bucket }: ClientWorld): string {
  return `${bucket}.web.localhost`;
}

function visit(world: ClientWorld, path: string, options: Visit = {}): Promise<Page> {
  return visitPage(world.server, hostOf(world), path, options);
}

/** Compares a page with what it should be: status, body, and those headers. */
function expectPage(
  page: Page,
  expected: {
    readonly status: number;
    readonly body?: Uint8Array;
    readonly headers?: Readonly<Record<string, string>>;
  },
): void {
  const { status, body, headers } = expected;
  check(page.status === status, `${String(page.status)} instead of ${String(status)}`);
  if (body !== undefined) check(page.body.equals(body), `${String(page.body.length)} other bytes`);
  for (const [name, value] of Object.entries(headers ?? {})) {
    const found = page.headers[name];
    check(found === value, `${name} is ${String(found)}, not ${value}`);
  }
}

async function upload(world: ClientWorld): Promise<void> {
  const client = sdkClient(world.server);
  const Bucket = world.bucket;
  try {
    await client.send(new CreateBucketCommand({ Bucket }));
    const put = (Key: string, Body: string, ContentType: string) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
    await put('nix-cache-info', CACHE_INFO, 'text/x-nix-cache-info');
    for (const [digest, name, Body] of PACKAGES) {
      const params = { Bucket, Key: narPath(Body), Body, ContentType: NAR_TYPE };
      const upload = { ...params, CacheControl: CACHE_CONTROL };
      await new Upload({ client, params: upload, partSize: 5 * MIB }).done();
      await put(`${digest}.narinfo`, narInfo(digest, name, Body), NAR_INFO_TYPE);
    }
  } finally {
    client.destroy();
  }
  expectPage(await visit(world, '/nix-cache-info'), { status: 404 });
  const made = await world.server.command('bucket', 'website', '--allow', world.bucket);
  check(made.exitCode === 0, made.stderr);
}

async function readWhole(world: ClientWorld): Promise<void> {
  expectPage(await visit(world, '/nix-cache-info'), {
    status: 200,
    body: Buffer.from(CACHE_INFO),
    headers: { 'content-type': 'text/x-nix-cache-info' },
  });
  for (const [digest, name, nar] of PACKAGES) {
    const info = await visit(world, `/${digest}.narinfo`);
    const body = Buffer.from(narInfo(digest, name, nar));
    const length = String(body.length);
    const headers = { 'content-type': NAR_INFO_TYPE, 'content-length': length };
    expectPage(info, { status: 200, body, headers });
    const url = /^URL: (.*)$/m.exec(info.body.toString())?.[1] ?? '';
    expectPage(await visit(world, `/${url}`), {
      status: 200,
      body: nar,
      headers: {
        ...{ 'content-type': NAR_TYPE, 'content-length': String(nar.length) },
        ...{ 'accept-ranges': 'bytes', 'cache-control': CACHE_CONTROL },
      },
    });
  }
}

async function askForHeads(world: ClientWorld): Promise<void> {
  for (const [digest, name, nar] of PACKAGES) {
    for (const [path, length, type] of [
      [`/${digest}.narinfo`, narInfo(digest, name, nar).length, NAR_INFO_TYPE],
      [`/${narPath(nar)}`, nar.length, NAR_TYPE],
    ] as const) {
      const head = await visit(world, path, { method: 'HEAD' });
      const headers = { 'content-length': String(length), 'content-type': type };
      expectPage(head, { status: 200, body: Buffer.alloc(0), headers });
      const etag = head.headers.etag ?? '';
      const date = head.headers['last-modified'] ?? '';
      check(etag !== '' && !Number.isNaN(Date.parse(date)), `ETag ${etag}, date ${date}`);
    }
  }
  // What is not in the cache is asked for all the time, and must be a 404: Nix gives up at a 403.
  for (const method of ['GET', 'HEAD']) {
    const missing = await visit(world, '/3rd8pmv6n4k1zq0y9xw7csh3jg5lfb2a.narinfo', { method });
    expectPage(missing, { status: 404 });
    check(method === 'GET' || missing.body.length === 0, 'a HEAD was answered with a body');
  }
}

async function readRanges(world: ClientWorld): Promise<void> {
  for (const [, , nar] of PACKAGES) {
    const path = `/${narPath(nar)}`;
    const size = nar.length;
    const middle = Math.min(MIB, size >> 1);
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      [`bytes=${String(middle - 5)}-${String(middle + 4)}`, middle - 5, middle + 5],
      [`bytes=${String(size - 3)}-`, size - 3, size],
      ['bytes=-100', size - 100, size],
      [`bytes=10-${String(size + 1000)}`, 10, size],
    ] as const) {
      const page = await visit(world, path, { headers: { range } });
      const told = `bytes ${String(from)}-${String(to - 1)}/${String(size)}`;
      const headers = { 'content-range': told, 'content-length': String(to - from) };
      expectPage(page, { status: 206, body: nar.subarray(from, to), headers });
    }
    const beyond = await visit(world, path, { headers: { range: `bytes=${String(size)}-` } });
    expectPage(beyond, { status: 416, headers: { 'content-range': `bytes */${String(size)}` } });
    const range = 'bytes=0-9';
    const head = await visit(world, path, { method: 'HEAD', headers: { range } });
    expectPage(head, { status: 206, headers: { 'content-length': '10' } });
  }
}

async function readOnConditions(world: ClientWorld): Promise<void> {
  const nar = PACKAGES[1]![2];
  const path = `/${narPath(nar)}`;
  const { headers } = await visit(world, path, { method: 'HEAD' });
  const etag = headers.etag ?? '';
  const date = headers['last-modified'] ?? '';
  const none = Buffer.alloc(0);
  for (const [condition, status, body] of [
    [{ 'if-none-match': etag }, 304, none],
    [{ 'if-modified-since': date }, 304, none],
    [{ 'if-none-match': '"another"' }, 200, nar],
    [{ 'if-match': '"another"' }, 412, undefined],
    [{ 'if-range': etag, range: 'bytes=0-9' }, 206, nar.subarray(0, 10)],
    [{ 'if-range': '"another"', range: 'bytes=0-9' }, 200, nar],
  ] as const) {
    const page = await visit(world, path, { headers: condition });
    expectPage(page, body === undefined ? { status } : { status, body });
  }
}

async function continueDownload(world: ClientWorld): Promise<void> {
  const nar = PACKAGES[2]![2];
  const source = join(world.directory, 'large.nar');
  const part = join(world.directory, 'part.nar');
  await writeFile(source, nar);
  await writeFile(part, nar.subarray(0, 9 * MIB + 1));
  const at = `${hostOf(world)}:${String(world.server.ports.web)}`;
  const url = `http://${at}/${narPath(nar)}`;
  await world.run('curl', '-sSf', '-C', '-', '-o', part, '--resolve', `${at}:127.0.0.1`, url);
  await assertSameFile(part, source);
}

async function refuseOthers(world: ClientWorld): Promise<void> {
  const tiny = PACKAGES[0]!;
  const path = `/${tiny[0]}.narinfo`;
  for (const method of ['PUT', 'DELETE', 'POST']) {
    expectPage(await visit(world, path, { method }), { status: 405 });
  }
  // A website is no S3 door, and what a website shows is not public there.
  expectPage(await visit(world, '/?list-type=2'), { status: 404 });
  const reply = await fetch(`${world.server.endpoint}/${world.bucket}${path}`);
  check(reply.status === 403, `the S3 door answers ${String(reply.status)}`);
  await reply.arrayBuffer();
  const body = Buffer.from(narInfo(...tiny));
  expectPage(await visit(world, path), { status: 200, body });
}

export const binaryCache: Client = {
  name: 'binary cache',
  packages: [{ package: 'curl', program: 'curl' }],
  checks: [
    { title: 'uploaded with an S3 client, large archives in parts', run: upload },
    { title: 'a reader finds every archive, with its type and length', run: readWhole },
    { title: 'HEAD of what is there and of what is not', run: askForHeads },
    { title: 'ranges', run: readRanges },
    { title: 'conditions', run: readOnConditions },
    { title: 'a broken download is continued', run: continueDownload },
    { title: 'nothing else is answered', run: refuseOthers },
  ],
};
