/**
 * What the SDK sees of versions, whoever serves them.
 *
 * Owns:          the tests; they are the same for one server and for a cluster.
 * Knows:         the SDK.
 * Must not know: who serves.
 */
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';
import { bytesOf, refusal } from './sdk-fixture.ts';

export type VersionsServed = {
  /** A bucket of the test's own, and a client that may ask at any place. */
  readonly world: (
    t: ExecutionContext,
  ) => Promise<{ readonly client: S3Client; readonly Bucket: string }>;
  /** Resolves once every place knows of it. */
  readonly isKnown: (Bucket: string, Status: 'Enabled' | 'Suspended') => Promise<void>;
};

type World = {
  readonly client: S3Client;
  readonly Bucket: string;
  put(Key: string, Body: string | Uint8Array): Promise<string | undefined>;
  get(Key: string, VersionId?: string): Promise<string>;
  /** Key, version, `latest` or not, marker or not: as one text each. */
  versions(prefix?: string): Promise<string[]>;
};

async function versionedWorld(
  served: VersionsServed,
  t: ExecutionContext,
  Status: 'Enabled' | 'none' = 'Enabled',
): Promise<World> {
  const { client, Bucket } = await served.world(t);
  if (Status === 'Enabled') await setStatus(served, [client, Bucket], Status);
  return {
    ...{ client, Bucket },
    put: async (Key, Body) =>
      (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId,
    get: async (Key, VersionId) => {
      const got = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
      return (await bytesOf(got.Body)).toString();
    },
    versions: async Prefix => {
      const listed = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
      const versions = (listed.Versions ?? []).map(version => ({ ...version, what: 'version' }));
      const markers = (listed.DeleteMarkers ?? []).map(marker => ({ ...marker, what: 'marker' }));
      return [...versions, ...markers].map(
        ({ Key, VersionId, IsLatest, what }) =>
          `${Key ?? ''} ${what} ${VersionId ?? ''}${IsLatest === true ? ' latest' : ''}`,
      );
    },
  };
}

async function setStatus(
  { isKnown }: VersionsServed,
  [client, Bucket]: readonly [S3Client, string],
  Status: 'Enabled' | 'Suspended',
): Promise<void> {
  const VersioningConfiguration = { Status };
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  await isKnown(Bucket, Status);
}

async function toldStatus(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket } = await served.world(t);
  const status = async (): Promise<string | undefined> =>
    (await client.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  t.is(await status(), undefined);
  await setStatus(served, [client, Bucket], 'Enabled');
  t.is(await status(), 'Enabled');
  await setStatus(served, [client, Bucket], 'Suspended');
  t.is(await status(), 'Suspended');
}

async function everyWrite(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, get, versions } = await versionedWorld(served, t);
  const large = 'x'.repeat(300_000);
  const first = await put('a', 'one');
  const second = await put('a', large);
  const third = await put('a', 'three');
  t.is(new Set([first, second, third]).size, 3);
  t.is(await get('a'), 'three');
  t.is(await get('a', first), 'one');
  t.is(await get('a', second), large);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a', VersionId: second }));
  t.is(head.VersionId, second);
  t.is(head.ContentLength, 300_000);
  t.deepEqual(await versions(), [
    `a version ${third ?? ''} latest`,
    `a version ${second ?? ''}`,
    `a version ${first ?? ''}`,
  ]);
  const plain = await client.send(new ListObjectsV2Command({ Bucket }));
  t.deepEqual(
    plain.Contents?.map(({ Key, Size }) => [Key, Size]),
    [['a', 5]],
  );
}

async function markers(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, get, versions } = await versionedWorld(served, t);
  const first = await put('a', 'one');
  const target = { Bucket, Key: 'a' };
  const deleted = await client.send(new DeleteObjectCommand(target));
  t.true(deleted.DeleteMarker);
  const marker = deleted.VersionId ?? '';
  t.deepEqual(await versions(), [`a version ${first ?? ''}`, `a marker ${marker} latest`]);
  t.is(await refusal(client.send(new GetObjectCommand(target))), '404 NoSuchKey');
  const named = { ...target, VersionId: marker };
  t.is(await refusal(client.send(new GetObjectCommand(named))), '405 MethodNotAllowed');
  const plain = await client.send(new ListObjectsV2Command({ Bucket }));
  t.is(plain.Contents, undefined);
  t.is(await get('a', first), 'one');
  const undeleted = await client.send(new DeleteObjectCommand(named));
  t.true(undeleted.DeleteMarker);
  t.is(undeleted.VersionId, marker);
  t.is(await get('a'), 'one');
  const gone = await client.send(new DeleteObjectCommand({ ...target, VersionId: first }));
  t.is(gone.VersionId, first);
  t.is(gone.DeleteMarker, undefined);
  t.deepEqual(await versions(), []);
  const again = { ...target, VersionId: first };
  t.is(await refusal(client.send(new GetObjectCommand(again))), '404 NoSuchVersion');
  await client.send(new DeleteObjectCommand(again));
}

async function nullVersions(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, get, versions } = await versionedWorld(served, t, 'none');
  t.is(await put('a', 'before'), undefined);
  await setStatus(served, [client, Bucket], 'Enabled');
  const kept = await put('a', 'kept');
  t.is(await get('a', 'null'), 'before');
  await setStatus(served, [client, Bucket], 'Suspended');
  t.is(await put('a', 'after'), undefined, 'no version is named');
  t.is(await get('a', 'null'), 'after');
  t.is(await get('a', kept), 'kept');
  const deleted = await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
  t.true(deleted.DeleteMarker);
  t.is(deleted.VersionId, 'null');
  t.deepEqual(await versions(), [`a version ${kept ?? ''}`, 'a marker null latest']);
}

async function pages(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put } = await versionedWorld(served, t);
  for (const name of ['a/1', 'a/2', 'b', 'b', 'b', 'c/1']) await put(name, name);
  const seen: string[] = [];
  let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const ask = { Bucket, MaxKeys: 2, ...marker };
    const page = await client.send(new ListObjectVersionsCommand(ask));
    seen.push(...(page.Versions ?? []).map(({ Key }) => Key ?? ''));
    if (page.IsTruncated !== true) break;
    marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
  t.deepEqual(seen, ['a/1', 'a/2', 'b', 'b', 'b', 'c/1']);
  const folded = await client.send(new ListObjectVersionsCommand({ Bucket, Delimiter: '/' }));
  t.deepEqual(folded.CommonPrefixes, [{ Prefix: 'a/' }, { Prefix: 'c/' }]);
  t.is(folded.Versions?.length, 3);
  const prefixed = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'a/' }));
  t.is(prefixed.Versions?.length, 2);
}

async function named(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, get } = await versionedWorld(served, t);
  const first = (await put('a', 'one')) ?? '';
  const second = (await put('a', 'three')) ?? '';
  const CopySource = `${Bucket}/a?versionId=${first}`;
  const copied = await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }));
  t.is(copied.CopySourceVersionId, first);
  t.truthy(copied.VersionId);
  t.is(await get('copy'), 'one');
  await client.send(new CopyObjectCommand({ Bucket, Key: 'a', CopySource }));
  t.is(await get('a'), 'one', 'an old version is brought back');
  const Tagging = { TagSet: [{ Key: 'k', Value: 'v' }] };
  const target = { Bucket, Key: 'a', VersionId: second };
  const tagged = await client.send(new PutObjectTaggingCommand({ ...target, Tagging }));
  t.is(tagged.VersionId, second);
  const tags = await client.send(new GetObjectTaggingCommand(target));
  t.deepEqual(tags.TagSet, Tagging.TagSet);
  t.is(await get('a', second), 'three');
  const current = await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'a' }));
  t.deepEqual(current.TagSet, []);
  const ask = { ...target, ObjectAttributes: ['ObjectSize' as const] };
  const attributes = await client.send(new GetObjectAttributesCommand(ask));
  t.is(attributes.ObjectSize, 5);
  t.is(attributes.VersionId, second);
}

async function inParts(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, get } = await versionedWorld(served, t);
  const target = { Bucket, Key: 'a' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const part = { ...target, UploadId, PartNumber: 1, Body: 'parts' };
  const { ETag } = await client.send(new UploadPartCommand(part));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  const complete = () =>
    client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
  const made = await complete();
  t.truthy(made.VersionId);
  await put('a', 'later');
  t.is((await complete()).VersionId, made.VersionId);
  t.is(await get('a', made.VersionId), 'parts');
  t.is(await get('a'), 'later');
}

async function manyAtOnce(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put, versions } = await versionedWorld(served, t);
  const first = await put('a', 'one');
  await put('b', 'two');
  const Objects = [
    { Key: 'a', VersionId: first },
    { Key: 'b' },
    { Key: 'c', VersionId: 'nonsense' },
  ];
  const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  t.deepEqual(
    answer.Deleted?.map(({ Key, VersionId, DeleteMarker }) => [Key, VersionId, DeleteMarker]),
    [
      ['a', first, undefined],
      ['b', undefined, true],
    ],
  );
  t.deepEqual(
    answer.Errors?.map(({ Key, Code }) => [Key, Code]),
    [['c', 'NoSuchVersion']],
  );
  t.is((await versions()).length, 2);
}

async function emptyBuckets(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put } = await versionedWorld(served, t);
  const first = await put('a', 'one');
  const { VersionId } = await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
  const remove = (): Promise<unknown> => client.send(new DeleteBucketCommand({ Bucket }));
  t.is(await refusal(remove()), '409 BucketNotEmpty');
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId: first }));
  t.is(await refusal(remove()), '409 BucketNotEmpty', 'the delete marker is left');
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId }));
  await remove();
}

async function nonsense(served: VersionsServed, t: ExecutionContext): Promise<void> {
  const { client, Bucket, put } = await versionedWorld(served, t);
  await put('a', 'one');
  const get = (VersionId: string): Promise<unknown> =>
    client.send(new GetObjectCommand({ Bucket, Key: 'a', VersionId }));
  t.is(await refusal(get('nonsense')), '400 InvalidArgument');
  t.is(await refusal(get('0'.repeat(32))), '404 NoSuchVersion');
  t.is(await refusal(get('null')), '404 NoSuchVersion');
}

const CASES: readonly (readonly [
  title: string,
  run: (served: VersionsServed, t: ExecutionContext) => Promise<void>,
])[] = [
  ['versioning is enabled, suspended, and told', toldStatus],
  ['every write is a version of its own, large and small', everyWrite],
  ['a deletion leaves a delete marker, and deleting that brings the object back', markers],
  [
    'what was there before is the null version, and so is what is written while suspended',
    nullVersions,
  ],
  ['versions are listed in pages, by prefix and folder', pages],
  ['a version is copied, tagged and asked about by its name', named],
  ['an upload in parts is a version, told again when it is completed again', inParts],
  ['many versions and objects are deleted in one request', manyAtOnce],
  ['a bucket goes only when no version and no delete marker is left', emptyBuckets],
  ['names of versions that cannot be are refused', nonsense],
];

/** To be called at the top of a test file. */
export function declareVersionTests(served: VersionsServed): void {
  for (const [title, run] of CASES) {
    test.serial(title, async t => {
      t.timeout(120_000);
      await run(served, t);
    });
  }
}
