// Method: a bucket is deleted while others write to it, over a network that loses and delays, with
// deleters that die between any two steps and nodes that stop and start. What was acknowledged must
// be there unless the bucket was never deleted; what is not deleted must take writes again.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { BucketLife } from '../../../gateway/directory/bucket-life.ts';
import { BucketNames } from '../../../gateway/directory/bucket-names.ts';
import type { BucketId, NodeId, ObjectKey, VersionId } from '../../../schemas/ids.ts';
import { partitionOfShard } from '../../../schemas/ids.ts';
import type { Kinded } from '../../../schemas/wire.ts';
import { SettingsCluster, type SettingsAsker } from '../../support/settings-cluster.ts';

const BUCKET = 'd'.repeat(64) as BucketId;
const partition = partitionOfShard(BUCKET, 0);

function lifeOf(cluster: SettingsCluster, { settings, tables }: SettingsAsker): BucketLife {
  const { clock, random } = cluster.network.environment;
  const names = new BucketNames(settings);
  return new BucketLife({
    ...{ settings, tables, names, clock, random, indexShards: 1 },
    ownership: 'BucketOwnerEnforced',
  });
}

async function put({ tables, stamper }: SettingsAsker, key: string): Promise<string> {
  const timestamp = stamper.now();
  const answer = await tables.writeObject(
    {
      kind: 'object-write',
      place: { bucket: BUCKET, shard: 0, key: key as ObjectKey },
      row: {
        ...{ kind: 'version', timestamp, versionId: timestamp as string as VersionId, headers: [] },
        ...{ sizeBytes: 1, etag: '0'.repeat(32), content: { kind: 'inline' } },
      },
      inline: Buffer.from('x'),
    },
    'unknown',
  );
  return answer.kind;
}

async function bucketIn(seed: number): Promise<SettingsCluster> {
  const cluster = new SettingsCluster({ nodes: 3, seed, spread: true, partition });
  const { network } = cluster;
  const { settings } = cluster.client('maker');
  const made = settings.change('bucket', BUCKET, () => ({
    ...{ kind: 'bucket', id: BUCKET, createdMs: 1, state: 'active' as const, indexShards: 1 },
    ...{ globalAliases: ['photos'], localAliases: [], grants: [] },
  }));
  await network.during(made);
  await network.during(new BucketNames(settings).take('photos', BUCKET));
  return cluster;
}

async function race(t: ExecutionContext, seed: number): Promise<string> {
  const cluster = await bucketIn(seed);
  const { network, nodes } = cluster;
  network.weather = { loss: 0.02, duplicates: 0.05, delayMsMax: 60 };
  const deleter = cluster.client('paris');
  const another = cluster.client('lille');
  const writers = [cluster.client('lyon'), cluster.client('nice')];
  const rest = (ms: number): Promise<void> =>
    new Promise(resolve => network.environment.timers.after(Math.floor(ms), resolve));
  const acknowledged: string[] = [];
  void lifeOf(cluster, deleter)
    .delete(BUCKET)
    .catch(() => 'unknown');
  if (network.chance() < 0.3) {
    network.environment.timers.after(Math.floor(network.chance() * 900), () => {
      deleter.process.kill();
    });
  }
  if (network.chance() < 0.3) {
    const node = nodes[Math.floor(network.chance() * 3)] as NodeId;
    network.environment.timers.after(Math.floor(network.chance() * 400), () => {
      cluster.crash(node);
    });
    network.environment.timers.after(3000, () => {
      cluster.start(node);
    });
  }
  const writing = writers.map(async (writer, index) => {
    await rest(network.chance() * 1200);
    const key = `object-${String(index)}`;
    if ((await put(writer, key)) === 'written') acknowledged.push(key);
  });
  await network.during(Promise.all(writing));
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 20 };
  // Whoever meets what is left after the time in which it could be under way brings it back.
  await network.pass(62_000);
  const met = await network.during(another.settings.readDecided('bucket', BUCKET));
  if (met?.state === 'deleting') await network.during(lifeOf(cluster, another).recover(met));
  await network.pass(4_000);
  const end = await network.during(another.settings.readDecided('bucket', BUCKET));
  const whole = `seed ${String(seed)}: ${String(end?.state)}, written ${acknowledged.join(' ')}`;
  t.true(end?.state === 'active' || end?.state === 'deleted', whole);
  const late = await network.during(put(another, 'late'));
  if (end?.state === 'deleted') {
    t.deepEqual(acknowledged, [], whole);
    t.is(late, 'bucket-closed', whole);
    const names = new BucketNames(another.settings);
    t.is(await network.during(names.holder('photos')), undefined, whole);
  } else t.is(late, 'written', whole);
  return end?.state ?? '';
}

for (const first of [1, 11]) {
  test(`a racing write is never lost to a deletion: seeds ${String(first)} to ${String(first + 9)}`, async t => {
    const ends = new Set<string>();
    for (let seed = first; seed < first + 10; seed += 1) ends.add(await race(t, seed));
    t.is(ends.size, 2, 'both happen');
  });
}

test('fences that a dead deleter left are no obstacle to the next deletion', async t => {
  const cluster = await bucketIn(30);
  const { network } = cluster;
  const dead = cluster.client('paris');
  const token = dead.stamper.now();
  const fence = { kind: 'bucket-fence', bucket: BUCKET, token } as const;
  t.is((await network.during(Promise.resolve(dead.tables.ask(partition, fence)))).kind, 'fenced');
  const next = cluster.client('lille');
  t.is(await network.during(lifeOf(cluster, next).delete(BUCKET)), 'deleted');
});

test('a bucket that came back is opened by its replicas, each for itself', async t => {
  const cluster = await bucketIn(31);
  const { network } = cluster;
  const dead = cluster.client('paris');
  const claimed = await network.during(
    dead.settings.change('bucket', BUCKET, row => row && { ...row, state: 'deleting' as const }),
  );
  const token = claimed?.timestamp ?? '';
  const fence = { kind: 'bucket-fence', bucket: BUCKET, token } as const;
  await network.during(Promise.resolve(dead.tables.ask(partition, fence)));
  await network.pass(5_000);
  t.is(await network.during(put(dead, 'while')), 'bucket-closed', 'a deletion may be under way');
  await network.during(
    dead.settings.change('bucket', BUCKET, row => row && { ...row, state: 'active' as const }),
  );
  await network.pass(5_000);
  t.is(await network.during(put(dead, 'after')), 'written');
});

test('a bucket that cannot be closed at a quorum is not deleted, empty as it may be', async t => {
  const cluster = await bucketIn(32);
  const { network, nodes } = cluster;
  const deleter = cluster.client('paris');
  const { process } = deleter;
  const request = process.request.bind(process) as (...call: readonly unknown[]) => unknown;
  const withoutFences = (address: { node: NodeId }, message: Kinded, options: unknown): unknown =>
    message.kind === 'bucket-fence' && address.node !== nodes[0]
      ? Promise.resolve({ kind: 'timed-out' })
      : request(address, message, options);
  process.request = withoutFences as unknown as typeof process.request;
  t.is(await network.during(lifeOf(cluster, deleter).delete(BUCKET)), 'unavailable');
  await network.pass(2_000);
  t.is((await network.during(deleter.settings.readDecided('bucket', BUCKET)))?.state, 'active');
  t.is(await network.during(put(cluster.client('lyon'), 'after')), 'written');
});
