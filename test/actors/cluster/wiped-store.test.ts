// Method: a and b acknowledged a version by which d, e and f follow a, b and c, and were read for
// it. Then the disk of a is wiped; it starts on the side of a cut where only the version before is
// known, together with c and a gateway. With c it would be a write quorum of that version, for
// writes that the new version, complete without them, would never have.
import test from 'ava';
import { LayoutFence } from '../../../actors/cluster/layout-fence.ts';
import { StoreMarks } from '../../../actors/cluster/store-marks.ts';
import { unlessBehind, unlessForgetful } from '../../../actors/cluster/unless-behind.ts';
import type { RequestContext } from '../../../bus/bus.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import { partitionId } from '../../../schemas/ids.ts';
import { layoutIdsOf } from '../../../schemas/layout-liveness.ts';
import type { LayoutState } from '../../../schemas/layout-state.ts';
import type { BlockRequest } from '../../../schemas/messages/block.ts';
import type { TableRequest } from '../../../schemas/messages/table.ts';
import { after, node, stateOf, versionOf } from '../../schemas/layout/layout-world.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';

const one = versionOf('abc');
const two = versionOf('def', [one]);
const BEFORE = after(stateOf(one), 'abc', { acked: [one], synced: [one] });
const NEWER = after(after(BEFORE, 'ab', { acked: [two] }), 'f', { acked: [two] });
const BOTH: LayoutState = { ...NEWER, versions: stateOf(one, two).versions };
const MARK = { incarnation: '0123456789abcdef', durable: 150 };
const WRITES = ['object-write', 'part-write', 'manifest-write', 'upload-create'] as const;

/** Node a, wiped. */
function wiped() {
  const { random, timers, advance } = manualEnvironment();
  const known = new KnownLayout(3);
  /** What others know, of those who answer. */
  const answering = new Map<string, LayoutState>();
  const marks = new StoreMarks({
    ...{ nodeId: node('a'), store: new MemoryStore(), known, log: new QuietLog() },
    ...{ random, timers, batchCount: () => 0, bringInAll: () => Promise.resolve(false) },
    recall: async peer => {
      const state = answering.get(peer);
      if (state === undefined) return undefined;
      known.learn(state);
      return { mark: MARK };
    },
  });
  marks.start();
  const takesWrites = (): boolean => marks.takesWrites(partitionId(0));
  const memory = { isBehind: () => marks.state !== 'active', takesWrites };
  const fence = new LayoutFence(node('a'), known);
  const table = fence.guard(unlessBehind(() => ({ kind: 'written' }), memory));
  const block = fence.guard(unlessForgetful(() => ({ kind: 'stored', added: true }), takesWrites));
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      advance(250);
      for (let turn = 0; turn < 6; turn += 1) await new Promise(resolve => setImmediate(resolve));
    }
  };
  const write = async (by: LayoutState): Promise<ReadonlySet<string>> => {
    const context: RequestContext = { deadlineAtMs: 1, layouts: layoutIdsOf(by) };
    const kinds = new Set<string>();
    for (const kind of WRITES) {
      kinds.add((await table({ kind } as unknown as TableRequest, context)).kind);
    }
    for (const kind of ['block-store', 'reference-add'] as const) {
      const { kind: answer } = await block({ kind } as unknown as BlockRequest, context);
      kinds.add(answer === 'stored' ? 'written' : answer);
    }
    return kinds;
  };
  return { known, marks, answering, pass, write };
}

const NOT_TAKEN = new Set(['unknown']);
const TAKEN = new Set(['written']);

test('a store that forgot what it acknowledged takes no writes by the version before', async t => {
  const { known, marks, answering, pass, write } = wiped();
  await pass(1000);
  t.deepEqual(await write(BEFORE), NOT_TAKEN, 'it knows of no layout');
  known.learn(BEFORE);
  await pass(1000);
  t.deepEqual(await write(BEFORE), NOT_TAKEN, 'a gateway told it of the version before');
  answering.set(node('c'), BEFORE);
  await pass(3000);
  t.is(marks.state, 'behind');
  t.deepEqual(await write(BEFORE), NOT_TAKEN, 'c has acknowledged nothing newer');
  answering.set(node('b'), BOTH);
  await pass(1000);
  t.deepEqual(await write(BEFORE), new Set(['stale-layout']), 'b knows what was acknowledged');
  t.deepEqual(await write(BOTH), TAKEN);
  t.is(marks.state, 'behind', 'it takes writes long before all is here again');
  await marks.stop();
});

test('a store that was wiped takes writes once all others have answered', async t => {
  const { known, marks, answering, pass, write } = wiped();
  known.learn(BEFORE);
  for (const letter of ['b', 'c']) answering.set(node(letter), BEFORE);
  await pass(1500);
  t.is(marks.state, 'behind');
  t.deepEqual(await write(BEFORE), TAKEN);
  const unacknowledged = versionOf('abe', [one]);
  known.learn(stateOf(one, unacknowledged));
  t.deepEqual(await write(BEFORE), NOT_TAKEN, 'the fence for what it has just heard is not up');
  await marks.stop();
});
