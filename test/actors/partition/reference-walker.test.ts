// Method: references and manifests without a living owner are made in every way they come about,
// and one walk must find them all and nothing else.
import test from 'ava';
import { objectRowKey } from '../../../actors/partition/row-keys.ts';
import { partitionOfPlace } from '../../../bus/table-client.ts';
import { UNFINISHED_DEAD_MS } from '../../../schemas/limits.ts';
import type { ObjectWrite } from '../../../schemas/messages/table.ts';
import type { BlockOwner, VersionOwner } from '../../../schemas/records/block-owner.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import {
  at,
  blocksOf,
  complete,
  createUpload,
  DEAD_STAMPER,
  LIVE_STAMPER,
  partOf,
  put,
  putBlocks,
  refOf,
  uploadId,
  versionId,
  writePart,
} from './partition-fixture.ts';
import { TableWorld } from './table-world.ts';

function version(key: string, tick: number, stamper = LIVE_STAMPER): VersionOwner {
  return { kind: 'version', ...at(key), versionId: versionId(tick, stamper) };
}

function refer(world: TableWorld, owner: BlockOwner, seed: number, count = 1): void {
  world.blocks.refer(owner, blocksOf(seed, count));
}

async function write(world: TableWorld, request: ObjectWrite): Promise<void> {
  if (request.row.kind === 'version' && request.row.content.kind === 'blocks') {
    const owner = { kind: 'version', ...request.place, versionId: request.row.versionId } as const;
    world.blocks.refer(owner, request.row.content.blocks);
  }
  const reply = await world.ask(request);
  if (reply.kind !== 'written') throw new Error(reply.kind);
}

test('what a dead process left unfinished is given back, what a live one works on is not', async t => {
  const world = new TableWorld();
  await write(world, putBlocks('stands', 1));
  refer(world, version('under way', 2), 2);
  refer(world, version('left', 3, DEAD_STAMPER), 3, 5);
  await world.walk();
  t.deepEqual(world.blocks.ownersLeft().sort(), [versionId(1), versionId(2)].sort());
  t.is((await world.ask(putBlocks('under way', 2))).kind, 'written');
});

test('what a live process began too long ago is given back, and it cannot finish it', async t => {
  const world = new TableWorld();
  const nowMs = world.environment.clock.wallMs();
  const stampOf = (ageMs: number) => makeTimestamp(nowMs - ageMs, 0, LIVE_STAMPER) as never;
  const old: VersionOwner = { ...version('a', 0), versionId: stampOf(UNFINISHED_DEAD_MS) };
  const young: VersionOwner = { ...version('b', 0), versionId: stampOf(UNFINISHED_DEAD_MS - 1) };
  refer(world, old, 1);
  refer(world, young, 2);
  await world.walk();
  t.deepEqual(world.blocks.ownersLeft(), [young.versionId]);
  const late = putBlocks('a', 5);
  const row = { ...late.row, versionId: old.versionId } as typeof late.row;
  t.deepEqual(await world.ask({ ...late, row }), { kind: 'aborted' });
});

test('what a damaged and overwritten row named is given back', async t => {
  const world = new TableWorld();
  await write(world, putBlocks('a', 1));
  world.store.damage(objectRowKey(partitionOfPlace(at('a')), at('a')));
  await world.walk();
  t.is(world.blocks.references.size, 1, 'while it is damaged nobody knows');
  await write(world, put('a', 2));
  const after = await world.crash(new Set());
  await after.walk();
  t.is(after.blocks.references.size, 0);
});

test('parts live while their upload is open or their object stands', async t => {
  const world = new TableWorld();
  const id = uploadId(1);
  await world.ask(createUpload('a', id));
  const parts = [partOf(id, 1, 2), partOf(id, 2, 3)];
  for (const part of parts) {
    const { uploadId: of, partNumber, attemptId } = part;
    refer(world, { kind: 'part', ...at('a'), uploadId: of, partNumber, attemptId }, partNumber);
    await world.ask(writePart('a', part));
  }
  const after = await world.crash(new Set());
  await after.walk();
  t.is(after.blocks.references.size, 2);
  await write(after, complete('a', id, { tick: 9, parts: [refOf(parts[0]!)] }));
  await after.walk();
  t.deepEqual(after.blocks.ownersLeft(), [parts[0]!.attemptId]);
});

test('manifest rows of the dead go, those of the living stay', async t => {
  const world = new TableWorld();
  const blocks = blocksOf(1, 3);
  const dead = version('a', 1, DEAD_STAMPER);
  for (const index of [0, 1, 5]) {
    await world.ask({ kind: 'manifest-write', owner: dead, index, blocks });
  }
  await world.ask({ kind: 'manifest-write', owner: version('b', 2), index: 0, blocks });
  await world.walk();
  t.is(world.rows(TABLE.manifest).length, 1);
});

test('thousands of references are checked page by page', async t => {
  const world = new TableWorld();
  for (let seed = 0; seed < 40; seed += 1) {
    refer(world, version(`k${String(seed)}`, seed + 1, DEAD_STAMPER), seed, 30);
  }
  await write(world, putBlocks('stands', 99, blocksOf(99, 60)));
  await world.walk();
  t.deepEqual(world.blocks.ownersLeft(), [versionId(99)]);
  t.is(world.walker.status.checked, 40 * 30 + 60);
  t.is(world.walker.status.released, 40 * 30);
});

test('a page that fails is tried again, and in the end does not hold up the others', async t => {
  const world = new TableWorld();
  refer(world, version('a', 1, DEAD_STAMPER), 1);
  refer(world, version('b', 2, DEAD_STAMPER), 0x7f000000);
  const stuck = partitionOfPlace(at('a'));
  t.is(partitionOfPlace(at('b')), stuck);
  let failures = 3;
  world.outage = () => {
    failures -= 1;
    return failures >= 0;
  };
  const outcomes: string[] = [];
  for (let steps = 0; steps < 2000; steps += 1) {
    const outcome = await world.walker.step();
    outcomes.push(outcome);
    if (outcome === 'done') break;
  }
  t.is(outcomes.filter(outcome => outcome === 'failed').length, 3);
  t.is(world.blocks.references.size, 0);

  refer(world, version('c', 3, DEAD_STAMPER), 1);
  refer(world, version('d', 4, DEAD_STAMPER), 0x7f000000);
  let calls = 0;
  world.outage = () => {
    calls += 1;
    return calls <= 8;
  };
  for (let steps = 0; steps < 2000; steps += 1) {
    if ((await world.walker.step()) === 'done') break;
  }
  t.deepEqual(world.blocks.ownersLeft(), [versionId(3, DEAD_STAMPER)], 'the next walk finds it');
});

test('it walks by itself once after the start, rests in between, and then comes daily', async t => {
  const world = new TableWorld();
  refer(world, version('a', 1, DEAD_STAMPER), 1);
  world.walker.start();
  for (let turns = 0; turns < 3000 && world.blocks.references.size > 0; turns += 1) {
    world.environment.advance(5);
    for (let waits = 0; waits < 4; waits += 1) {
      await new Promise<void>(resolve => setImmediate(resolve));
    }
  }
  t.is(world.blocks.references.size, 0);
  for (let turns = 0; turns < 3000 && world.walker.status.state !== 'resting'; turns += 1) {
    world.environment.advance(5);
    await new Promise<void>(resolve => setImmediate(resolve));
  }
  refer(world, version('b', 2, DEAD_STAMPER), 2);
  world.environment.advance(3600 * 1000);
  await new Promise<void>(resolve => setImmediate(resolve));
  t.is(world.walker.status.state, 'resting');
  world.environment.advance(24 * 3600 * 1000);
  await new Promise<void>(resolve => setImmediate(resolve));
  t.is(world.walker.status.state, 'walking');
  await world.walker.stop();
  t.is(world.walker.status.state, 'stopped');
});

test('a store that may have forgotten something takes no owner for dead', async t => {
  const world = new TableWorld();
  refer(world, version('left', 3, DEAD_STAMPER), 3);
  world.isBehind = true;
  t.is(await world.walker.step(), 'failed');
  t.is(world.blocks.references.size, 1);
  world.isBehind = false;
  await world.walk();
  t.is(world.blocks.references.size, 0);
});
