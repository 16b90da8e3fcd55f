// Method: three replicas of a partition, of which one has missed a version that is held; they are
// asked to end it, by a client as gateways have one.
import test from 'ava';
import { partitionOfShard } from '../../schemas/ids.ts';
import type { ObjectWrite } from '../../schemas/messages/table.ts';
import type { ObjectLock } from '../../schemas/records/object-lock.ts';
import { TABLE, rowRange } from '../../schemas/row-tables.ts';
import { at, bucket, put, stamp } from '../actors/partition/partition-fixture.ts';
import { versionDelete, writeOf } from '../actors/partition/version-fixture.ts';
import { TableCluster } from '../support/table-cluster.ts';

const partition = partitionOfShard(bucket, 0);
const DAY_MS = 86_400_000;

function heldWrite(lock: ObjectLock): ObjectWrite {
  const write = writeOf(put('a', 1), 'enabled');
  return { ...write, row: { ...write.row, lock } as ObjectWrite['row'] };
}

async function clusterWith(lock: ObjectLock, holders: readonly number[]): Promise<TableCluster> {
  const cluster = new TableCluster({ partition });
  for (const index of holders) await cluster.node(index).ask(heldWrite(lock));
  return cluster;
}

async function holdersOf(cluster: TableCluster): Promise<number[]> {
  const holders: number[] = [];
  for (const [index, node] of cluster.nodes.entries()) {
    const version = stamp(1);
    const reply = await node.ask({ kind: 'object-read', place: at('a'), want: 'row', version });
    if (reply.kind === 'object' && reply.row?.kind === 'version') holders.push(index);
  }
  return holders;
}

function nowMs(cluster: TableCluster): number {
  return cluster.time.clock.wallMs();
}

const deletion = versionDelete('a', stamp(1), 5);

for (const missing of [0, 1, 2]) {
  test(`replica ${String(missing)} missed a version that is held: none of them ends it`, async t => {
    const holders = [0, 1, 2].filter(index => index !== missing);
    const cluster = await clusterWith({ legalHold: true }, holders);
    const { tables } = cluster.gateway(missing);
    const answer = await cluster.until(tables.deleteVersion({ ...deletion, mayBypass: true }));
    t.is(answer.kind, 'version-locked');
    const holding = await holdersOf(cluster);
    t.true(holders.every(index => holding.includes(index)));
    // What it would tell the others of an end.
    const { store } = cluster.node(missing);
    for (const table of [TABLE.object, TABLE.history]) {
      const rows = store.entries(rowRange(partition, table));
      t.true(rows.length === 0 || holding.includes(missing));
    }
  });
}

test('when its retention is over a version ends on all replicas', async t => {
  const cluster = await clusterWith({}, []);
  const retention = { mode: 'COMPLIANCE', untilMs: nowMs(cluster) + DAY_MS } as const;
  for (const node of cluster.nodes) await node.ask(heldWrite({ retention }));
  const { tables } = cluster.gateway(0);
  const attempt = async (): Promise<string> =>
    (await cluster.until(tables.deleteVersion(deletion))).kind;
  t.is(await attempt(), 'version-locked');
  t.deepEqual(await holdersOf(cluster), [0, 1, 2]);
  const { timers } = cluster.time;
  await cluster.until(new Promise<void>(resolve => timers.after(DAY_MS, resolve)));
  t.is(await attempt(), 'written');
  t.deepEqual(await holdersOf(cluster), []);
});

test('a bypass of governance ends a version for all replicas', async t => {
  const cluster = await clusterWith({}, []);
  const retention = { mode: 'GOVERNANCE', untilMs: nowMs(cluster) + DAY_MS } as const;
  for (const node of cluster.nodes) await node.ask(heldWrite({ retention }));
  const { tables } = cluster.gateway(0);
  t.is((await cluster.until(tables.deleteVersion(deletion))).kind, 'version-locked');
  const bypass = { ...deletion, mayBypass: true };
  t.is((await cluster.until(tables.deleteVersion(bypass))).kind, 'written');
  t.deepEqual(await holdersOf(cluster), []);
});
