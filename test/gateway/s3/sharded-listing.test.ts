// Method: real table actors of a whole node hold a bucket of many index shards; what the handlers
// list is compared with a twin that has all keys in an array.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { partitionOfPlace, type TableClient } from '../../../bus/table-client.ts';
import { listObjects, listObjectsV2 } from '../../../gateway/s3/list-objects.ts';
import { listMultipartUploads } from '../../../gateway/s3/list-uploads.ts';
import type { S3Services } from '../../../gateway/s3/s3-call.ts';
import type { PartitionId } from '../../../schemas/ids.ts';
import { shardOfKey } from '../../../schemas/ids.ts';
import type { ObjectPlace, TableRequest } from '../../../schemas/messages/table.ts';
import {
  bucket,
  createUpload,
  put,
  remove,
  uploadId,
} from '../../actors/partition/partition-fixture.ts';
import { TableWorld } from '../../actors/partition/table-world.ts';
import { answerOf, bucketRow, servicesOf, type Answer } from '../../support/object-calls.ts';
import { objectWorld } from '../../support/object-world.ts';
import { elements } from '../../support/signed-requests.ts';
import { byBytes, twin } from './naive-lists.ts';

type Sharded = {
  ask(request: TableRequest & { readonly place: ObjectPlace }): Promise<void>;
  list(how: 'v1' | 'v2' | 'uploads', query: Readonly<Record<string, string>>): Promise<Answer>;
};

function sharded(t: ExecutionContext, indexShards: number): Sharded {
  const tables = new TableWorld();
  const client = {
    partitionOf: partitionOfPlace,
    ask: (partition: PartitionId, request: TableRequest) => tables.askPartition(partition, request),
  } as unknown as TableClient;
  const world = objectWorld(t);
  const services: S3Services = { ...servicesOf(world), tables: client };
  const handlers = { v1: listObjects, v2: listObjectsV2, uploads: listMultipartUploads };
  const row = bucketRow(bucket, { indexShards });
  return {
    ask: async request => {
      const { key } = request.place;
      const place = { bucket, shard: shardOfKey(key, indexShards), key };
      const reply = await tables.ask({ ...request, place } as TableRequest);
      if (reply.kind !== 'written') throw new Error(reply.kind);
    },
    list: (how, query) =>
      answerOf(call => handlers[how]({ ...call, bucket: row }, services), world, { query }),
  };
}

function all({ body }: Answer, name: string): string[] {
  return elements(body.toString(), name);
}

function prefixesOf({ body }: Answer): string[] {
  const found = body.toString().matchAll(/<CommonPrefixes>(<Prefix>[^<]*<\/Prefix>)/g);
  return Array.from(found, ([, xml]) => elements(xml ?? '', 'Prefix')[0] ?? '');
}

const unit = fc.constantFrom('a', 'b', '/', '-', 'é', '\ue000', '😀');
const scenario = fc.record({
  keys: fc.array(fc.string({ unit, minLength: 1, maxLength: 5 }), { maxLength: 60 }),
  deleted: fc.array(fc.nat(59), { maxLength: 10 }),
  prefix: fc.constantFrom('', 'a', 'a/', '😀'),
  delimiter: fc.constantFrom('', '/', 'a', '-/'),
  pageSize: fc.integer({ min: 1, max: 25 }),
  shards: fc.constantFrom(1, 2, 16, 256),
});

for (const how of ['v1', 'v2'] as const) {
  test(`pages of ${how} over all shards together are the whole listing`, async t => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ keys, deleted, prefix, delimiter, pageSize, shards }) => {
        const { ask, list } = sharded(t, shards);
        const left = new Set(keys);
        for (const [tick, key] of [...left].entries()) await ask(put(key, tick + 1));
        for (const index of deleted) {
          const key = keys[index];
          if (key === undefined || !left.delete(key)) continue;
          await ask(remove(key, 1000));
        }
        const expected = twin([...left], prefix, delimiter);
        const total = expected.keys.length + expected.prefixes.length;
        const found: { keys: string[]; prefixes: string[] } = { keys: [], prefixes: [] };
        let next: Readonly<Record<string, string>> = {};
        let pages = 0;
        for (let truncated = true; truncated; pages += 1) {
          const query = { prefix, delimiter, 'max-keys': String(pageSize), ...next };
          const page = await list(how, how === 'v2' ? { ...query, 'list-type': '2' } : query);
          t.is(page.status, 200, page.code);
          found.keys.push(...all(page, 'Key'));
          found.prefixes.push(...prefixesOf(page));
          truncated = all(page, 'IsTruncated')[0] === 'true';
          const last = all(page, 'NextMarker')[0] ?? all(page, 'Key').at(-1) ?? '';
          next =
            how === 'v1'
              ? { marker: last }
              : { 'continuation-token': all(page, 'NextContinuationToken')[0] ?? '' };
        }
        t.deepEqual(found, { keys: [...expected.keys], prefixes: [...expected.prefixes] });
        t.is(pages, Math.max(1, Math.ceil(total / pageSize)));
      }),
      { numRuns: 40 },
    );
  });
}

test('pages of uploads over all shards together are all uploads', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ keys, prefix, delimiter, pageSize, shards }) => {
      const { ask, list } = sharded(t, shards);
      for (const [tick, key] of keys.entries()) {
        const request = createUpload(key, uploadId(tick + 1));
        await ask(request as TableRequest & { place: ObjectPlace });
      }
      const expected = twin(keys, prefix, delimiter);
      const kept = keys.filter(key => expected.keys.includes(key));
      const found: { keys: string[]; prefixes: string[]; ids: string[] } = {
        ...{ keys: [], prefixes: [], ids: [] },
      };
      let next: Readonly<Record<string, string>> = {};
      for (let truncated = true; truncated;) {
        const query = { prefix, delimiter, 'max-uploads': String(pageSize), ...next };
        const page = await list('uploads', query);
        t.is(page.status, 200, page.code);
        found.keys.push(...all(page, 'Key'));
        found.ids.push(...all(page, 'UploadId'));
        found.prefixes.push(...prefixesOf(page));
        truncated = all(page, 'IsTruncated')[0] === 'true';
        next = {
          'key-marker': all(page, 'NextKeyMarker')[0] ?? '',
          'upload-id-marker': all(page, 'NextUploadIdMarker')[0] ?? '',
        };
      }
      t.deepEqual(found.keys, kept.toSorted(byBytes));
      t.deepEqual(found.prefixes, [...expected.prefixes]);
      t.is(new Set(found.ids).size, kept.length, 'each once');
    }),
    { numRuns: 40 },
  );
});

test('a page of a thousand keys from 256 shards is merged in no time', async t => {
  const { ask, list } = sharded(t, 256);
  const keys = Array.from({ length: 3000 }, (_, index) => `k${String(index).padStart(5, '0')}`);
  await Promise.all(keys.map((key, tick) => ask(put(key, tick + 1))));
  let bestMs = Infinity;
  for (let round = 0; round < 5; round += 1) {
    const started = performance.now();
    const page = await list('v2', { 'list-type': '2', 'start-after': 'k00999' });
    bestMs = Math.min(bestMs, performance.now() - started);
    t.deepEqual(all(page, 'Key'), keys.slice(1000, 2000));
  }
  t.log(`${bestMs.toFixed(1)} ms`);
  t.true(bestMs < 500);
});
