// Method: a history of stores, references, releases and collections runs on a file system and a
// store in memory, and the machine stops before each single step of it in turn. The commits of the
// store become durable at once, later, or never, so that rows are ahead of files and behind them.
// The next life is then asked for everything that was acknowledged, and must, after the owners of
// everything else were released, be left with the files that are referred to and no others.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { BlockHash } from '../../../schemas/ids.ts';
import type { BlockReply } from '../../../schemas/messages/block.ts';
import type { Loss } from '../../support/faulty-files.ts';
import type { Block } from './block-world.ts';
import { BlockWorld, DELETE_DELAY_MS, hashOf, makeBlock, makeOwner } from './block-world.ts';

const BLOCKS = [makeBlock(70_000, 1), makeBlock(500, 2), makeBlock(0, 3)] as const;
const OWNERS = 6;

/** Who was told that a block is kept for it, and who asked to be released. */
class Ledger {
  readonly kept = new Map<string, { readonly hash: BlockHash; readonly owner: number }>();

  async store(world: BlockWorld, block: Block, owner: number): Promise<void> {
    this.#note(await world.storeBlock(block, makeOwner(owner)), block.hash, owner);
  }

  async refer(world: BlockWorld, block: Block, owner: number): Promise<void> {
    this.#note(await world.addReference(block.hash, makeOwner(owner)), block.hash, owner);
  }

  async release(world: BlockWorld, block: Block, owner: number): Promise<void> {
    this.kept.delete(`${block.hash} ${String(owner)}`);
    await world.release(block.hash, makeOwner(owner));
  }

  isKept(hash: BlockHash, owner: number): boolean {
    return this.kept.has(`${hash} ${String(owner)}`);
  }

  hashes(): BlockHash[] {
    return [...new Set([...this.kept.values()].map(({ hash }) => hash))].sort();
  }

  #note(reply: BlockReply, hash: BlockHash, owner: number): void {
    if (reply.kind !== 'stored' && reply.kind !== 'referenced') return;
    this.kept.set(`${hash} ${String(owner)}`, { hash, owner });
  }
}

async function history(world: BlockWorld, ledger: Ledger): Promise<void> {
  const [first, second, third] = BLOCKS;
  await Promise.all([
    ledger.store(world, first, 1),
    ledger.store(world, first, 2),
    ledger.store(world, second, 1),
  ]);
  await ledger.refer(world, first, 3);
  await Promise.all([ledger.release(world, second, 1), ledger.store(world, third, 4)]);
  world.environment.advance(DELETE_DELAY_MS + 1);
  await Promise.all([world.collector.collect(), ledger.store(world, second, 5)]);
  await ledger.release(world, first, 1);
  await ledger.release(world, third, 4);
  world.environment.advance(DELETE_DELAY_MS + 1);
  await Promise.all([ledger.refer(world, third, 6), world.collector.collect()]);
}

/** How many turns of the event loop pass before commits become durable. */
type CommitDelay = 0 | 2 | 5 | 9 | 'never';

const isOver = new WeakSet<BlockWorld>();

function delayCommits(world: BlockWorld, delay: CommitDelay): void {
  if (delay === 0) return;
  world.store.hold();
  if (delay === 'never') return;
  let left: number = delay;
  const turn = (): void => {
    left -= 1;
    if (left === 0) world.store.release();
    if (left === -1) {
      world.store.hold();
      left = delay;
    }
    if (!isOver.has(world)) setImmediate(turn);
  };
  setImmediate(turn);
}

/** True when the machine stopped before the history ended. Where commits never become durable the
 *  history stands still by itself after a while. */
function runUntil(world: BlockWorld, ledger: Ledger, step: number): Promise<boolean> {
  const stopped = world.files.stopAt(step).then(() => true);
  const ended = history(world, ledger).then(() => false);
  const stoodStill = turns(TURNS_MAX).then(() => false);
  return Promise.race([stopped, ended, stoodStill]).finally(() => isOver.add(world));
}

const TURNS_MAX = 1000;

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise(resolve => {
      setImmediate(resolve);
    });
  }
}

async function checkLife(t: ExecutionContext, world: BlockWorld, ledger: Ledger): Promise<void> {
  for (const { hash, bytes } of BLOCKS) {
    const reply = await world.read(hash);
    const isNeeded = ledger.hashes().includes(hash);
    if (reply.kind === 'bytes') t.is(hashOf(reply.bytes), hash, 'wrong bytes are never served');
    else if (isNeeded || reply.kind !== 'absent') t.fail(`${reply.kind}: ${String(bytes.length)}`);
  }
  for (const { hash } of BLOCKS) {
    for (let owner = 1; owner <= OWNERS; owner += 1) {
      if (!ledger.isKept(hash, owner)) await world.release(hash, makeOwner(owner));
    }
  }
  await world.collectGarbage();
  const names = world.blockFilePaths().map(path => path.slice(path.lastIndexOf('/') + 1));
  t.deepEqual(names.sort(), ledger.hashes(), 'what is referred to is left, and nothing else');
  for (const hash of ledger.hashes()) t.is((await world.read(hash)).kind, 'bytes');
}

for (const delay of [0, 2, 5, 9, 'never'] as const) {
  test(`stopped before any step, with commits ${delay} turns late, all is kept`, async t => {
    let lives = 0;
    let acknowledged = 0;
    for (let step = 0, wasStopped = true; wasStopped; step += 1) {
      for (const loss of ['none', 'unsynced', step * 2 + 1, step * 2 + 2] as Loss[]) {
        const world = new BlockWorld({ delaySeed: typeof loss === 'number' ? loss : step });
        const ledger = new Ledger();
        delayCommits(world, delay);
        wasStopped = await runUntil(world, ledger, step);
        acknowledged += ledger.kept.size;
        await checkLife(t, world.restart(loss), ledger);
        lives += 1;
      }
    }
    t.log(`${String(lives)} crashes, ${String(acknowledged)} acknowledged references, 0 lost`);
    t.true(lives > 40);
    t.is(acknowledged > 0, delay !== 'never');
  });
}

test('what a dead process left is made durable before anyone relies on it', async t => {
  const [block] = BLOCKS;
  for (const how of ['store', 'refer'] as const) {
    let acknowledged = 0;
    for (let step = 0, wasStopped = true; wasStopped || step < 40; step += 1) {
      const first = new BlockWorld({ delaySeed: step });
      const stopped = first.files.stopAt(step).then(() => true);
      wasStopped = await Promise.race([
        stopped,
        first.storeBlock(block, makeOwner(1)).then(() => false),
      ]);
      const second = first.restart('none');
      const ledger = new Ledger();
      await ledger[how](second, block, 2);
      acknowledged += ledger.kept.size;
      await checkLife(t, second.restart('unsynced'), ledger);
    }
    t.true(acknowledged > 0);
  }
});
