import test from 'ava';
import fc from 'fast-check';
import { hash } from 'node:crypto';
import { crc32, crc32c } from '@node-rs/crc32';
import { createCRC64, xxhash128, xxhash3, xxhash64 } from 'hash-wasm';
import type { WriteTarget } from '../../../gateway/object/object-writer.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import type { ChecksumAlgorithm } from '../../../schemas/records/checksum.ts';
import { CHECKSUM_ALGORITHMS } from '../../../schemas/records/checksum.ts';
import { uploadIdOf } from '../../../schemas/ids.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { BytePayload, type BytePayloadOptions } from '../../support/byte-payload.ts';
import {
  makeObjectWorld,
  objectWorld,
  placeNamed,
  type ObjectWorld,
} from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;
const version: WriteTarget = { kind: 'version', place: placeNamed('key'), headers: [] };

async function readBack(world: ObjectWorld, first = 0, sizeBytes?: number): Promise<Buffer> {
  const found = await world.reader.find(placeNamed('key'), 'content');
  if (found === undefined) throw new Error('the object is not there');
  const range = { first, sizeBytes: sizeBytes ?? found.version.sizeBytes - first };
  const body = await world.reader.open(found, range);
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  if (body.kind === 'head') throw new Error('a read has a body');
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await body.source.next();
    if (piece === undefined) break;
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

function liveReferences(world: ObjectWorld): number {
  return world.blocks.references.size;
}

async function checksumOf(algorithm: ChecksumAlgorithm, bytes: Buffer): Promise<string> {
  switch (algorithm) {
    case 'CRC32':
    case 'CRC32C': {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(algorithm === 'CRC32' ? crc32(bytes) : crc32c(bytes));
      return value.toString('base64');
    }
    case 'CRC64NVME': {
      const hasher = await createCRC64('9a6c9329ac4bc9b5');
      return Buffer.from(hasher.init().update(bytes).digest('binary')).toString('base64');
    }
    case 'SHA1':
      return hash('sha1', bytes, 'base64');
    case 'SHA256':
    case 'SHA512':
    case 'MD5':
      return hash(algorithm.toLowerCase(), bytes, 'base64');
    case 'XXHASH64':
      return base64OfHex(await xxhash64(bytes));
    case 'XXHASH3':
      return base64OfHex(await xxhash3(bytes));
    case 'XXHASH128':
      return base64OfHex(await xxhash128(bytes));
  }
}

function base64OfHex(text: string): string {
  return Buffer.from(text, 'hex').toString('base64');
}

test('any body, cut in any way, is read back byte for byte and gives its slabs back', async t => {
  const worlds = new Map<number, ObjectWorld>();
  const worldOf = (threads: number): ObjectWorld => {
    const known = worlds.get(threads);
    if (known !== undefined) return known;
    const world = objectWorld(t, { blockBytes: 64 * KIB, slabs: 5, threads });
    worlds.set(threads, world);
    return world;
  };
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 5 * KIB }),
    fc.integer({ min: 60 * KIB, max: 70 * KIB }),
    fc.integer({ min: 0, max: 700 * KIB }),
    fc.constantFrom(0, 1, 4 * KIB, 4 * KIB + 1, 64 * KIB, 128 * KIB, 64 * KIB + 1, 640 * KIB),
  );
  const chunks = fc.array(fc.integer({ min: 1, max: 200 * KIB }), { minLength: 1, maxLength: 5 });
  const algorithm = fc.option(fc.constantFrom(...CHECKSUM_ALGORITHMS), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.record({ size: sizes, chunkBytes: chunks, algorithm, knowsSize: fc.boolean() }),
      fc.constantFrom(1, 2),
      async ({ size, chunkBytes, algorithm: checksum, knowsSize }, threads) => {
        const world = worldOf(threads);
        const bytes = seededBytes(size + 1, size);
        const payload = new BytePayload({
          bytes,
          // Small chunks of large bodies only take time.
          chunkBytes: chunkBytes.map(count => Math.max(count, size / 100)),
          knowsSize,
          plan: checksum === undefined ? { sha256: true } : { sha256: true, checksum },
          verdict: digests => t.is(digests.sha256Hex, hash('sha256', bytes)),
        });
        const written = await world.writer.write(payload, version);
        t.is(written.etag, hash('md5', bytes));
        t.is(written.sizeBytes, size);
        if (checksum !== undefined) {
          t.is(written.checksum?.value, await checksumOf(checksum, bytes));
        }
        t.is(world.buffers.inUse, 0);
        t.true((await readBack(world)).equals(bytes));
      },
    ),
    { numRuns: 150 },
  );
});

test('a small object is one request with its bytes in it, and no block', async t => {
  const world = objectWorld(t);
  await world.writer.write(new BytePayload({ bytes: seededBytes(1, 1 * KIB) }), version);
  t.is(world.tables.requests.length, 1);
  t.is(world.blocks.requests.length, 0);
  t.is(world.digests.threadCount, 0);
});

test('a body of unknown size that is small is stored inline', async t => {
  const world = objectWorld(t);
  const payload = new BytePayload({ bytes: seededBytes(1, 3000), knowsSize: false });
  await world.writer.write(payload, version);
  t.is(world.blocks.requests.length, 0);
  const row = [...world.tables.objects.values()][0]?.row;
  t.is(row?.kind === 'version' && row.content.kind, 'inline');
});

test('many blocks stand in manifest rows, and ranges of them are read back', async t => {
  const world = objectWorld(t, { blockBytes: 4 * KIB, slabs: 16 });
  const bytes = seededBytes(7, 4 * KIB * 1100 + 17);
  await world.writer.write(new BytePayload({ bytes }), version);
  t.is(world.tables.count('manifest-write'), 3);
  t.true((await readBack(world)).equals(bytes));
  for (const [first, size] of [
    [0, 1],
    [4 * KIB * 512 - 1, 2],
    [4 * KIB * 1024 + 5, 4 * KIB],
    [bytes.length - 1, 1],
    [4095, 300_000],
  ] as const) {
    t.true((await readBack(world, first, size)).equals(bytes.subarray(first, first + size)));
  }
  t.is(world.reader.readerCount, 0);
});

test('64 bodies at once share fewer slabs, and all end', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB, slabs: 6 });
  const bodies = Array.from({ length: 64 }, (_, index) => seededBytes(index, 300 * KIB + index));
  const written = await Promise.all(
    bodies.map((bytes, index) => {
      const target: WriteTarget = { kind: 'version', place: placeNamed(`k${index}`), headers: [] };
      return world.writer.write(new BytePayload({ bytes, chunkBytes: [100_000] }), target);
    }),
  );
  t.deepEqual(
    written.map(({ etag }) => etag),
    bodies.map(bytes => hash('md5', bytes)),
  );
  t.is(world.buffers.inUse, 0);
  t.is(world.buffers.waiting, 0);
});

test('a client is held back while no slab is free', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB, slabs: 4 });
  const payload = new BytePayload({ bytes: seededBytes(3, 2000 * KIB), chunkBytes: [500 * KIB] });
  await world.writer.write(payload, version);
  t.true(payload.pauses > 0);
  t.true(world.blocks.underWayMax <= 4);
});

type Fault = {
  readonly name: string;
  readonly payload?: Partial<BytePayloadOptions>;
  readonly arrange?: (world: ObjectWorld) => void;
  readonly code: string;
};

/** True at the n-th call. */
function nth(count: number): () => boolean {
  let calls = 0;
  return () => {
    calls += 1;
    return calls === count;
  };
}

const FAULTS: readonly Fault[] = [
  {
    name: 'the client goes away at the start',
    payload: { breaksAfter: 10 },
    code: 'IncompleteBody',
  },
  {
    name: 'the client goes away in the middle',
    payload: { breaksAfter: 300 * KIB },
    code: 'IncompleteBody',
  },
  {
    name: 'a digest is wrong at the end',
    payload: {
      verdict: () => {
        throw new S3Error('BadDigest');
      },
    },
    code: 'BadDigest',
  },
  {
    name: 'the first block is refused',
    arrange: ({ blocks }) => {
      const isFirst = nth(1);
      blocks.interfere = request =>
        request.kind === 'block-store' && isFirst() ? { kind: 'no-space' } : undefined;
    },
    code: 'InsufficientStorage',
  },
  {
    name: 'a later block is refused',
    arrange: ({ blocks }) => {
      const isThird = nth(3);
      blocks.interfere = request =>
        request.kind === 'block-store' && isThird() ? { kind: 'overloaded' } : undefined;
    },
    code: 'SlowDown',
  },
  {
    name: 'a block is stored but its answer is lost',
    arrange: ({ blocks }) => {
      const isSecond = nth(2);
      blocks.interfere = request =>
        request.kind === 'block-store' && isSecond() ? { after: { kind: 'unknown' } } : undefined;
    },
    code: 'ServiceUnavailable',
  },
  {
    name: 'the row is refused',
    arrange: ({ tables }) => {
      tables.interfere = request =>
        request.kind === 'object-write' ? { kind: 'bucket-closed' } : undefined;
    },
    code: 'NoSuchBucket',
  },
  {
    name: 'the outcome of the row is not known, and it was not stored',
    arrange: ({ tables }) => {
      tables.interfere = request =>
        request.kind === 'object-write' ? { kind: 'unknown' } : undefined;
    },
    code: 'ServiceUnavailable',
  },
  {
    name: 'the condition of the write fails',
    arrange: ({ tables }) => {
      tables.interfere = request =>
        request.kind === 'object-write'
          ? { kind: 'condition-failed', because: 'mismatch' }
          : undefined;
    },
    code: 'PreconditionFailed',
  },
];

for (const { name, payload, arrange, code } of FAULTS) {
  for (const size of [50 * KIB, 500 * KIB]) {
    test(`nothing is left of ${size} bytes when ${name}`, async t => {
      const world = objectWorld(t, { blockBytes: 64 * KIB, slabs: 4 });
      arrange?.(world);
      const body = new BytePayload({
        bytes: seededBytes(size, size),
        chunkBytes: [30_000],
        ...payload,
      });
      const isLate = (payload?.breaksAfter ?? 0) > size || (name.includes('later') && size < 65536);
      if (isLate || (name.includes('answer is lost') && size < 65536)) {
        await world.writer.write(body, version);
        t.is(world.buffers.inUse, 0);
        return;
      }
      const error = await t.throwsAsync(world.writer.write(body, version), {
        instanceOf: S3Error,
      });
      t.is(error?.code, code as never);
      await world.writer.idle();
      t.is(liveReferences(world), 0);
      t.is(world.tables.objects.size, 0);
      t.is(world.buffers.inUse, 0);
      t.is(world.blocks.underWay, 0);
    });
  }
}

test('a row that was stored although its answer was lost keeps its blocks', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  world.tables.interfere = (request: TableRequest) =>
    request.kind === 'object-write' ? { after: { kind: 'unknown' } } : undefined;
  const bytes = seededBytes(1, 200 * KIB);
  await t.throwsAsync(world.writer.write(new BytePayload({ bytes }), version), {
    instanceOf: S3Error,
  });
  await world.writer.idle();
  t.is(liveReferences(world), 4);
  t.true((await readBack(world)).equals(bytes));
});

test('a write that cannot be undone at once is undone later, within bounds', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  let marks = 0;
  world.tables.interfere = request => {
    if (request.kind === 'object-write') return { kind: 'no-space' };
    if (request.kind !== 'owner-abort') return undefined;
    marks += 1;
    return marks < 3 ? { kind: 'unknown' } : undefined;
  };
  const fails = (): Promise<unknown> =>
    t.throwsAsync(
      world.writer.write(new BytePayload({ bytes: seededBytes(1, 200 * KIB) }), version),
    );
  await fails();
  t.is(liveReferences(world), 4);
  for (let step = 0; step < 5; step += 1) {
    world.environment.advance(10_000);
    await new Promise(resolve => setImmediate(resolve));
    await new Promise(resolve => setImmediate(resolve));
  }
  await world.writer.idle();
  t.is(liveReferences(world), 0);
  marks = -100;
  await fails();
  for (let step = 0; step < 6; step += 1) {
    world.environment.advance(100_000);
    await new Promise(resolve => setImmediate(resolve));
  }
  await world.writer.idle();
  t.is(liveReferences(world), 4);
  t.is(world.log.count('warn'), 1);
});

test('manifest rows of a failed write are dropped', async t => {
  const world = objectWorld(t, { blockBytes: 4 * KIB, slabs: 16 });
  world.tables.interfere = request =>
    request.kind === 'object-write' ? { kind: 'overloaded' } : undefined;
  const bytes = seededBytes(9, 4 * KIB * 600);
  await t.throwsAsync(world.writer.write(new BytePayload({ bytes }), version));
  await world.writer.idle();
  t.is(world.tables.manifests.size, 0);
  t.is(liveReferences(world), 0);
});

test('a slab whose store was never answered is not used again', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB, slabs: 4 });
  // A bus that gives up waiting answers so; the storage may still read the bytes.
  world.blocks.interfere = request =>
    request.kind === 'block-store' ? ({ kind: 'timed-out' } as never) : undefined;
  await t.throwsAsync(
    world.writer.write(new BytePayload({ bytes: seededBytes(1, 150 * KIB) }), version),
  );
  t.is(world.buffers.inUse, 0);
  world.blocks.interfere = () => undefined;
  const bytes = seededBytes(2, 900 * KIB);
  await world.writer.write(new BytePayload({ bytes }), version);
  t.true((await readBack(world)).equals(bytes));
});

test('a part is stored as an attempt of its own, and refused once its upload is gone', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const uploadId = uploadIdOf(world.stamper.now());
  const target = { kind: 'part', place: placeNamed('key'), uploadId, partNumber: 3 } as const;
  const upload = {
    ...{ uploadId, timestamp: world.stamper.now(), state: { kind: 'open' } as const },
    ...{ headers: [], initiator: 'GK1' },
  };
  world.tables.uploads.set(uploadId, upload);
  for (const size of [0, 100, 200 * KIB]) {
    await world.writer.write(new BytePayload({ bytes: seededBytes(1, size) }), target);
  }
  t.is(world.tables.parts.size, 3);
  t.deepEqual(
    [...world.tables.parts.values()].map(part => [part.partNumber, part.sizeBytes]),
    [
      [3, 0],
      [3, 100],
      [3, 200 * KIB],
    ],
  );
  const before = liveReferences(world);
  world.tables.uploads.clear();
  const error = await t.throwsAsync(
    world.writer.write(new BytePayload({ bytes: seededBytes(5, 200 * KIB) }), target),
    { instanceOf: S3Error },
  );
  t.is(error?.code, 'NoSuchUpload');
  await world.writer.idle();
  t.is(liveReferences(world), before);
});

test('a hash thread that dies fails what it had, and the next body gets a new one', async t => {
  const world = makeObjectWorld({ blockBytes: 64 * KIB, threads: 1 });
  t.teardown(() => world.digests.close());
  const payload = new BytePayload({ bytes: seededBytes(1, 5000 * KIB), chunkBytes: [10_000] });
  const failing = t.throwsAsync(world.writer.write(payload, version), { instanceOf: S3Error });
  await Promise.all(world.workers.map(worker => worker.terminate()));
  t.is((await failing)?.code, 'ServiceUnavailable');
  t.is(world.buffers.inUse, 0);
  const bytes = seededBytes(2, 300 * KIB);
  await world.writer.write(new BytePayload({ bytes }), version);
  t.true((await readBack(world)).equals(bytes));
});
