/**
 * Three replicas of a partition are given different rows by asking each alone, as if messages had
 * been lost. A client then reads through the quorum.
 */
import test from 'ava';
import type { TableAnswer } from '../../bus/table-client.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import {
  at,
  bucket,
  complete,
  createUpload,
  partition,
  partOf,
  put,
  putBlocks,
  refOf,
  remove,
  stamp,
  uploadId,
  writePart,
} from '../actors/partition/partition-fixture.ts';
import { TableCluster } from '../support/table-cluster.ts';

/** Asks some of the replicas, each by itself. */
async function tell(cluster: TableCluster, nodes: readonly number[], request: TableRequest) {
  for (const index of nodes) await cluster.node(index).ask(request);
}

async function ask(cluster: TableCluster, request: TableRequest): Promise<TableAnswer> {
  return cluster.until(cluster.client().ask(partition, request));
}

function read(key: string, want: 'row' | 'content' = 'content'): TableRequest {
  return { kind: 'object-read', place: at(key), want };
}

function list(options: { prefix?: string; delimiter?: string; limit?: number } = {}): TableRequest {
  const { prefix = '', delimiter = '', limit = 100 } = options;
  return { kind: 'object-list', bucket, shard: 0, prefix, delimiter, limit };
}

/** Of an answer: the stamp of its row, or what it says instead. */
function stampOf(answer: TableAnswer): string {
  if (answer.kind !== 'object') return answer.kind;
  return answer.row?.kind === 'version' ? answer.row.timestamp : (answer.row?.kind ?? 'absent');
}

function shown(answer: TableAnswer): string {
  if (answer.kind !== 'object-page') return answer.kind;
  const names = answer.entries.map(entry => (entry.kind === 'object' ? entry.key : entry.prefix));
  return names.join(' ') + (answer.next === undefined ? '' : ' …');
}

/** Which replicas say what about a key. */
async function held(cluster: TableCluster, key: string): Promise<string[]> {
  const replies: TableReply[] = [];
  for (const node of cluster.nodes) replies.push(await node.ask(read(key, 'row')));
  return replies.map(stampOf);
}

test('replicas that agree are one round trip, and nothing is repaired', async t => {
  const cluster = new TableCluster({ partition });
  await tell(cluster, [0, 1, 2], put('a', 5));
  const answer = await ask(cluster, read('a'));
  t.is(stampOf(answer), stamp(5));
  t.true(answer.kind === 'object' && answer.inline?.length === 3);
  t.deepEqual(
    [...cluster.bus.delivered],
    [
      ['object-read', 1],
      ['reply-digest', 1],
    ],
  );
});

test('what the nearest replica says is told early, whether the others agree or not', async t => {
  for (const others of [5, 7]) {
    const cluster = new TableCluster({ partition });
    await tell(cluster, [0], put('a', 5));
    await tell(cluster, [1, 2], put('a', others));
    const early: string[] = [];
    const asked = cluster.client().ask(partition, read('a'), reply => early.push(stampOf(reply)));
    const answer = await cluster.until(asked);
    t.deepEqual(early, [stamp(5)]);
    t.is(stampOf(answer), stamp(others));
  }
});

test('the newer of two rows is the answer, and at a quorum before it is said', async t => {
  for (const newer of [0, 1]) {
    const cluster = new TableCluster({ partition });
    await tell(cluster, [0, 1], put('a', 5));
    await tell(cluster, [newer], put('a', 9, 4));
    cluster.takeAway(2);
    const answer = await ask(cluster, read('a'));
    t.is(stampOf(answer), stamp(9));
    t.true(answer.kind === 'object' && answer.inline?.length === 4);
    t.deepEqual((await held(cluster, 'a')).slice(0, 2), [stamp(9), stamp(9)]);
  }
});

test('a deletion that one replica holds alone is the answer', async t => {
  const cluster = new TableCluster({ partition });
  await tell(cluster, [0, 1, 2], put('a', 5));
  await tell(cluster, [1], remove('a', 9));
  t.is(stampOf(await ask(cluster, read('a'))), 'tombstone');
});

test('a row that one replica holds alone is given to the others', async t => {
  const cluster = new TableCluster({ partition });
  await tell(cluster, [1], putBlocks('a', 5));
  t.is(stampOf(await ask(cluster, read('a'))), stamp(5));
  t.deepEqual(await held(cluster, 'a'), [stamp(5), stamp(5), stamp(5)]);
});

test('absence needs a read quorum', async t => {
  const cluster = new TableCluster({ partition });
  t.is(stampOf(await ask(cluster, read('a'))), 'absent');
  cluster.takeAway(1);
  cluster.takeAway(2);
  t.is(stampOf(await ask(cluster, read('a'))), 'unavailable');
});

test('a difference that cannot be repaired to a quorum is no answer', async t => {
  const cluster = new TableCluster({ partition });
  await tell(cluster, [0], put('a', 9));
  await tell(cluster, [1], put('a', 5));
  cluster.takeAway(2);
  cluster.node(1).store.hold();
  t.is(stampOf(await ask(cluster, read('a'))), 'unavailable');
});

test('a frozen replica is stood in for by the third', async t => {
  for (const frozen of [0, 1]) {
    const cluster = new TableCluster({ partition });
    await tell(cluster, [0, 1, 2], put('a', 5));
    cluster.bus.away.add(cluster.node(frozen).id);
    const before = cluster.time.nowMs;
    t.is(stampOf(await ask(cluster, read('a'))), stamp(5));
    t.true(cluster.time.nowMs - before < 600);
  }
});

test('degraded reads are satisfied with one replica', async t => {
  const cluster = new TableCluster({ partition, mode: 'degraded' });
  await tell(cluster, [0], put('a', 5));
  cluster.takeAway(1);
  cluster.takeAway(2);
  t.is(stampOf(await ask(cluster, read('a'))), stamp(5));
});

test('a list holds what any of a quorum holds, and not what one of them knows deleted', async t => {
  const cluster = new TableCluster({ partition });
  for (const [index, key] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    await tell(cluster, [index % 2], put(key, 5));
  }
  await tell(cluster, [1], remove('a', 9));
  t.is(shown(await ask(cluster, list())), 'b c d e');
  t.deepEqual(await held(cluster, 'b'), [stamp(5), stamp(5), stamp(5)]);
  t.is(shown(await ask(cluster, list({ limit: 2 }))), 'b c …');
});

test('a common prefix is shown while a live key lies behind it, in what a quorum holds', async t => {
  const cluster = new TableCluster({ partition });
  // Each has a live key behind the prefix that the other knows to be deleted.
  await tell(cluster, [0, 1], put('gone/1', 5));
  await tell(cluster, [0, 1], put('gone/2', 5));
  await tell(cluster, [0], remove('gone/1', 9));
  await tell(cluster, [1], remove('gone/2', 9));
  await tell(cluster, [0], put('here/1', 5));
  await tell(cluster, [1], put('here/2', 5));
  await tell(cluster, [0, 1], put('z', 5));
  t.is(shown(await ask(cluster, list({ delimiter: '/' }))), 'here/ z');
});

test('pages of lists under several replicas add up to the whole', async t => {
  const cluster = new TableCluster({ partition, seed: 7 });
  const live = new Set<string>();
  for (let index = 0; index < 60; index += 1) {
    const key = `${String.fromCharCode(97 + cluster.random.below(4))}/${String(index)}`;
    await tell(cluster, [cluster.random.below(2)], put(key, 5));
    live.add(key);
    if (cluster.random.below(3) > 0) continue;
    await tell(cluster, [cluster.random.below(2)], remove(key, 9));
    live.delete(key);
  }
  const found: string[] = [];
  let request = list({ limit: 7 }) as Extract<TableRequest, { kind: 'object-list' }>;
  for (;;) {
    const page = await ask(cluster, request);
    if (page.kind !== 'object-page') return t.fail(page.kind);
    found.push(...page.entries.map(entry => (entry.kind === 'object' ? entry.key : entry.prefix)));
    if (page.next === undefined) break;
    request = { ...request, from: page.next };
  }
  return t.deepEqual(found, [...live].toSorted());
});

test('uploads and their parts are those of a quorum together', async t => {
  const cluster = new TableCluster({ partition });
  const id = uploadId(1);
  await tell(cluster, [0, 1], createUpload('a', id));
  await tell(cluster, [1, 2], createUpload('b', uploadId(2)));
  await tell(cluster, [0], writePart('a', partOf(id, 1, 11)));
  await tell(cluster, [1], writePart('a', partOf(id, 2, 12)));
  const uploads = await ask(cluster, {
    ...{ kind: 'upload-list', bucket, shard: 0, prefix: '', delimiter: '', limit: 10 },
  });
  t.is(uploads.kind === 'upload-page' && uploads.entries.length, 2);
  const parts = await ask(cluster, {
    ...{ kind: 'part-list', place: at('a'), uploadId: id, after: 0, limit: 10 },
  });
  t.deepEqual(parts.kind === 'parts' && parts.parts.map(part => part.partNumber), [1, 2]);
});

test('an upload that has ended at one replica has ended', async t => {
  const cluster = new TableCluster({ partition });
  const id = uploadId(1);
  const part = partOf(id, 1, 11);
  await tell(cluster, [0, 1, 2], createUpload('a', id));
  await tell(cluster, [0, 1, 2], writePart('a', part));
  await tell(cluster, [1], complete('a', id, { tick: 20, parts: [refOf(part)] }));
  const upload = await ask(cluster, { kind: 'upload-read', place: at('a'), uploadId: id });
  t.is(upload.kind === 'upload' && upload.upload.state.kind, 'completed');
  const reading = { kind: 'part-list', place: at('a'), uploadId: id, after: 0, limit: 9 } as const;
  t.is((await ask(cluster, reading)).kind, 'no-such-upload');
  t.is(stampOf(await ask(cluster, read('a'))), stamp(20));
});

test('an attempt at a part comes from whoever has it', async t => {
  const cluster = new TableCluster({ partition });
  const id = uploadId(1);
  const part = partOf(id, 1, 11);
  await tell(cluster, [0, 1, 2], createUpload('a', id));
  await tell(cluster, [2], writePart('a', part));
  const { partNumber, attemptId } = part;
  const where = { place: at('a'), uploadId: id, partNumber };
  cluster.takeAway(1);
  const found = await ask(cluster, { kind: 'part-read', ...where, attemptId });
  t.true(found.kind === 'part' && found.part !== undefined);
});

test('a bucket is empty when it is so in what a quorum holds', async t => {
  const cluster = new TableCluster({ partition });
  const probe = { kind: 'bucket-probe', bucket, shard: 0 } as const;
  t.deepEqual(await ask(cluster, probe), { kind: 'probed', empty: true });
  await tell(cluster, [1], put('a', 5));
  t.deepEqual(await ask(cluster, probe), { kind: 'probed', empty: false });
  await tell(cluster, [0], remove('a', 9));
  t.deepEqual(await ask(cluster, probe), { kind: 'probed', empty: true });
});

test('a counter is the highest of the replicas', async t => {
  const cluster = new TableCluster({ partition });
  await tell(cluster, [0], put('a', 5));
  await tell(cluster, [0, 1], put('b', 5));
  const answer = await ask(cluster, { kind: 'counters-read', bucket });
  t.is(answer.kind === 'counters' && answer.counters.objects, 2);
});
