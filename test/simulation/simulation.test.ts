import test from 'ava';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { firstViolation, simulate, WORKLOAD_NAMES } from './simulation.ts';

/** Real time for fresh seeds: as many are run as fit. */
const FRESH_MS = Number(process.env['SIMULATION_MS'] ?? 60_000);
const FRESH_MAX = 500;
/** A few seeds take no longer, on a machine that has much else to do. */
const HANGS_MS = 240_000;
const DAY_MS = 86_400_000;
const SEEDS_EACH_DAY = 10_000;

/**
 * Those of which hundreds of seeds ran clean get other seeds every day. Of failing disks one seed
 * in fifty ends in what the guide excepts (a store set back while its peers were dead), and a
 * change of layout may take longer than a run waits: they have seeds of their own, the same every
 * day, so that a red run always tells of a change.
 */
const FRESH_WORKLOADS = WORKLOAD_NAMES.filter(name => name !== 'disks' && name !== 'layout');
const FIXED_SEEDS = [1, 2, 3, 4];

/** Every day other seeds. */
const FIRST = Number(process.env['SEED'] ?? Math.floor(Date.now() / DAY_MS) * SEEDS_EACH_DAY);

for (const workload of WORKLOAD_NAMES) {
  test.serial(`a seed gives the same history each time: ${workload}`, async t => {
    const first = await simulate({ seed: 7, workload });
    const second = await simulate({ seed: 7, workload, keeps: 'lines' });
    t.is(first.hash, second.hash);
  });
}

test.serial('another seed gives another history', async t => {
  const [first, second] = [7, 8].map(seed => simulate({ seed, workload: 'objects' }));
  t.not((await first!).hash, (await second!).hash);
});

test.serial('fresh seeds keep every promise', async t => {
  t.timeout(HANGS_MS + FRESH_MS);
  const endMs = performance.now() + FRESH_MS;
  let runs = 0;
  while (runs < FRESH_MAX && performance.now() < endMs) {
    const workload = FRESH_WORKLOADS[runs % FRESH_WORKLOADS.length]!;
    const seed = FIRST + runs;
    const { violations } = await simulate({ seed, workload });
    const again = `npm run simulate -- --seed ${String(seed)} --workload ${workload}`;
    t.deepEqual(violations, [], again);
    runs += 1;
  }
  t.log(`${String(runs)} seeds from ${String(FIRST)} on`);
  t.true(runs > 0);
});

for (const workload of ['disks', 'layout'] as const) {
  test.serial(`the same seeds keep every promise: ${workload}`, async t => {
    t.timeout(HANGS_MS);
    for (const seed of FIXED_SEEDS) {
      const { violations } = await simulate({ seed, workload });
      t.deepEqual(violations, [], `seed ${String(seed)}`);
    }
  });
}

/** A change of the product changes the history of every seed: a known one is where to begin. */
const SEEDS_TO_FIND = 100;

for (const { name, workload, plants, foundBySeed } of PLANTED_BUGS) {
  test.serial(`a planted bug is found: ${name}`, async t => {
    t.timeout(HANGS_MS);
    const found = await firstViolation(foundBySeed, SEEDS_TO_FIND, { workload, plants });
    if (found === undefined) {
      t.fail('it is not found any more');
      return;
    }
    t.log(`seed ${String(found.seed)}: ${found.violations[0] ?? ''}`);
    const clean = await simulate({ seed: found.seed, workload });
    t.deepEqual(clean.violations, []);
  });
}
