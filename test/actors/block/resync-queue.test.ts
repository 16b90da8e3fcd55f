// Method: the rows of the queue and what is known of them in memory are driven apart: by commits
// that fail and are kept, or lost, and by changes while the rows are counted.
import test from 'ava';
import { ResyncQueue } from '../../../actors/block/resync-queue.ts';
import type { StoreCursor, StoreRange } from '../../../actors/storage/store.ts';
import { partitionOfBlock } from '../../../schemas/ids.ts';
import { MemoryStore, type FailureResidue } from '../../support/memory-store.ts';
import { BlockWorld, makeBlock, makeOwner } from './block-world.ts';

const RESIDUES: readonly FailureResidue[] = ['kept', 'lost'];
const { hash } = makeBlock(100);
const PARTITION = partitionOfBlock(hash);
const REFERENCE = { hash, owner: makeOwner(1) };

test('a partition is empty once it was counted, not before', async t => {
  const queue = new ResyncQueue(new MemoryStore());
  t.false(queue.isEmptyIn(PARTITION));
  await queue.load();
  t.true(queue.isEmptyIn(PARTITION));
});

test('what a failed commit added is counted if it is there', async t => {
  for (const residue of RESIDUES) {
    const world = await countedWorld();
    world.store.failNext(residue);
    await t.throwsAsync(world.repairOf(hash).merge([REFERENCE]));
    t.false(world.queue.isEmptyIn(PARTITION));
    await world.store.whenOpen();
    await world.queue.load();
    t.is(world.queue.length, residue === 'kept' ? 1 : 0);
    t.is(world.queue.isEmptyIn(PARTITION), residue === 'lost');
  }
});

test('what a failed commit removed is counted no more if it is gone', async t => {
  for (const residue of RESIDUES) {
    const world = await countedWorld();
    const repair = world.repairOf(hash);
    await repair.merge([REFERENCE]);
    await repair.postpone(hash, 0);
    t.deepEqual([world.queue.length, world.queue.errored], [1, 1]);
    await world.release(hash, REFERENCE.owner);
    world.store.failNext(residue);
    await t.throwsAsync(repair.examine(hash));
    await world.store.whenOpen();
    await world.queue.load();
    const left = residue === 'kept' ? 0 : 1;
    t.deepEqual([world.queue.length, world.queue.errored], [left, left]);
    t.is(await repair.examine(hash), 'unneeded');
    t.true(world.queue.isEmptyIn(PARTITION));
    t.is(world.queue.errored, 0);
  }
});

test('a count during which something changes is worth nothing', async t => {
  for (const moment of ['before the rows are read', 'after'] as const) {
    const store = new ChangedStore();
    const queue = new ResyncQueue(store);
    const { operations, commitBy } = queue.add(hash);
    const addOnce = once(() => commitBy(() => store.commit(operations)));
    store.onRead = async (range, read) => {
      if (range.from[0] !== PARTITION) return read();
      if (moment === 'before the rows are read') await addOnce();
      const found = await read();
      await addOnce();
      return found;
    };
    await queue.load();
    t.false(queue.isEmptyIn(PARTITION), moment);
    await queue.load();
    t.is(queue.length, 1, moment);
    await removeIt(store, queue);
    t.true(queue.isEmptyIn(PARTITION), moment);
  }
});

test('a count while a commit is under way is worth nothing', async t => {
  const store = new MemoryStore();
  const queue = new ResyncQueue(store);
  const { operations, commitBy } = queue.add(hash);
  store.hold();
  const added = commitBy(() => store.commit(operations));
  await queue.load();
  t.false(queue.isEmptyIn(PARTITION));
  store.release();
  await added;
  await queue.load();
  t.is(queue.length, 1);
});

test('what waits no more is not postponed', async t => {
  const world = await countedWorld();
  await world.repairOf(hash).postpone(hash, 0);
  t.true(world.queue.isEmptyIn(PARTITION));
  t.deepEqual((await world.queue.page(PARTITION, undefined, 1)).blocks, []);
});

async function countedWorld(): Promise<BlockWorld> {
  const world = new BlockWorld({ isReplicated: true });
  await world.queue.load();
  return world;
}

async function removeIt(store: MemoryStore, queue: ResyncQueue): Promise<void> {
  const { operations, commitBy } = queue.remove(hash);
  await commitBy(() => store.commit(operations));
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}

/** Lets the test do something around each read of a cursor. */
class ChangedStore extends MemoryStore {
  onRead: (
    range: StoreRange,
    read: () => ReturnType<StoreCursor['next']>,
  ) => ReturnType<StoreCursor['next']> = (_, read) => read();

  override cursor(range: StoreRange): StoreCursor {
    const inner = super.cursor(range);
    return {
      next: count => this.onRead(range, () => inner.next(count)),
      seek: key => inner.seek(key),
      close: () => inner.close(),
    };
  }
}
