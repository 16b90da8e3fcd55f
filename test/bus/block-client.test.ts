// Method: three replicas whose answers the test gives one by one, over the bus in memory. Bytes
// that were lent must be free exactly when nobody reads them any more.
import test from 'ava';
import { BlockClient } from '../../bus/block-client.ts';
import { LentBytes } from '../../bus/lent-bytes.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { fixedView } from '../../bus/cluster-view.ts';
import { Subjects } from '../../bus/subjects.ts';
import type { BlockHash, NodeId } from '../../schemas/ids.ts';
import { partitionOfBlock } from '../../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../../schemas/limits.ts';
import type { BlockReply, BlockRequest } from '../../schemas/messages/block.ts';
import { manualEnvironment } from '../support/manual-environment.ts';
import { layoutOf, nodeOf } from './replica-world.ts';

const HASH = 'ab'.repeat(32) as BlockHash;
const OWNER = {
  ...{ kind: 'version', bucket: 'b'.repeat(64), shard: 0, key: 'k', versionId: '1'.repeat(32) },
} as never;
const BLOCK = { hash: HASH, bytes: Buffer.from('bytes'), checksums: Buffer.alloc(4), owner: OWNER };
const STORED: BlockReply = { kind: 'stored', added: true };
const BYTES: BlockReply = { kind: 'bytes', bytes: Buffer.from('bytes') };
const READ = { hash: HASH, blockBytes: 5, first: 0, length: 5 };

function world(names = 'abc') {
  const environment = manualEnvironment();
  const bus = new MemoryBus({
    ...environment,
    onServerFailure: (subject, failure) => {
      throw new Error(subject, { cause: failure });
    },
  });
  const subjects = new Subjects('test');
  const asked: { node: string; request: BlockRequest; answer(reply: BlockReply): void }[] = [];
  for (const name of names) {
    bus.serve(
      subjects.block(nodeOf(name), partitionOfBlock(HASH)),
      request =>
        new Promise<BlockReply>(resolve => {
          asked.push({ node: name, request, answer: resolve });
        }),
    );
  }
  const calls = new ReplicaCalls({
    ...{ ...environment, bus, view: fixedView({ current: layoutOf(names) }) },
    address: subjects.block.bind(subjects),
  });
  const turn = async (ms = 0): Promise<void> => {
    environment.advance(ms);
    await new Promise(resolve => setImmediate(resolve));
  };
  /** The newest request to that node is answered. */
  const answer = (node: string, reply: BlockReply): Promise<void> => {
    asked.findLast(each => each.node === node)!.answer(reply);
    return turn();
  };
  const nodes = (): string => asked.map(each => each.node).join('');
  return { client: new BlockClient(calls), environment, asked, answer, turn, nodes };
}

function watch(call: unknown): { answer: unknown } {
  const seen = { answer: undefined as unknown };
  void Promise.resolve(call).then(answer => {
    seen.answer = answer;
  });
  return seen;
}

test('a block is stored at quorum, and its bytes are read on by the replica that is slower', async t => {
  const { client, answer, nodes } = world();
  const lent = new LentBytes();
  const seen = watch(client.store(BLOCK, { lent }));
  t.is(nodes(), 'abc');
  await answer('a', STORED);
  t.is(seen.answer, undefined);
  await answer('c', STORED);
  t.deepEqual(seen.answer, STORED);
  t.false(lent.isFree);
  let isFree = false;
  lent.whenFree(() => {
    isFree = true;
  });
  lent.recall();
  t.false(isFree, 'a replica in this process reads on until it answers');
  await answer('b', STORED);
  t.true(isFree);
});

test('a replica that answers after its time has the bytes until it does', async t => {
  const { client, answer, turn } = world();
  const lent = new LentBytes();
  const seen = watch(client.store(BLOCK, { lent }));
  await answer('a', STORED);
  await answer('c', STORED);
  await turn(REQUEST_DEADLINE_MS + 5000);
  t.deepEqual(seen.answer, STORED);
  t.false(lent.isFree);
  await answer('b', STORED);
  t.true(lent.isFree);
});

test('with one replica nothing is lent', async t => {
  const { client, answer } = world('a');
  const lent = new LentBytes();
  const seen = watch(client.store(BLOCK, { lent }));
  await answer('a', STORED);
  t.deepEqual(seen.answer, STORED);
  t.false(lent.wasLent);
});

test('where too few have the block, it is sent to those that have it not', async t => {
  const { client, answer, nodes, asked } = world();
  const heldBy = new Set<NodeId>();
  const seen = watch(client.addReference(HASH, OWNER, heldBy));
  await answer('b', { kind: 'referenced' });
  await answer('a', { kind: 'send-it' });
  t.is(seen.answer, undefined);
  await answer('c', { kind: 'send-it' });
  t.deepEqual(seen.answer, { kind: 'send-it' });
  t.deepEqual([...heldBy], [nodeOf('b')]);
  asked.length = 0;
  const stored = watch(client.store(BLOCK, { heldBy }));
  t.is(nodes(), 'ac');
  await answer('c', STORED);
  t.deepEqual(stored.answer, STORED);
});

test('a reference that a quorum has needs no bytes', async t => {
  const { client, answer } = world();
  const seen = watch(client.addReference(HASH, OWNER));
  await answer('b', { kind: 'send-it' });
  await answer('a', { kind: 'referenced' });
  await answer('c', { kind: 'referenced' });
  t.deepEqual(seen.answer, { kind: 'referenced' });
});

test('a damaged or absent block is read from the next replica at once', async t => {
  for (const reply of [{ kind: 'damaged' }, { kind: 'absent' }, { kind: 'overloaded' }] as const) {
    const { client, answer, nodes } = world();
    const seen = watch(client.read(READ));
    t.is(nodes(), 'a');
    await answer('a', reply);
    t.is(nodes(), 'ab');
    await answer('b', BYTES);
    t.deepEqual(seen.answer, BYTES);
  }
});

test('a block is absent only where all replicas say so', async t => {
  const { client, answer } = world();
  const seen = watch(client.read(READ));
  await answer('a', { kind: 'absent' });
  await answer('b', { kind: 'absent' });
  t.is(seen.answer, undefined);
  await answer('c', BYTES);
  t.deepEqual(seen.answer, BYTES);
  const again = watch(client.read(READ));
  for (const node of ['a', 'b', 'c']) await answer(node, { kind: 'absent' });
  t.deepEqual(again.answer, { kind: 'absent' });
});

test('a frozen replica costs a hedge delay, and keeps the memory it was to read into', async t => {
  const { client, answer, nodes, turn } = world();
  const lent = new LentBytes();
  const seen = watch(client.read({ ...READ, into: Buffer.alloc(5) }, lent));
  await turn(300);
  t.is(nodes(), 'ab');
  await answer('b', BYTES);
  t.deepEqual(seen.answer, BYTES);
  t.false(lent.isFree);
  await answer('a', BYTES);
  t.true(lent.isFree);
});
