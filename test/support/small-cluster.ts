/**
 * Three nodes on one nats-server, each with both roles: the quickest cluster there is.
 *
 * Owns:          its processes, its layout, its key and bucket.
 * Knows:         the garage command, the admin API.
 * Must not know: what is tested.
 *
 * Nothing is delayed and nothing fails here: where that matters, test/cluster has three sites.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { applyRoles, nodesUp, stepToBucket, type AdminDoor } from '../cluster/trial-admin.ts';
import { BUCKET, newCredentials, startGarage, type GarageProcess } from './garage-process.ts';
import { startNatsServer } from './nats-servers.ts';

export const ADMIN_TOKEN = 'test-admin-token';
const COPIES = 3;
const CAPACITY_BYTES = 10 ** 11;
const PATIENCE_MS = 60_000;
const STEP_MS = 50;

type Teardown = { teardown(undo: () => void | Promise<void>): void };

export function adminDoor({ ports }: GarageProcess): AdminDoor {
  return { port: ports.admin, token: ADMIN_TOKEN };
}

/** Healthy, with a layout, a key that may do everything, and its bucket. */
export async function startSmallCluster(
  t: Teardown,
  directory: string,
  s3Api: readonly string[] = [],
): Promise<readonly GarageProcess[]> {
  const nats = await startNatsServer(t);
  const credentials = newCredentials();
  const nodes = await Promise.all(
    Array.from({ length: COPIES }, async (_, index) => {
      const node = await startGarage({
        ...{ directory: join(directory, String(index)), credentials, copies: COPIES, flags: [] },
        s3Api,
        end: ['[nats]', 'cluster_name = "small"', `urls = ["${nats.url}"]`],
      });
      t.teardown(async () => {
        await node.end('SIGKILL');
      });
      return node;
    }),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error('a cluster without nodes');
  const door = adminDoor(first);
  await eventually('a layout', async () => {
    const ids = [...(await nodesUp(door))];
    const roles = ids.map((id, zone) => ({ id, zone: `z${zone}`, capacity: CAPACITY_BYTES }));
    return roles.length === COPIES && applyRoles(door, roles, 1);
  });
  await eventually('health', async () => {
    const healthy = await Promise.all(nodes.map(isHealthy));
    return !healthy.includes(false);
  });
  await eventually('a bucket', () => stepToBucket(door, credentials, BUCKET));
  return nodes;
}

async function isHealthy({ ports }: GarageProcess): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${ports.admin}/health`).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

async function eventually(claim: string, isSo: () => Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`never: ${claim}`);
    await pause(STEP_MS);
  }
}
