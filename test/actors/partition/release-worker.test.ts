// Method: objects of every kind on a node of 256 partitions whose block side only notes references.
// What was superseded must leave neither references nor rows behind, wherever the machine stops.
import test from 'ava';
import fc from 'fast-check';
import { releaseRowKey } from '../../../actors/partition/row-keys.ts';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import { MANIFEST_ROW_BLOCKS, PART_LIST_INLINE_MAX } from '../../../schemas/limits.ts';
import { blockCount, concatBlockLists, sliceBlocks } from '../../../schemas/records/block-list.ts';
import type { BlockList } from '../../../schemas/records/block-list.ts';
import type { BlockOwner } from '../../../schemas/records/block-owner.ts';
import type { ObjectWrite } from '../../../schemas/messages/table.ts';
import type { PartRow } from '../../../schemas/records/upload-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import {
  at,
  blocksOf,
  complete,
  createUpload,
  inlineVersion,
  partOf,
  put,
  putBlocks,
  refOf,
  remove,
  stamp,
  uploadId,
  versionId,
  writePart,
} from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

async function write(world: TableWorld, request: ObjectWrite): Promise<void> {
  const { row, place } = request;
  if (row.kind === 'version' && row.content.kind === 'blocks') {
    world.blocks.refer({ kind: 'version', ...place, versionId: row.versionId }, row.content.blocks);
  }
  const reply = await world.ask(request);
  if (reply.kind !== 'written') throw new Error(reply.kind);
}

/** References and manifest rows of an owner, as a gateway writes them before the row. */
async function writeManifest(world: TableWorld, owner: BlockOwner, list: BlockList): Promise<void> {
  world.blocks.refer(owner, list);
  for (let first = 0; first < blockCount(list); first += MANIFEST_ROW_BLOCKS) {
    const blocks = sliceBlocks(list, { first, last: first + MANIFEST_ROW_BLOCKS });
    const index = first / MANIFEST_ROW_BLOCKS;
    await world.ask({ kind: 'manifest-write', owner, index, blocks });
  }
}

async function putLarge(world: TableWorld, key: string, tick: number): Promise<void> {
  const list = blocksOf(tick, MANIFEST_ROW_BLOCKS + 5);
  const owner = { kind: 'version', ...at(key), versionId: versionId(tick) } as const;
  await writeManifest(world, owner, list);
  const content = { kind: 'manifest', blockCount: blockCount(list) } as const;
  const row = { ...inlineVersion(tick, 5000), content };
  await write(world, { kind: 'object-write', place: at(key), row });
}

async function uploadPart(world: TableWorld, key: string, part: PartRow): Promise<PartRow> {
  const { uploadId: of, partNumber, attemptId } = part;
  const owner = { kind: 'part', ...at(key), uploadId: of, partNumber, attemptId } as const;
  if (part.content.kind === 'blocks') world.blocks.refer(owner, part.content.blocks);
  else await writeManifest(world, owner, blocksOf(partNumber, part.content.blockCount));
  await world.ask(writePart(key, part));
  return part;
}

/** An upload of `count` parts at `tick`, one of them in a manifest, and one attempt too many. */
async function putUploaded(world: TableWorld, key: string, tick: number, count: number) {
  const id = uploadId(tick);
  await world.ask(createUpload(key, id));
  const parts: PartRow[] = [];
  for (let number = 1; number <= count; number += 1) {
    const part = partOf(id, number, tick + number);
    const content = { kind: 'manifest', blockCount: MANIFEST_ROW_BLOCKS + 1 } as const;
    parts.push(await uploadPart(world, key, number === 2 ? { ...part, content } : part));
  }
  await uploadPart(world, key, partOf(id, 1, tick + count + 1));
  const request = complete(key, id, { tick: tick + count + 2, parts: parts.map(refOf) });
  const reply = await world.ask(request);
  if (reply.kind !== 'written') throw new Error(reply.kind);
  return { id, parts };
}

/** What must be gone once everything was deleted and released. */
function leftovers(world: TableWorld): Record<string, number> {
  const { manifest, partList, openUpload, part, release, inline } = TABLE;
  const tables = { manifest, partList, openUpload, part, release, inline };
  const counted = Object.entries(tables).map(([name, table]) => [name, world.rows(table).length]);
  const rows = Object.fromEntries(counted) as Record<string, number>;
  return { ...rows, references: world.blocks.references.size };
}

const NOTHING = {
  manifest: 0,
  partList: 0,
  openUpload: 0,
  part: 0,
  release: 0,
  inline: 0,
  references: 0,
};

test('what a superseded version held is given back, and what stands is not touched', async t => {
  const world = new TableWorld();
  world.worker.start();
  await write(world, putBlocks('a', 1));
  await write(world, putBlocks('b', 2));
  await write(world, put('a', 3));
  await world.worker.settled();
  t.deepEqual(world.blocks.ownersLeft(), [versionId(2)]);
  await write(world, remove('b', 4));
  await write(world, remove('a', 5));
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
  await world.worker.stop();
});

test('a block that a version names twice has one reference, which ends once', async t => {
  const world = new TableWorld();
  world.worker.start();
  const twice = concatBlockLists([blocksOf(1), blocksOf(1), blocksOf(2)]);
  await write(world, putBlocks('a', 1, twice));
  await write(world, remove('a', 2));
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
});

test('a large object gives back its blocks and its manifest', async t => {
  const world = new TableWorld();
  world.worker.start();
  await putLarge(world, 'a', 1);
  t.is(world.rows(TABLE.manifest).length, 2);
  await write(world, remove('a', 2));
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
});

for (const count of [3, PART_LIST_INLINE_MAX + 2]) {
  test(`a completed upload of ${String(count)} parts gives back what it did not choose, then all`, async t => {
    const world = new TableWorld();
    world.worker.start();
    const { parts } = await putUploaded(world, 'a', 100, count);
    await world.worker.settled();
    const chosen = parts.map(part => part.attemptId as string).sort();
    t.deepEqual(world.blocks.ownersLeft().sort(), chosen);
    t.is(world.rows(TABLE.part).length, count);
    await write(world, remove('a', 9000));
    await world.worker.settled();
    t.deepEqual(leftovers(world), NOTHING);
  });
}

test('an aborted upload gives back every attempt', async t => {
  const world = new TableWorld();
  world.worker.start();
  const id = uploadId(1);
  await world.ask(createUpload('a', id));
  for (let number = 1; number <= 40; number += 1) {
    await uploadPart(world, 'a', partOf(id, number, number + 1));
  }
  const timestamp = stamp(99);
  await world.ask({ kind: 'upload-abort', place: at('a'), uploadId: id, timestamp });
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
  t.is(world.rows(TABLE.endedUpload).length, 1, 'it stays ended for a while');
});

test('a release that fails is tried again after a pause that grows', async t => {
  const world = new TableWorld();
  world.worker.start();
  await world.worker.settled();
  world.blocks.failures = 2;
  await write(world, putBlocks('a', 1));
  await write(world, remove('a', 2));
  await world.worker.settled();
  t.is(world.worker.busyPartitions, 1);
  t.is(world.blocks.calls, 1);
  world.environment.advance(999);
  await world.worker.settled();
  t.is(world.blocks.calls, 1);
  world.environment.advance(1);
  await world.worker.settled();
  t.is(world.blocks.calls, 2);
  world.environment.advance(1999);
  await world.worker.settled();
  t.is(world.blocks.calls, 2);
  world.environment.advance(1);
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
  t.is(world.worker.busyPartitions, 0);
});

test('a manifest that cannot be asked keeps its entry', async t => {
  const world = new TableWorld();
  world.worker.start();
  await putLarge(world, 'a', 1);
  world.outage = request => request.kind === 'manifest-drop';
  await write(world, remove('a', 2));
  await world.worker.settled();
  t.is(world.rows(TABLE.release).length, 1);
  world.outage = () => false;
  world.environment.advance(2000);
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
});

test('a damaged entry is dropped, and does not hold up the others', async t => {
  const world = new TableWorld();
  await write(world, putBlocks('a', 1));
  await write(world, putBlocks('b', 2));
  await write(world, remove('a', 3));
  await write(world, remove('b', 4));
  const released = { kind: 'version', versionId: versionId(1) } as const;
  world.store.damage(releaseRowKey(partitionOfPlace(at('a')), released));
  world.worker.start();
  await world.worker.settled();
  t.is(world.rows(TABLE.release).length, 0);
  t.deepEqual(world.blocks.ownersLeft(), [versionId(1)], 'the walk over all references finds it');
  t.true(world.log.count('warn') > 0);
});

test('wherever the machine stops, nothing is left in the end, and nothing live is taken', async t => {
  const stops = fc.array(
    fc.record({ turns: fc.nat(60), how: fc.constantFrom('crash', 'lost', 'kept') }),
    {
      minLength: 1,
      maxLength: 5,
    },
  );
  const property = fc.asyncProperty(stops, async faults => {
    let world = new TableWorld();
    const { parts } = await putUploaded(world, 'kept', 1000, 3);
    await write(world, putBlocks('stays', 1));
    await putLarge(world, 'large', 2);
    await putUploaded(world, 'gone', 2000, 4);
    for (const key of ['large', 'gone']) await write(world, remove(key, 9000));
    world.worker.start();
    for (const { turns, how } of faults) {
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      if (how === 'crash') {
        world = await world.crash();
        world.worker.start();
      } else {
        world.store.failNext(how);
      }
    }
    world.store.failNext(undefined);
    await world.store.whenOpen();
    for (let tries = 0; tries < 8; tries += 1) {
      await world.worker.settled();
      world.environment.advance(64_000);
    }
    await world.worker.settled();
    const live = [versionId(1) as string, ...parts.map(part => part.attemptId as string)];
    t.deepEqual(world.blocks.ownersLeft().sort(), live.sort());
    t.is(world.rows(TABLE.release).length, 0);
    t.is(world.rows(TABLE.part).length, 3);
    t.is(world.rows(TABLE.manifest).length, 2);
    await world.worker.stop();
  });
  await fc.assert(property, { numRuns: 40, includeErrorInReport: true });
});

test('a release that was queued by a batch whose answer was lost is carried out', async t => {
  const world = new TableWorld();
  world.worker.start();
  await write(world, putBlocks('a', 1));
  await world.worker.settled();
  world.store.failNext('kept');
  t.is((await world.ask(remove('a', 2))).kind, 'unknown');
  await world.store.whenOpen();
  await world.worker.settled();
  world.environment.advance(64_000);
  await world.worker.settled();
  t.deepEqual(leftovers(world), NOTHING);
});

test('a store that may have forgotten something releases nothing, and all of it later', async t => {
  const world = new TableWorld();
  world.worker.start();
  await write(world, putBlocks('a', 1));
  world.isBehind = true;
  await write(world, putBlocks('a', 2));
  await world.worker.settled();
  t.is(world.blocks.ownersLeft().length, 2);
  world.isBehind = false;
  world.environment.advance(1000);
  await world.worker.settled();
  t.deepEqual(world.blocks.ownersLeft(), [versionId(2)]);
  await world.worker.stop();
});
