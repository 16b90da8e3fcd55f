// Method: the SDK tags objects on a real server.
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

test('tags are put, read and taken away', async t => {
  const { client, Bucket } = await world(t);
  const Key = 'folder/ä b';
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'a=1&b=%C3%A4' }));
  const first = await client.send(new GetObjectTaggingCommand({ Bucket, Key }));
  t.deepEqual(first.TagSet, [
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: 'ä' },
  ]);
  const { LastModified } = await client.send(new HeadObjectCommand({ Bucket, Key }));
  const TagSet = [{ Key: 'c', Value: '' }];
  await client.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));
  const got = await client.send(new GetObjectCommand({ Bucket, Key }));
  t.is(got.TagCount, 1);
  t.deepEqual(got.LastModified, LastModified, 'a tag does not make the object newer');
  t.is(await got.Body?.transformToString(), 'x');
  await client.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
  const last = await client.send(new GetObjectTaggingCommand({ Bucket, Key }));
  t.deepEqual(last.TagSet, []);
  const absent = client.send(new GetObjectTaggingCommand({ Bucket, Key: 'absent' }));
  t.is(await refusal(absent), '404 NoSuchKey');
});

test('an upload in parts and a copy bring their tags', async t => {
  const { client, Bucket } = await world(t);
  const Key = 'parts';
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, Tagging: 'a=1' }),
  );
  const part = { Bucket, Key, UploadId, PartNumber: 1 };
  const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: 'x' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
  const CopySource = `${Bucket}/${Key}`;
  await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }));
  for (const name of [Key, 'copy']) {
    const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket, Key: name }));
    t.deepEqual(TagSet, [{ Key: 'a', Value: '1' }], name);
  }
});

test('a lifecycle rule of a tag is announced for objects that have it', async t => {
  const { client, Bucket } = await world(t);
  const Filter = { Tag: { Key: 'keep', Value: 'short' } };
  const Rules = [{ ID: 'r', Status: 'Enabled' as const, Filter, Expiration: { Days: 1 } }];
  await client.send(
    new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }),
  );
  const put = (Key: string, Tagging: string) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging }));
  t.regex((await put('short', 'keep=short')).Expiration ?? '', /rule-id="r"/);
  t.is((await put('long', 'keep=long')).Expiration, undefined);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'short' }));
  t.regex(head.Expiration ?? '', /rule-id="r"/);
});
