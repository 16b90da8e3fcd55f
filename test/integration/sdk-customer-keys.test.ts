// Method: the SDK gives a key with each request, as its users do; what lies on the disk is searched
// for what was sent.
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import test from 'ava';
import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { seededBytes } from '../support/seeded-bytes.ts';
import { bytesOf, refusal, sdkWorlds, type SdkWorld } from './sdk-fixture.ts';

const MIB = 1024 * 1024;

const world = sdkWorlds();

type Keyed = {
  readonly SSECustomerAlgorithm: string;
  readonly SSECustomerKey: string;
  readonly SSECustomerKeyMD5: string;
};

function keyBytes(seed: number): Buffer {
  return seededBytes(900 + seed, 32);
}

function keyed(seed: number): Keyed {
  const key = keyBytes(seed);
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: hash('md5', key, 'base64'),
  };
}

function ofSource(key: Keyed) {
  return {
    CopySourceSSECustomerAlgorithm: key.SSECustomerAlgorithm,
    CopySourceSSECustomerKey: key.SSECustomerKey,
    CopySourceSSECustomerKeyMD5: key.SSECustomerKeyMD5,
  };
}

const ours = keyed(1);
const others = keyed(2);

async function get({ client, Bucket }: SdkWorld, Key: string, extra: object = ours) {
  return client.send(new GetObjectCommand({ Bucket, Key, ...extra }));
}

for (const size of [0, 1000, 100_000, 3 * MIB + 17]) {
  test(`${String(size)} bytes are stored and read under a key, in ranges too`, async t => {
    const here = await world(t);
    const { client, Bucket } = here;
    const Body = seededBytes(size, size);
    const Key = 'k';
    const put = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...ours }));
    t.is(put.SSECustomerAlgorithm, 'AES256');
    t.is(put.SSECustomerKeyMD5, ours.SSECustomerKeyMD5);
    const got = await get(here, Key, { ...ours, ChecksumMode: 'ENABLED' });
    t.true((await bytesOf(got.Body)).equals(Body));
    t.is(got.SSECustomerKeyMD5, ours.SSECustomerKeyMD5);
    t.is(got.ChecksumCRC32, put.ChecksumCRC32);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, ...ours }));
    t.is(head.ContentLength, size);
    t.is(head.ETag, put.ETag);
    for (const [first, last] of [
      [0, 0],
      [65_519, 65_520],
      [1_048_319, 1_048_320],
      [700_000, 2_900_000],
    ] as const) {
      if (last >= size) continue;
      const Range = `bytes=${String(first)}-${String(last)}`;
      const part = await get(here, Key, { ...ours, Range });
      t.is(part.ContentRange, `bytes ${String(first)}-${String(last)}/${String(size)}`);
      t.true((await bytesOf(part.Body)).equals(Body.subarray(first, last + 1)));
    }
    t.is(await refusal(get(here, Key, {})), '400 InvalidRequest');
    t.is(await refusal(get(here, Key, others)), '403 AccessDenied');
    const unkeyed = client.send(new HeadObjectCommand({ Bucket, Key }));
    t.regex(await refusal(unkeyed), /^400 /);
  });
}

test('parts, copied ones among them, make an object that is read under the key of all', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'parts';
  const bodies = [seededBytes(1, 5 * MIB), seededBytes(2, 5 * MIB + 77), seededBytes(3, 6 * MIB)];
  const [first, second, third] = bodies as [Buffer, Buffer, Buffer];
  await client.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: second }));
  await client.send(new PutObjectCommand({ Bucket, Key: 'secret', Body: third, ...others }));
  const ChecksumAlgorithm = 'CRC32' as const;
  const begun = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm, ...ours }),
  );
  t.is(begun.SSECustomerKeyMD5, ours.SSECustomerKeyMD5);
  const upload = { Bucket, Key, UploadId: begun.UploadId ?? '' };
  const Parts: CompletedPart[] = [];
  const sent = await client.send(
    new UploadPartCommand({ ...upload, PartNumber: 1, Body: first, ...ours }),
  );
  Parts.push({ PartNumber: 1, ETag: sent.ETag, ChecksumCRC32: sent.ChecksumCRC32 });
  for (const [PartNumber, name, key] of [
    [2, 'plain', {}],
    [5, 'secret', ofSource(others)],
  ] as const) {
    const copied = await client.send(
      new UploadPartCopyCommand({
        ...{ ...upload, PartNumber, CopySource: `${Bucket}/${name}` },
        ...{ ...ours, ...key },
      }),
    );
    const { ETag, ChecksumCRC32 } = copied.CopyPartResult ?? {};
    Parts.push({ PartNumber, ETag, ChecksumCRC32 });
  }
  const withKey = await client.send(new ListPartsCommand({ ...upload, ...ours }));
  t.deepEqual(
    withKey.Parts?.map(part => part.ChecksumCRC32),
    Parts.map(part => part.ChecksumCRC32),
  );
  const without = await client.send(new ListPartsCommand(upload));
  t.deepEqual(
    without.Parts?.map(part => [part.PartNumber, part.Size, part.ChecksumCRC32]),
    [1, 2, 5].map((number, index) => [number, bodies[index]?.length, undefined]),
  );
  const completion = { ...upload, MultipartUpload: { Parts } };
  const complete = (extra: object) =>
    client.send(new CompleteMultipartUploadCommand({ ...completion, ...extra }));
  t.is(await refusal(complete({})), '400 InvalidRequest');
  t.is(await refusal(complete(others)), '400 InvalidRequest');
  const completed = await complete(ours);
  t.regex(completed.ETag ?? '', /^"[0-9a-f]{32}-3"$/);
  t.is((await complete(ours)).ChecksumCRC32, completed.ChecksumCRC32, 'told again');

  const whole = Buffer.concat(bodies);
  const got = await get(here, Key);
  t.is(got.ContentLength, whole.length);
  t.true((await bytesOf(got.Body)).equals(whole));
  const edge = first.length - 10;
  const Range = `bytes=${String(edge)}-${String(edge + 5 * MIB + 200)}`;
  const across = await get(here, Key, { ...ours, Range });
  t.true((await bytesOf(across.Body)).equals(whole.subarray(edge, edge + 5 * MIB + 201)));
  const part = await get(here, Key, { ...ours, PartNumber: 3, ChecksumMode: 'ENABLED' });
  t.true((await bytesOf(part.Body)).equals(third));
  t.is(part.ChecksumCRC32, Parts[2]?.ChecksumCRC32);
  t.is(await refusal(get(here, Key, others)), '403 AccessDenied');

  const attributes = { Bucket, Key, ObjectAttributes: ['ObjectParts', 'Checksum'] as never[] };
  const told = await client.send(new GetObjectAttributesCommand({ ...attributes, ...ours }));
  // The attributes tell how many parts there are by themselves.
  t.is(told.Checksum?.ChecksumCRC32, completed.ChecksumCRC32?.replace(/-3$/, ''));
  t.deepEqual(
    told.ObjectParts?.Parts?.map(each => each.ChecksumCRC32),
    Parts.map(each => each.ChecksumCRC32),
  );
  t.is(
    await refusal(client.send(new GetObjectAttributesCommand(attributes))),
    '400 InvalidRequest',
  );
});

test('lib-storage uploads under a key', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Body = seededBytes(4, 12 * MIB);
  const params = { Bucket, Key: 'big', Body, ...ours };
  await new Upload({ client, params, partSize: 5 * MIB }).done();
  t.true((await bytesOf((await get(here, 'big')).Body)).equals(Body));
});

test('a copy takes a key off, puts one on, and changes one', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Body = seededBytes(5, 2 * MIB);
  await client.send(new PutObjectCommand({ Bucket, Key: 'a', Body, ...ours }));
  const copy = (from: string, to: string, extra: object) =>
    client.send(
      new CopyObjectCommand({ Bucket, Key: to, CopySource: `${Bucket}/${from}`, ...extra }),
    );
  await copy('a', 'plain', ofSource(ours));
  await copy('a', 'other', { ...ofSource(ours), ...others });
  await copy('plain', 'again', ours);
  await copy('a', 'a', { ...ofSource(ours), ...others });
  for (const [Key, key] of [
    ['plain', {}],
    ['other', others],
    ['again', ours],
    ['a', others],
  ] as const) {
    t.true((await bytesOf((await get(here, Key, key)).Body)).equals(Body), Key);
  }
  t.is(await refusal(copy('other', 'x', {})), '400 InvalidRequest');
  t.is(await refusal(copy('other', 'x', ofSource(ours))), '403 AccessDenied');
  t.is(await refusal(copy('plain', 'x', ofSource(ours))), '400 InvalidRequest');
});

test('a presigned URL stores and reads with the headers of the key', async t => {
  const { client, Bucket } = await world(t);
  const headers = {
    'x-amz-server-side-encryption-customer-algorithm': ours.SSECustomerAlgorithm,
    'x-amz-server-side-encryption-customer-key': ours.SSECustomerKey,
    'x-amz-server-side-encryption-customer-key-md5': ours.SSECustomerKeyMD5,
  };
  const body = new Uint8Array(seededBytes(6, 200_000));
  const Key = 'presigned';
  const putUrl = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key, ...ours }));
  t.false(putUrl.includes(encodeURIComponent(ours.SSECustomerKey)));
  const bare = await fetch(putUrl, { method: 'PUT', body });
  t.is(bare.status, 403);
  await bare.arrayBuffer();
  const put = await fetch(putUrl, { method: 'PUT', body, headers });
  t.is(put.status, 200, await put.text());
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key, ...ours }));
  const got = await fetch(url, { headers });
  t.is(got.status, 200);
  t.true(Buffer.from(await got.arrayBuffer()).equals(body));
});

test('each version of an object has the key that it was written with', async t => {
  const here = await world(t);
  const { client, Bucket, server } = here;
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  const Key = 'k';
  const written: { VersionId: string | undefined; key: object; Body: Buffer }[] = [];
  for (const [size, key] of [
    [500, ours],
    [700, others],
    [2 * MIB, ours],
    [300, {}],
    [900, ours],
  ] as const) {
    const Body = seededBytes(size, size);
    const put = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...key }));
    written.push({ VersionId: put.VersionId, key, Body });
  }
  for (const { VersionId, key, Body } of written) {
    const got = await get(here, Key, { VersionId, ...key });
    t.true((await bytesOf(got.Body)).equals(Body));
    const wrong = key === ours ? others : ours;
    const expected = key === ours || key === others ? '403 AccessDenied' : '400 InvalidRequest';
    t.is(await refusal(get(here, Key, { VersionId, ...wrong })), expected);
  }
  const [first] = written;
  const CopySource = `${Bucket}/${Key}?versionId=${first?.VersionId ?? ''}`;
  const source = { CopySource, ...ofSource(ours) };
  await client.send(new CopyObjectCommand({ Bucket, Key, ...source, ...others }));
  t.true((await bytesOf((await get(here, Key, others)).Body)).equals(first?.Body ?? Buffer.of()));
  const inspected = await server.command('bucket', 'inspect-object', Bucket, Key);
  t.regex(inspected.stdout, /Encrypted:\s+true/);
});

/** Whether any file of the server holds these bytes. */
async function isOnDisk({ server }: SdkWorld, bytes: Buffer): Promise<boolean> {
  const entries = await readdir(dirname(server.configPath), {
    ...{ recursive: true, withFileTypes: true },
  });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (content?.includes(bytes) === true) return true;
  }
  return false;
}

test('on the disk there is neither a plain byte of the object nor its key', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  for (const size of [2000, 60_000, MIB]) {
    // Bytes that no compression of rows makes others of.
    const Body = seededBytes(size + 1000, size);
    const marker = Body.subarray(size / 2, size / 2 + 24);
    await client.send(new PutObjectCommand({ Bucket, Key: 'secret', Body, ...ours }));
    t.false(await isOnDisk(here, marker));
    await client.send(new PutObjectCommand({ Bucket, Key: 'plain', Body }));
    t.true(await isOnDisk(here, marker), 'the search finds what is plain');
  }
  for (const key of [keyBytes(1), Buffer.from(ours.SSECustomerKey)]) {
    t.false(await isOnDisk(here, key.subarray(0, 16)));
    t.false(here.server.log().includes(key.subarray(0, 16).toString()));
  }
});
