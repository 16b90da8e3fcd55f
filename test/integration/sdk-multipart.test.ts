// Method: uploads in parts through the SDK and lib-storage; what comes back is compared with what
// was cut up, and the ETag with its definition (MD5 of the parts' MD5s).
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  NoSuchUpload,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import test from 'ava';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { seededBytes } from '../support/seeded-bytes.ts';
import { bytesOf, refusal, sdkWorlds, type SdkWorld } from './sdk-fixture.ts';

const MIB = 1024 * 1024;

const world = sdkWorlds();

async function begin({ client, Bucket }: SdkWorld, Key: string, extra = {}): Promise<string> {
  const begun = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...extra }));
  return begun.UploadId ?? '';
}

async function uploadPart(
  { client, Bucket }: SdkWorld,
  part: { Key: string; UploadId: string; PartNumber: number; Body: Uint8Array },
): Promise<CompletedPart> {
  const { ETag } = await client.send(new UploadPartCommand({ Bucket, ...part }));
  return { ETag, PartNumber: part.PartNumber };
}

function complete(
  { client, Bucket }: SdkWorld,
  upload: { Key: string; UploadId: string; parts: CompletedPart[] },
) {
  const { Key, UploadId, parts: Parts } = upload;
  return client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  );
}

function etagOfParts(parts: readonly Buffer[]): string {
  const all = createHash('md5');
  for (const part of parts) all.update(createHash('md5').update(part).digest());
  return `"${all.digest('hex')}-${String(parts.length)}"`;
}

test('parts sent in any order make the object in the order of their numbers', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'parts';
  const bodies = [seededBytes(1, 5 * MIB), seededBytes(2, 6 * MIB + 13), seededBytes(3, 1000)];
  const numbers = [2, 7, 10_000];
  const headers = { ContentType: 'a/b', Metadata: { m: 'v' } };
  const UploadId = await begin(here, Key, headers);
  const parts: CompletedPart[] = [];
  for (const index of [2, 0, 1]) {
    const Body = bodies[index] ?? Buffer.alloc(0);
    const PartNumber = numbers[index] ?? 0;
    parts[index] = await uploadPart(here, { Key, UploadId, PartNumber, Body });
  }
  t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0, 'not visible yet');
  const done = await complete(here, { Key, UploadId, parts });
  t.is(done.ETag, etagOfParts(bodies));
  t.is(done.Bucket, Bucket);
  t.is(done.Key, Key);
  const whole = Buffer.concat(bodies);
  const found = await client.send(new GetObjectCommand({ Bucket, Key }));
  t.is(found.ETag, done.ETag);
  t.is(found.ContentType, 'a/b');
  t.deepEqual(found.Metadata, { m: 'v' });
  t.is(found.ContentLength, whole.length);
  t.true(whole.equals(await bytesOf(found.Body)));
  const again = complete(here, { Key, UploadId, parts });
  t.regex(await refusal(again), /^(404 NoSuchUpload|no refusal)$/, 'S3 forgives the same again');
  t.true(
    whole.equals(await bytesOf((await client.send(new GetObjectCommand({ Bucket, Key }))).Body)),
  );

  let from = 0;
  for (const [index, part] of bodies.entries()) {
    const PartNumber = index + 1;
    const one = await client.send(new GetObjectCommand({ Bucket, Key, PartNumber }));
    t.is(one.$metadata.httpStatusCode, 206);
    t.is(one.PartsCount, bodies.length);
    t.is(one.ContentRange, `bytes ${from}-${from + part.length - 1}/${whole.length}`);
    t.true(part.equals(await bytesOf(one.Body)), `part ${String(PartNumber)}`);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, PartNumber }));
    t.is(head.ContentLength, part.length);
    t.is(head.PartsCount, bodies.length);
    from += part.length;
  }
  const across = 5 * MIB - 10;
  const Range = `bytes=${String(across)}-${String(across + 99)}`;
  const ranged = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
  t.true(whole.subarray(across, across + 100).equals(await bytesOf(ranged.Body)));
  const none = client.send(new GetObjectCommand({ Bucket, Key, PartNumber: 4 }));
  t.is(await refusal(none), '416 InvalidPartNumber');
});

test('the last upload of a part counts, and parts not named are left out', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'twice';
  const UploadId = await begin(here, Key);
  const old = seededBytes(1, 5 * MIB);
  const first = seededBytes(2, 5 * MIB);
  const last = seededBytes(3, 10);
  const stale = await uploadPart(here, { Key, UploadId, PartNumber: 1, Body: old });
  const fresh = await uploadPart(here, { Key, UploadId, PartNumber: 1, Body: first });
  await uploadPart(here, { Key, UploadId, PartNumber: 2, Body: seededBytes(4, 5 * MIB) });
  const end = await uploadPart(here, { Key, UploadId, PartNumber: 3, Body: last });
  const wrong = complete(here, { Key, UploadId, parts: [stale, end] });
  t.is(await refusal(wrong), '400 InvalidPart', 'the ETag of what was replaced');
  const done = await complete(here, { Key, UploadId, parts: [fresh, end] });
  t.is(done.ETag, etagOfParts([first, last]));
  const found = await client.send(new GetObjectCommand({ Bucket, Key }));
  t.true(Buffer.concat([first, last]).equals(await bytesOf(found.Body)));
});

test('a completion that breaks the rules is refused and the upload lives on', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'rules';
  const UploadId = await begin(here, Key);
  const small = seededBytes(1, 100);
  const one = await uploadPart(here, { Key, UploadId, PartNumber: 1, Body: small });
  const two = await uploadPart(here, { Key, UploadId, PartNumber: 2, Body: small });
  const of = (parts: CompletedPart[]) => refusal(complete(here, { Key, UploadId, parts }));
  t.is(await of([one, two]), '400 EntityTooSmall');
  t.is(await of([two, one]), '400 InvalidPartOrder');
  t.is(await of([one, one]), '400 InvalidPartOrder');
  t.is(await of([]), '400 MalformedXML');
  t.is(await of([one, { ...two, PartNumber: 3 }]), '400 InvalidPart');
  t.is(await of([{ ...one, ETag: '"00000000000000000000000000000000"' }]), '400 InvalidPart');
  t.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key }))), '404 NotFound');
  const { Parts } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  t.is(Parts?.length, 2);
  t.is(await of([two]), 'no refusal', 'one small part alone is the last one');
});

test('an aborted upload is gone, and so are its parts', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'aborted';
  const UploadId = await begin(here, Key);
  const part = await uploadPart(here, { Key, UploadId, PartNumber: 1, Body: seededBytes(1, MIB) });
  const gone = await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  t.is(gone.$metadata.httpStatusCode, 204);
  const late = uploadPart(here, { Key, UploadId, PartNumber: 2, Body: seededBytes(2, 10) });
  t.is(await refusal(late), '404 NoSuchUpload');
  t.is(await refusal(complete(here, { Key, UploadId, parts: [part] })), '404 NoSuchUpload');
  const listed = client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  t.is(await refusal(listed), '404 NoSuchUpload');
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  t.deepEqual(uploads.Uploads ?? [], []);
  t.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key }))), '404 NotFound');
});

test('parts are listed in pages', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'pages of parts';
  const UploadId = await begin(here, Key);
  const numbers = [1, 2, 5, 9, 77, 1000, 10_000];
  for (const PartNumber of numbers) {
    await uploadPart(here, { Key, UploadId, PartNumber, Body: seededBytes(1, PartNumber) });
  }
  for (const MaxParts of [1, 2, 3, 1000]) {
    const seen: number[] = [];
    let marker: string | undefined;
    do {
      const page = await client.send(
        new ListPartsCommand({
          ...{ Bucket, Key, UploadId, MaxParts },
          ...(marker === undefined ? {} : { PartNumberMarker: marker }),
        }),
      );
      for (const part of page.Parts ?? []) {
        seen.push(part.PartNumber ?? 0);
        t.is(part.Size, part.PartNumber);
        t.true(part.LastModified instanceof Date);
        t.regex(part.ETag ?? '', /^"[0-9a-f]{32}"$/);
      }
      t.is(page.UploadId, UploadId);
      t.is(page.Key, Key);
      t.is(page.StorageClass, 'STANDARD');
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    t.deepEqual(seen, numbers);
  }
});

test('uploads are listed in pages, by prefix and by folder', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const keys = ['a', 'b/1', 'b/2', 'b/2', 'b/2', 'c', 'd e/ü'];
  const ids: string[] = [];
  for (const Key of keys) ids.push(await begin(here, Key));
  for (const MaxUploads of [1, 2, 3, 1000]) {
    const seen: (readonly [string, string])[] = [];
    let markers: { KeyMarker: string; UploadIdMarker: string } | undefined;
    do {
      const page = await client.send(
        new ListMultipartUploadsCommand({ Bucket, MaxUploads, ...markers }),
      );
      for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
        seen.push([Key, UploadId]);
        t.true(Initiated instanceof Date);
      }
      const { NextKeyMarker: KeyMarker = '', NextUploadIdMarker: UploadIdMarker = '' } = page;
      markers = page.IsTruncated === true ? { KeyMarker, UploadIdMarker } : undefined;
    } while (markers !== undefined);
    t.deepEqual(
      seen.map(([key]) => key),
      keys,
      `${String(MaxUploads)} a page`,
    );
    t.deepEqual(new Set(seen.map(([, id]) => id)), new Set(ids));
  }
  const inFolder = await client.send(
    new ListMultipartUploadsCommand({ Bucket, Prefix: 'b/', Delimiter: '/' }),
  );
  t.is(inFolder.Uploads?.length, 4);
  const top = await client.send(
    new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', EncodingType: 'url' }),
  );
  t.deepEqual(
    top.Uploads?.map(({ Key }) => Key),
    ['a', 'c'],
  );
  const folders = (top.CommonPrefixes ?? []).map(({ Prefix = '' }) => decodeURIComponent(Prefix));
  t.deepEqual(folders, ['b/', 'd e/']);
});

test('a part is copied from an object, whole or a range of it', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const source = seededBytes(9, 12 * MIB + 7);
  const put = new PutObjectCommand({ Bucket, Key: 'source', Body: source });
  const { ETag: sourceTag } = await client.send(put);
  const Key = 'from copies';
  const UploadId = await begin(here, Key);
  const copy = (PartNumber: number, extra: object) =>
    client.send(
      new UploadPartCopyCommand({
        ...{ Bucket, Key, UploadId, PartNumber, CopySource: `${Bucket}/source` },
        ...extra,
      }),
    );
  const cuts = [
    { PartNumber: 1, from: 0, to: 5 * MIB },
    { PartNumber: 2, from: 3 * MIB + 1, to: 9 * MIB + 5 },
  ];
  const parts: CompletedPart[] = [];
  for (const { PartNumber, from, to } of cuts) {
    const CopySourceRange = `bytes=${String(from)}-${String(to - 1)}`;
    const copied = await copy(PartNumber, { CopySourceRange, CopySourceIfMatch: sourceTag });
    parts.push({ ETag: copied.CopyPartResult?.ETag, PartNumber });
    t.true(copied.CopyPartResult?.LastModified instanceof Date);
  }
  const whole = await copy(3, {});
  parts.push({ ETag: whole.CopyPartResult?.ETag, PartNumber: 3 });
  const beyond = copy(4, { CopySourceRange: `bytes=0-${String(source.length)}` });
  t.regex(await refusal(beyond), /^4(00 InvalidArgument|16 InvalidRange|00 InvalidRange)$/);
  t.is(await refusal(copy(4, { CopySourceIfMatch: '"x"' })), '412 PreconditionFailed');
  const slices = [...cuts.map(({ from, to }) => source.subarray(from, to)), source];
  const done = await complete(here, { Key, UploadId, parts });
  t.is(done.ETag, etagOfParts(slices));
  const found = await client.send(new GetObjectCommand({ Bucket, Key }));
  t.true(Buffer.concat(slices).equals(await bytesOf(found.Body)));
});

test('a conditional completion is decided when it is written', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const Key = 'conditional';
  const ready = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8].map(async seed => {
      const UploadId = await begin(here, Key);
      const Body = seededBytes(seed, 1000);
      const part = await uploadPart(here, { Key, UploadId, PartNumber: 1, Body });
      return { UploadId, part, Body };
    }),
  );
  const outcomes = await Promise.all(
    ready.map(async ({ UploadId, part, Body }) => {
      const MultipartUpload = { Parts: [part] };
      const input = { Bucket, Key, UploadId, MultipartUpload, IfNoneMatch: '*' };
      return {
        Body,
        answer: await refusal(client.send(new CompleteMultipartUploadCommand(input))),
      };
    }),
  );
  const winners = outcomes.filter(({ answer }) => answer === 'no refusal');
  t.is(winners.length, 1);
  t.true(outcomes.every(({ answer }) => /^(no refusal|412 PreconditionFailed)$/.test(answer)));
  const found = await client.send(new GetObjectCommand({ Bucket, Key }));
  t.true((await bytesOf(found.Body)).equals(winners[0]?.Body ?? Buffer.alloc(0)));
});

test('lib-storage uploads a stream in parts', async t => {
  const { client, Bucket } = await world(t);
  const bytes = seededBytes(21, 20 * MIB + 1);
  const Body = Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 300_001) yield bytes.subarray(at, at + 300_001);
    })(),
    { objectMode: false },
  );
  const upload = new Upload({
    client,
    params: { Bucket, Key: 'lib', Body },
    queueSize: 3,
    partSize: 5 * MIB,
  });
  const done = await upload.done();
  t.regex(done.ETag ?? '', /-5"$/);
  const found = await client.send(new GetObjectCommand({ Bucket, Key: 'lib' }));
  t.true(bytes.equals(await bytesOf(found.Body)));
});

test('an upload that lib-storage aborts leaves nothing behind', async t => {
  const { client, Bucket } = await world(t);
  const bytes = seededBytes(22, 20 * MIB);
  const params = { Bucket, Key: 'lib', Body: bytes };
  const upload = new Upload({ client, params, queueSize: 2, partSize: 5 * MIB });
  upload.on('httpUploadProgress', () => void upload.abort());
  await t.throwsAsync(upload.done(), { name: 'AbortError' });
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  for (const { Key, UploadId } of uploads.Uploads ?? []) {
    // lib-storage does not wait for its own abort, which may come first; what it left goes here.
    await client
      .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
      .catch((error: unknown) => {
        if (!(error instanceof NoSuchUpload)) throw error;
      });
  }
  t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
  const after = await client.send(new ListMultipartUploadsCommand({ Bucket }));
  t.deepEqual(after.Uploads ?? [], []);
});
