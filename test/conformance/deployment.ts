/**
 * Registers every case as a test against one kind of deployment.
 *
 * Owns:          the deployment's start and end, and how many cases are under way at once.
 * Knows:         ava, processes.
 * Must not know: what a case says.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { askAdmin } from '../cluster/trial-admin.ts';
import { newCredentials, startGarage, type GarageProcess } from '../support/garage-process.ts';
import { adminDoor, startSmallCluster } from '../support/small-cluster.ts';
import { ConformanceWorld, type DeploymentKind } from './case-run.ts';
import { Sender } from './sender.ts';
import { tables } from './tables.ts';

/** Buckets are hosts, too. */
const S3_API = ['root_domain = ".s3.localhost"'];
/** Enough to keep the server busy, few enough for no case to wait long. */
const AT_ONCE = 12;

type Undo = () => void | Promise<void>;

/** One test for each case, titled with its operation. */
export function runEverywhere(kind: DeploymentKind): void {
  const undo: Undo[] = [];
  const started = deploy(kind, { teardown: step => undo.push(step) });
  started.catch(() => undefined);
  test.after.always('the deployment ends', async t => {
    for (const step of undo.reverse()) await step();
    t.pass();
  });
  const turn = turns(AT_ONCE);
  for (const { operation, cases } of tables) {
    for (const [title, one] of Object.entries(cases)) {
      test(`${operation}: ${title}`, async t => {
        const found = await turn(async () => (await started).judge(one));
        for (const complaint of found) t.log(complaint);
        t.is(found.length, 0, found.join('; ').slice(0, 200));
      });
    }
  }
}

/** Passes on at most `count` at once. */
function turns(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = count;
  return async work => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

async function deploy(
  kind: DeploymentKind,
  t: { teardown(step: Undo): void },
): Promise<ConformanceWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'garage-conformance-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const servers =
    kind === 'cluster'
      ? await startSmallCluster(t, directory, S3_API)
      : [await startGarage({ directory, s3Api: S3_API })];
  const [first] = servers;
  if (first === undefined) throw new Error('a deployment without servers');
  t.teardown(async () => {
    await first.end();
  });
  const callers = { owner: first.credentials, stranger: await makeStranger(first) };
  const senders = servers.map(server => new Sender(server, callers));
  const world = new ConformanceWorld(kind, senders, callers);
  t.teardown(() => {
    world.close();
  });
  return world;
}

/** A key with no right on any bucket of the owner, which may make its own. */
async function makeStranger(server: GarageProcess) {
  const { accessKeyId, secretKey } = newCredentials();
  const door = adminDoor(server);
  const wanted = { accessKeyId, secretAccessKey: secretKey, name: 'stranger' };
  const made = await askAdmin(door, 'ImportKey', wanted);
  const allowed = { allow: { createBucket: true } };
  const changed = await askAdmin(door, `UpdateKey?id=${accessKeyId}`, allowed);
  if (made.status !== 200 || changed.status !== 200) throw new Error('there is no stranger');
  return { accessKeyId, secretKey };
}
