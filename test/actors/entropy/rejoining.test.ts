// Method: three replicas of one partition hold an object. One leaves; the other two take its
// deletion and forget it in a round, as the only replicas. Then the third comes back, with its rows
// from before, in each of the orders that are possible.
import test from 'ava';
import type { PullMode } from '../../../actors/entropy/row-pull.ts';
import { RowPull } from '../../../actors/entropy/row-pull.ts';
import { hasMissedRound, readRound, roundNumber } from '../../../actors/partition/rounds.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import {
  at,
  bucket,
  partition,
  put,
  remove,
  stamp,
  tablePartition,
  type Fixture,
} from '../partition/partition-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const NODES = ['aa', 'bb', 'cc'].map(byte => byte.repeat(32) as NodeId);

class World {
  /** Who was told that others forgot something without it. */
  readonly told = new Set<number>();
  readonly all: readonly Fixture[] = NODES.map((_, index) =>
    tablePartition({
      ...{ digestKey, soleReplica: false },
      missedRound: () => {
        this.told.add(index);
      },
    }),
  );
  readonly #pulls = NODES.map(
    self =>
      new RowPull({
        ...{ clusterKey: digestKey, self, nowMs: () => 0, rest: () => Promise.resolve() },
        ask: (node, _partition, request) => this.at(NODES.indexOf(node)).ask(request),
      }),
  );

  at(index: number): Fixture {
    return this.all[index]!;
  }

  async build(): Promise<void> {
    for (const { table } of this.all) {
      await table.digest!.build(
        apply => table.change(apply),
        () => Promise.resolve(),
      );
    }
  }

  async pull(to: number, from: number, mode: PullMode = 'everything'): Promise<string> {
    return (await this.#pulls[to]!.run(this.at(to).table, NODES[from]!, mode)).kind;
  }

  async heads(index: number): Promise<string[]> {
    const request = { kind: 'object-list', bucket, shard: 0, prefix: '', delimiter: '' } as const;
    const page = await this.at(index).ask({ ...request, limit: 100 });
    if (page.kind !== 'object-page') throw new Error(page.kind);
    return page.entries.map(entry => (entry.kind === 'object' ? entry.key : entry.prefix));
  }

  /** These replicas forget a deletion; `misses`: one that prepared and was not told to enter. */
  async forget(key: string, tick: number, members: readonly number[], misses?: number) {
    const object = this.at(members[0]!).rows(TABLE.object)[0]!;
    const { round } = readRound(this.at(members[0]!).store, partition);
    const list = [{ name: object.key.subarray(1), timestamp: stamp(tick) }];
    const prepared = { ballot: stamp(1000 + round), round: round + 1, list };
    for (const index of members) {
      const kept = await this.at(index).ask({ kind: 'round-prepare', prepared });
      if (kept.kind !== 'written') throw new Error(kept.kind);
    }
    for (const index of members) {
      if (index === misses) continue;
      await this.at(index).ask({ kind: 'round-enter', round: round + 1 });
    }
    return key;
  }
}

async function whoLeft(): Promise<World> {
  const world = new World();
  await world.build();
  for (const { ask } of world.all) await ask(put('deleted', 1));
  for (const index of [0, 1]) await world.at(index).ask(remove('deleted', 5));
  await world.forget('deleted', 5, [0, 1]);
  return world;
}

test('what was forgotten without a replica does not come back with it', async t => {
  const world = await whoLeft();
  t.deepEqual(await world.heads(2), ['deleted'], 'it still has it');
  await world.at(0).ask(put('kept', 7));
  await world.at(1).ask(put('kept', 7));
  t.is(await world.pull(2, 0), 'missed-round');
  t.deepEqual(await world.heads(2), ['deleted'], 'nothing is merged before');
  t.is(await world.at(2).table.setAside(), 'dropped');
  t.is(await world.pull(2, 0), 'pulled');
  t.is(await world.pull(2, 1), 'pulled');
  await world.build();
  for (const [to, from] of [
    [0, 2],
    [1, 2],
    [2, 0],
  ] as const) {
    t.is(await world.pull(to, from, 'overdue'), 'same');
  }
  for (const index of [0, 1, 2]) t.deepEqual(await world.heads(index), ['kept']);
});

for (const how of ['a comparison', 'a repair', 'what ends a round'] as const) {
  test(`what was forgotten without a replica does not come back by ${how}`, async t => {
    const world = await whoLeft();
    const round = roundNumber(world.at(0).store, partition);
    const lagging = world.at(2);
    if (how === 'a comparison') {
      t.is(await world.pull(2, 0, 'differing'), 'missed-round');
    } else if (how === 'a repair') {
      const repair = await lagging.ask({ kind: 'rows-merge', rows: [], round });
      t.is(repair.kind, 'unknown');
    } else {
      const entered = await lagging.ask({ kind: 'round-enter', round: round.round });
      t.is(entered.kind, 'not-understood');
    }
    t.deepEqual([...world.told], [2], 'it knows that it is to be brought in again');
    t.is(readRound(lagging.store, partition).round, 0, 'and is in its own round until then');
    await world.build();
    for (const to of [0, 1]) {
      await world.pull(to, 2, 'overdue');
      t.deepEqual(await world.heads(to), [], 'rows of an earlier round are not taken');
    }
    t.is(await world.pull(2, 0), 'missed-round');
    t.is(await lagging.table.setAside(), 'dropped');
    for (const from of [0, 1]) t.is(await world.pull(2, from), 'pulled');
    t.deepEqual(await world.heads(2), []);
  });
}

test('a repair takes a replica that holds nothing from before into its round', async t => {
  const world = await whoLeft();
  const { table, ask, store } = world.at(2);
  await table.setAside();
  await ask(put('late', 4));
  const round = roundNumber(world.at(0).store, partition);
  t.is((await ask({ kind: 'rows-merge', rows: [], round })).kind, 'merged');
  t.is(readRound(store, partition).round, 1);
});

test('it takes over the mark of what was forgotten, so that late writes stay away', async t => {
  const world = await whoLeft();
  await world.at(2).table.setAside();
  await world.pull(2, 0);
  const late = await world.at(2).ask(put('deleted', 4));
  t.like(late, { kind: 'older', newest: stamp(5), isForgotten: true });
  const read = await world.at(2).ask({ kind: 'object-read', place: at('deleted'), want: 'row' });
  t.deepEqual(read, { kind: 'object' });
});

test('who prepared the list and missed its end missed nothing', async t => {
  const world = new World();
  await world.build();
  for (const { ask } of world.all) await ask(remove('deleted', 5));
  await world.forget('deleted', 5, [0, 1, 2], 2);
  const round = readRound(world.at(0).store, partition);
  t.false(hasMissedRound(world.at(2).store, partition, round));
  t.is(await world.pull(2, 0), 'pulled');
  t.is(readRound(world.at(2).store, partition).round, 1);
  t.is(world.at(2).rows(TABLE.object).length, 0, 'it forgets with the others');
});

test('two rounds on, the list that it prepared is of no help', async t => {
  const world = new World();
  await world.build();
  for (const { ask } of world.all) await ask(remove('first', 5));
  await world.forget('first', 5, [0, 1, 2], 2);
  for (const index of [0, 1]) await world.at(index).ask(remove('second', 6));
  await world.at(2).ask(put('second', 4));
  await world.forget('second', 6, [0, 1]);
  t.is(await world.pull(2, 0), 'missed-round');
});

test('a source that is a round behind is read again once it has entered', async t => {
  const world = new World();
  await world.build();
  for (const index of [0, 1]) await world.at(index).ask(remove('deleted', 5));
  await world.forget('deleted', 5, [0, 1], 1);
  t.is(await world.pull(2, 0), 'pulled');
  await world.at(1).ask(put('kept', 7));
  t.is(await world.pull(2, 1), 'failed', 'its rows are of an earlier round');
  t.is(await world.pull(1, 0, 'overdue'), 'busy', 'it meets the round of the other');
  t.is(await world.pull(2, 1), 'pulled');
  t.deepEqual(await world.heads(2), ['kept']);
});

test('a bucket that is closed by its replicas is closed by one that joins them', async t => {
  const world = new World();
  await world.build();
  await world.at(0).ask({ kind: 'bucket-fence', bucket, token: 'e'.repeat(32) });
  t.is(await world.pull(2, 0), 'pulled');
  t.is((await world.at(2).ask(put('late', 9))).kind, 'bucket-closed');
  await world.at(2).ask({ kind: 'bucket-fence', bucket, token: 'f'.repeat(32) });
  await world.pull(2, 0);
  const stale = await world.at(2).ask({ kind: 'bucket-unfence', bucket, token: 'e'.repeat(32) });
  t.deepEqual(stale, { kind: 'fenced', token: 'f'.repeat(32) }, 'the later one is in force');
});
