// Method: three replicas of one partition whose versions end, told to some of them; pulls bring the
// ends to all. A round must take the ends out everywhere, once what they held is released, and
// nothing may come back afterwards.
import test from 'ava';
import { RoundWorker } from '../../../actors/entropy/round-worker.ts';
import { RowPull } from '../../../actors/entropy/row-pull.ts';
import { ReleaseChecks } from '../../../actors/partition/release-checks.ts';
import { fixedView } from '../../../bus/cluster-view.ts';
import type { TableRequest, VersionDelete } from '../../../schemas/messages/table.ts';
import { TOMBSTONE_KEEP_MS } from '../../../schemas/limits.ts';
import { decodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import { layoutOf, nodeOf } from '../../bus/replica-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { at, put, putBlocks, stamp, tablePartition } from '../partition/partition-fixture.ts';
import { listAll, versionDelete, writeOf } from '../partition/version-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const NODES = Array.from('abc', nodeOf);

class World {
  readonly environment = manualEnvironment();
  readonly all = NODES.map(() =>
    tablePartition({ digestKey, soleReplica: false, clock: this.environment.clock }),
  );
  readonly #rounds = NODES.map((self, index) => {
    const { clock, timers, random } = this.environment;
    return new RoundWorker({
      ...{ self, partitions: [this.all[index]!.table], view: fixedView({ current: LAYOUT }) },
      ...{ clock, timers, log: new QuietLog(), stamper: new Stamper(clock, random) },
      ask: (node, _, request) => this.ask(NODES.indexOf(node), request),
    });
  });

  ask(index: number, request: TableRequest) {
    const deadlineAtMs = this.environment.clock.monotonicMs() + 30_000;
    return Promise.resolve(this.all[index]!.table.receive(request, { deadlineAtMs }));
  }

  async tell(request: TableRequest, to: readonly number[] = [0, 1, 2]): Promise<void> {
    for (const index of to) {
      const reply = await this.ask(index, request);
      if (reply.kind !== 'written') throw new Error(reply.kind);
    }
  }

  async pullAll(): Promise<void> {
    for (const [to, self] of NODES.entries()) {
      const pull = new RowPull({
        ...{ clusterKey: digestKey, self, nowMs: () => 0, rest: () => Promise.resolve() },
        ask: (node, _, request) => this.ask(NODES.indexOf(node), request),
      });
      for (const source of NODES) {
        if (source !== self) await pull.run(this.all[to]!.table, source, 'everything');
      }
    }
  }

  async rounds(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) {
      this.environment.advance(TOMBSTONE_KEEP_MS);
      for (const worker of this.#rounds) await worker.tick();
    }
  }

  counts(table: (typeof TABLE)[keyof typeof TABLE]): number[] {
    return this.all.map(({ rows }) => rows(table).length);
  }
}

const LAYOUT = layoutOf('abc');

function endOf(key: string, tick: number): VersionDelete {
  const named = { timestamp: stamp(tick), isNull: false };
  return { ...versionDelete(key, stamp(tick), tick + 50), at: named };
}

test('ends are forgotten by all together, and what ended stays away', async t => {
  const world = new World();
  for (const tick of [1, 2, 3]) await world.tell(writeOf(put('a', tick), 'enabled'));
  await world.tell(endOf('a', 2), [0, 1]);
  await world.tell(endOf('a', 3), [1, 2]);
  await world.rounds();
  t.deepEqual(
    world.counts(TABLE.history),
    [3, 3, 3].map((_, index) => [2, 2, 2][index]),
  );
  await world.pullAll();
  await world.rounds();
  t.deepEqual(world.counts(TABLE.history), [0, 0, 0]);
  t.deepEqual(world.counts(TABLE.tombstone), [0, 0, 0]);
  for (const replica of world.all) {
    const ask = (request: TableRequest) => world.ask(world.all.indexOf(replica), request);
    const listed = await listAll({ ...replica, ask }, { limit: 10 });
    t.deepEqual(
      listed.map(({ version, isLatest }) => [version, isLatest]),
      [[stamp(1), true]],
    );
  }
  const late = await world.ask(2, { ...writeOf(put('a', 3), 'enabled'), isAbove: true });
  t.like(late, { kind: 'older', isForgotten: true });
  await world.pullAll();
  t.deepEqual(world.counts(TABLE.history), [0, 0, 0]);
});

test('the last version of a key leaves nothing, once its end is forgotten', async t => {
  const world = new World();
  await world.tell(writeOf(put('a', 1), 'enabled'));
  await world.tell(endOf('a', 1));
  t.deepEqual(world.counts(TABLE.object), [0, 0, 0]);
  t.deepEqual(world.counts(TABLE.history), [1, 1, 1], 'the end');
  await world.rounds();
  t.deepEqual(world.counts(TABLE.history), [0, 0, 0]);
  const read = await world.ask(0, { kind: 'object-read', place: at('a'), want: 'row' });
  t.deepEqual(read, { kind: 'object' });
});

test('the end of a null version is found by its name, and forgotten with it', async t => {
  const world = new World();
  await world.tell(put('a', 1));
  await world.tell(writeOf(put('a', 2), 'enabled'));
  const named = { timestamp: stamp(1), isNull: true };
  await world.tell({ ...versionDelete('a', 'null', 50), at: named }, [0, 1]);
  t.deepEqual(world.counts(TABLE.versionName), [1, 1, 1]);
  await world.pullAll();
  await world.rounds();
  t.deepEqual(world.counts(TABLE.versionName), [0, 0, 0]);
  t.deepEqual(world.counts(TABLE.history), [0, 0, 0]);
  t.deepEqual(world.counts(TABLE.object), [1, 1, 1]);
});

test('an end waits for the release of what its version held; nobody else waits then', async t => {
  const world = new World();
  await world.tell(writeOf(putBlocks('a', 1), 'enabled'));
  await world.tell(endOf('a', 1));
  await world.rounds();
  t.deepEqual(world.counts(TABLE.history), [1, 1, 1]);
  const { table, rows } = world.all[0]!;
  await table.change(step => {
    for (const { key } of rows(TABLE.release)) step.batch.delete(key);
  });
  await world.rounds();
  t.deepEqual(world.counts(TABLE.history), [0, 0, 0]);
  const [entry] = world.all[1]!.rows(TABLE.release);
  const ask = (): never => {
    throw new Error('nobody is asked');
  };
  const tables = { askEvery: ask, isSuperseded: ask, isOver: ask };
  const checks = new ReleaseChecks(world.all[1]!.table, tables);
  t.is(await checks.verdict(decodeReleaseEntry(entry!.value)), 'release');
});
