// Method: batches in memory whose writes end when the test says so.
import test from 'ava';
import { CommitQueue, bytesOf, decodeCount } from '../../../actors/storage/commit-queue.ts';
import { openValue } from '../../../actors/storage/row-checksum.ts';
import type { StoreOperation } from '../../../actors/storage/store.ts';
import { StoreUnavailableError } from '../../../actors/storage/store.ts';
import { COMMIT_OPERATIONS_MAX } from '../../../schemas/limits.ts';

const COUNT_KEY = Buffer.alloc(0);

class HeldBatch {
  readonly puts: Buffer[] = [];
  end: () => void = () => undefined;
  fail: (error: Error) => void = () => undefined;
  isWriting = false;
  count = -1;

  put(key: Buffer, value: Buffer): void {
    if (key.length > 0) this.puts.push(key);
    else this.count = decodeCount(openValue(key, value)!);
  }

  del(key: Buffer): void {
    this.puts.push(key);
  }

  write(): Promise<void> {
    this.isWriting = true;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  async close(): Promise<void> {}
}

test('the first commit is written in the same tick, the others wait for it together', async t => {
  const { queue, batches } = makeQueue();
  const first = commit(queue, 1);
  t.is(batches.length, 1);
  t.true(batches[0]!.isWriting);
  const others = [2, 3, 4].map(key => commit(queue, key));
  t.is(batches.length, 2);
  t.false(batches[1]!.isWriting);
  batches[0]!.end();
  await first;
  t.true(batches[1]!.isWriting);
  t.is(batches[1]!.puts.length, 3);
  t.is(queue.acknowledged, 8);
  batches[1]!.end();
  await Promise.all(others);
  t.is(queue.acknowledged, 9);
  t.deepEqual(
    batches.map(batch => batch.count),
    [8, 9],
  );
});

test('a batch has a bound, and a commit that alone exceeds it is still one batch', async t => {
  const { queue, batches } = makeQueue();
  const first = commit(queue, 0);
  const many = (count: number): StoreOperation[] =>
    Array.from({ length: count }, (_, index) => ({
      kind: 'delete',
      key: Buffer.from(String(index)),
    }));
  const commits = [COMMIT_OPERATIONS_MAX - 1, 2, COMMIT_OPERATIONS_MAX + 5, 1].map(count => {
    const operations = many(count);
    return queue.commit(operations, bytesOf(operations));
  });
  // The list grows while it is walked: each end begins the next batch.
  for (const batch of batches) {
    batch.end();
    await new Promise(resolve => setImmediate(resolve));
  }
  await Promise.all([first, ...commits]);
  t.deepEqual(
    batches.map(batch => batch.puts.length),
    [1, COMMIT_OPERATIONS_MAX - 1, 2, COMMIT_OPERATIONS_MAX + 5, 1],
  );
});

test('an empty commit ends with what was committed before it', async t => {
  const { queue, batches } = makeQueue();
  await queue.commit([], 0);
  const ended: string[] = [];
  void commit(queue, 1).then(() => ended.push('first'));
  void queue.commit([], 0).then(() => ended.push('after first'));
  void commit(queue, 2).then(() => ended.push('second'));
  void queue.commit([], 0).then(() => ended.push('after second'));
  batches[0]!.end();
  await new Promise(resolve => setImmediate(resolve));
  t.deepEqual(ended, ['first', 'after first']);
  batches[1]!.end();
  await queue.idle();
  await new Promise(resolve => setImmediate(resolve));
  t.deepEqual(ended, ['first', 'after first', 'second', 'after second']);
  t.is(batches.length, 2);
});

test('a failure is told once, and what was abandoned is rejected, even if it ends later', async t => {
  const failures: unknown[] = [];
  const { queue, batches } = makeQueue(error => {
    failures.push(error);
    queue.abandon(new StoreUnavailableError('gone'));
  });
  const commits = [1, 2, 3].map(key => commit(queue, key));
  batches[0]!.fail(new Error('disk'));
  for (const outcome of await Promise.allSettled(commits)) t.is(outcome.status, 'rejected');
  t.is(failures.length, 1);
  await t.throwsAsync(() => commit(queue, 4), { instanceOf: StoreUnavailableError });
  await queue.idle();
  t.is(queue.acknowledged, 7);
});

function makeQueue(onFailure: (error: unknown) => void = () => undefined): {
  queue: CommitQueue;
  batches: HeldBatch[];
} {
  const batches: HeldBatch[] = [];
  const queue = new CommitQueue({
    newBatch: () => {
      const batch = new HeldBatch();
      batches.push(batch);
      return batch;
    },
    sync: true,
    countKey: COUNT_KEY,
    count: 7,
    onFailure,
  });
  return { queue, batches };
}

function commit(queue: CommitQueue, key: number): Promise<void> {
  const operations: StoreOperation[] = [
    { kind: 'put', key: Buffer.from(`key ${String(key)}`), value: Buffer.from('x') },
  ];
  return queue.commit(operations, bytesOf(operations));
}
