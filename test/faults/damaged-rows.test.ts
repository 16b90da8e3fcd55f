// Method: bits are flipped in the files of LevelDB under a real server: while it is down, and while
// it runs. A flipped bit may cost an error until the store has put it right by itself; it never
// costs a row, and never shows other bytes. Where more than a bit is gone, rows of that part may be
// errors or missing, all others are read as ever.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { checkList, readBack } from '../support/fault-checks.ts';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultRounds, faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload, type WorkMix } from '../support/fault-workload.ts';
import { BUCKET, runGarage } from '../support/garage-process.ts';
import { SeededChoices, seededBytes } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

const ROUNDS = 3;
const ROUNDS_MAX = 30;
const LOAD_MS = 1500;
const CONNECTIONS = 24;
const KEYS = 30;
const MIX: WorkMix = { 'put-inline': 30, 'put-block': 5, copy: 5, delete: 3, get: 2 };
/** More than a block of a log (32 KiB) or of a table (some 4 KiB): none is hit twice. */
const BYTES_PER_FLIP = 40_000;
const GONE_PARTS = 4;
/** The zone of a node on its own: it stands in the row of the layout and in its copy. */
const ZONE = 'dc1';
const GONE_BYTES = 512;
/** The blocks with the few rows of settings lie around them. */
const SETTINGS_BYTES = 16 * 1024;
const HEAL_MS_MAX = 30_000;
const STARTS_MAX = 4;
const TIMEOUT_MS = 150_000;
const ROUND_MS = 30_000;

type World = { readonly store: string; readonly server: FaultServer; readonly model: FaultModel };

async function worldWithRows(t: ExecutionContext, seed: number): Promise<World> {
  const directory = await scratchDirectory(t);
  const server = await FaultServer.start(t, { directory });
  const model = new FaultModel();
  await load({ server, model }, seed);
  return { server, model, store: join(directory, 'meta', 'store-0') };
}

/** What was written lies in tables after a start. The server has ended. */
async function worldInTables(t: ExecutionContext, seed: number): Promise<World> {
  const world = await worldWithRows(t, seed);
  await world.server.process.end();
  await world.server.start();
  await world.server.process.end();
  return world;
}

async function load(
  { server, model }: Pick<World, 'server' | 'model'>,
  seed: number,
): Promise<FaultWorkload> {
  const connections = { connections: CONNECTIONS, keysPerConnection: KEYS };
  const workload = new FaultWorkload({
    ...{ target: server.target, model, seed, mix: MIX },
    ...connections,
  });
  await workload.runFor(LOAD_MS);
  return workload;
}

type Damage = { readonly choices: SeededChoices; readonly endings: RegExp };

/** In place: an open database sees it. Answers how many bits were flipped. */
function flipBits(store: string, { choices, endings }: Damage): number {
  let flips = 0;
  for (const name of readdirSync(store).filter(file => endings.test(file))) {
    const path = join(store, name);
    const bytes = readFileSync(path);
    for (let at = choices.below(BYTES_PER_FLIP); at < bytes.length; at += BYTES_PER_FLIP) {
      bytes[at]! ^= 1 << choices.below(8);
      flips += 1;
    }
    writeFileSync(path, bytes, { flag: 'r+' });
  }
  return flips;
}

test('bits flipped in rows while the server is down cost nothing: tables, logs, MANIFEST', async t => {
  const rounds = Math.min(faultRounds(ROUNDS), ROUNDS_MAX);
  t.timeout(TIMEOUT_MS + rounds * ROUND_MS);
  const seed = faultSeed(t);
  const { server, model, store } = await worldWithRows(t, seed);
  const tally = new Tally(t, server, model);
  const damage = { choices: new SeededChoices(seed), endings: /\.(?:ldb|log)$|^MANIFEST/ };
  let flips = 0;
  let corrected = 0;
  for (let round = 1; round <= rounds; round += 1) {
    // A stop and a crash leave different files.
    await server.process.end(round % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
    flips += flipBits(store, damage);
    const { startMs } = await server.start();
    tally.addStart(startMs);
    corrected += await server.metric('store_corrected_bits');
    await tally.check();
    tally.addWorkload(await load({ server, model }, seed + round));
  }
  t.log(`bits flipped ${flips}, put right ${corrected}`);
  await tally.finish();
  t.true(flips >= rounds);
  t.is(corrected, flips);
});

test('bits flipped in rows under a running server cost errors until it has put them right', async t => {
  const rounds = Math.min(faultRounds(ROUNDS), ROUNDS_MAX);
  t.timeout(TIMEOUT_MS + rounds * ROUND_MS);
  const seed = faultSeed(t);
  const world = await worldWithRows(t, seed);
  const { server, model, store } = world;
  const tally = new Tally(t, server, model);
  const damage = { choices: new SeededChoices(seed), endings: /\.ldb$/ };
  const figures = { flips: 0, errors: 0, hidden: 0, wrong: 0, starts: 0, healMs: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    // What was written lies in tables after a start.
    await server.process.end();
    await server.start();
    figures.flips += flipBits(store, damage);
    const startMs = performance.now();
    for (;;) {
      const read = await readBack(server.target, model);
      figures.wrong += read.wrong.length;
      figures.errors += read.unreadable.length;
      figures.hidden += read.lost.length;
      figures.starts += await startIfEnded(server);
      if (read.lost.length + read.unreadable.length === 0) break;
      if (performance.now() - startMs > HEAL_MS_MAX) break;
      await pause(100);
    }
    figures.healMs = Math.max(figures.healMs, Math.round(performance.now() - startMs));
    await tally.check();
    tally.addWorkload(await load(world, seed + round));
  }
  t.log(
    `bits flipped ${figures.flips}; until they were put right (${figures.healMs} ms at most): ` +
      `wrong bytes ${figures.wrong}, errors ${figures.errors}, hidden ${figures.hidden}, ` +
      `ended by LevelDB and started again ${figures.starts}`,
  );
  await tally.finish();
  t.is(figures.wrong, 0);
});

/** A supervisor's work: LevelDB ends the process where a length in a damaged block makes no
 *  sense. */
async function startIfEnded(server: FaultServer): Promise<number> {
  if (server.isRunning) return 0;
  for (let starts = 1; ; starts += 1) {
    try {
      await server.start();
      return starts;
    } catch (error) {
      if (starts === STARTS_MAX) throw error;
    }
  }
}

test('parts of a table that are gone cost their own rows and no others', async t => {
  t.timeout(TIMEOUT_MS);
  const seed = faultSeed(t);
  const { server, model, store } = await worldInTables(t, seed);
  const choices = new SeededChoices(seed);
  const [name = ''] = readdirSync(store).filter(file => file.endsWith('.ldb'));
  const path = join(store, name);
  const bytes = readFileSync(path);
  // Sectors of a disk: of rows of objects, and of the row of the layout. Not of the settings: who
  // has lost its bucket or its key says so, and does not start.
  const settings = bytes.indexOf(BUCKET);
  const places: number[] = [];
  while (places.length < GONE_PARTS) {
    const at = bytes.indexOf('load/', choices.below(Math.floor(bytes.length * 0.8)));
    if (Math.abs(at - settings) > SETTINGS_BYTES) places.push(at);
  }
  for (const [part, at] of [bytes.indexOf(ZONE), ...places].entries()) {
    seededBytes(seed + part, GONE_BYTES).copy(bytes, at);
  }
  writeFileSync(path, bytes);
  await server.start();
  const read = await readBack(server.target, model);
  const client = await load({ server, model: new FaultModel() }, seed + 1);
  const broken = await server.metric('store_broken_blocks');
  t.log(
    `of ${read.keys} keys: wrong ${read.wrong.length}, errors ${read.unreadable.length}, ` +
      `missing ${read.lost.length}; broken blocks ${broken}; written afterwards ${client.answered(200)}`,
  );
  t.true(server.isRunning);
  t.is(read.wrong.length, 0);
  t.true(read.lost.length + read.unreadable.length < 100, 'all other rows are read as ever');
  t.true(client.answered(200) > 0, 'the server goes on');
  t.truthy(await checkList(server.target, new FaultModel()).catch(() => 'an error is allowed'));
});

test('a node on its own makes its layout anew when the row and its copy are gone', async t => {
  t.timeout(TIMEOUT_MS);
  const seed = faultSeed(t);
  const { server, model, store } = await worldInTables(t, seed);
  let gone = 0;
  for (const name of readdirSync(store).filter(file => file.endsWith('.ldb'))) {
    const path = join(store, name);
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf(ZONE); at !== -1; at = bytes.indexOf(ZONE, at)) {
      bytes.fill(0, at, at + ZONE.length);
      gone += 1;
    }
    writeFileSync(path, bytes);
  }
  t.true(gone >= 2);
  const refused = await runGarage(['-c', server.process.configPath, 'server']);
  t.is(refused.exitCode, 1);
  t.regex(refused.stderr, /^Error: .*--single-node.*node replace/m);
  await server.start();
  const read = await readBack(server.target, model);
  t.is(read.wrong.length + read.lost.length + read.unreadable.length, 0);
});
