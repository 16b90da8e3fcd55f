// Method: the handlers on tables in memory; the requests that reach the tables are looked at.
import test from 'ava';
import { quotaOf, refuseEarly } from '../../../gateway/object/quota.ts';
import type { S3Error } from '../../../gateway/s3/s3-error.ts';
import { putObject } from '../../../gateway/s3/put-object.ts';
import type { TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../../schemas/records/bucket-counters.ts';
import { bucketRow, callOf, servicesOf } from '../../support/object-calls.ts';
import { BUCKET, objectWorld, placeNamed } from '../../support/object-world.ts';

const MIB = 1024 * 1024;

test('a bucket without limits has no quota', t => {
  t.is(quotaOf(bucketRow(BUCKET)), undefined);
  t.deepEqual(quotaOf(bucketRow(BUCKET, { maxObjects: 3, indexShards: 4 })), {
    maxBytes: undefined,
    maxObjects: 3,
    shards: 4,
  });
});

test('a write carries the quota, and is refused with S3 code and status', async t => {
  const world = objectWorld(t);
  const bucket = bucketRow(BUCKET, { maxSizeBytes: 10 });
  const carried: unknown[] = [];
  world.tables.interfere = request => {
    if (request.kind !== 'object-write') return undefined;
    carried.push(request.quota);
    return { kind: 'quota-exceeded' };
  };
  for (const sizeBytes of [3, 5000]) {
    const call = callOf({ bucket, body: Buffer.alloc(sizeBytes) });
    const refused = await t.throwsAsync<S3Error>(async () => putObject(call, servicesOf(world)));
    t.is(refused?.code, 'QuotaExceeded');
    t.is(refused?.status, 403);
  }
  t.deepEqual(carried, [quotaOf(bucket), quotaOf(bucket)]);
  await world.writer.idle();
  t.is(world.blocks.references.size, 0, 'what was stored for it is given back');
});

type Usage = { readonly bytes: number; readonly uploadBytes?: number; readonly replaced?: number };

function answers({
  bytes,
  uploadBytes = 0,
  replaced,
}: Usage): (request: TableRequest) => TableReply | undefined {
  return request => {
    if (request.kind === 'counters-read') {
      return { kind: 'counters', counters: { ...NO_COUNTERS, bytes, uploadBytes } };
    }
    if (request.kind !== 'object-read' || replaced === undefined) return undefined;
    const row = { kind: 'version', sizeBytes: replaced } as never;
    return { kind: 'object', row };
  };
}

const cases: readonly (readonly [
  title: string,
  usage: Usage,
  kind: 'object' | 'part',
  sizeBytes: number | undefined,
  refused: boolean,
])[] = [
  ['what is larger than the limit', { bytes: 0 }, 'object', 10 * MIB + 1, true],
  ['what fits', { bytes: 5 * MIB }, 'object', 5 * MIB, false],
  ['what does not fit', { bytes: 5 * MIB }, 'object', 5 * MIB + 1, true],
  ['what does not fit beside parts', { bytes: 1, uploadBytes: 5 * MIB }, 'part', 5 * MIB, true],
  ['what replaces enough', { bytes: 9 * MIB, replaced: 5 * MIB }, 'object', 6 * MIB, false],
  ['what replaces too little', { bytes: 9 * MIB, replaced: MIB }, 'object', 3 * MIB, true],
  ['what is smaller than before', { bytes: 20 * MIB, replaced: 5 * MIB }, 'object', 4 * MIB, false],
  ['a part, which replaces nothing', { bytes: 9 * MIB, replaced: 5 * MIB }, 'part', 6 * MIB, true],
  ['a body of unknown length', { bytes: 20 * MIB }, 'object', undefined, false],
  ['a small body, which is decided at once', { bytes: 20 * MIB }, 'object', 4096, false],
];

for (const [title, usage, kind, sizeBytes, isRefused] of cases) {
  test(`${title} is ${isRefused ? 'refused' : 'let through'} before it is read`, async t => {
    const world = objectWorld(t);
    world.tables.interfere = answers(usage);
    const quota = { maxBytes: 10 * MIB, shards: 1 };
    const place = placeNamed('k');
    const attempt = refuseEarly(world.clients.tables, quota, { place, kind, sizeBytes });
    if (isRefused) t.is((await t.throwsAsync<S3Error>(attempt))?.code, 'QuotaExceeded');
    else await t.notThrowsAsync(attempt);
  });
}

test('counters that nobody tells are no reason to refuse', async t => {
  const world = objectWorld(t);
  world.tables.interfere = () => ({ kind: 'overloaded' });
  const announced = { place: placeNamed('k'), kind: 'object', sizeBytes: MIB } as const;
  await t.notThrowsAsync(
    refuseEarly(world.clients.tables, { maxBytes: MIB, shards: 1 }, announced),
  );
});
