// Method: one node's block partitions on a file system and a store in memory. What must hold is
// looked at through the messages, and, for what is on disk, through the list of files.
import { dirname } from 'node:path';
import test from 'ava';
import { checksumsOf } from '../../../actors/storage/block-format.ts';
import { StoreUnavailableError } from '../../../actors/storage/store.ts';
import { CHECKSUM_CHUNK_BYTES, TOMBSTONE_KEEP_MS } from '../../../schemas/limits.ts';
import {
  BlockWorld,
  DELETE_DELAY_MS,
  NO_DEADLINE,
  hashOf,
  makeBlock,
  makeOwner,
  pathOf,
  storeMessage,
} from './block-world.ts';

const KIB = 1024;

test('a stored block is read back, whole and in pieces, and past its end nothing', async t => {
  const world = new BlockWorld();
  for (const length of [0, 1, 1000, CHECKSUM_CHUNK_BYTES, CHECKSUM_CHUNK_BYTES + 1, 300 * KIB]) {
    const block = makeBlock(length, length);
    t.deepEqual(await world.storeBlock(block, makeOwner(1)), { kind: 'stored', added: true });
    for (const [first, size] of [
      [0, length],
      [0, 10],
      [length - 1, 10],
      [length, 10],
      [Math.floor(length / 2), length],
      [70 * KIB, 100 * KIB],
    ] as const) {
      const reply = await world.read(block.hash, Math.max(first, 0), size);
      t.is(reply.kind, 'bytes');
      if (reply.kind !== 'bytes') continue;
      const expected = block.bytes.subarray(Math.max(first, 0), Math.max(first, 0) + size);
      t.deepEqual(Buffer.from(reply.bytes), Buffer.from(expected), `${length} ${first} ${size}`);
    }
  }
});

test('a block that was never stored is absent', async t => {
  const world = new BlockWorld();
  t.deepEqual(await world.read(makeBlock(10).hash), { kind: 'absent' });
});

test('bytes that do not match their checksums are not written', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  const message = storeMessage(block, makeOwner(1));
  const bytes = Buffer.from(block.bytes);
  bytes[99 * KIB]! ^= 1;
  const partition = world.partitions[Number.parseInt(block.hash.slice(0, 2), 16)]!;
  for (const checksums of [message.checksums, message.checksums.subarray(4), Buffer.alloc(0)]) {
    const reply = await partition.receive({ ...message, bytes, checksums }, NO_DEADLINE);
    t.deepEqual(reply, { kind: 'garbled' });
  }
  t.deepEqual(world.blockFilePaths(), []);
});

test('a block that comes again is verified, not written again', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  await world.storeBlock(block, makeOwner(1));
  const reply = await world.storeBlock(block, makeOwner(2));
  t.deepEqual(reply, { kind: 'stored', added: false });
  t.is(world.stats.written, 1);
  t.is(world.stats.deduplicated, 1);
});

test('a damaged block is never served, and is rewritten when it comes again', async t => {
  const world = new BlockWorld();
  const block = makeBlock(200 * KIB);
  await world.storeBlock(block, makeOwner(1));
  for (const offset of [0, 70 * KIB, 200 * KIB - 1, 200 * KIB + 1, -1, -16]) {
    world.files.flip(pathOf(block.hash), offset);
    world.blockFiles.close();
    t.deepEqual(await world.read(block.hash), { kind: 'damaged' });
    const reply = await world.storeBlock(block, makeOwner(2));
    t.deepEqual(reply, { kind: 'stored', added: false });
    const read = await world.read(block.hash);
    t.is(read.kind === 'bytes' && hashOf(read.bytes), block.hash);
  }
  t.is(world.stats.rewritten, 6);
  t.true(world.log.count('error') >= 6);
});

test('a read of the good part of a damaged block is served, of the bad part it is not', async t => {
  const world = new BlockWorld();
  const block = makeBlock(200 * KIB);
  await world.storeBlock(block, makeOwner(1));
  world.files.flip(pathOf(block.hash), 150 * KIB);
  t.is((await world.read(block.hash, 0, 64 * KIB)).kind, 'bytes');
  t.is((await world.read(block.hash, 140 * KIB, KIB)).kind, 'damaged');
  t.is((await world.read(block.hash, 0, 64 * KIB)).kind, 'bytes');
});

test('a truncated block file is damaged, and a reference to it is refused', async t => {
  const world = new BlockWorld();
  const block = makeBlock(200 * KIB);
  await world.storeBlock(block, makeOwner(1));
  for (const length of [0, 10, 100 * KIB, 200 * KIB]) {
    world.files.truncate(pathOf(block.hash), length);
    world.blockFiles.close();
    t.deepEqual(await world.read(block.hash), { kind: 'damaged' });
    t.deepEqual(await world.addReference(block.hash, makeOwner(2)), { kind: 'send-it' });
    await world.storeBlock(block, makeOwner(1));
  }
});

test('a sender with the wrong bytes cannot replace a good block', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  await world.storeBlock(block, makeOwner(1));
  const wrong = { hash: block.hash, bytes: makeBlock(100 * KIB, 2).bytes };
  t.deepEqual(await world.storeBlock(wrong, makeOwner(2)), { kind: 'garbled' });
  world.files.flip(pathOf(block.hash), 5);
  world.blockFiles.close();
  t.deepEqual(await world.storeBlock(wrong, makeOwner(2)), { kind: 'garbled' });
  t.deepEqual(await world.storeBlock(block, makeOwner(2)), { kind: 'stored', added: false });
});

test('a reference is taken only where the block is', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  t.deepEqual(await world.addReference(block.hash, makeOwner(1)), { kind: 'send-it' });
  await world.storeBlock(block, makeOwner(1));
  t.deepEqual(await world.addReference(block.hash, makeOwner(2)), { kind: 'referenced' });
});

test('a reference that comes during the write of its block waits for it', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  const storing = world.storeBlock(block, makeOwner(1));
  t.deepEqual(await world.addReference(block.hash, makeOwner(2)), { kind: 'referenced' });
  t.deepEqual(await storing, { kind: 'stored', added: true });
});

test('a block goes a while after its last reference, and not before', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  await world.storeBlock(block, makeOwner(1));
  await world.storeBlock(block, makeOwner(1));
  await world.addReference(block.hash, makeOwner(2));
  await world.release(block.hash, makeOwner(1));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'bytes');
  t.deepEqual(await world.release(block.hash, makeOwner(2)), { kind: 'released' });
  world.environment.advance(DELETE_DELAY_MS - 1);
  await world.collector.collect();
  t.is((await world.read(block.hash)).kind, 'bytes');
  world.environment.advance(1);
  await world.collector.collect();
  t.deepEqual(await world.read(block.hash), { kind: 'absent' });
  t.deepEqual(world.blockFilePaths(), []);
  world.environment.advance(TOMBSTONE_KEEP_MS + DELETE_DELAY_MS);
  await world.collector.collect();
  t.is(world.store.rowCount, 0, 'nothing is left of it in the store');
});

test('a block that is referred to again while it waits for its deletion stays', async t => {
  for (const again of ['store', 'refer'] as const) {
    const world = new BlockWorld();
    const block = makeBlock(10 * KIB);
    await world.storeBlock(block, makeOwner(1));
    await world.release(block.hash, makeOwner(1));
    const reply =
      again === 'store'
        ? await world.storeBlock(block, makeOwner(2))
        : await world.addReference(block.hash, makeOwner(2));
    t.is(reply.kind, again === 'store' ? 'stored' : 'referenced');
    await world.collectGarbage();
    t.is((await world.read(block.hash)).kind, 'bytes');
    await world.release(block.hash, makeOwner(2));
    await world.collectGarbage();
    t.is((await world.read(block.hash)).kind, 'absent');
  }
});

test('what was released cannot be revived by a late message, stored or not before', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  await world.storeBlock(block, makeOwner(1));
  await world.release(block.hash, makeOwner(1));
  t.deepEqual(await world.storeBlock(block, makeOwner(1)), { kind: 'released' });
  t.deepEqual(await world.addReference(block.hash, makeOwner(1)), { kind: 'released' });
  const other = makeBlock(10 * KIB, 2);
  await world.release(other.hash, makeOwner(3));
  t.deepEqual(await world.storeBlock(other, makeOwner(3)), { kind: 'released' });
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), []);
});

test('releasing is idempotent and does not end the references of others', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  await world.storeBlock(block, makeOwner(1));
  await world.storeBlock(block, makeOwner(2));
  for (let time = 0; time < 3; time += 1) await world.release(block.hash, makeOwner(1));
  await world.release(block.hash, makeOwner(3));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'bytes');
});

test('references can be walked page by page', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10);
  const partition = world.partitions[Number.parseInt(block.hash.slice(0, 2), 16)]!;
  for (let owner = 1; owner <= 10; owner += 1) await world.storeBlock(block, makeOwner(owner));
  await world.release(block.hash, makeOwner(4));
  const seen: unknown[] = [];
  let after: Buffer | undefined;
  for (;;) {
    const page = await partition.listReferences(after, 3);
    seen.push(...page.references);
    if (page.next === undefined) break;
    after = page.next;
  }
  const owners = [1, 2, 3, 5, 6, 7, 8, 9, 10];
  t.deepEqual(
    seen,
    owners.map(owner => ({ hash: block.hash, owner: makeOwner(owner) })),
  );
});

test('a damaged count is counted anew, and the block stays as long as it is needed', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  for (const owner of [1, 2, 3]) await world.storeBlock(block, makeOwner(owner));
  const damage = (): void => {
    const everything = { from: Buffer.alloc(1), to: Buffer.alloc(40, 0xff) };
    for (const { key } of world.store.entries(everything)) {
      if (key[1] === 0x21) world.store.damage(key);
    }
  };
  damage();
  await world.release(block.hash, makeOwner(1));
  damage();
  await world.storeBlock(block, makeOwner(4));
  await world.release(block.hash, makeOwner(2));
  await world.release(block.hash, makeOwner(3));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'bytes');
  damage();
  await world.release(block.hash, makeOwner(4));
  await world.collectGarbage();
  t.is((await world.read(block.hash)).kind, 'absent');
});

test('a full disk is answered with no-space, keeps what it has, and takes blocks later', async t => {
  const world = new BlockWorld({ minFreeBytes: 50 * KIB });
  const first = makeBlock(20 * KIB, 1);
  const second = makeBlock(20 * KIB, 2);
  world.files.setFreeBytes(100 * KIB);
  t.is((await world.storeBlock(first, makeOwner(1))).kind, 'stored');
  world.files.setFreeBytes(60 * KIB);
  await world.directories.measure();
  t.deepEqual(await world.storeBlock(second, makeOwner(1)), { kind: 'no-space' });
  t.is((await world.read(first.hash)).kind, 'bytes');
  t.is((await world.release(first.hash, makeOwner(1))).kind, 'released');
  await world.collectGarbage();
  t.deepEqual(world.blockFilePaths(), []);
  world.files.setFreeBytes(500 * KIB);
  // The guard that said "full" looks again by itself.
  world.environment.advance(1000);
  t.is((await world.storeBlock(second, makeOwner(1))).kind, 'stored');
  t.is((await world.read(second.hash)).kind, 'bytes');
});

test('a write that fails leaves no reference and no temporary file behind', async t => {
  for (const operation of ['create', 'write', 'datasync', 'rename', 'syncDirectory']) {
    for (const code of ['ENOSPC', 'EIO', 'EMFILE']) {
      const world = new BlockWorld();
      const block = makeBlock(10 * KIB);
      world.files.fail(step => step.operation === operation, code, 'always');
      const reply = await world.storeBlock(block, makeOwner(1));
      t.is(reply.kind, code === 'EMFILE' ? 'unknown' : 'no-space', `${operation} ${code}`);
      world.files.heal();
      t.is(world.store.rowCount, 0);
      t.true(world.blockFilePaths().every(path => !path.includes('tmp-')));
      t.is(world.files.openHandles, 0);
      world.environment.advance(61_000);
      t.is((await world.storeBlock(block, makeOwner(1))).kind, 'stored');
      await world.release(block.hash, makeOwner(1));
      await world.collectGarbage();
      t.deepEqual(world.blockFilePaths(), []);
    }
  }
});

test('a block counts only when its name and the directories above it are durable', async t => {
  const block = makeBlock(10 * KIB);
  const leaf = pathOf(block.hash).slice(0, -65);
  for (const path of ['/data', leaf.slice(0, -3), leaf]) {
    const world = new BlockWorld();
    world.files.fail(step => step.operation === 'syncDirectory' && step.path === path, 'EIO');
    t.is((await world.storeBlock(block, makeOwner(1))).kind, 'no-space', path);
  }
});

test('a failed batch is answered unknown, and what it left is collected', async t => {
  for (const residue of ['lost', 'kept'] as const) {
    const world = new BlockWorld();
    const block = makeBlock(10 * KIB);
    world.store.failNext(residue);
    t.deepEqual(await world.storeBlock(block, makeOwner(1)), { kind: 'unknown' });
    await new Promise(resolve => setImmediate(resolve));
    t.is((await world.release(block.hash, makeOwner(1))).kind, 'released');
    await world.collectGarbage();
    t.deepEqual(world.blockFilePaths(), []);
  }
});

test('a request whose time has passed is not executed', async t => {
  const world = new BlockWorld();
  const block = makeBlock(10 * KIB);
  const partition = world.partitions[Number.parseInt(block.hash.slice(0, 2), 16)]!;
  const late = { deadlineAtMs: world.environment.clock.monotonicMs() - 1 };
  t.deepEqual(await partition.receive(storeMessage(block, makeOwner(1)), late), {
    kind: 'deadline-passed',
  });
  t.deepEqual(world.blockFilePaths(), []);
  t.is(world.store.rowCount, 0);
});

test('more bytes than may wait are refused, and fit again when others are written', async t => {
  const world = new BlockWorld({ bufferedBytesMax: 100 * KIB });
  const blocks = Array.from({ length: 5 }, (_, seed) => makeBlock(40 * KIB, seed));
  const replies = await Promise.all(blocks.map(block => world.storeBlock(block, makeOwner(1))));
  const kinds = replies.map(reply => reply.kind);
  t.deepEqual(kinds, ['stored', 'stored', 'overloaded', 'overloaded', 'overloaded']);
  t.is((await world.storeBlock(blocks[4]!, makeOwner(1))).kind, 'stored');
});

test('many blocks at once are all stored, each file once', async t => {
  const world = new BlockWorld();
  const blocks = Array.from({ length: 100 }, (_, index) => makeBlock(KIB, index % 10));
  const replies = await Promise.all(
    blocks.map((block, index) => world.storeBlock(block, makeOwner(index))),
  );
  t.true(replies.every(reply => reply.kind === 'stored'));
  t.is(replies.filter(reply => reply.kind === 'stored' && reply.added).length, 10);
  t.is(world.blockFilePaths().length, 10);
});

test('a message of a newer release is answered, not thrown at', async t => {
  const world = new BlockWorld();
  const foreign = { kind: 'block-teleport' } as unknown as Parameters<
    (typeof world.partitions)[0]['receive']
  >[0];
  t.deepEqual(await world.partitions[0]!.receive(foreign, NO_DEADLINE), {
    kind: 'not-understood',
  });
});

test('the table of checksums in a file is the one that was sent', async t => {
  const world = new BlockWorld();
  const block = makeBlock(130 * KIB);
  await world.storeBlock(block, makeOwner(1));
  const found = await world.blockFiles.look(block.hash);
  t.is(found.kind, 'whole');
  if (found.kind === 'whole') t.deepEqual(found.checksums, checksumsOf(block.bytes));
});

test('a deletion that is queued while a collection reads the queue is not overlooked', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  await world.storeBlock(block, makeOwner(1));
  const partition = world.partitions[Number.parseInt(block.hash.slice(0, 2), 16)]!;
  const collecting = partition.collect(undefined);
  await world.release(block.hash, makeOwner(1));
  await collecting;
  t.true(Number.isFinite(partition.earliestDueMs));
  world.environment.advance(DELETE_DELAY_MS + 1);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), []);
});

test('a deletion whose row takes longer to be durable than its delay is not overlooked', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  await world.storeBlock(block, makeOwner(1));
  // Another step of the same hash holds the release back until its time has come and gone.
  const storing = world.storeBlock(block, makeOwner(1));
  const releasing = world.release(block.hash, makeOwner(1));
  world.environment.advance(DELETE_DELAY_MS + 1);
  await world.collector.collect();
  await Promise.all([storing, releasing]);
  await world.collector.collect();
  t.deepEqual(world.blockFilePaths(), []);
});

test('a replacement whose directory was not synced does not count as durable', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100 * KIB);
  await world.storeBlock(block, makeOwner(1));
  world.files.flip(pathOf(block.hash), 70 * KIB);
  world.blockFiles.close();
  const leaf = dirname(pathOf(block.hash));
  world.files.fail(step => step.operation === 'syncDirectory' && step.path === leaf, 'EIO');
  t.not((await world.storeBlock(block, makeOwner(2))).kind, 'stored');
  // Until the directory that failed is used again.
  world.environment.advance(61_000);
  t.is((await world.storeBlock(block, makeOwner(2))).kind, 'stored');
  t.is((await world.restart('unsynced').read(block.hash)).kind, 'bytes');
});

test('what is due behind a page of the queue that could not be read is carried out later', async t => {
  const world = new BlockWorld();
  const blocks = Array.from({ length: 30_000 }, (_, seed) => Buffer.from(String(seed)))
    .map(bytes => ({ hash: hashOf(bytes), bytes }))
    .filter(({ hash }) => hash.startsWith('00'));
  t.true(blocks.length > 64, 'more than a page, in one partition');
  for (const block of blocks) await world.storeBlock(block, makeOwner(1));
  for (const block of blocks) await world.release(block.hash, makeOwner(1));
  const { store, environment } = world;
  environment.advance(TOMBSTONE_KEEP_MS + DELETE_DELAY_MS);
  const partition = world.partitionOf(blocks[0]!.hash);
  const page = await partition.collect(undefined);
  t.true(page.next !== undefined && partition.earliestDueMs === Number.POSITIVE_INFINITY);
  const cursor = store.cursor.bind(store);
  store.cursor = () => {
    throw new StoreUnavailableError('the store is being reopened');
  };
  await t.throwsAsync(() => partition.collect(page.next), { instanceOf: StoreUnavailableError });
  store.cursor = cursor;
  t.true(partition.earliestDueMs < Number.POSITIVE_INFINITY);
});

test('questions that fail together are one failure, and no process ends', async t => {
  const world = new BlockWorld();
  const block = makeBlock(100);
  await world.storeBlock(block, makeOwner(1));
  world.store.get = () => {
    throw new StoreUnavailableError('the store is being reopened');
  };
  const hashes = [block.hash, block.hash, block.hash];
  const reply = await world.ask(block.hash, { kind: 'blocks-have', hashes });
  t.is(reply.kind, 'unknown');
  // What nobody hears of is told by Node a turn later, and would end the test.
  await new Promise(resolve => setImmediate(resolve));
});
