import test from 'ava';
import type { Subject } from '../../bus/bus.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../../schemas/ids.ts';
import {
  echoAddress,
  type EchoAddress,
  type EchoReply,
  type EchoRequest,
} from '../support/echo-conversation.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const PLACE = partitionId(7);
const ASK: EchoRequest = { kind: 'say', text: 'do it' };

function world(names: readonly string[]) {
  const environment = manualEnvironment();
  const failed = (subject: Subject, failure: unknown): void => {
    throw new Error(subject, { cause: failure });
  };
  const bus = new MemoryBus({ ...environment, onServerFailure: failed });
  const nodes = names.map(name => name.repeat(64) as NodeId);
  const current = {
    ...{ version: 1, replicationFactor: names.length, zoneRedundancy: 1, roles: new Map() },
    ...{ replicas: Array.from({ length: PARTITION_COUNT }, () => nodes), partitionBytes: 1 },
  };
  const address = (node: NodeId): EchoAddress => echoAddress(node);
  const calls = new ReplicaCalls({ bus, layout: { current }, address });
  const serve = (name: string, answer: 'done' | 'refused'): void => {
    bus.serve(echoAddress(name.repeat(64)), (): EchoReply =>
      answer === 'done' ? { kind: 'said', text: 'done', by: name } : { kind: 'overloaded' },
    );
  };
  const write = (): ReturnType<typeof calls.write> =>
    calls.write(PLACE, ASK, reply => reply.kind === 'said');
  return { calls, serve, write };
}

test('one replica: its answer is the answer', async t => {
  const { serve, write } = world(['a']);
  serve('a', 'refused');
  t.deepEqual(await write(), { kind: 'overloaded' });
});

test('no replica: unavailable', async t => {
  const { write, calls } = world([]);
  t.deepEqual(await write(), { kind: 'unavailable' });
  t.deepEqual(await calls.read(PLACE, ASK), { kind: 'unavailable' });
});

test('two of three are a write quorum, one is not', async t => {
  const two = world(['a', 'b', 'c']);
  two.serve('a', 'done');
  two.serve('c', 'done');
  t.is((await two.write()).kind, 'said');
  const one = world(['a', 'b', 'c']);
  one.serve('b', 'done');
  t.is((await one.write()).kind, 'unavailable');
});

test('a refusal by two of three is the answer', async t => {
  const { serve, write } = world(['a', 'b', 'c']);
  serve('a', 'done');
  serve('b', 'refused');
  serve('c', 'refused');
  t.is((await write()).kind, 'overloaded');
});

test('a read goes to the next replica when the first is away', async t => {
  const { serve, calls } = world(['a', 'b', 'c']);
  serve('b', 'done');
  t.deepEqual(await calls.read(PLACE, ASK), { kind: 'said', text: 'done', by: 'b' });
});
