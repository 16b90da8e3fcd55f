// Method: writer and reader on storage in memory. What is stored is looked at, and changed as
// somebody could who has the disks but not the key.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { hash } from 'node:crypto';
import { CustomerKey } from '../../../gateway/object/customer-key.ts';
import type { FoundObject } from '../../../gateway/object/object-reader.ts';
import type { VersionTarget } from '../../../gateway/object/object-writer.ts';
import { unlock } from '../../../gateway/object/unlock.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { packBlocks, unpackBlocks } from '../../../schemas/records/block-list.ts';
import { CHECKSUM_ALGORITHMS } from '../../../schemas/records/checksum.ts';
import { PLAIN_CHUNK_BYTES, sealedBytesOf } from '../../../schemas/records/customer-encryption.ts';
import { uploadIdOf, versionIdOf } from '../../../schemas/ids.ts';
import type { ObjectVersion, PartRef } from '../../../schemas/records/object-row.ts';
import { BytePayload } from '../../support/byte-payload.ts';
import { BUCKET, objectWorld, placeNamed, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;
const customerKey = new CustomerKey(Buffer.alloc(32, 7), 'md5');
const otherKey = new CustomerKey(Buffer.alloc(32, 8), 'md5');

function target(key = 'key'): VersionTarget {
  return { kind: 'version', place: placeNamed(key), headers: [], customerKey };
}

async function find(world: ObjectWorld, key = 'key'): Promise<FoundObject> {
  const found = await world.reader.find(placeNamed(key), 'content');
  if (found === undefined) throw new Error('the object is not there');
  return found;
}

type Read = { readonly first: number; readonly sizeBytes: number };

async function read(world: ObjectWorld, { first, sizeBytes }: Read, key = 'key'): Promise<Buffer> {
  const found = unlock(await find(world, key), customerKey);
  const body = await world.reader.open(found, { first, sizeBytes });
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  if (body.kind === 'head') throw new Error('a read has a body');
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await body.source.next();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(Buffer.from(piece));
  }
}

/** All that is stored, one after the other. */
function storedBytes(world: ObjectWorld): Buffer {
  const inline = [...world.tables.objects.values()].map(stored => stored.inline ?? Buffer.alloc(0));
  return Buffer.concat([...world.blocks.blocks.values(), ...inline]);
}

function isIdle(t: ExecutionContext, world: ObjectWorld): void {
  t.is(world.buffers.inUse, 0);
  t.is(world.reader.readerCount, 0);
  t.is(world.readBuffers.inUse, 0);
}

const sizes = fc.oneof(
  fc.integer({ min: 0, max: 5 * KIB }),
  fc.integer({ min: 60 * KIB, max: 70 * KIB }),
  fc.integer({ min: 0, max: 900 * KIB }),
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -17, max: 17 }))
    .map(([chunks, more]) => chunks * PLAIN_CHUNK_BYTES + more),
);

test('any range of any encrypted body is that slice of its plain bytes', async t => {
  const worlds = [objectWorld(t, { blockBytes: 128 * KIB, slabs: 5 })];
  // Blocks that are no whole chunks, and blocks smaller than a chunk.
  worlds.push(objectWorld(t, { blockBytes: 150_000, slabs: 5, threads: 1 }));
  worlds.push(objectWorld(t, { blockBytes: 20_000, slabs: 5 }));
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...worlds),
      fc.record({
        size: sizes,
        knowsSize: fc.boolean(),
        chunk: fc.integer({ min: 1, max: 200_000 }),
      }),
      fc.array(fc.tuple(share, share), { minLength: 1, maxLength: 4 }),
      async (world, { size, knowsSize, chunk }, ranges) => {
        const bytes = seededBytes(size + 1, size);
        const chunkBytes = [Math.max(chunk, size / 50)];
        const payload = new BytePayload({
          ...{ bytes, chunkBytes, knowsSize },
          verdict: digests => t.is(digests.sha256Hex, hash('sha256', bytes)),
        });
        const written = await world.writer.write(payload, target());
        t.is(written.sizeBytes, size);
        t.regex(written.etag, /^[0-9a-f]{32}$/);
        t.not(written.etag, hash('md5', bytes));
        t.true((await read(world, { first: 0, sizeBytes: size })).equals(bytes));
        for (const [from, part] of ranges) {
          const first = Math.floor(from * size);
          const sizeBytes = Math.floor(part * (size - first));
          const got = await read(world, { first, sizeBytes });
          t.true(got.equals(bytes.subarray(first, first + sizeBytes)));
        }
        isIdle(t, world);
      },
    ),
    { numRuns: 80 },
  );
});

for (const algorithm of CHECKSUM_ALGORITHMS) {
  test(`the ${algorithm} of an encrypted body is that of its plain bytes`, async t => {
    const world = objectWorld(t, { blockBytes: 128 * KIB });
    for (const size of [0, 3000, 60 * KIB, 500 * KIB]) {
      const plan = { sha256: false, checksum: algorithm };
      const bytes = seededBytes(size, size);
      const plain = await world.writer.write(new BytePayload({ bytes, plan }), {
        ...target('plain'),
        customerKey: undefined,
      });
      const written = await world.writer.write(new BytePayload({ bytes, plan }), target());
      t.deepEqual(written.checksum, plain.checksum);
      const found = await find(world);
      t.not(found.version.checksum?.value, written.checksum?.value);
      t.deepEqual(unlock(found, customerKey).version.checksum, written.checksum);
    }
  });
}

test('an MD5 is computed where it is compared', async t => {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  for (const size of [3000, 60 * KIB, 500 * KIB]) {
    const bytes = seededBytes(size, size);
    const verdict = (digests: { readonly md5Hex: string }): void => {
      t.is(digests.md5Hex, hash('md5', bytes));
    };
    const payload = new BytePayload({ bytes, comparesMd5: true, verdict });
    await world.writer.write(payload, target());
  }
});

test('nothing plain is stored, and the same bytes are never the same blocks', async t => {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  for (const size of [3000, 60 * KIB, 500 * KIB]) {
    const bytes = seededBytes(size, size);
    for (const key of ['a', 'b', 'a']) {
      await world.writer.write(new BytePayload({ bytes }), target(`${key}${String(size)}`));
    }
    const stored = storedBytes(world);
    for (let at = 0; at + 16 < size; at += 997) {
      t.false(stored.includes(bytes.subarray(at, at + 16)));
    }
    t.false(stored.includes(hash('md5', bytes, 'buffer')));
  }
  const stores = world.blocks.requests.flatMap(request =>
    request.kind === 'block-store' ? [request.hash] : [],
  );
  t.is(new Set(stores).size, stores.length);
  t.is(world.blocks.count('reference-add'), 0);
});

test('many encrypted blocks stand in manifest rows, and ranges of them are read back', async t => {
  const world = objectWorld(t, { blockBytes: 4 * KIB, slabs: 16 });
  const size = 4080 * 1100 + 17;
  const bytes = seededBytes(7, size);
  await world.writer.write(new BytePayload({ bytes }), target());
  t.is(world.tables.count('manifest-write'), 3);
  for (const [first, sizeBytes] of [
    [0, size],
    [0, 1],
    [4080 * 512 - 1, 2],
    [4080 * 1024 + 5, 4080],
    [size - 1, 1],
    [4079, 300_000],
  ] as const) {
    const got = await read(world, { first, sizeBytes });
    t.true(got.equals(bytes.subarray(first, first + sizeBytes)));
  }
  isIdle(t, world);
});

/** Parts under one key, put together by hand as a completion does it. */
async function inParts(world: ObjectWorld, bodies: readonly Buffer[]): Promise<void> {
  const { tables, stamper, writer, environment } = world;
  const place = placeNamed('key');
  const timestamp = stamper.now();
  const uploadId = uploadIdOf(timestamp);
  const name = { kind: 'upload', place, uploadId } as const;
  const { encryption } = customerKey.newContent(environment.random, name);
  const row = { uploadId, timestamp, state: { kind: 'open' }, headers: [], initiator: '' } as const;
  tables.uploads.set(uploadId, { ...row, encryption });
  const parts: PartRef[] = [];
  for (const [index, bytes] of bodies.entries()) {
    const part = { kind: 'part', place, uploadId, partNumber: 2 * index + 1, customerKey } as const;
    await writer.write(new BytePayload({ bytes }), part);
    const stored = [...tables.parts.values()].at(-1)!;
    parts.push({ ...stored });
  }
  const content = { kind: 'parts', uploadId, partCount: parts.length, parts } as const;
  const sizeBytes = bodies.reduce((sum, bytes) => sum + bytes.length, 0);
  const version: ObjectVersion = {
    ...{ kind: 'version', timestamp: stamper.now(), versionId: versionIdOf(stamper.now()) },
    ...{ sizeBytes, etag: 'e-3', content, headers: [], encryption },
  };
  tables.objects.set(`${BUCKET}/key`, { row: version, inline: undefined });
}

test('any range of encrypted parts is that slice of all of them', async t => {
  const world = objectWorld(t, { blockBytes: 70_000, slabs: 6 });
  const lengths = [0, 3, 200_000, 65_536, 131_040, 1];
  const bodies = lengths.map((length, index) => seededBytes(index + 1, length));
  await inParts(world, bodies);
  const whole = Buffer.concat(bodies);
  t.true((await read(world, { first: 0, sizeBytes: whole.length })).equals(whole));
  const at = fc.nat(whole.length);
  await fc.assert(
    fc.asyncProperty(at, at, async (one, other) => {
      const [first, end] = [Math.min(one, other), Math.max(one, other)];
      const got = await read(world, { first, sizeBytes: end - first });
      t.true(got.equals(whole.subarray(first, end)));
    }),
    { numRuns: 40 },
  );
  isIdle(t, world);
});

const partChanges: Readonly<Record<string, (parts: readonly PartRef[]) => PartRef[]>> = {
  'in the other order': ([one, two]) => [two!, one!],
  'each under the number of the other': ([one, two]) => [
    { ...two!, partNumber: one!.partNumber },
    { ...one!, partNumber: two!.partNumber },
  ],
  'one of them twice': ([one]) => [one!, one!],
};

for (const [title, change] of Object.entries(partChanges)) {
  test(`parts are refused ${title}`, async t => {
    const world = objectWorld(t, { blockBytes: 70_000 });
    await inParts(world, [seededBytes(1, 1000), seededBytes(2, 1000)]);
    const name = `${BUCKET}/key`;
    const stored = world.tables.objects.get(name);
    if (stored?.row.kind !== 'version' || stored.row.content.kind !== 'parts') return t.fail();
    const { content } = stored.row;
    const row = { ...stored.row, content: { ...content, parts: change(content.parts ?? []) } };
    world.tables.objects.set(name, { ...stored, row });
    await t.throwsAsync(read(world, { first: 0, sizeBytes: 2000 }), {
      instanceOf: S3Error,
      code: 'InternalError',
    });
    return t.is(world.reader.readerCount, 0);
  });
}

test('a small encrypted object is one request with its bytes and their tag in it', async t => {
  const world = objectWorld(t);
  await world.writer.write(new BytePayload({ bytes: seededBytes(1, 4 * KIB) }), target());
  t.is(world.tables.requests.length, 1);
  t.is(world.blocks.requests.length, 0);
  const [stored] = world.tables.objects.values();
  t.is(stored?.inline?.length, sealedBytesOf(4 * KIB));
});

test('without the key, with another one, or with one too many nothing is read', async t => {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  for (const size of [100, 300 * KIB]) {
    await world.writer.write(new BytePayload({ bytes: seededBytes(1, size) }), target());
    const found = await find(world);
    t.is(
      codeOf(() => unlock(found, undefined)),
      'InvalidRequest',
    );
    t.is(
      codeOf(() => unlock(found, otherKey)),
      'AccessDenied',
    );
    const range = { first: 0, sizeBytes: size };
    const code = await Promise.resolve()
      .then(() => world.reader.open(found, range))
      .then(
        () => 'opened',
        (error: unknown) => (error as S3Error).code,
      );
    t.is(code, 'InvalidRequest');
  }
  const plain = { ...target('plain'), customerKey: undefined };
  await world.writer.write(new BytePayload({ bytes: seededBytes(1, 10) }), plain);
  const found = await find(world, 'plain');
  t.is(
    codeOf(() => unlock(found, customerKey)),
    'InvalidRequest',
  );
  isIdle(t, world);
});

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'done';
  } catch (error) {
    return error instanceof S3Error ? error.code : String(error);
  }
}

/** Two objects of one key and size, each in five blocks; `change` is what is done to the first. */
async function tampered(
  t: ExecutionContext,
  change: (a: ObjectVersion, b: ObjectVersion) => ObjectVersion,
): Promise<{ readonly world: ObjectWorld; readonly bytes: Buffer }> {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  const bytes = seededBytes(1, 8 * PLAIN_CHUNK_BYTES + 100);
  await world.writer.write(new BytePayload({ bytes }), target('key'));
  await world.writer.write(new BytePayload({ bytes }), target('other'));
  const [a, b] = [(await find(world)).version, (await find(world, 'other')).version];
  for (const [name, stored] of world.tables.objects) {
    if (!name.endsWith('/key')) continue;
    world.tables.objects.set(name, { ...stored, row: change(a, b) });
  }
  return { world, bytes };
}

function blocksOf(version: ObjectVersion): ReturnType<typeof unpackBlocks> {
  return version.content.kind === 'blocks' ? unpackBlocks(version.content.blocks) : [];
}

function withBlocks(
  version: ObjectVersion,
  blocks: ReturnType<typeof unpackBlocks>,
  sizeBytes = version.sizeBytes,
): ObjectVersion {
  return { ...version, sizeBytes, content: { kind: 'blocks', blocks: packBlocks(blocks) } };
}

const twoChunks = 2 * PLAIN_CHUNK_BYTES;
const changes: Readonly<Record<string, Parameters<typeof tampered>[1]>> = {
  'two blocks exchanged': a => {
    const [first, second, ...rest] = blocksOf(a);
    return withBlocks(a, [second!, first!, ...rest]);
  },
  'a block of another object': (a, b) => {
    const [, ...rest] = blocksOf(a);
    return withBlocks(a, [blocksOf(b)[0]!, ...rest]);
  },
  'the last block missing, and the size that of the rest': a =>
    withBlocks(a, blocksOf(a).slice(0, -1), 8 * PLAIN_CHUNK_BYTES),
  'all but one block missing': a => withBlocks(a, blocksOf(a).slice(0, 1), twoChunks),
  'a block in between missing': a => {
    const [first, , ...rest] = blocksOf(a);
    return withBlocks(a, [first!, ...rest], a.sizeBytes - twoChunks);
  },
  'the blocks of another object': (a, b) => withBlocks(a, blocksOf(b)),
  'another object under this name': (_a, b) => b,
};

for (const [title, change] of Object.entries(changes)) {
  test(`what was tampered with is refused or cut short, never other bytes: ${title}`, async t => {
    const { world, bytes } = await tampered(t, change);
    let got = Buffer.alloc(0);
    let refusal: unknown;
    try {
      const { version } = await find(world);
      const found = unlock(await find(world), customerKey);
      const range = { first: 0, sizeBytes: version.sizeBytes };
      const body = await world.reader.open(found, range);
      if (body.kind !== 'stream') throw new Error('not a stream');
      for (;;) {
        const piece = await body.source.next();
        if (piece === undefined) break;
        got = Buffer.concat([got, piece]);
      }
    } catch (error) {
      refusal = error;
    }
    t.true(refusal instanceof S3Error);
    const code = title.startsWith('another object') ? 'AccessDenied' : 'InternalError';
    t.is((refusal as S3Error).code, code);
    t.true(bytes.subarray(0, got.length).equals(got));
    await new Promise(resolve => setImmediate(resolve));
    t.is(world.reader.readerCount, 0);
  });
}

test('a client that leaves, or is slow, gives everything back', async t => {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  const bytes = seededBytes(1, 900 * KIB);
  await world.writer.write(new BytePayload({ bytes }), target());
  for (const piecesTaken of [0, 1, 3, 5]) {
    const found = unlock(await find(world), customerKey);
    const body = await world.reader.open(found, { first: 0, sizeBytes: bytes.length });
    if (body.kind !== 'stream') throw new Error('not a stream');
    let taken = 0;
    for (let count = 0; count < piecesTaken; count += 1) {
      const piece = await body.source.next();
      t.true((piece?.length ?? 0) <= PLAIN_CHUNK_BYTES, 'a chunk at a time');
      taken += piece?.length ?? 0;
    }
    t.is(taken, piecesTaken * PLAIN_CHUNK_BYTES);
    body.source.cancel();
    await new Promise(resolve => setImmediate(resolve));
    t.is(world.reader.readerCount, 0);
  }
});

test('a body that fails half-way leaves nothing, and gives its slabs back', async t => {
  const world = objectWorld(t, { blockBytes: 128 * KIB });
  const bytes = seededBytes(1, 900 * KIB);
  const payload = new BytePayload({ bytes, breaksAfter: 500 * KIB });
  await t.throwsAsync(world.writer.write(payload, target()), { instanceOf: S3Error });
  await world.writer.idle();
  t.is(world.blocks.references.size, 0);
  t.is(world.tables.objects.size, 0);
  isIdle(t, world);
});
