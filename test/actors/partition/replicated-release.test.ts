/**
 * Three replicas of a partition hold different rows, given to each alone, and each works off its
 * own release queue. What may still be met must not be released.
 */
import test from 'ava';
import { Release } from '../../../actors/partition/release.ts';
import { decodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { rowRange, TABLE } from '../../../schemas/row-tables.ts';
import { partitionOfShard } from '../../../schemas/ids.ts';
import type { ObjectWrite, TableRequest } from '../../../schemas/messages/table.ts';
import { TableCluster } from '../../support/table-cluster.ts';
import {
  at,
  bucket,
  complete,
  createUpload,
  partOf,
  put,
  putBlocks,
  refOf,
  uploadId,
  versionId,
  writePart,
} from './partition-fixture.ts';
import { ToldBlocks } from './table-world.ts';

const partition = partitionOfShard(bucket, 0);
const ALL = [0, 1, 2];

class Replicas {
  readonly cluster = new TableCluster({ partition });
  readonly blocks = new ToldBlocks();

  async tell(nodes: readonly number[], request: TableRequest): Promise<void> {
    for (const index of nodes) await this.cluster.node(index).ask(request);
  }

  refer(owner: Parameters<ToldBlocks['refer']>[0], write: ObjectWrite): void {
    const { row } = write;
    if (row.kind !== 'version' || row.content.kind !== 'blocks') throw new Error('no blocks');
    this.blocks.refer(owner, row.content.blocks);
  }

  /** One node works off its queue; what became of each entry. */
  async release(index: number): Promise<string[]> {
    const { table, store } = this.cluster.node(index);
    const release = new Release(table, { tables: this.cluster.client(index), blocks: this.blocks });
    const outcomes: string[] = [];
    for (const { value } of store.entries(rowRange(partition, TABLE.release))) {
      outcomes.push(await this.cluster.until(release.run(decodeReleaseEntry(value))));
    }
    return outcomes;
  }
}

test('the blocks of a version stay until what superseded it is at a write quorum', async t => {
  const replicas = new Replicas();
  const first = putBlocks('a', 5);
  replicas.refer({ kind: 'version', ...at('a'), versionId: versionId(5) }, first);
  await replicas.tell(ALL, first);
  await replicas.tell([0], put('a', 9));
  t.deepEqual(await replicas.release(0), ['failed']);
  t.is(replicas.blocks.ownersLeft().length, 1);
  await replicas.tell([1], put('a', 12));
  t.deepEqual(await replicas.release(0), ['released']);
  t.is(replicas.blocks.ownersLeft().length, 0);
  t.deepEqual(await replicas.release(1), ['released'], 'two know that it is over');
});

/** An upload of two parts, completed at some of the replicas. */
async function upload(replicas: Replicas, completedAt: readonly number[]) {
  const id = uploadId(1);
  const parts = [partOf(id, 1, 11), partOf(id, 2, 12)];
  const spare = partOf(id, 2, 13);
  await replicas.tell(ALL, createUpload('a', id));
  for (const part of [...parts, spare]) {
    await replicas.tell(ALL, writePart('a', part));
    const { partNumber, attemptId, content } = part;
    const owner = { kind: 'part', ...at('a'), uploadId: id, partNumber, attemptId } as const;
    if (content.kind === 'blocks') replicas.blocks.refer(owner, content.blocks);
  }
  const completing = complete('a', id, { tick: 20, parts: parts.map(refOf) });
  await replicas.tell(completedAt, completing);
  return { completing, parts, spare };
}

test('what an upload left over stays while a replica holds the upload open', async t => {
  const replicas = new Replicas();
  const { completing, spare } = await upload(replicas, [0, 1]);
  t.deepEqual(await replicas.release(0), ['failed']);
  t.is(replicas.blocks.ownersLeft().length, 3);
  await replicas.tell([2], completing);
  t.deepEqual(await replicas.release(0), ['released']);
  t.false(replicas.blocks.ownersLeft().includes(spare.attemptId));
  t.is(replicas.blocks.ownersLeft().length, 2);
});

test('a replica that missed a part of an upload drops what was left over all the same', async t => {
  const replicas = new Replicas();
  const id = uploadId(1);
  const parts = [partOf(id, 1, 11), partOf(id, 2, 12)];
  const spare = partOf(id, 2, 13);
  await replicas.tell(ALL, createUpload('a', id));
  for (const part of [...parts, spare]) await replicas.tell([0, 1], writePart('a', part));
  // As many attempts as are chosen, and not the chosen ones.
  for (const part of [parts[0]!, spare]) await replicas.tell([2], writePart('a', part));
  await replicas.tell(ALL, complete('a', id, { tick: 20, parts: parts.map(refOf) }));
  t.deepEqual(await replicas.release(2), ['released']);
  const { store } = replicas.cluster.node(2);
  t.is(store.entries(rowRange(partition, TABLE.part)).length, 1);
});

test('parts of an overwritten object stay while a replica may complete their upload', async t => {
  const replicas = new Replicas();
  const { completing } = await upload(replicas, [0, 1]);
  await replicas.tell(ALL, put('a', 30));
  t.deepEqual(await replicas.release(0), ['failed', 'failed']);
  t.is(replicas.blocks.ownersLeft().length, 3);
  await replicas.tell([2], completing);
  // Its own row is newer, so the upload stays open there until it hears that it has ended.
  t.deepEqual(await replicas.release(0), ['failed', 'failed']);
  const ended = replicas.cluster.node(0).store.entries(rowRange(partition, TABLE.endedUpload));
  const rows = ended.map(({ key, value }) => ({ name: key.subarray(1), value }));
  await replicas.tell([2], { kind: 'rows-merge', rows });
  t.deepEqual(new Set(await replicas.release(0)), new Set(['released']));
  t.is(replicas.blocks.ownersLeft().length, 0);
});

test('parts of an object stay that only one replica knows to be overwritten', async t => {
  const replicas = new Replicas();
  await upload(replicas, ALL);
  await replicas.tell([0], put('a', 30));
  t.deepEqual(await replicas.release(0), ['failed', 'failed']);
  t.is(replicas.blocks.ownersLeft().length, 3);
  await replicas.tell([1, 2], put('a', 30));
  t.deepEqual(await replicas.release(0), ['released', 'released']);
  t.is(replicas.blocks.ownersLeft().length, 0);
});

test('a version that came back under a newer stamp keeps its blocks', async t => {
  const replicas = new Replicas();
  const first = putBlocks('a', 5);
  const owner = { kind: 'version', ...at('a'), versionId: versionId(5) } as const;
  replicas.refer(owner, first);
  await replicas.tell(ALL, first);
  await replicas.tell(ALL, put('a', 9));
  const raised = { ...first, row: { ...first.row, timestamp: putBlocks('a', 12).row.timestamp } };
  await replicas.tell(ALL, raised);
  t.deepEqual(await replicas.release(0), ['released']);
  t.deepEqual(replicas.blocks.ownersLeft(), [versionId(5)]);
});
