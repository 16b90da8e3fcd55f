/**
 * A write that was overtaken long ago comes to a replica while a list is put together. Where it was
 * deleted meanwhile by a quorum without that replica, no list shows it.
 */
import test from 'ava';
import { bucket, partition, put, remove } from '../actors/partition/partition-fixture.ts';
import { TableCluster } from '../support/table-cluster.ts';

const page = { bucket, shard: 0, prefix: '', delimiter: '', limit: 100 };
const deadlineAtMs = Number.MAX_SAFE_INTEGER;

/** Is done before this replica is asked for something, for the nth time. */
function before(
  cluster: TableCluster,
  [index, kind]: readonly [index: number, kind: string],
  act: (nth: number) => Promise<void>,
): void {
  const { bus } = cluster;
  const { id } = cluster.node(index);
  const request = bus.request.bind(bus);
  let times = 0;
  bus.request = async (address, asked, options) => {
    if (asked.kind === kind && address.node === id) {
      times += 1;
      await act(times);
    }
    return request(address, asked, options);
  };
}

/** The nearest misses a key and its deletion, and holds another key that is newer elsewhere. */
async function clusterWithGone(): Promise<TableCluster> {
  const cluster = new TableCluster({ partition });
  for (const index of [1, 2]) {
    await cluster.node(index).ask(put('gone', 3));
    await cluster.node(index).ask(remove('gone', 4));
  }
  await cluster.node(0).ask(put('k', 6));
  await cluster.node(1).ask(put('k', 5));
  return cluster;
}

async function keysOf(cluster: TableCluster, kind: 'object-list' | 'version-list') {
  const answer = await cluster.until(cluster.client().ask(partition, { kind, ...page }));
  if (answer.kind !== 'object-page' && answer.kind !== 'version-page') return answer.kind;
  return answer.entries.map(entry => (entry.kind === 'prefix' ? entry.prefix : entry.key)).join();
}

for (const late of [1, 2, 3, 4]) {
  test(`objects: what was deleted comes late, before page ${String(late)}`, async t => {
    const cluster = await clusterWithGone();
    before(cluster, [0, 'object-list'], async nth => {
      if (nth === late) await cluster.node(0).table.receive(put('gone', 3), { deadlineAtMs });
    });
    t.is(await keysOf(cluster, 'object-list'), 'k');
  });
}

test('versions: nor while writes never cease', async t => {
  for (let late = 1; late <= 16; late += 1) {
    const cluster = await clusterWithGone();
    // The two that are left are compared again and again.
    cluster.takeAway(2);
    before(cluster, [1, 'reply-digest'], async nth => {
      await cluster.node(1).table.receive(put('k', 10 + nth), { deadlineAtMs });
    });
    before(cluster, [0, 'version-list'], async nth => {
      if (nth === late) await cluster.node(0).table.receive(put('gone', 3), { deadlineAtMs });
    });
    t.is(await keysOf(cluster, 'version-list'), 'k', `before page ${String(late)}`);
  }
});
