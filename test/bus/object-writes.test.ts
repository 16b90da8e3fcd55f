import test from 'ava';
import { roundRowKey } from '../../actors/partition/row-keys.ts';
import { ReplicatedObjectWrites } from '../../bus/object-writes.ts';
import { partitionOfShard } from '../../schemas/ids.ts';
import { DOWN_GRACE_MS } from '../../schemas/limits.ts';
import type { ObjectWrite } from '../../schemas/messages/table.ts';
import { encodeRoundRow, NO_ROUND } from '../../schemas/records/round-row.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { makeTimestamp } from '../../schemas/timestamp.ts';
import {
  at,
  bucket,
  complete,
  createUpload,
  LIVE_STAMPER,
  partOf,
  put,
  putBlocks,
  refOf,
  remove,
  stamp,
  uploadId,
  versionId,
  writePart,
} from '../actors/partition/partition-fixture.ts';
import { versionDelete, writeOf } from '../actors/partition/version-fixture.ts';
import { TableCluster } from '../support/table-cluster.ts';

const partition = partitionOfShard(bucket, 0);

function clusterOf(): TableCluster {
  return new TableCluster({ partition });
}

async function stampsOf(cluster: TableCluster, key: string): Promise<(string | undefined)[]> {
  const stamps: (string | undefined)[] = [];
  for (const node of cluster.nodes) {
    const reply = await node.ask({ kind: 'object-read', place: at(key), want: 'row' });
    stamps.push(reply.kind === 'object' ? reply.row?.timestamp : reply.kind);
  }
  return stamps;
}

async function tell(cluster: TableCluster, nodes: readonly number[], write: ObjectWrite) {
  for (const index of nodes) await cluster.node(index).ask(write);
}

test('a write that a quorum knows to be older is raised above what they hold', async t => {
  const cluster = clusterOf();
  await tell(cluster, [0, 1], put('a', 1_000_000));
  const { tables } = cluster.gateway(0);
  const answer = await cluster.until(tables.writeObject(put('a', 5)));
  t.is(answer.kind, 'written');
  const stamps = await stampsOf(cluster, 'a');
  t.true(stamps.every(each => each !== undefined && each > stamp(1_000_000)));
});

test('what one replica holds that nobody acknowledged does not stop a write', async t => {
  const cluster = clusterOf();
  await tell(cluster, [2], put('a', 1_000_000));
  const { tables } = cluster.gateway(0);
  t.is((await cluster.until(tables.writeObject(put('a', 5)))).kind, 'written');
});

test('with the third replica away a newer row is raised above', async t => {
  const cluster = clusterOf();
  await tell(cluster, [1], put('a', 1_000_000));
  cluster.takeAway(2);
  const { tables } = cluster.gateway(0);
  t.is((await cluster.until(tables.writeObject(remove('a', 5)))).kind, 'written');
  const [, second] = await stampsOf(cluster, 'a');
  t.true(second !== undefined && second > stamp(1_000_000));
});

test('what one replica alone has told is not taken for what all of them hold', async t => {
  const cluster = clusterOf();
  // Acknowledged before the write begins; the third replica missed it, and is the only one to hear.
  await tell(cluster, [0, 1], put('a', 1_000_000));
  await tell(cluster, [2], put('a', 500_000));
  cluster.takeAway(0);
  cluster.takeAway(1);
  const { tables } = cluster.gateway(0);
  const writing = tables.writeObject(put('a', 5));
  await cluster.time.pass(DOWN_GRACE_MS / 2);
  cluster.bringBack(0);
  cluster.bringBack(1);
  t.is((await cluster.until(writing)).kind, 'unavailable');
});

test('a row with blocks is stamped above what a read quorum holds', async t => {
  const cluster = clusterOf();
  await tell(cluster, [1], put('a', 1_000_000));
  const { tables } = cluster.gateway(0);
  const above = await cluster.until(tables.stampAbove(at('a')));
  t.true(typeof above === 'string' && above > stamp(1_000_000));
});

test('an attempt at a part is stamped above those before it, whoever stamped them', async t => {
  const cluster = clusterOf();
  const id = uploadId(1);
  const ahead = partOf(id, 2, 1_000_000);
  for (const node of cluster.nodes) await node.ask(createUpload('a', id));
  await cluster.node(1).ask(writePart('a', ahead));
  await cluster.node(2).ask(writePart('a', ahead));
  const { tables } = cluster.gateway(0);
  const again = await cluster.until(tables.stampAbovePart(at('a'), id, 2));
  t.true(typeof again === 'string' && again > ahead.timestamp);
  const other = await cluster.until(tables.stampAbovePart(at('a'), id, 1));
  t.true(typeof other === 'string');
  const ended = await cluster.until(tables.stampAbovePart(at('a'), uploadId(3), 1));
  t.true(typeof ended === 'string');
});

test('a row with blocks that others overtook is acknowledged, and stored nowhere', async t => {
  const cluster = clusterOf();
  await tell(cluster, [0, 1, 2], put('a', 1_000_000));
  const { tables } = cluster.gateway(0);
  const answer = await cluster.until(tables.writeObject(putBlocks('a', 5), 'above-quorum'));
  t.is(answer.kind, 'superseded');
  t.deepEqual(await stampsOf(cluster, 'a'), Array(3).fill(stamp(1_000_000)));
});

test('a version with blocks is not sent under a second stamp: its first may be deleted', async t => {
  const cluster = clusterOf();
  // Two replicas have forgotten a deletion that lies above the writer's clock; the third has not.
  const ahead = makeTimestamp(cluster.time.clock.wallMs() + 60_000, 0, LIVE_STAMPER);
  const value = encodeRoundRow({ ...NO_ROUND, collected: ahead });
  for (const index of [1, 2]) {
    await cluster.node(index).store.commit([{ kind: 'put', key: roundRowKey(partition), value }]);
  }
  const { tables } = cluster.gateway(0);
  const first = putBlocks('a', 5);
  t.is((await cluster.until(tables.writeObject(first, 'above-quorum'))).kind, 'unavailable');
  t.deepEqual(await stampsOf(cluster, 'a'), [stamp(5), undefined, undefined]);
  // The client tries again, as clients do: above what was forgotten.
  const above = await cluster.until(tables.stampAbove(at('a')));
  t.true(typeof above === 'string' && above > ahead);
});

test('locks of versions are not changed by several replicas', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  const change = { kind: 'object-change', place: at('a') } as const;
  for (const what of [
    { hold: { stamp: stamp(5), legalHold: true } },
    { retention: { stamp: stamp(5), mayBypass: false } },
  ]) {
    const answer = await cluster.until(tables.changeObject({ ...change, ...what }));
    t.is(answer.kind, 'no-lock-changes');
  }
});

test('several replicas lift a hold, beside one that misses it and above what was said before', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  const held = writeOf(put('a', 5), 'enabled');
  // It was put while the node was alone, by a clock that was ahead.
  const lock = { stamp: stamp(1_000_000), legalHold: true };
  const write = { ...held, row: { ...held.row, lock } } as ObjectWrite;
  await tell(cluster, [0, 1, 2], write);
  cluster.takeAway(2);
  const version = versionId(5);
  const place = at('a');
  const hold = { stamp: stamp(10), legalHold: false };
  const lift = { kind: 'object-change', place, version, hold } as const;
  t.is((await cluster.until(tables.changeObject(lift))).kind, 'written');
  cluster.bringBack(2);
  const read = { kind: 'object-read', place, want: 'row', version } as const;
  const told = await cluster.until(Promise.resolve(tables.askPlace(read)));
  t.true(told.kind === 'object' && told.row?.kind === 'version');
  if (told.kind !== 'object' || told.row?.kind !== 'version') return;
  t.is(told.row.lock?.legalHold, false);
  t.true((told.row.lock?.stamp ?? '') > lock.stamp);
  const deleted = await cluster.until(tables.deleteVersion(versionDelete('a', version, 20)));
  t.is(deleted.kind, 'written');
});

test('conditions are not decided by several replicas', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  const write = { ...put('a', 5), condition: { ifNoneMatch: 'any' } } as const;
  t.is((await cluster.until(tables.writeObject(write))).kind, 'no-conditions');
  for (const condition of [{ ifMatch: 'any' }, { ifModifiedMs: 0 }, { ifSizeBytes: 0 }] as const) {
    const deletion = { ...remove('a', 5), condition };
    t.is((await cluster.until(tables.writeObject(deletion))).kind, 'no-conditions');
    const ofVersion = { ...versionDelete('a', 'null', 5), condition };
    t.is((await cluster.until(tables.deleteVersion(ofVersion))).kind, 'no-conditions');
  }
  t.false(tables.decidesConditions(at('a')));
  t.deepEqual(await stampsOf(cluster, 'a'), [undefined, undefined, undefined]);
});

test('a Complete is raised until a quorum has stored it', async t => {
  const cluster = clusterOf();
  const id = uploadId(1);
  const part = partOf(id, 1, 11);
  for (const node of cluster.nodes) {
    await node.ask(createUpload('a', id));
    await node.ask(writePart('a', part));
  }
  await tell(cluster, [1, 2], put('a', 1_000_000));
  const { tables } = cluster.gateway(0);
  const completing = complete('a', id, { tick: 20, parts: [refOf(part)] });
  const answer = await cluster.until(tables.writeObject(completing));
  t.true(answer.kind === 'written' || answer.kind === 'completed-before');
  const read = await cluster.until(
    tables.askPlace({ kind: 'object-read', place: at('a'), want: 'row' }),
  );
  const row = read.kind === 'object' ? read.row : undefined;
  t.is(row?.kind === 'version' && row.versionId, versionId(20));
});

test('what a raised Complete has ended itself is not told to be gone', async t => {
  const write = complete('a', uploadId(1), {
    tick: 20,
    parts: [refOf(partOf(uploadId(1), 1, 11))],
  });
  const toldWith = (answers: object[]): Promise<{ readonly kind: string }> => {
    const calls = { write: () => Promise.resolve(answers.shift()), isWriteQuorum: () => true };
    const writes = new ReplicatedObjectWrites(calls as never, { above: () => stamp(31) } as never);
    return writes.write(partition, write, 'unknown');
  };
  const gone = { kind: 'no-such-upload' };
  t.is((await toldWith([gone])).kind, 'no-such-upload');
  // One replica had stored the first try, and a deletion above it since.
  t.is((await toldWith([{ kind: 'older', newest: stamp(30) }, gone])).kind, 'unavailable');
});

test('an owner is dead when every replica has marked it', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  const owner: BlockOwner = { kind: 'version', ...at('a'), versionId: versionId(5) };
  cluster.takeAway(2);
  const away = await cluster.until(tables.ask(partition, { kind: 'owner-abort', owner }));
  t.is(away.kind, 'unavailable');
  cluster.bringBack(2);
  const all = await cluster.until(tables.ask(partition, { kind: 'owner-abort', owner }));
  t.is(all.kind, 'aborted');
  t.is((await cluster.until(tables.writeObject(putBlocks('a', 5)))).kind, 'aborted');
});

test('an owner that lives at one replica lives', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  await tell(cluster, [1], putBlocks('a', 5));
  const owner: BlockOwner = { kind: 'version', ...at('a'), versionId: versionId(5) };
  const abort = await cluster.until(tables.ask(partition, { kind: 'owner-abort', owner }));
  t.deepEqual(abort, { kind: 'owners', states: ['live'] });
  const asked = { kind: 'owners-check', owners: [{ owner, mayBeUnderWay: false }] } as const;
  const check = await cluster.until(tables.ask(partition, asked));
  t.deepEqual(check, { kind: 'owners', states: ['live'] });
});

test('a bucket is closed by the later one of two who close it at a time', async t => {
  const cluster = clusterOf();
  const { tables } = cluster.gateway(0);
  await cluster.node(2).ask({ kind: 'bucket-fence', bucket, token: '1' });
  const fence = { kind: 'bucket-fence', bucket, token: '2' } as const;
  t.deepEqual(await cluster.until(tables.ask(partition, fence)), { kind: 'fenced', token: '2' });
  const late = { kind: 'bucket-fence', bucket, token: '1' } as const;
  t.deepEqual(await cluster.until(tables.ask(partition, late)), { kind: 'fenced', token: '2' });
});
