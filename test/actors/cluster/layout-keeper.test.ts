// Method: the keeper on stores of which one copy of the layout row, or both, are damaged.
import test from 'ava';
import { LayoutKeeper, LayoutLostError } from '../../../actors/cluster/layout-keeper.ts';
import { hadPeers } from '../../../actors/cluster/store-marks.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import { partitionId } from '../../../schemas/ids.ts';
import { trackerChange, versionChange } from '../../../schemas/layout-state.ts';
import { encodeLayoutState } from '../../../schemas/records/layout-state-row.ts';
import { encodeMark } from '../../../schemas/records/store-mark-row.ts';
import { rowKey, TABLE } from '../../../schemas/row-tables.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { node, versionOf } from '../../schemas/layout/layout-world.ts';

const ROW = rowKey(partitionId(0), TABLE.layout);
const COPY = rowKey(partitionId(255), TABLE.layout);
const MARK = rowKey(partitionId(0), TABLE.local, Buffer.from('store-mark'));
const VERSION = versionOf('a');

function learned(): KnownLayout {
  return new KnownLayout(1);
}

async function storeWithLayout(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const keeper = new LayoutKeeper(store, learned());
  await keeper.change(() => versionChange(VERSION));
  await keeper.change(() => trackerChange(node('a'), { acked: new Set([VERSION.name]) }));
  return store;
}

test('either copy of the row is enough, and the other one is written again', async t => {
  for (const [lost, kept] of [
    [ROW, COPY],
    [COPY, ROW],
  ] as const) {
    for (const how of ['damaged', 'absent'] as const) {
      const store = await storeWithLayout();
      if (how === 'damaged') store.damage(lost);
      else await store.commit([{ kind: 'delete', key: lost }]);
      const known = learned();
      const keeper = new LayoutKeeper(store, known);
      t.true(known.state.trackers.get(node('a'))?.acked.has(VERSION.name));
      t.false(keeper.isKept);
      t.false(keeper.beginsAnew);
      await keeper.keep();
      t.true(keeper.isKept);
      t.deepEqual(store.get(lost), store.get(kept));
      t.true(new LayoutKeeper(store, learned()).isKept);
    }
  }
});

test('of two copies that differ nothing is lost', async t => {
  const store = await storeWithLayout();
  const value = encodeLayoutState(trackerChange(node('b'), { acked: new Set([VERSION.name]) }));
  await store.commit([{ kind: 'put', key: COPY, value }]);
  const known = learned();
  t.truthy(new LayoutKeeper(store, known));
  t.true(known.state.trackers.get(node('a'))?.acked.has(VERSION.name));
  t.true(known.state.trackers.get(node('b'))?.acked.has(VERSION.name));
});

test('without a copy that can be read there is no layout, and none is made up', async t => {
  for (const other of ['damaged', 'absent'] as const) {
    const store = await storeWithLayout();
    store.damage(ROW);
    if (other === 'damaged') store.damage(COPY);
    else await store.commit([{ kind: 'delete', key: COPY }]);
    t.throws(() => new LayoutKeeper(store, learned()), { instanceOf: LayoutLostError });
  }
});

test('who is known to be alone begins anew, and what is written then can be read', async t => {
  const store = await storeWithLayout();
  store.damage(ROW);
  store.damage(COPY);
  const known = learned();
  const keeper = new LayoutKeeper(store, known, 'begin-anew');
  t.true(keeper.beginsAnew);
  t.is(known.head, undefined);
  await keeper.change(() => versionChange(VERSION));
  t.true(keeper.isKept);
  const again = learned();
  t.false(new LayoutKeeper(store, again).beginsAnew);
  t.is(again.head?.name, VERSION.name);
});

test('a store that has a mark, readable or not, had peers', async t => {
  const store = new MemoryStore();
  t.false(hadPeers(store));
  const value = encodeMark({ incarnation: '0011223344556677', durable: 1 });
  await store.commit([{ kind: 'put', key: MARK, value }]);
  t.true(hadPeers(store));
  store.damage(MARK);
  t.true(hadPeers(store));
});
