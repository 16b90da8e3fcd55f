// Method: the SDK asks for the attributes of objects on a real server.
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  type ObjectAttributes,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();
const ALL: ObjectAttributes[] = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];
const MIB = 1024 * 1024;

test('what is asked for is told, and nothing else', async t => {
  const { client, Bucket } = await world(t);
  const Key = 'cat';
  const Body = 'meow';
  const put = await client.send(
    new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'SHA256' }),
  );
  const all = await client.send(
    new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ALL }),
  );
  t.is(`"${all.ETag ?? ''}"`, put.ETag ?? '');
  t.deepEqual(all.Checksum, { ChecksumSHA256: put.ChecksumSHA256!, ChecksumType: 'FULL_OBJECT' });
  t.is(all.ObjectSize, 4);
  t.is(all.StorageClass, 'STANDARD');
  t.is(all.ObjectParts, undefined);
  t.true(all.LastModified instanceof Date);
  const size = await client.send(
    new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectSize'] }),
  );
  t.is(size.ObjectSize, 4);
  t.is(size.ETag, undefined);
});

test('parts with checksums come in pages', async t => {
  const { client, Bucket } = await world(t);
  const Key = 'parts';
  const target = { Bucket, Key };
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'CRC32C' }),
  );
  const Parts = [];
  for (const PartNumber of [2, 4, 7]) {
    const Body = Buffer.alloc(PartNumber === 7 ? 5 : 5 * MIB, PartNumber);
    const part = { ...target, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32C' as const };
    const { ETag, ChecksumCRC32C } = await client.send(new UploadPartCommand(part));
    Parts.push({ PartNumber, ETag, ChecksumCRC32C });
  }
  const MultipartUpload = { Parts };
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload }));
  const ask = { ...target, ObjectAttributes: ALL, MaxParts: 2 };
  const first = await client.send(new GetObjectAttributesCommand(ask));
  t.is(first.Checksum?.ChecksumType, 'COMPOSITE');
  t.like(first.ObjectParts, {
    ...{ TotalPartsCount: 3, PartNumberMarker: '0', NextPartNumberMarker: '2' },
    ...{ MaxParts: 2, IsTruncated: true },
  });
  t.deepEqual(first.ObjectParts?.Parts, [
    { PartNumber: 1, Size: 5 * MIB, ChecksumCRC32C: Parts[0]!.ChecksumCRC32C! },
    { PartNumber: 2, Size: 5 * MIB, ChecksumCRC32C: Parts[1]!.ChecksumCRC32C! },
  ]);
  const PartNumberMarker = first.ObjectParts?.NextPartNumberMarker;
  const last = await client.send(new GetObjectAttributesCommand({ ...ask, PartNumberMarker }));
  t.false(last.ObjectParts?.IsTruncated);
  t.deepEqual(
    last.ObjectParts?.Parts?.map(part => [part.PartNumber, part.Size]),
    [[3, 5]],
  );
});

test('an attribute that does not exist, and an object that does not', async t => {
  const { client, Bucket } = await world(t);
  const of = (Key: string, ...names: string[]) =>
    client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key,
        ObjectAttributes: names as ObjectAttributes[],
      }),
    );
  t.is(await refusal(of('absent', 'ETag')), '404 NoSuchKey');
  t.is(await refusal(of('absent', 'Colour')), '400 InvalidArgument');
});
