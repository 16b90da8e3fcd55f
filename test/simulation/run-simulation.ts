/**
 * `npm run simulate`: replays a seed, tries many, or looks for the planted bugs.
 *
 * Owns:          the command line, what is printed.
 * Knows:         runs.
 * Must not know: what happens in them.
 */
import { parseArgs } from 'node:util';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import {
  firstViolation,
  simulate,
  WORKLOAD_NAMES,
  type SimulationResult,
  type WorkloadName,
} from './simulation.ts';

const USAGE = `usage: npm run simulate -- --seed N [--workload W] [--bug NAME] [--details]
       npm run simulate -- --seeds COUNT [--seed FIRST] [--workload W]
       npm run simulate -- --planted [--bug NAME] [--seed FIRST]
workloads: ${WORKLOAD_NAMES.join(', ')}`;

const SEEDS_TO_FIND = 300;
const TOLD_MAX = 3;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function workloadsOf(name: string | undefined): readonly WorkloadName[] {
  if (name === undefined) return WORKLOAD_NAMES;
  const found = WORKLOAD_NAMES.find(workload => workload === name);
  if (found === undefined) throw new UsageError(`there is no workload ${name}`);
  return [found];
}

function bugOf(name: string | undefined): PlantedBug | undefined {
  if (name === undefined) return undefined;
  const found = PLANTED_BUGS.find(bug => bug.name === name);
  const names = PLANTED_BUGS.map(bug => bug.name).join('; ');
  if (found === undefined) throw new UsageError(`there is no planted bug ${name}: ${names}`);
  return found;
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The history of one run. */
async function replay(
  seed: number,
  workload: WorkloadName,
  { bug, details }: { readonly bug: PlantedBug | undefined; readonly details: boolean },
): Promise<number> {
  const result = await simulate({ seed, workload, plants: bug?.plants, keeps: 'lines' });
  for (const line of result.lines) if (details || !DETAIL.test(line)) print(line);
  print(summaryOf(result));
  return result.violations.length === 0 ? 0 : 1;
}

/** Messages and logs are indented. */
const DETAIL = /^ *[\d.]+ {4}/;

function summaryOf({ seed, workload, violations, hash, simulatedMs }: SimulationResult): string {
  const seconds = (simulatedMs / 1000).toFixed(0);
  const head = `seed ${String(seed)} ${workload}: history ${hash}, ${seconds} s simulated`;
  if (violations.length === 0) return `${head}, clean`;
  const told = violations.slice(0, TOLD_MAX).map(violation => `\n    ${violation}`);
  return `${head}, ${String(violations.length)} violations${told.join('')}`;
}

async function trySeeds(
  first: number,
  count: number,
  workloads: readonly WorkloadName[],
): Promise<number> {
  let failures = 0;
  for (const workload of workloads) {
    const startedMs = performance.now();
    let failed = 0;
    for (let seed = first; seed < first + count; seed += 1) {
      const result = await simulate({ seed, workload });
      if (result.violations.length === 0) continue;
      failed += 1;
      print(summaryOf(result));
    }
    const eachMs = ((performance.now() - startedMs) / count).toFixed(0);
    print(`${workload}: ${String(count - failed)} of ${String(count)} clean, ${eachMs} ms each`);
    failures += failed;
  }
  return failures === 0 ? 0 : 1;
}

/** Exit code 0: each was found. */
async function findPlanted(first: number, bugs: readonly PlantedBug[]): Promise<number> {
  let missed = 0;
  for (const { name, workload, plants } of bugs) {
    const found = await firstViolation(first, SEEDS_TO_FIND, { workload, plants });
    if (found === undefined) missed += 1;
    const how = found === undefined ? 'NOT FOUND' : `seed ${String(found.seed)}`;
    const [why = ''] = found?.violations[0]?.split('\n') ?? [];
    print(`${name} (${workload}): ${how}; ${why}`);
  }
  return missed === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      workload: { type: 'string' },
      bug: { type: 'string' },
      planted: { type: 'boolean', default: false },
      details: { type: 'boolean', default: false },
    },
  });
  const bug = bugOf(values.bug);
  const first = Number(values.seed ?? '1');
  if (values.planted) return findPlanted(first, bug === undefined ? PLANTED_BUGS : [bug]);
  const workloads = workloadsOf(values.workload);
  if (values.seeds !== undefined) return trySeeds(first, Number(values.seeds), workloads);
  if (values.seed === undefined) throw new UsageError('what is to be run?');
  let code = 0;
  for (const workload of bug === undefined ? workloads : [bug.workload]) {
    code = Math.max(code, await replay(first, workload, { bug, details: values.details }));
  }
  return code;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  print(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}
