// Method: three replicas of one partition; deletions, late writes, pulls and rounds in a random
// order, while requests between replicas are lost at random, before or after they were carried out.
// Nothing that was deleted may come back, nothing that was acknowledged may go, and once nothing is
// lost any more all tombstones must go from all replicas.
import test from 'ava';
import fc from 'fast-check';
import { RoundWorker } from '../../../actors/entropy/round-worker.ts';
import { RowPull } from '../../../actors/entropy/row-pull.ts';
import { readRound } from '../../../actors/partition/rounds.ts';
import { fixedView, type ClusterView } from '../../../bus/cluster-view.ts';
import type { TableAnswer } from '../../../bus/table-client.ts';
import type { NodeId, PartitionId } from '../../../schemas/ids.ts';
import { TOMBSTONE_KEEP_MS } from '../../../schemas/limits.ts';
import type { ObjectWrite, TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import { decodeObjectRow } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';
import { layoutOf, nodeOf } from '../../bus/replica-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import type { Fixture } from '../partition/partition-fixture.ts';
import {
  at,
  partition,
  put,
  remove,
  stamp,
  tablePartition,
} from '../partition/partition-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const NODES = Array.from('abc', nodeOf);

class World {
  readonly environment = manualEnvironment();
  readonly all = NODES.map(() => {
    const { clock } = this.environment;
    return tablePartition({ digestKey, soleReplica: false, clock });
  });
  liveIds = '';
  readonly view = this.#viewOf(fixedView({ current: layoutOf('abc') }));
  /** What was asked of any of them. */
  readonly told: TableRequest['kind'][] = [];
  /** Drawn for each request between replicas. */
  loss: () => 'none' | 'request' | 'reply' = () => 'none';
  isBehind = false;
  readonly rounds: readonly RoundWorker[] = NODES.map(self => {
    const { clock, timers, random } = this.environment;
    return new RoundWorker({
      ...{ self, partitions: [this.all[NODES.indexOf(self)]!.table], view: this.view },
      ...{ clock, timers, log: new QuietLog(), stamper: new Stamper(clock, random) },
      isBehind: () => this.isBehind,
      ask: (...asked) => this.#ask(...asked),
    });
  });
  readonly #pulls = NODES.map(
    self =>
      new RowPull({
        ...{ clusterKey: digestKey, self, nowMs: () => this.environment.clock.monotonicMs() },
        ask: (...asked) => this.#ask(...asked),
        rest: () => Promise.resolve(),
      }),
  );

  async #ask(node: NodeId, _: PartitionId, request: TableRequest): Promise<TableAnswer> {
    const loss = this.loss();
    if (loss === 'request') return { kind: 'unavailable' };
    const reply = await this.tell(NODES.indexOf(node), request);
    return loss === 'reply' ? { kind: 'unavailable' } : reply;
  }

  #viewOf(fixed: ClusterView): ClusterView {
    return Object.defineProperty(fixed, 'liveIds', { get: () => this.liveIds });
  }

  async tell(index: number, request: TableRequest): Promise<TableAnswer> {
    this.told.push(request.kind);
    const deadlineAtMs = this.environment.clock.monotonicMs() + 30_000;
    return this.all[index]!.table.receive(request, { deadlineAtMs });
  }

  async build(): Promise<void> {
    for (const { table } of this.all) {
      const change = (apply: () => void): Promise<'done' | 'failed'> => table.change(apply);
      await table.digest!.build(change, () => Promise.resolve());
    }
  }

  async pull(to: number, from: number): Promise<void> {
    await this.#pulls[to]!.run(this.all[to]!.table, NODES[from]!, 'overdue');
  }

  async pullAll(): Promise<void> {
    for (const to of [0, 1, 2])
      for (const from of [0, 1, 2]) if (to !== from) await this.pull(to, from);
  }

  heads(index: number): Map<string, Timestamp> {
    const heads = new Map<string, Timestamp>();
    for (const { key, value } of this.all[index]!.rows(TABLE.object)) {
      const row = decodeObjectRow(value);
      if (row.kind === 'version') heads.set(key.toString('hex'), row.timestamp);
    }
    return heads;
  }

  tombstones(): number {
    const rows = this.all.flatMap(replica => replica.rows(TABLE.object));
    return rows.filter(({ value }) => decodeObjectRow(value).kind === 'tombstone').length;
  }
}

type Action =
  | { readonly kind: 'put'; readonly key: number; readonly misses: number }
  | { readonly kind: 'remove'; readonly key: number; readonly misses: number }
  | { readonly kind: 'late'; readonly key: number; readonly to: number }
  | { readonly kind: 'pull'; readonly to: number; readonly from: number }
  | { readonly kind: 'rounds' };

const replica = fc.nat(2);
const actions = fc.oneof(
  fc.record({
    kind: fc.constantFrom('put' as const, 'remove' as const, 'remove' as const),
    ...{ key: fc.nat(3), misses: fc.nat(4) },
  }),
  fc.record({ kind: fc.constant('late' as const), key: fc.nat(3), to: replica }),
  fc.record({ kind: fc.constant('pull' as const), to: replica, from: replica }),
  fc.constant({ kind: 'rounds' as const }),
) as fc.Arbitrary<Action>;
const losses = fc.infiniteStream(
  fc.oneof(
    { weight: 30, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constant('request' as const) },
    { weight: 1, arbitrary: fc.constant('reply' as const) },
  ),
);

test('nothing comes back that was forgotten, and in the end all is forgotten', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(actions, { minLength: 10, maxLength: 60, size: 'max' }),
      losses,
      async (all, drawn) => {
        const world = new World();
        await world.build();
        world.loss = () => {
          const next = drawn.next();
          return next.done === true ? 'none' : next.value;
        };
        const newest = new Map<number, ObjectWrite>();
        let tick = 100;
        for (const action of all) {
          tick += 10;
          if (action.kind === 'put' || action.kind === 'remove') {
            const name = `key ${String(action.key)}`;
            const write = action.kind === 'put' ? put(name, tick) : remove(name, tick);
            newest.set(action.key, write);
            for (const index of [0, 1, 2]) {
              if (index !== action.misses) await world.tell(index, write);
            }
          } else if (action.kind === 'late') {
            // A write that was sent long ago, and must not win over what followed it.
            const known = newest.get(action.key);
            if (known === undefined) continue;
            const reply = await world.tell(action.to, put(`key ${String(action.key)}`, 1));
            t.true(reply.kind === 'older' || action.to === missed(world, action.to, known));
          } else if (action.kind === 'pull') {
            if (action.to !== action.from) await world.pull(action.to, action.from);
          } else {
            for (const worker of world.rounds) {
              world.environment.advance(TOMBSTONE_KEEP_MS);
              await worker.tick();
            }
          }
        }
        world.loss = () => 'none';
        await world.pullAll();
        for (let turn = 0; turn < 4; turn += 1) {
          world.environment.advance(TOMBSTONE_KEEP_MS);
          for (const worker of world.rounds) await worker.tick();
          await world.pullAll();
        }
        const expected = [...newest.values()].filter(({ row }) => row.kind === 'version');
        for (const index of [0, 1, 2]) {
          const stamps = [...world.heads(index).values()].toSorted();
          t.deepEqual(stamps, expected.map(({ row }) => row.timestamp).toSorted());
        }
        t.is(world.tombstones(), 0);
        for (const { rows } of world.all) t.is(rows(TABLE.tombstone).length, 0);
      },
    ),
    { numRuns: 40 },
  );
});

/** The replica itself when it never saw the key's newest write: it takes an older one, which
 *  merges away; another number when it should have refused it. */
function missed(world: World, to: number, { row, place }: ObjectWrite): number {
  const stored = world.all[to]!.rows(TABLE.object).map(({ value }) => decodeObjectRow(value));
  const hasIt = stored.some(({ timestamp }) => timestamp === row.timestamp);
  return hasIt && place.key !== '' ? -1 : to;
}

test('two who coordinate at a time never prepare two lists for one round', async t => {
  const world = new World();
  const prepared = (ballot: number, key: string) => ({
    ballot: stamp(ballot),
    round: 1,
    list: [{ name: Buffer.from(key), timestamp: stamp(1) }],
  });
  t.is((await world.tell(0, { kind: 'round-promise', ballot: stamp(5) })).kind, 'round');
  t.deepEqual(await world.tell(0, { kind: 'round-promise', ballot: stamp(4) }), {
    kind: 'round-refused',
    promised: stamp(5),
  });
  const refused = await world.tell(0, { kind: 'round-prepare', prepared: prepared(4, 'one') });
  t.is(refused.kind, 'round-refused');
  t.is(
    (await world.tell(0, { kind: 'round-prepare', prepared: prepared(5, 'two') })).kind,
    'written',
  );
  const state = await world.tell(0, { kind: 'round-promise', ballot: stamp(6) });
  t.deepEqual(state, { kind: 'round', round: 0, prepared: prepared(5, 'two') });
  t.is((await world.tell(0, { kind: 'round-enter', round: 2 })).kind, 'not-understood');
  t.is((await world.tell(0, { kind: 'round-enter', round: 1 })).kind, 'written');
  t.is(readRound(world.all[0]!.store, partition).round, 1);
  t.is((await world.tell(0, { kind: 'round-enter', round: 1 })).kind, 'written', 'told twice');
});

test('rows of an earlier round are refused, and a later one is entered with the rows', async t => {
  const world = new World();
  await world.tell(0, put('a', 1));
  const names = world.all[0]!.rows(TABLE.object).map(({ key }) => key.subarray(1));
  const read = await world.tell(0, { kind: 'rows-read', names });
  if (read.kind !== 'rows') throw new Error(read.kind);
  const later = { round: 3, collected: stamp(9) };
  await world.all[1]!.table.noteEmpty();
  const entered = await world.tell(1, { kind: 'rows-merge', rows: [], round: later });
  t.is(entered.kind, 'merged');
  const stale = await world.tell(1, { kind: 'rows-merge', rows: read.rows, round: read.round });
  t.deepEqual(stale, { kind: 'stale-round', round: 3 });
  t.deepEqual(await world.tell(1, put('b', 8)), {
    kind: 'older',
    newest: stamp(9),
    isForgotten: true,
  });
  t.is((await world.tell(1, put('b', 10))).kind, 'written');
  t.is((await world.tell(1, remove('c', 9))).kind, 'older');
  t.is((await world.tell(1, { kind: 'object-read', place: at('c'), want: 'row' })).kind, 'object');
});

test('a store that may have forgotten something coordinates no round', async t => {
  const world = new World();
  for (const index of [0, 1, 2]) await world.tell(index, remove('gone', 5));
  const ticks = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn += 1) {
      world.environment.advance(TOMBSTONE_KEEP_MS);
      for (const worker of world.rounds) await worker.tick();
    }
  };
  world.isBehind = true;
  await ticks();
  t.is(world.tombstones(), 3);
  world.isBehind = false;
  await ticks();
  t.is(world.tombstones(), 0);
  const [first] = world.rounds;
  t.like(first?.report(), { state: 'idle', freeform: ['Rounds led to their end: 1'] });
  t.is(first?.journal.errors, 0);
});

test('a round ends where the layout changes while it goes on', async t => {
  for (const last of ['round-promise', 'round-prepare'] as const) {
    const world = new World();
    await world.build();
    for (const index of [0, 1, 2]) await world.tell(index, remove('gone', 110));
    world.environment.advance(TOMBSTONE_KEEP_MS);
    for (const worker of world.rounds) await worker.tick();
    world.environment.advance(TOMBSTONE_KEEP_MS);
    world.loss = () => {
      if (world.told.at(-1) === last) world.liveIds = 'another';
      return 'none';
    };
    for (const worker of world.rounds) await worker.tick();
    t.is(world.told.at(-1), last);
    world.loss = () => 'none';
    for (let turn = 0; turn < 3; turn += 1) {
      world.environment.advance(TOMBSTONE_KEEP_MS);
      for (const worker of world.rounds) await worker.tick();
    }
    t.is(world.tombstones(), 0);
  }
});

test('a replica without others forgets in rounds too, and not while the layout changes', async t => {
  const environment = manualEnvironment();
  const { clock, timers, random } = environment;
  const [one, joining] = [0, 1].map(() => tablePartition({ soleReplica: false, clock }));
  if (one === undefined || joining === undefined) throw new Error('there are two');
  const tell = async (to: Fixture, request: TableRequest): Promise<TableReply> =>
    to.table.receive(request, { deadlineAtMs: clock.monotonicMs() + 30_000 });
  const alone = layoutOf('a');
  let live = [alone];
  const rounds = new RoundWorker({
    ...{ self: nodeOf('a'), partitions: [one.table], clock, timers, log: new QuietLog() },
    view: Object.create(fixedView({ current: alone }), {
      live: { get: () => live },
    }) as ClusterView,
    stamper: new Stamper(clock, random),
    ask: (_node, _partition, request) => tell(one, request),
  });
  const ticks = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn += 1) {
      environment.advance(TOMBSTONE_KEEP_MS);
      await rounds.tick();
    }
  };
  for (const write of [put('gone', 1), remove('gone', 2), put('kept', 3)]) await tell(one, write);
  live = [alone, { ...layoutOf('ab'), version: 2 }];
  await ticks();
  t.is(one.rows(TABLE.object).length, 2);
  live = [alone];
  await ticks();
  t.is(one.rows(TABLE.object).length, 1);
  t.is(one.rows(TABLE.tombstone).length, 0);
  // What was under way before the deletion comes too late, here and where a replica joins.
  const late = { kind: 'older', newest: stamp(2), isForgotten: true };
  t.deepEqual(await tell(one, put('gone', 1)), late);
  const { round, collected } = readRound(one.store, partition);
  t.is(round, 1);
  await joining.table.noteEmpty();
  const met = { kind: 'rows-merge', rows: [], round: { round, collected } } as const;
  t.is((await tell(joining, met)).kind, 'merged');
  t.deepEqual(await tell(joining, put('gone', 1)), late);
});
