// Method: three nodes that hold every partition, on a bus in memory. Some are away while blocks are
// stored and released, lose a disk or their rows, or have files damaged; afterwards their workers
// run, and every node must have every block that is referred to, whole, and nothing else.
import { dirname } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { checksumsOf } from '../../../actors/storage/block-format.ts';
import { type PartitionId, partitionId, partitionOfBlock } from '../../../schemas/ids.ts';
import { pause } from '../../../schemas/pause.ts';
import type { Step } from '../../support/faulty-files.ts';
import { BlockCluster, type BlockNode } from './block-cluster.ts';
import type { Block } from './block-world.ts';
import { DELETE_DELAY_MS, hashOf, makeBlock, makeOwner, pathOf } from './block-world.ts';

const KIB = 1024;

async function store(cluster: BlockCluster, block: Block, owner: number): Promise<string> {
  const { hash, bytes } = block;
  const request = { hash, bytes, checksums: checksumsOf(bytes), owner: makeOwner(owner) };
  return (await cluster.drive(Promise.resolve(cluster.client.store(request)))).kind;
}

/** Every node takes over what it lacks, and fetches it. */
async function converge(cluster: BlockCluster): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    for (const { sync } of cluster.nodes) await cluster.drive(sync.round());
  }
  for (const { resync } of cluster.nodes) await cluster.drive(resync.pass());
}

/** Different ones of the same partition. */
function blocksOf(partition: PartitionId, count: number): Block[] {
  const blocks: Block[] = [];
  for (let seed = 0; blocks.length < count; seed += 1) {
    const block = makeBlock(40 + seed, seed);
    if (partitionOfBlock(block.hash) === partition) blocks.push(block);
  }
  return blocks;
}

async function hasAll(
  t: ExecutionContext,
  cluster: BlockCluster,
  blocks: readonly Block[],
): Promise<void> {
  for (const { world, id } of cluster.nodes) {
    for (const { hash } of blocks) {
      const reply = await world.read(hash);
      t.is(reply.kind === 'bytes' ? hashOf(reply.bytes) : reply.kind, hash, `node ${id}`);
    }
    t.is(world.blockFilePaths().length, blocks.length, 'and no others');
    t.is(world.queue.length, 0);
  }
  const [first] = cluster.nodes;
  for (const { hash } of blocks) {
    const leaves = await first!.world.partitionOf(hash).digestLeaves();
    for (const { world } of cluster.nodes) {
      t.deepEqual(await world.partitionOf(hash).digestLeaves(), leaves);
    }
  }
}

test('a replica that was away gets the blocks that it missed', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 40 }, (_, seed) => makeBlock(3000, seed));
  await store(cluster, blocks[0]!, 1);
  cluster.away.add(cluster.nodes[1]!.id);
  for (const block of blocks) t.is(await store(cluster, block, 2), 'stored');
  cluster.away.clear();
  t.is(cluster.nodes[1]!.world.blockFilePaths().length, 1);
  await converge(cluster);
  await hasAll(t, cluster, blocks);
  t.is(cluster.nodes[1]!.world.stats.restored, 39);
  const { sync } = cluster.nodes[1]!;
  t.deepEqual(sync.report().freeform, [`References taken over: ${String(sync.merged)}`]);
  t.is(sync.journal.consecutiveErrors, 0);
});

test('a release that a replica missed reaches it, and what it held is not revived', async t => {
  const cluster = new BlockCluster(3);
  const [gone, kept] = [makeBlock(3000, 1), makeBlock(3000, 2)];
  await store(cluster, gone, 1);
  await store(cluster, kept, 1);
  await store(cluster, kept, 2);
  cluster.away.add(cluster.nodes[2]!.id);
  const released = cluster.client.releaseReferences(makeOwner(1), [gone.hash, kept.hash]);
  t.is(await cluster.drive(released), 'released');
  cluster.away.clear();
  await converge(cluster);
  cluster.environment.advance(DELETE_DELAY_MS + 1);
  for (const { world } of cluster.nodes) await world.collector.collect();
  await hasAll(t, cluster, [kept]);
});

test('a wiped disk is filled again', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 30 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { missing, resync, world } = cluster.restart(0, { files: true });
  t.deepEqual(world.blockFilePaths(), []);
  t.deepEqual(await cluster.drive(missing.walk('fast')), { blocks: 30, missing: 30 });
  t.is(resync.status.queueLength, 30);
  t.true(resync.status.bytesLeft > 0);
  await cluster.drive(resync.pass());
  await hasAll(t, cluster, blocks);
});

test('blocks whose files were taken away are found by a repair that an operator asks for', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 10 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { missing, resync, world } = cluster.nodes[2]!;
  for (const { hash } of blocks) await world.blockFiles.remove(hash);
  missing.walkNow();
  await cluster.drive(missing.walk('gentle'));
  await cluster.drive(resync.pass());
  await hasAll(t, cluster, blocks);
});

test('a store that lost its rows takes the references over, and needs no block again', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 30 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { world } = cluster.restart(1, { store: true });
  t.is(world.store.rowCount, 0);
  await converge(cluster);
  await hasAll(t, cluster, blocks);
  t.is(world.stats.restored, 0);
});

test('a machine that stops in the middle of its resync goes on with it', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 30 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  let node = cluster.restart(0, { files: true });
  await cluster.drive(node.missing.walk('fast'));
  let lives = 0;
  for (; node.resync.status.queueLength > 0 && lives < 200; lives += 1) {
    const stopped = node.world.files.stopAt(lives + 5);
    await cluster.drive(Promise.race([stopped, node.resync.pass()]));
    node = cluster.restart(0);
    await node.world.queue.load();
  }
  t.true(lives > 1);
  await converge(cluster);
  await node.world.collectGarbage();
  await hasAll(t, cluster, blocks);
});

test('a damaged block is never served, and repaired from a peer', async t => {
  const cluster = new BlockCluster(3);
  const block = makeBlock(200 * KIB);
  await store(cluster, block, 1);
  const { world, resync } = cluster.nodes[0]!;
  world.files.flip(pathOf(block.hash), 70 * KIB);
  world.blockFiles.close();
  const { hash, bytes } = block;
  const request = { hash, blockBytes: bytes.length, first: 0, length: bytes.length };
  const reply = await cluster.drive(Promise.resolve(cluster.client.read(request)));
  t.is(reply.kind === 'bytes' && hashOf(reply.bytes), hash);
  t.true(world.stats.damaged > 0);
  await world.repairOf(hash).hasten(hash);
  await cluster.drive(resync.pass());
  await hasAll(t, cluster, [block]);
  t.is(world.stats.restored, 1);
});

test('where no peer answers nothing is given up; where none has it, it is tried later', async t => {
  const cluster = new BlockCluster(3);
  const block = makeBlock(3000);
  await store(cluster, block, 1);
  const { missing, resync, world } = cluster.restart(0, { files: true });
  await cluster.drive(missing.walk('fast'));
  for (const { id } of cluster.nodes.slice(1)) cluster.away.add(id);
  t.is(await cluster.drive(resync.pass()), 'unreachable');
  t.is(resync.status.erroredBlocks, 0);
  cluster.away.clear();
  for (const index of [1, 2]) cluster.restart(index, { files: true });
  t.is(await cluster.drive(resync.pass()), 'idle');
  t.is(resync.status.erroredBlocks, 1);
  await store(cluster, block, 2);
  cluster.environment.advance(61_000);
  await cluster.drive(resync.pass());
  t.is(world.queue.length, 0);
});

test('a directory that cannot be listed hides no missing block of another one', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 10 }, (_, seed) => makeBlock(100, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { missing, world } = cluster.nodes[0]!;
  for (const { hash } of blocks) await world.blockFiles.remove(hash);
  const path = dirname(pathOf(blocks.map(({ hash }) => hash).sort()[0]!));
  const isBad = (step: Step): boolean => step.operation === 'list' && step.path === path;
  world.files.fail(isBad, 'EIO', 'always');
  const walk = cluster.drive(missing.walk('fast'));
  await t.throwsAsync(walk, { message: `${path} could not be listed` });
  const hidden = blocks.filter(({ hash }) => dirname(pathOf(hash)) === path).length;
  t.is(world.queue.length, blocks.length - hidden, 'of that one nothing is known');
  world.files.heal();
  t.deepEqual(await cluster.drive(missing.walk('fast')), { blocks: 10, missing: 10 });
});

test('a block that cannot be written is tried later, and keeps none behind it waiting', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 30 }, (_, seed) => makeBlock(100, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { missing, resync, world } = cluster.restart(0, { files: true });
  await cluster.drive(missing.walk('fast'));
  const [first] = blocks.map(({ hash }) => hash).sort();
  const leaf = dirname(pathOf(first!));
  const stuck = blocks.filter(({ hash }) => dirname(pathOf(hash)) === leaf).length;
  const isStuck = ({ operation, path }: Step): boolean =>
    operation === 'create' && dirname(path) === leaf;
  world.files.fail(isStuck, 'EMFILE', 'always');
  t.is(await cluster.drive(resync.pass()), 'idle');
  t.is(world.blockFilePaths().length, blocks.length - stuck);
  t.deepEqual([world.queue.length, resync.status.erroredBlocks], [stuck, stuck]);
  t.is(resync.journal.errors, stuck);
  world.files.heal();
  cluster.environment.advance(61_000);
  await cluster.drive(resync.pass());
  t.is(world.queue.length, 0);
  await hasAll(t, cluster, blocks);
});

test('a disk that takes nothing ends the pass, and no block is blamed for it', async t => {
  const cluster = new BlockCluster(3);
  const block = makeBlock(3000);
  await store(cluster, block, 1);
  const { missing, resync, world } = cluster.restart(0, { files: true });
  await cluster.drive(missing.walk('fast'));
  world.files.fail(step => step.operation === 'create', 'EIO', 'always');
  t.is(await cluster.drive(resync.pass()), 'failed');
  t.is(resync.status.erroredBlocks, 0);
});

test('a node that joins is in step with peers that are written to without a pause', async t => {
  const cluster = new BlockCluster(3);
  const partition = partitionId(7);
  const blocks = blocksOf(partition, 12);
  for (const block of blocks.slice(0, 4)) await store(cluster, block, 1);
  for (const { sync } of cluster.nodes) await cluster.drive(sync.round());
  cluster.relayout([1, 2, 3], 'besides');
  const [, first, second, joined] = cluster.nodes;
  const sinceMs = cluster.environment.clock.monotonicMs();
  // A peer is written to behind each answer: their references are the same at no moment.
  let written = 4;
  const writes: Promise<unknown>[] = [];
  cluster.onRequest = ({ kind }) => {
    const block = kind.startsWith('references-') ? blocks[written++] : undefined;
    if (block !== undefined) writes.push(first!.world.storeBlock(block, makeOwner(1)));
  };
  await cluster.drive(joined!.sync.bringIn(partition, sinceMs));
  t.true(written > 8);
  cluster.onRequest = () => undefined;
  await cluster.drive(Promise.all(writes));
  await cluster.drive(joined!.resync.pass());
  const inStep = joined!.sync.inStep(partition);
  for (const { id } of [first!, second!]) t.true((inStep.get(id) ?? -1) >= sinceMs);
  t.true(joined!.world.blockFilePaths().length >= 4);
});

test('a block that no peer had, and that comes by itself, is waited for no longer', async t => {
  const cluster = new BlockCluster(3);
  const block = makeBlock(3000);
  await store(cluster, block, 1);
  for (const index of [0, 1, 2]) cluster.restart(index, { files: true });
  const [{ missing, resync, world }] = cluster.nodes as [BlockNode];
  await cluster.drive(missing.walk('fast'));
  await cluster.drive(resync.pass());
  t.is(resync.status.erroredBlocks, 1);
  // The third replica of three that are asked, too.
  await store(cluster, block, 2);
  await cluster.drive(pause(cluster.environment.timers, 1000));
  t.is(world.queue.length, 0);
  t.is(resync.status.erroredBlocks, 0);
});

test('blocks of many partitions are fetched side by side', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 30 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const { missing, resync } = cluster.restart(0, { files: true });
  await cluster.drive(missing.walk('fast'));
  const asked: string[] = [];
  cluster.onRequest = ({ kind }) => void asked.push(kind);
  const pass = resync.pass();
  await new Promise(resolve => setImmediate(resolve));
  const atOnce = asked.length;
  await cluster.drive(pass);
  t.true(atOnce > 4, `${atOnce} at a time`);
});

test('a node that joins takes the blocks, one that left gives them up after that', async t => {
  const cluster = new BlockCluster(3);
  const blocks = Array.from({ length: 20 }, (_, seed) => makeBlock(3000, seed));
  for (const block of blocks) await store(cluster, block, 1);
  const left = cluster.nodes[0]!;
  cluster.relayout([1, 2, 3], 'besides');
  t.is(await cluster.drive(left.leaver.round()), 0, 'it still holds them');
  cluster.relayout([1, 2, 3], 'instead');
  cluster.away.add(cluster.nodes[2]!.id);
  t.is(await cluster.drive(left.leaver.round()), 0, 'one owner is no quorum');
  const [, first, , joined] = cluster.nodes;
  const { partition } = first!.world.partitionOf(blocks[0]!.hash);
  t.false(joined!.sync.inStep(partition).has(first!.id));
  await converge(cluster);
  t.true(joined!.sync.inStep(partition).has(first!.id));
  t.is(joined!.world.blockFilePaths().length, 20);
  left.world.isBehind = true;
  t.is(await cluster.drive(left.leaver.round()), 0, 'not while its store may have forgotten');
  left.world.isBehind = false;
  t.is(await cluster.drive(left.leaver.round()), 20);
  t.deepEqual(left.world.blockFilePaths(), []);
  t.is(left.world.store.rowCount, 0);
});
