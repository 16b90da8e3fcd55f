import test from 'ava';
import type { Subject } from '../../bus/bus.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { Subjects } from '../../bus/subjects.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../../schemas/ids.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

type Ask = { readonly kind: 'ask' };
type Reply = { readonly kind: 'done' | 'refused'; readonly by: string };

const PLACE = partitionId(7);

function world(names: readonly string[]) {
  const environment = manualEnvironment();
  const failed = (subject: Subject, failure: unknown): void => {
    throw new Error(subject, { cause: failure });
  };
  const bus = new MemoryBus({ ...environment, onServerFailure: failed });
  const subjects = new Subjects('test');
  const nodes = names.map(name => name.repeat(64) as NodeId);
  const current = {
    ...{ version: 1, replicationFactor: names.length, zoneRedundancy: 1, roles: new Map() },
    ...{ replicas: Array.from({ length: PARTITION_COUNT }, () => nodes), partitionBytes: 1 },
  };
  const calls = new ReplicaCalls<Ask, Reply>({
    ...{ bus, subjects, layout: { current }, service: 'table' },
  });
  const serve = (name: string, kind: Reply['kind']): void => {
    bus.serve(subjects.replica(name.repeat(64) as NodeId, 'table', PLACE), () => ({
      kind,
      by: name,
    }));
  };
  const write = (): ReturnType<typeof calls.write> =>
    calls.write(PLACE, { kind: 'ask' }, reply => reply.kind === 'done');
  return { calls, serve, write };
}

test('one replica: its answer is the answer', async t => {
  const { serve, write } = world(['a']);
  serve('a', 'refused');
  t.deepEqual(await write(), { kind: 'refused', by: 'a' });
});

test('no replica: unavailable', async t => {
  const { write, calls } = world([]);
  t.deepEqual(await write(), { kind: 'unavailable' });
  t.deepEqual(await calls.read(PLACE, { kind: 'ask' }), { kind: 'unavailable' });
});

test('two of three are a write quorum, one is not', async t => {
  const two = world(['a', 'b', 'c']);
  two.serve('a', 'done');
  two.serve('c', 'done');
  t.is((await two.write()).kind, 'done');
  const one = world(['a', 'b', 'c']);
  one.serve('b', 'done');
  t.is((await one.write()).kind, 'unavailable');
});

test('a refusal by two of three is the answer', async t => {
  const { serve, write } = world(['a', 'b', 'c']);
  serve('a', 'done');
  serve('b', 'refused');
  serve('c', 'refused');
  t.is((await write()).kind, 'refused');
});

test('a read goes to the next replica when the first is away', async t => {
  const { serve, calls } = world(['a', 'b', 'c']);
  serve('b', 'done');
  t.deepEqual(await calls.read(PLACE, { kind: 'ask' }), { kind: 'done', by: 'b' });
});
