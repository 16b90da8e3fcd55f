// Method: three nodes on one bus, time moved by hand. What one of them missed must reach it within
// a bounded time of the protocol's clock, with nobody asking for it, and when all are equal nothing
// is pulled any more.
import test from 'ava';
import { setImmediate } from 'node:timers/promises';
import { EntropyWorker } from '../../../actors/entropy/entropy-worker.ts';
import { Suspicions } from '../../../actors/entropy/suspicions.ts';
import { isNoAnswer } from '../../../bus/bus.ts';
import { fixedView } from '../../../bus/cluster-view.ts';
import { MemoryBus } from '../../../bus/memory-bus.ts';
import { Subjects } from '../../../bus/subjects.ts';
import { packRoots, readRoots } from '../../../schemas/messages/digest-gossip.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { TablePartition } from '../../../actors/partition/table-partition.ts';
import { PARTITION_COUNT, partitionId } from '../../../schemas/ids.ts';
import type { NodeId, PartitionId } from '../../../schemas/ids.ts';
import { layoutOf, nodeOf } from '../../bus/replica-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { partition, put, putBlocks, remove } from '../partition/partition-fixture.ts';
import { rowRange } from '../../../schemas/row-tables.ts';

const clusterKey = Buffer.alloc(32, 5);
const NAMES = 'abc';

class World {
  readonly environment = manualEnvironment();
  readonly subjects = new Subjects('test');
  readonly stores = Array.from(NAMES, () => new MemoryStore());
  readonly bus = new MemoryBus({
    ...this.environment,
    codecs: 'exercised',
    onServerFailure: (subject, failure) => {
      throw new Error(subject, { cause: failure });
    },
  });
  readonly log = new QuietLog();
  /** Asked for their digest while this is there: they are answered once it is resolved. */
  hold: Promise<void> | undefined;
  /** Those whose store may have forgotten something. */
  readonly behind = new Set<NodeId>();
  readonly held: { readonly by: NodeId; readonly place: PartitionId }[] = [];
  readonly workers = Array.from(NAMES, (name, index) => this.#node(nodeOf(name), index));

  #node(self: NodeId, index: number): EntropyWorker {
    const { bus, subjects, log } = this;
    const { clock, timers } = this.environment;
    const store = this.stores[index]!;
    const partitions = Array.from({ length: PARTITION_COUNT }, (_, place) => {
      const table = new TablePartition({
        ...{ partition: partitionId(place), store, clock, log, digestKey: clusterKey },
        ...{ space: () => true, kickRelease: () => undefined, soleReplica: false },
        isLiveStamper: () => true,
      });
      bus.serve(subjects.table(self, table.partition), table.receive.bind(table));
      return table;
    });
    return new EntropyWorker({
      ...{ self, partitions, bus, subjects, clock, timers, log, clusterKey },
      isBehind: () => this.behind.has(self),
      view: fixedView({ current: layoutOf(NAMES) }),
      ask: async (node, place, request) => {
        if (this.hold !== undefined && request.kind === 'digest-read') {
          this.held.push({ by: self, place });
          await this.hold;
        }
        const reply = await bus.request(subjects.table(node, place), request, { timeoutMs: 5000 });
        return isNoAnswer(reply) ? { kind: 'unavailable' } : reply;
      },
    });
  }

  async ask(name: string, request: TableRequest, place = partition): Promise<void> {
    const address = this.subjects.table(nodeOf(name), place);
    const reply = await this.bus.request(address, request, { timeoutMs: 5000 });
    if (reply.kind !== 'written') throw new Error(reply.kind);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5) {
      this.environment.advance(5);
      if (passed % 25 === 0) await setImmediate();
    }
  }

  objects(): number[] {
    const range = rowRange(partition, TABLE.object);
    return this.stores.map(store => store.entries(range).length);
  }

  async end(): Promise<void> {
    const stops = this.workers.map(worker => worker.stop());
    await this.pass(100);
    await Promise.all(stops);
  }
}

test('what a replica missed reaches it, and then there is quiet', async t => {
  const world = new World();
  for (const worker of world.workers) worker.start();
  await world.pass(5000);
  await world.ask('a', put('one', 1));
  await world.ask('b', putBlocks('two', 2));
  await world.ask('c', put('one', 3));
  await world.ask('c', remove('gone', 4));
  t.deepEqual(world.objects(), [1, 1, 2]);
  await world.pass(30_000);
  t.deepEqual(world.objects(), [3, 3, 3]);
  const values = world.stores.map(store => store.entries(rowRange(partition, TABLE.object)));
  t.deepEqual(values[0], values[1]);
  t.deepEqual(values[1], values[2]);
  const pulled = world.workers.map(({ status }) => status.rowsPulled);
  t.true(pulled.every(rows => rows >= 1));
  await world.pass(20_000);
  t.deepEqual(
    world.workers.map(({ status }) => status.rowsPulled),
    pulled,
    'nothing is pulled for nothing',
  );
  t.true(world.workers.every(({ status }) => status.partitionsDiffering === 0));
  t.like(world.workers[0]!.report(), { name: 'Comparison of rows', state: 'idle', queueLength: 0 });
  t.true(world.workers.every(({ status }) => status.digestsMissing === 0));
  await world.end();
});

test('who missed something in many partitions has it in seconds', async t => {
  const world = new World();
  for (const worker of world.workers) worker.start();
  await world.pass(5000);
  for (let index = 0; index < 60; index += 1) {
    await world.ask('b', put('one', 1), partitionId(index));
  }
  // Told twice, three seconds apart; then one after the other without a pause.
  await world.pass(12_000);
  const [first] = world.workers;
  t.is(first!.status.rowsPulled, 60);
  await world.end();
});

test('two partitions are looked into at a time, and no more', async t => {
  const world = new World();
  const [worker] = world.workers;
  for (const each of world.workers) each.start();
  await world.pass(5000);
  for (let index = 0; index < 4; index += 1) {
    await world.ask('b', put('one', 1), partitionId(index));
  }
  let release: () => void = () => undefined;
  world.hold = new Promise(resolve => {
    release = resolve;
  });
  await world.pass(15_000);
  t.is(world.held.filter(({ by }) => by === nodeOf('a')).length, 2);
  world.hold = undefined;
  release();
  await world.pass(20_000);
  t.is(worker!.status.rowsPulled, 4);
  await world.end();
});

test('a store that may have forgotten something pulls nothing by itself', async t => {
  const world = new World();
  for (const worker of world.workers) worker.start();
  await world.pass(5000);
  world.behind.add(nodeOf('c'));
  await world.ask('b', put('one', 1));
  await world.pass(20_000);
  t.deepEqual(world.objects(), [1, 1, 0]);
  world.behind.clear();
  await world.pass(20_000);
  t.deepEqual(world.objects(), [1, 1, 1]);
  await world.end();
});

test('a replica that is new takes all from one that has it', async t => {
  const world = new World();
  for (let index = 0; index < 300; index += 1)
    await world.ask('a', put(`k${String(index)}`, index));
  const pulled = world.workers[1]!.pullAll(partition, nodeOf('a'));
  await world.pass(500);
  t.is(await pulled, 'done');
  t.deepEqual(world.objects(), [300, 300, 0]);
  t.is(await world.workers[1]!.pullAll(partition, nodeOf('d')), 'failed', 'nobody is there');
  await world.end();
});

test('what helps nothing is tried less and less often', t => {
  const suspicions = new Suspicions();
  const node = nodeOf('b');
  const hear = (nowMs: number): void => {
    suspicions.heard(partition, node, { differs: true, nowMs });
  };
  hear(0);
  t.is(suspicions.next(0), undefined, 'one difference is nothing yet');
  const tries: number[] = [];
  for (let nowMs = 1000; nowMs < 300_000; nowMs += 1000) {
    hear(nowMs);
    const due = suspicions.next(nowMs);
    if (due === undefined) continue;
    tries.push(nowMs);
    t.is(suspicions.next(nowMs), undefined, 'one look at a time');
    suspicions.tried(due, nowMs);
  }
  t.true(tries.length > 4 && tries.length < 12, String(tries.length));
  suspicions.heard(partition, node, { differs: false, nowMs: 300_000 });
  t.is(suspicions.size, 0);
});

test('roots are told for some partitions, and read back', t => {
  const roots = [3, 0, 255].map(index => [index, Buffer.alloc(16, index)] as const);
  const gossip = packRoots(nodeOf('a'), roots);
  t.deepEqual(
    [...readRoots(gossip)].map(([index, root]) => [index, Buffer.from(root)]),
    [...roots].sort(([one], [other]) => one - other).map(([index, root]) => [index, root]),
  );
  const cut = { ...gossip, roots: gossip.roots.subarray(0, 20) };
  t.is([...readRoots(cut)].length, 1);
});
