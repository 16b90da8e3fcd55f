import test from 'ava';
import { statusAdvice, type StatusAnswers } from '../../../deploy/cli/status-advice.ts';
import type { ClusterHealth, LayoutRole, NodeStatus } from '../../../schemas/admin-types.ts';
import type { NodeWork } from '../../../schemas/node-work.ts';

const id = (letter: string): string => letter.repeat(64);

function node(letter: string, change: Partial<NodeStatus> = {}): NodeStatus {
  return {
    ...{ id: id(letter), garageVersion: '1', addr: 'a:1', hostname: 'h', isUp: true },
    ...{ lastSeenSecsAgo: null, draining: false },
    role: { zone: `z${letter}`, tags: [], capacity: 1e9 },
    ...change,
  };
}

function answers(
  nodes: readonly NodeStatus[],
  change: {
    readonly health?: Partial<ClusterHealth>;
    readonly zones?: readonly string[];
    readonly sync?: Readonly<Record<string, number>>;
    readonly version?: number;
  } = {},
): StatusAnswers {
  const version = change.version ?? 2;
  const roles = nodes.map(({ id: nodeId }, n): LayoutRole => ({
    ...{ id: nodeId, zone: change.zones?.[n] ?? `z${String(n)}`, tags: [], capacity: 1e9 },
    ...{ storedPartitions: 256, usableCapacity: 1e9 },
  }));
  const sync = Object.entries(change.sync ?? {});
  const updateTrackers = Object.fromEntries(
    sync.map(([letter, value]) => [id(letter), { ack: 2, sync: value, syncAck: 1 }]),
  );
  return {
    status: { layoutVersion: version, nodes },
    layout: {
      ...{ version, roles, parameters: { zoneRedundancy: 'maximum' }, partitionSize: 1 },
      ...{ stagedRoleChanges: [], stagedParameters: null },
    },
    health: {
      ...{ status: 'healthy', knownNodes: 3, connectedNodes: 3, storageNodes: 3 },
      ...{ storageNodesUp: 3, partitions: 256, partitionsQuorum: 256, partitionsAllOk: 256 },
      ...change.health,
    },
    history: {
      ...{ currentVersion: version, minAck: version, versions: [] },
      updateTrackers: sync.length === 0 ? null : updateTrackers,
    },
  };
}

const three = [node('a'), node('b'), node('c')];
const text = (given: StatusAnswers): string => statusAdvice(given).join('\n');

test('where all is well nothing is said', t => {
  t.deepEqual(statusAdvice(answers(three)), []);
  t.deepEqual(statusAdvice(answers([node('a')])), []);
});

test('what is left is shown in partitions, blocks and bytes, and until when', t => {
  const work: NodeWork = {
    ...{ syncPartitions: 12, resyncBlocks: 300, resyncBytes: 300 * 1024 * 1024 },
    ...{ resyncErrors: 0, secondsLeft: 90 },
  };
  const idle = { ...work, syncPartitions: 0, resyncBlocks: 0, resyncBytes: 0 };
  t.deepEqual(statusAdvice(answers([node('a', { work }), node('b', { work: idle })])), [
    '',
    '==== LEFT TO SYNC AND RESYNC ====',
    'ID                Partitions  Blocks  Bytes      Errors  Done in',
    'aaaaaaaaaaaaaaaa  12          300     300.0 MiB  -       2 min',
    '',
    'Copies lie in two zones, and every write in both: it survives the loss of either, and ' +
      'while one of them is away nothing can be written.',
  ]);
});

test('a failed node is said to cost nothing, or how many partitions, and what to do', t => {
  const nodes = [node('a'), node('b', { isUp: false }), node('c')];
  const degraded = text(answers(nodes, { health: { status: 'degraded', storageNodesUp: 2 } }));
  t.regex(degraded, /DEGRADED ====\n2 of 3 storage nodes are up; every partition is read/);
  t.regex(degraded, /garage node replace bbbbbbbbbbbbbbbb NEW/);
  const health = { status: 'unavailable', storageNodesUp: 1, partitionsQuorum: 0 } as const;
  t.regex(text(answers(nodes, { health })), /256 of 256 partitions have no quorum/);
});

test('before the first layout the next step is said', t => {
  const health = { status: 'unavailable' } as const;
  t.regex(text(answers([node('a')], { health, version: 0 })), /garage layout assign/);
});

test('a change that waits for a dead node says how to go on without it', t => {
  const under = text(answers(three, { sync: { a: 2, b: 1, c: 1 } }));
  t.regex(under, /1 of 3 nodes have synced version 2/);
  t.notRegex(under, /skip-dead-nodes/);
  const nodes = [node('a'), node('b', { isUp: false }), node('c')];
  const held = text(answers(nodes, { sync: { a: 2, b: 1, c: 2 } }));
  t.regex(held, /It waits for bbbbbbbbbbbbbbbb, which is down/);
  t.regex(held, /garage layout skip-dead-nodes --version 2/);
});

test('what would survive is said where there are fewer than three zones', t => {
  t.regex(text(answers(three, { zones: ['x', 'x', 'x'] })), /one zone/);
  t.regex(text(answers(three, { zones: ['x', 'y', 'x'] })), /two zones/);
});
