// Method: the SDK sets and gets the settings of buckets on a real server; pages are asked over the
// S3 door with plain fetch, as browsers do.
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCorsCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketTaggingCommand,
  DeleteBucketWebsiteCommand,
  DeleteObjectCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketRequestPaymentCommand,
  GetBucketTaggingCommand,
  GetBucketWebsiteCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import test from 'ava';
import { refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

test('CORS rules are put, got and deleted, and browsers are answered by them', async t => {
  const { client, Bucket, server } = await world(t);
  t.is(
    await refusal(client.send(new GetBucketCorsCommand({ Bucket }))),
    '404 NoSuchCORSConfiguration',
  );
  const CORSRules = [
    {
      ID: 'pages',
      AllowedOrigins: ['https://*.example.org'],
      AllowedMethods: ['GET', 'PUT'],
      AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag'],
      MaxAgeSeconds: 60,
    },
  ];
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  t.deepEqual((await client.send(new GetBucketCorsCommand({ Bucket }))).CORSRules, CORSRules);

  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }));
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'k' }));
  const origin = 'https://app.example.org';
  const page = await fetch(url, { headers: { origin } });
  t.is(await page.text(), 'content');
  t.is(page.headers.get('access-control-allow-origin'), origin);
  t.is(page.headers.get('access-control-expose-headers'), 'ETag');
  t.regex(page.headers.get('vary') ?? '', /Origin/);
  const foreign = await fetch(url, { headers: { origin: 'https://evil.example' } });
  await foreign.arrayBuffer();
  t.is(foreign.headers.get('access-control-allow-origin'), null);

  const preflight = (from: string, method: string) =>
    fetch(`${server.endpoint}/${Bucket}/k`, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,x-amz-date',
      },
    });
  const allowed = await preflight(origin, 'PUT');
  t.is(allowed.status, 200);
  t.is(allowed.headers.get('access-control-allow-headers'), 'authorization, x-amz-date');
  t.is(allowed.headers.get('access-control-max-age'), '60');
  t.is((await preflight(origin, 'DELETE')).status, 403);
  t.is((await preflight('https://evil.example', 'PUT')).status, 403);

  await client.send(new DeleteBucketCorsCommand({ Bucket }));
  t.is((await preflight(origin, 'PUT')).status, 403);
});

test('a website configuration is put, got and deleted', async t => {
  const { client, Bucket } = await world(t);
  const WebsiteConfiguration = {
    IndexDocument: { Suffix: 'index.html' },
    ErrorDocument: { Key: 'error.html' },
    RoutingRules: [
      {
        Condition: { HttpErrorCodeReturnedEquals: '404', KeyPrefixEquals: 'docs/' },
        Redirect: { HostName: 'example.org', HttpRedirectCode: '302', Protocol: 'https' as const },
      },
    ],
  };
  await client.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
  const { $metadata, ...got } = await client.send(new GetBucketWebsiteCommand({ Bucket }));
  t.is($metadata.httpStatusCode, 200);
  t.deepEqual(got as unknown, WebsiteConfiguration);
  await client.send(new DeleteBucketWebsiteCommand({ Bucket }));
  t.is(
    await refusal(client.send(new GetBucketWebsiteCommand({ Bucket }))),
    '404 NoSuchWebsiteConfiguration',
  );
});

test('lifecycle rules are put, got and deleted, and answers tell of them', async t => {
  const { client, Bucket } = await world(t);
  const Rules = [
    {
      ...{ ID: 'old logs', Status: 'Enabled' as const, Filter: { Prefix: 'logs/' } },
      Expiration: { Days: 30 },
    },
    {
      ID: 'uploads',
      Status: 'Enabled' as const,
      Filter: { Prefix: '' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
    {
      ID: 'large',
      Status: 'Disabled' as const,
      Filter: { And: { Prefix: 'x', ObjectSizeGreaterThan: 10 } },
      Expiration: { Date: new Date('2035-01-01T00:00:00Z') },
    },
  ];
  await client.send(
    new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }),
  );
  const got = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  t.deepEqual(got.Rules, Rules);
  const put = await client.send(new PutObjectCommand({ Bucket, Key: 'logs/a', Body: 'x' }));
  t.regex(put.Expiration ?? '', /^expiry-date=".* 00:00:00 GMT", rule-id="old%20logs"$/);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'logs/a' }));
  t.is(head.Expiration, put.Expiration);
  const upload = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'big' }));
  t.is(upload.AbortRuleId, 'uploads');
  t.true(upload.AbortDate instanceof Date);
  await client.send(new DeleteBucketLifecycleCommand({ Bucket }));
  t.is(
    await refusal(client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))),
    '404 NoSuchLifecycleConfiguration',
  );
});

test('tags of a bucket are put, got and deleted', async t => {
  const { client, Bucket } = await world(t);
  const TagSet = [{ Key: 'team', Value: 'web + more' }];
  await client.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
  t.deepEqual((await client.send(new GetBucketTaggingCommand({ Bucket }))).TagSet, TagSet);
  await client.send(new DeleteBucketTaggingCommand({ Bucket }));
  t.is(await refusal(client.send(new GetBucketTaggingCommand({ Bucket }))), '404 NoSuchTagSet');
});

test('what was never configured is answered as S3 answers it', async t => {
  const { client, Bucket } = await world(t);
  t.is(
    await refusal(client.send(new GetBucketEncryptionCommand({ Bucket }))),
    '404 ServerSideEncryptionConfigurationNotFoundError',
  );
  t.is(
    await refusal(client.send(new GetBucketPolicyCommand({ Bucket }))),
    '404 NoSuchBucketPolicy',
  );
  t.is(
    await refusal(client.send(new GetBucketReplicationCommand({ Bucket }))),
    '404 ReplicationConfigurationNotFoundError',
  );
  t.is(
    await refusal(client.send(new GetPublicAccessBlockCommand({ Bucket }))),
    '404 NoSuchPublicAccessBlockConfiguration',
  );
  t.is(
    await refusal(client.send(new GetObjectLockConfigurationCommand({ Bucket }))),
    '404 ObjectLockConfigurationNotFoundError',
  );
  t.is((await client.send(new GetBucketRequestPaymentCommand({ Bucket }))).Payer, 'BucketOwner');
  t.is((await client.send(new GetBucketLoggingCommand({ Bucket }))).LoggingEnabled, undefined);
  const notification = new GetBucketNotificationConfigurationCommand({ Bucket });
  t.is((await client.send(notification)).QueueConfigurations, undefined);
  const { OwnershipControls } = await client.send(
    new GetBucketOwnershipControlsCommand({ Bucket }),
  );
  t.deepEqual(OwnershipControls?.Rules, [{ ObjectOwnership: 'BucketOwnerEnforced' }]);
});

test('a quota holds on every way in, and nothing of what is refused stays', async t => {
  const { client, Bucket, server } = await world(t);
  const limit = async (...flags: string[]): Promise<void> => {
    const set = await server.command('bucket', 'set-quotas', ...flags, Bucket);
    t.is(set.exitCode, 0, set.stderr);
  };
  const put = (Key: string, sizeBytes: number): Promise<string> =>
    refusal(client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(sizeBytes, 1) })));
  const over = '403 QuotaExceeded';
  const MIB = 1024 * 1024;
  await limit('--max-size', '12MiB', '--max-objects', '3');
  t.is(await put('six', 6 * MIB), 'no refusal');
  t.is(await put('large', 13 * MIB), over);
  t.is(await put('seven', 7 * MIB), over);
  t.is(await put('six', 7 * MIB), 'no refusal', 'an overwrite counts the difference');
  t.is(await put('small', 2000), 'no refusal');
  const copy = (Key: string) =>
    refusal(client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/six` })));
  t.is(await copy('copy'), over);

  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }),
  );
  const part = (PartNumber: number, sizeBytes: number) =>
    client.send(
      new UploadPartCommand({
        ...{ Bucket, Key: 'parts', UploadId, PartNumber },
        Body: Buffer.alloc(sizeBytes, 2),
      }),
    );
  t.is(await refusal(part(1, 5 * MIB)), over);
  t.is(
    await refusal(
      client.send(
        new UploadPartCopyCommand({
          ...{ Bucket, Key: 'parts', UploadId, PartNumber: 1 },
          CopySource: `${Bucket}/six`,
        }),
      ),
    ),
    over,
  );
  const { ETag } = await part(1, 4 * MIB);
  t.is(await put('rest', 2 * MIB), over, 'parts of open uploads count');
  const complete = () =>
    client.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket, Key: 'parts', UploadId },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
  t.is(await put('third', 0), 'no refusal');
  t.is(await refusal(complete()), over, 'one object too many');
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'third' }));
  t.is(await refusal(complete()), 'no refusal');
  const listed = await client.send(new ListObjectsV2Command({ Bucket }));
  t.deepEqual(
    listed.Contents?.map(({ Key, Size }) => `${String(Key)} ${String(Size)}`),
    [`parts ${String(4 * MIB)}`, `six ${String(7 * MIB)}`, 'small 2000'],
  );
  await limit('--max-size', 'none', '--max-objects', 'none');
  t.is(await put('large', 13 * MIB), 'no refusal');
});

test('64 writers at once do not pass a quota of a real server', async t => {
  const { client, Bucket, server } = await world(t);
  await server.command('bucket', 'set-quotas', '--max-objects', '20', '--max-size', '40k', Bucket);
  const sent = Array.from({ length: 64 }, (_, writer) =>
    refusal(
      client.send(
        new PutObjectCommand({ Bucket, Key: `k${String(writer)}`, Body: Buffer.alloc(2500, 1) }),
      ),
    ),
  );
  const outcomes = await Promise.all(sent);
  t.is(outcomes.filter(outcome => outcome === 'no refusal').length, 16);
  t.is(outcomes.filter(outcome => outcome === '403 QuotaExceeded').length, 48);
});

test('a bucket of many index shards is listed like any other', async t => {
  const { client, Bucket, server } = await world(t);
  const name = `${Bucket}-wide`;
  const made = await server.command('bucket', 'create', name, '--index-shards', '64');
  t.regex(made.stdout, /Index shards: +64/);
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
  const keys = Array.from(
    { length: 250 },
    (_, index) => `d${String(index % 5)}/k${String(index).padStart(3, '0')}`,
  );
  await Promise.all(
    keys.map(Key => client.send(new PutObjectCommand({ Bucket: name, Key, Body: 'x' }))),
  );
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({ Bucket: name, MaxKeys: 40, ContinuationToken: token }),
    );
    found.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  t.deepEqual(found, keys.toSorted());
  const folders = await client.send(new ListObjectsV2Command({ Bucket: name, Delimiter: '/' }));
  t.deepEqual(
    folders.CommonPrefixes?.map(({ Prefix }) => Prefix),
    ['d0/', 'd1/', 'd2/', 'd3/', 'd4/'],
  );
  const listed = await client.send(new ListBucketsCommand({ Prefix: name }));
  t.deepEqual(
    listed.Buckets?.map(bucket => bucket.Name),
    [name],
  );
});
