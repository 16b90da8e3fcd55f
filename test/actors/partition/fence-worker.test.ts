// Method: many buckets are closed in one partition, and settings are told as a test wants them.
import test from 'ava';
import { FenceWorker } from '../../../actors/partition/fence-worker.ts';
import { fenceRowKey } from '../../../actors/partition/row-keys.ts';
import { SettingsUnavailableError } from '../../../bus/settings-unavailable.ts';
import type { BucketId } from '../../../schemas/ids.ts';
import { partitionId } from '../../../schemas/ids.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { stamp } from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

const PARTITION = partitionId(7);
const TOKEN = stamp(5);
/** More than a page. */
const BUCKETS = Array.from(
  { length: 300 },
  (_, index) => index.toString(16).padStart(64, '0') as BucketId,
);

type FenceSettings = ConstructorParameters<typeof FenceWorker>[0]['settings'];
type Known = Pick<BucketRow, 'state' | 'timestamp'>;

class Fences {
  readonly world = new TableWorld();
  known: (bucket: string) => Known | undefined = () => ({ state: 'active', timestamp: stamp(9) });
  readonly worker = new FenceWorker({
    partitions: [this.world.tables[PARTITION]!],
    settings: {
      read: ((_table: string, id: string) =>
        Promise.resolve().then(() => this.known(id))) as FenceSettings['read'],
    },
    timers: this.world.environment.timers,
    log: this.world.log,
  });

  async close(): Promise<void> {
    for (const bucket of BUCKETS) {
      await this.world.askPartition(PARTITION, { kind: 'bucket-fence', bucket, token: TOKEN });
    }
  }

  /** Steps that are enough for all pages. */
  async look(): Promise<void> {
    for (let page = 0; page < 3; page += 1) await this.worker.step();
  }

  get closed(): number {
    return this.world.rows(TABLE.fence).length;
  }
}

test('a bucket that was decided to be active later than its fence is opened', async t => {
  const fences = new Fences();
  await fences.close();
  t.is(fences.closed, BUCKETS.length);
  await fences.look();
  t.is(fences.closed, 0);
});

test('a fence stays whose deletion may be under way', async t => {
  const fences = new Fences();
  await fences.close();
  for (const known of [
    undefined,
    { state: 'active', timestamp: stamp(4) },
    { state: 'active', timestamp: TOKEN },
    { state: 'deleting', timestamp: stamp(9) },
    { state: 'deleted', timestamp: stamp(9) },
  ] as const) {
    fences.known = () => known;
    await fences.look();
    t.is(fences.closed, BUCKETS.length);
  }
});

test('a fence that is damaged holds up none of the others', async t => {
  const fences = new Fences();
  await fences.close();
  fences.world.store.damage(fenceRowKey(PARTITION, BUCKETS[3]!));
  await fences.look();
  t.is(fences.closed, 1);
  t.is(fences.world.log.count('warn'), 1);
});

test('settings that are away are asked again, and nothing is said of it', async t => {
  const fences = new Fences();
  await fences.close();
  fences.known = () => {
    throw new SettingsUnavailableError('too few answer');
  };
  await fences.look();
  t.is(fences.closed, BUCKETS.length);
  t.is(fences.world.log.count('warn'), 0);
  fences.known = () => ({ state: 'active', timestamp: stamp(9) });
  await fences.look();
  t.is(fences.closed, 0);
});
