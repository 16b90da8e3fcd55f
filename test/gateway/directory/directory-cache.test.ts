// Method: three nodes whose decisions are told to nobody but those who decide, and gateways that
// read copies which know nothing: what was made at another site a moment ago must be found.
import test from 'ava';
import type { SettingsClient } from '../../../bus/settings-client.ts';
import { BucketLife } from '../../../gateway/directory/bucket-life.ts';
import { BucketNames } from '../../../gateway/directory/bucket-names.ts';
import { DirectoryCache } from '../../../gateway/directory/directory-cache.ts';
import type { AccessKeyId, BucketId, NodeId } from '../../../schemas/ids.ts';
import { SettingsCluster, viewOf } from '../../support/settings-cluster.ts';

const BUCKET = 'c'.repeat(64) as BucketId;
const KEY = 'GKmaker' as AccessKeyId;

async function made(settings: SettingsClient): Promise<void> {
  await settings.change('key', KEY, () => ({
    ...{ kind: 'key', id: KEY, secret: 's', name: 'n', createdMs: 1, canCreateBucket: true },
    deleted: false,
  }));
  await settings.change('bucket', BUCKET, () => ({
    ...{ kind: 'bucket', id: BUCKET, createdMs: 1, state: 'active' as const, indexShards: 1 },
    ...{ globalAliases: ['photos'], localAliases: [], grants: [] },
  }));
  await new BucketNames(settings).take('photos', BUCKET);
}

function world(seed: number) {
  const cluster = new SettingsCluster({ nodes: 3, seed });
  const { network, nodes } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 10 };
  const far = nodes[2] as NodeId;
  const paris = cluster.client('paris').settings;
  const { settings, process } = cluster.client('lyon', viewOf([cluster.layout], far));
  const cache = new DirectoryCache(settings, network.environment.clock, process, cluster.subjects);
  return { cluster, network, far, paris, settings, cache };
}

test('a key and a bucket that the nearest copy has not heard of are found', async t => {
  const { network, far, paris, settings, cache } = world(1);
  network.cut('paris', far);
  await network.during(made(paris));
  network.heal();
  t.is(await network.during(settings.read('alias', 'photos')), undefined);
  t.is((await network.during(Promise.resolve(cache.key(KEY))))?.id, KEY);
  const found = await network.during(Promise.resolve(cache.bucket('photos', KEY)));
  t.is(found?.id, BUCKET);
  const anonymous = await network.during(Promise.resolve(cache.bucket('photos', undefined)));
  t.is(anonymous?.id, BUCKET);
});

test('what does not exist is asked for within bounds, and then the copy is believed', async t => {
  const { network, cache } = world(2);
  let messages = 0;
  const { send } = network;
  network.send = (...message: Parameters<typeof send>): void => {
    messages += 1;
    send.apply(network, message);
  };
  const names = Array.from({ length: 1000 }, (_, n) => `no-${String(n)}`);
  const strangers = names.map(name => Promise.resolve(cache.bucket(name, undefined)));
  const found = await network.during(Promise.all(strangers));
  t.true(found.every(row => row === undefined));
  // A read and its answer each; three probes and their answers for a hundred of them.
  t.true(messages <= 2 * 1000 + 6 * 100, String(messages));
  await network.pass(1000);
  t.is(await network.during(Promise.resolve(cache.bucket('other', undefined))), undefined);
});

test('CreateBucket from several sites at once: exactly one of them makes it', async t => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { cluster, network, paris, settings } = world(seed);
    network.weather = { loss: 0.01, duplicates: 0.05, delayMsMax: 60 };
    const { clock, random } = network.environment;
    const creations = [paris, settings, cluster.client('lille').settings].map(site => {
      const names = new BucketNames(site);
      const tables = undefined as never;
      const life = new BucketLife({
        ...{ settings: site, tables, names, clock, random, indexShards: 1 },
        ownership: 'BucketOwnerEnforced',
      });
      return life.create({ globalAlias: 'photos', grants: [] }).then(
        row => (row === 'taken' ? 'taken' : row.id),
        () => 'unknown' as const,
      );
    });
    const outcomes = await network.during(Promise.all(creations));
    const made = outcomes.filter(outcome => outcome !== 'taken' && outcome !== 'unknown');
    const whole = `seed ${String(seed)}: ${outcomes.join(' ')}`;
    t.true(made.length <= 1, whole);
    if (!outcomes.includes('unknown')) t.is(made.length, 1, whole);
    network.weather = { loss: 0, duplicates: 0, delayMsMax: 60 };
    const holder = await network.during(new BucketNames(paris).holder('photos'));
    if (made.length === 1) t.is(holder?.id, made[0] as BucketId, whole);
  }
});
