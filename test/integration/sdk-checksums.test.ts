// Method: the five checksums computed here, by other code than the server's where there is any, and
// compared with what the server answers for whole objects and for objects made of parts.
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type ChecksumAlgorithm,
  type ChecksumType,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { crc32, crc32c } from '@node-rs/crc32';
import test from 'ava';
import { createCRC64 } from 'hash-wasm';
import { createHash } from 'node:crypto';
import { seededBytes } from '../support/seeded-bytes.ts';
import { bytesOf, refusal, sdkWorlds } from './sdk-fixture.ts';

const MIB = 1024 * 1024;
const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
type Algorithm = (typeof ALGORITHMS)[number];
type Told = Partial<Record<`Checksum${Algorithm}`, string | undefined>>;

const world = sdkWorlds();

async function digest(algorithm: Algorithm, bytes: Uint8Array): Promise<Buffer> {
  switch (algorithm) {
    case 'CRC32':
      return uint32(crc32(bytes));
    case 'CRC32C':
      return uint32(crc32c(bytes));
    case 'CRC64NVME': {
      const crc = await createCRC64('9a6c9329ac4bc9b5');
      return Buffer.from(crc.init().update(bytes).digest('binary'));
    }
    case 'SHA1':
      return createHash('sha1').update(bytes).digest();
    case 'SHA256':
      return createHash('sha256').update(bytes).digest();
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function told(output: Told, algorithm: Algorithm): string | undefined {
  return output[`Checksum${algorithm}`];
}

for (const algorithm of ALGORITHMS) {
  test(`an upload with ${algorithm} tells it, and again when it is asked for`, async t => {
    const { client, Bucket } = await world(t);
    for (const size of [0, 1000, 2 * MIB + 1]) {
      const Key = `k${String(size)}`;
      const Body = seededBytes(size, size);
      const expected = (await digest(algorithm, Body)).toString('base64');
      const stored = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: algorithm }),
      );
      t.is(told(stored, algorithm), expected);
      t.is(stored.ChecksumType, 'FULL_OBJECT');
      const asked = { Bucket, Key, ChecksumMode: 'ENABLED' } as const;
      const found = await client.send(new GetObjectCommand(asked));
      t.is(told(found, algorithm), expected);
      t.true(Body.equals(await bytesOf(found.Body)));
      const head = await client.send(new HeadObjectCommand(asked));
      t.is(told(head, algorithm), expected);
      t.is(head.ChecksumType, 'FULL_OBJECT');
      const unasked = await client.send(new HeadObjectCommand({ Bucket, Key }));
      t.is(told(unasked, algorithm), undefined);
    }
  });

  test(`a wrong ${algorithm} is refused and nothing is stored`, async t => {
    const { client, Bucket } = await world(t);
    const other = (await digest(algorithm, seededBytes(5, 10))).toString('base64');
    const field = { [`Checksum${algorithm}`]: other };
    const sent = { Bucket, Key: 'k', Body: seededBytes(6, 10), ...field };
    t.is(await refusal(client.send(new PutObjectCommand(sent))), '400 BadDigest');
    t.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'k' }))), '404 NotFound');
  });
}

test('an upload with the defaults of the SDK has its CRC32', async t => {
  const { client, Bucket } = await world(t);
  const Body = seededBytes(1, 100_000);
  const stored = await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body }));
  t.is(stored.ChecksumCRC32, (await digest('CRC32', Body)).toString('base64'));
});

const COMBINATIONS: readonly (readonly [Algorithm, ChecksumType])[] = [
  ['CRC32', 'COMPOSITE'],
  ['CRC32C', 'COMPOSITE'],
  ['SHA1', 'COMPOSITE'],
  ['SHA256', 'COMPOSITE'],
  ['CRC32', 'FULL_OBJECT'],
  ['CRC32C', 'FULL_OBJECT'],
  ['CRC64NVME', 'FULL_OBJECT'],
];

for (const [algorithm, type] of COMBINATIONS) {
  test(`parts with ${algorithm} make a ${type} checksum of the object`, async t => {
    const { client, Bucket } = await world(t);
    const Key = 'k';
    const ChecksumAlgorithm: ChecksumAlgorithm = algorithm;
    const begun = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm, ChecksumType: type }),
    );
    t.is(begun.ChecksumAlgorithm, algorithm);
    t.is(begun.ChecksumType, type);
    const { UploadId = '' } = begun;
    const bodies = [seededBytes(1, 5 * MIB), seededBytes(2, 5 * MIB + 3), seededBytes(3, 77)];
    const Parts: CompletedPart[] = [];
    const field = `Checksum${algorithm}` as const;
    for (const [index, Body] of bodies.entries()) {
      const PartNumber = index + 1;
      const stored = await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm }),
      );
      const expected = (await digest(algorithm, Body)).toString('base64');
      t.is(told(stored, algorithm), expected);
      Parts.push({ PartNumber, ETag: stored.ETag, [field]: expected });
    }
    const listed = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    t.is(listed.ChecksumAlgorithm, algorithm);
    t.is(listed.ChecksumType, type);
    t.deepEqual(
      listed.Parts?.map(part => told(part, algorithm)),
      Parts.map(part => told(part, algorithm)),
    );
    const whole = Buffer.concat(bodies);
    const composite = Buffer.concat(await Promise.all(bodies.map(one => digest(algorithm, one))));
    const expected =
      type === 'COMPOSITE'
        ? `${(await digest(algorithm, composite)).toString('base64')}-${String(bodies.length)}`
        : (await digest(algorithm, whole)).toString('base64');
    const wrong = Parts.map((part, index) =>
      index === 0 ? { ...part, [field]: told(Parts[1] ?? {}, algorithm) } : part,
    );
    const upload = { Bucket, Key, UploadId, ChecksumType: type };
    const bad = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: wrong },
    });
    t.regex(await refusal(client.send(bad)), /^400 (InvalidPart|BadDigest)$/);
    const done = await client.send(
      new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }),
    );
    t.is(told(done, algorithm), expected);
    t.is(done.ChecksumType, type);
    const asked = { Bucket, Key, ChecksumMode: 'ENABLED' } as const;
    const head = await client.send(new HeadObjectCommand(asked));
    t.is(told(head, algorithm), expected);
    t.is(head.ChecksumType, type);
    const found = await client.send(new GetObjectCommand({ Bucket, Key }));
    t.true(whole.equals(await bytesOf(found.Body)));
    const part = await client.send(new HeadObjectCommand({ ...asked, PartNumber: 2 }));
    t.is(part.ContentLength, bodies[1]?.length);
  });
}

test('combinations that S3 does not know are refused when the upload begins', async t => {
  const { client, Bucket } = await world(t);
  const begin = (extra: { ChecksumAlgorithm?: Algorithm; ChecksumType?: ChecksumType }) =>
    refusal(client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k', ...extra })));
  const full = 'FULL_OBJECT';
  t.is(await begin({ ChecksumAlgorithm: 'SHA1', ChecksumType: full }), '400 InvalidRequest');
  t.is(await begin({ ChecksumAlgorithm: 'SHA256', ChecksumType: full }), '400 InvalidRequest');
  const composite = { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' } as const;
  t.is(await begin(composite), '400 InvalidRequest');
});

test('the checksum of the whole object is checked at the completion', async t => {
  const { client, Bucket } = await world(t);
  const Key = 'k';
  const Body = seededBytes(1, 1000);
  const begun = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC64NVME' }),
  );
  t.is(begun.ChecksumType, 'FULL_OBJECT', 'the default of this algorithm');
  const { UploadId } = begun;
  const { ETag, ChecksumCRC64NVME } = await client.send(
    new UploadPartCommand({
      ...{ Bucket, Key, UploadId, Body, PartNumber: 1, ChecksumAlgorithm: 'CRC64NVME' },
    }),
  );
  const complete = (whole: string | undefined) =>
    client.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket, Key, UploadId, ChecksumCRC64NVME: whole },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
  const other = (await digest('CRC64NVME', seededBytes(2, 5))).toString('base64');
  t.is(await refusal(complete(other)), '400 BadDigest');
  t.is(await refusal(complete(ChecksumCRC64NVME)), 'no refusal');
});

test('a copy keeps the checksum of its source or computes the one that is asked for', async t => {
  const { client, Bucket } = await world(t);
  const Body = seededBytes(4, 2 * MIB);
  await client.send(
    new PutObjectCommand({ Bucket, Key: 'from', Body, ChecksumAlgorithm: 'CRC32C' }),
  );
  const CopySource = `${Bucket}/from`;
  const kept = await client.send(new CopyObjectCommand({ Bucket, Key: 'kept', CopySource }));
  const expected = (await digest('CRC32C', Body)).toString('base64');
  t.is(kept.CopyObjectResult?.ChecksumCRC32C, expected);
  const made = await client.send(
    new CopyObjectCommand({ Bucket, Key: 'made', CopySource, ChecksumAlgorithm: 'SHA256' }),
  );
  const sha256 = (await digest('SHA256', Body)).toString('base64');
  t.is(made.CopyObjectResult?.ChecksumSHA256, sha256);
  const head = await client.send(
    new HeadObjectCommand({ Bucket, Key: 'made', ChecksumMode: 'ENABLED' }),
  );
  t.is(head.ChecksumSHA256, sha256);
});
