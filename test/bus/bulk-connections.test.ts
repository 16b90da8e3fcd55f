import test from 'ava';
import { BulkConnections } from '../../bus/bulk-connections.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { BULK_IDLE_MS } from '../../schemas/limits.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

function world() {
  const environment = manualEnvironment();
  const closed: string[] = [];
  const busy = new Set<string>();
  const connections = new BulkConnections({
    ...environment,
    open: node => ({
      get isIdle() {
        return !busy.has(node);
      },
      close: async () => {
        closed.push(node);
      },
    }),
  });
  const use = (node: string) => connections.for(node as NodeId);
  return { environment, connections, closed, busy, use };
}

test('each node has one connection, opened at its first use', t => {
  const { use, connections } = world();
  t.is(use('a'), use('a'));
  t.not(use('a'), use('b'));
  t.is(connections.count, 2);
});

test('one that was not used for long is closed, unless something is under way on it', t => {
  const { environment, closed, busy, use } = world();
  use('idle');
  use('busy');
  use('used');
  busy.add('busy');
  environment.advance(BULK_IDLE_MS - 1);
  use('used');
  environment.advance(1);
  t.deepEqual(closed, ['idle']);
  busy.clear();
  environment.advance(2 * BULK_IDLE_MS);
  t.deepEqual(closed.sort(), ['busy', 'idle', 'used']);
  t.notThrows(() => use('idle'), 'and is opened again');
});

test('all are closed in the end', async t => {
  const { connections, closed, use } = world();
  use('a');
  use('b');
  await connections.closeAll();
  t.deepEqual(closed.sort(), ['a', 'b']);
  t.is(connections.count, 0);
});
