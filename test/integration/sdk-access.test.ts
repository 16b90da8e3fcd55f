// Method: the SDK sets policies, lists and ownership on a real server; plain requests without a
// signature show what they open.
import {
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  GetBucketAclCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetObjectAclCommand,
  GetPublicAccessBlockCommand,
  PutBucketAclCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

test('a policy opens some keys to everybody', async t => {
  const { client, Bucket, server } = await world(t);
  const { endpoint } = server;
  for (const Key of ['open/a', 'shut/a']) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  }
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        ...{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject' },
        Resource: `arn:aws:s3:::${Bucket}/open/*`,
      },
    ],
  });
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  t.is((await client.send(new GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
  const status = await client.send(new GetBucketPolicyStatusCommand({ Bucket }));
  t.is(status.PolicyStatus?.IsPublic, true);
  t.is(await (await fetch(`${endpoint}/${Bucket}/open/a`)).text(), 'open/a');
  t.is((await fetch(`${endpoint}/${Bucket}/shut/a`)).status, 403);
  await client.send(new DeleteBucketPolicyCommand({ Bucket }));
  t.is((await fetch(`${endpoint}/${Bucket}/open/a`)).status, 403);
  t.is(
    await refusal(client.send(new GetBucketPolicyCommand({ Bucket }))),
    '404 NoSuchBucketPolicy',
  );
});

test('lists open objects and a bucket, once ownership lets them', async t => {
  const { client, Bucket, server } = await world(t);
  const { endpoint } = server;
  const Key = 'k';
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  const open = new PutObjectAclCommand({ Bucket, Key, ACL: 'public-read' });
  t.is(await refusal(client.send(open)), '400 AccessControlListNotSupported');
  const Rules = [{ ObjectOwnership: 'ObjectWriter' as const }];
  const OwnershipControls = { Rules };
  await client.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls }));
  const controls = await client.send(new GetBucketOwnershipControlsCommand({ Bucket }));
  t.deepEqual(controls.OwnershipControls?.Rules, Rules);
  await client.send(open);
  t.is(await (await fetch(`${endpoint}/${Bucket}/${Key}`)).text(), 'x');
  const { Grants, Owner } = await client.send(new GetObjectAclCommand({ Bucket, Key }));
  t.deepEqual(
    Grants?.map(({ Permission }) => Permission),
    ['FULL_CONTROL', 'READ'],
  );
  const AccessControlPolicy = { Grants, Owner };
  await client.send(new PutBucketAclCommand({ Bucket, AccessControlPolicy }));
  const bucketAcl = await client.send(new GetBucketAclCommand({ Bucket }));
  t.is(bucketAcl.Grants?.length, 2);
  t.is((await fetch(`${endpoint}/${Bucket}`)).status, 200);

  const PublicAccessBlockConfiguration = { IgnorePublicAcls: true };
  await client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
  const block = await client.send(new GetPublicAccessBlockCommand({ Bucket }));
  t.is(block.PublicAccessBlockConfiguration?.IgnorePublicAcls, true);
  t.is((await fetch(`${endpoint}/${Bucket}/${Key}`)).status, 403);
  await client.send(new DeletePublicAccessBlockCommand({ Bucket }));
  t.is((await fetch(`${endpoint}/${Bucket}/${Key}`)).status, 200);
  await client.send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
  t.is(
    await refusal(client.send(new GetBucketOwnershipControlsCommand({ Bucket }))),
    '404 OwnershipControlsNotFoundError',
  );
});
