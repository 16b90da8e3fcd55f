/**
 * Of three replicas one has a full disk: it reads, and takes nothing of what the others acknowledge
 * without it. Whichever it is, reads and lists give what the others hold.
 */
import test from 'ava';
import type { TableAnswer } from '../../bus/table-client.ts';
import type { TableRequest } from '../../schemas/messages/table.ts';
import {
  at,
  bucket,
  createUpload,
  partition,
  partOf,
  put,
  remove,
  uploadId,
  writePart,
} from '../actors/partition/partition-fixture.ts';
import { deleteOf, writeOf } from '../actors/partition/version-fixture.ts';
import { TableCluster } from '../support/table-cluster.ts';

const upload = uploadId(3);
const page = { bucket, shard: 0, prefix: '', delimiter: '', limit: 100 };
const probe: TableRequest = { kind: 'bucket-probe', bucket, shard: 0 };
const versionList: TableRequest = { kind: 'version-list', ...page };

function read(key: string): TableRequest {
  return { kind: 'object-read', place: at(key), want: 'row' };
}

/** What was there before the disk was full, and what is acknowledged by the other two only. */
async function withOneFull(
  full: number,
  before: readonly TableRequest[],
  after: readonly TableRequest[],
): Promise<TableCluster> {
  const cluster = new TableCluster({ partition });
  for (const node of cluster.nodes) for (const request of before) await node.ask(request);
  cluster.node(full).store.fill();
  for (const node of cluster.nodes) for (const request of after) await node.ask(request);
  return cluster;
}

function ask(cluster: TableCluster, request: TableRequest): Promise<TableAnswer> {
  return cluster.until(cluster.client().ask(partition, request));
}

function shown(answer: TableAnswer): string {
  switch (answer.kind) {
    case 'object':
      return answer.row?.kind ?? 'absent';
    case 'object-page':
    case 'version-page':
    case 'upload-page':
      return answer.entries
        .map(entry => (entry.kind === 'prefix' ? entry.prefix : entry.key))
        .join();
    case 'parts':
      return answer.parts.map(part => part.partNumber).join();
    case 'probed':
      return answer.empty ? 'empty' : 'not empty';
    default:
      return answer.kind;
  }
}

const WRITES = [
  put('k', 5),
  remove('gone', 6),
  put('p/1', 6),
  writeOf(put('v', 7), 'enabled'),
  deleteOf('was', 7, 'enabled'),
  createUpload('u', upload),
  writePart('u', partOf(upload, 1, 8)),
];
const READS: readonly (readonly [TableRequest, string])[] = [
  [read('k'), 'version'],
  [read('gone'), 'tombstone'],
  [read('v'), 'version'],
  [read('was'), 'marker'],
  [{ kind: 'object-list', ...page }, 'k,p/1,v'],
  [{ kind: 'object-list', ...page, delimiter: '/' }, 'k,p/,v'],
  [versionList, 'k,p/1,v,was,was'],
  [{ kind: 'version-list', ...page, delimiter: '/' }, 'k,p/,v,was,was'],
  [{ kind: 'upload-read', place: at('u'), uploadId: upload }, 'upload'],
  [{ kind: 'upload-list', ...page }, 'u'],
  [{ kind: 'part-list', place: at('u'), uploadId: upload, after: 0, limit: 10 }, '1'],
  [probe, 'not empty'],
];

for (const full of [0, 1, 2]) {
  test(`replica ${String(full)} is full: everything that was acknowledged is read`, async t => {
    const before = [put('gone', 1), writeOf(put('was', 2), 'enabled')];
    for (const [request, expected] of READS) {
      const cluster = await withOneFull(full, before, WRITES);
      const name = `${request.kind} ${'place' in request ? request.place.key : ''}`;
      t.is(shown(await ask(cluster, request)), expected, name);
    }
  });

  test(`replica ${String(full)} is full: a bucket without objects and uploads is empty`, async t => {
    const before = [put('gone', 1), createUpload('u', upload)];
    const abort = { kind: 'upload-abort', place: at('u'), uploadId: upload } as const;
    const timestamp = remove('gone', 6).row.timestamp;
    const after = [remove('gone', 6), { ...abort, timestamp }];
    t.is(shown(await ask(await withOneFull(full, before, after), probe)), 'empty');
  });
}

test('where writes never cease the full replica does not answer for all', async t => {
  const cluster = await withOneFull(0, [], [put('k', 5)]);
  const { bus } = cluster;
  const { table, id } = cluster.node(1);
  const request = bus.request.bind(bus);
  let writes = 0;
  // Whenever it is asked it holds what the third does not hold yet.
  bus.request = async (address, asked, options) => {
    if (asked.kind === 'version-list' && address.node === id) {
      writes += 1;
      const deadlineAtMs = Number.MAX_SAFE_INTEGER;
      await table.receive(put(`z${String(writes)}`, 10 + writes), { deadlineAtMs });
    }
    return request(address, asked, options);
  };
  t.regex(shown(await ask(cluster, versionList)), /^k,z1,/);
  t.true(writes > 4);
  t.is(shown(await ask(cluster, probe)), 'not empty');
});
