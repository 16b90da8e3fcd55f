// Method: the SDK keeps versions of objects on three sites as real processes, on real nats-servers.
// Each request goes to the next site, so whatever one of them has acknowledged the next must know.
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';
import { sharedTrial } from '../cluster/cluster-fixture.ts';
import type { TrialCluster, TrialSite } from '../cluster/trial-cluster.ts';
import { eventually } from '../support/nats-world.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { bytesOf, refusal } from './sdk-fixture.ts';
import { declareVersionTests } from './version-cases.ts';

const trial = sharedTrial({ roundTrips: undefined });

let buckets = 0;

function clientOf({ target }: TrialSite): S3Client {
  const { port, accessKeyId, secretKey } = target;
  const endpoint = `http://127.0.0.1:${String(port)}`;
  const credentials = { accessKeyId, secretKey };
  // A cluster may answer 503 while it looks around: clients ask again.
  return sdkClient({ endpoint, credentials }, { maxAttempts: 3 });
}

/** Asks the sites in turn. */
function roundRobin(clients: readonly S3Client[]): S3Client {
  let turn = 0;
  const send = (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    turn += 1;
    return clients[turn % clients.length]!.send(command);
  };
  return { send } as unknown as S3Client;
}

async function world(t: ExecutionContext) {
  const cluster = await trial();
  const clients = cluster.sites.map(clientOf);
  t.teardown(() => {
    for (const client of clients) client.destroy();
  });
  buckets += 1;
  const Bucket = `versions-${String(buckets)}`;
  await clients[0]!.send(new CreateBucketCommand({ Bucket }));
  return { cluster, clients, client: roundRobin(clients), Bucket };
}

/** Every gateway has heard of it. */
async function isKnown(Bucket: string, Status: 'Enabled' | 'Suspended'): Promise<void> {
  const cluster = await trial();
  for (const client of cluster.sites.map(clientOf)) {
    await eventually('versioning is known', async () => {
      const told = await client.send(new GetBucketVersioningCommand({ Bucket }));
      return told.Status === Status;
    });
    client.destroy();
  }
}

declareVersionTests({ world, isKnown });

async function kill(site: TrialSite): Promise<void> {
  await Promise.all(site.children.map(child => child.end('SIGKILL')));
}

async function startAgain(cluster: TrialCluster, site: TrialSite): Promise<void> {
  for (const child of site.children) cluster.startAgain(child);
  await cluster.untilHealthy();
}

test.serial('what was written and deleted while a site was away is so there, too', async t => {
  t.timeout(240_000);
  const { cluster, clients, Bucket } = await world(t);
  const [atParis, , atLyon] = clients;
  const lyon = cluster.sites[2];
  if (!atParis || !atLyon || !lyon) throw new Error('three sites');
  const VersioningConfiguration = { Status: 'Enabled' as const };
  await atParis.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
  await isKnown(Bucket, 'Enabled');
  const target = { Bucket, Key: 'a' };
  const put = async (Body: string): Promise<string> => {
    const { VersionId } = await atParis.send(new PutObjectCommand({ ...target, Body }));
    return VersionId ?? '';
  };
  const large = 'x'.repeat(200_000);
  const kept = await put('kept');
  const gone = await put(large);
  await kill(lyon);
  const later = await eventuallyDone(() => put('later'));
  await eventuallyDone(() => atParis.send(new DeleteObjectCommand({ ...target, VersionId: gone })));
  const marker = await eventuallyDone(() => atParis.send(new DeleteObjectCommand(target)));
  await startAgain(cluster, lyon);
  const listed = await atLyon.send(new ListObjectVersionsCommand({ Bucket }));
  t.deepEqual(
    listed.Versions?.map(({ VersionId }) => VersionId),
    [later, kept],
  );
  t.deepEqual(
    listed.DeleteMarkers?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest]),
    [[marker.VersionId, true]],
  );
  const read = async (VersionId: string): Promise<string> => {
    const got = await atLyon.send(new GetObjectCommand({ ...target, VersionId }));
    return (await bytesOf(got.Body)).toString();
  };
  t.is(await read(kept), 'kept');
  t.is(await read(later), 'later');
  t.is(await refusal(read(gone)), '404 NoSuchVersion');
  t.is(await refusal(atLyon.send(new GetObjectCommand(target))), '404 NoSuchKey');
});

test.serial(
  'a lock that comes with a version keeps it, at whichever site it is deleted',
  async t => {
    const { cluster, client } = await world(t);
    buckets += 1;
    const Bucket = `locked-${String(buckets)}`;
    await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
    await isKnown(Bucket, 'Enabled');
    const target = { Bucket, Key: 'a' };
    const ObjectLockRetainUntilDate = new Date(Date.now() + 3_600_000);
    const locked = { ObjectLockMode: 'COMPLIANCE' as const, ObjectLockRetainUntilDate };
    const { VersionId } = await client.send(
      new PutObjectCommand({ ...target, ...locked, Body: 'x' }),
    );
    const free = await client.send(new PutObjectCommand({ ...target, Body: 'y' }));
    for (const site of cluster.sites.map(clientOf)) {
      const gone = site.send(new DeleteObjectCommand({ ...target, VersionId }));
      t.is(await refusal(gone), '403 AccessDenied');
      site.destroy();
    }
    await client.send(new DeleteObjectCommand({ ...target, VersionId: free.VersionId }));
    const got = await client.send(new GetObjectCommand(target));
    t.is((await bytesOf(got.Body)).toString(), 'x');
    t.is(got.VersionId, VersionId);
  },
);

/** Repeats what was answered 503, as clients do. */
async function eventuallyDone<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  await eventually('answered', async () => {
    try {
      answer = await ask();
      return true;
    } catch (error) {
      if ((error as { name?: string }).name !== 'ServiceUnavailable') throw error;
      return false;
    }
  });
  return answer as Answer;
}
