/**
 * Asks the admin doors of a trial cluster.
 *
 * Owns:          the requests that make a cluster ready: layout, key, bucket.
 * Knows:         the admin API v2.
 * Must not know: processes.
 */
import type { Credentials } from '../support/garage-process.ts';

export type AdminDoor = { readonly port: number; readonly token: string };

export type AdminReply = { readonly status: number; readonly body: unknown };

const ASK_TIMEOUT_MS = 10_000;

/** Status 0: nobody answered. */
export async function askAdmin(
  { port, token }: AdminDoor,
  operation: string,
  body?: unknown,
): Promise<AdminReply> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/${operation}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

export type NewRole = { readonly id: string; readonly zone: string; readonly capacity: number };
export type RoleStep = NewRole | { readonly id: string; readonly remove: true };

/** The nodes that the one which is asked knows to be up. */
export async function nodesUp(door: AdminDoor): Promise<ReadonlySet<string>> {
  const { status, body } = await askAdmin(door, 'GetClusterStatus');
  if (status !== 200) return new Set();
  const { nodes } = body as {
    readonly nodes: readonly { readonly id: string; readonly isUp: boolean }[];
  };
  return new Set(nodes.filter(({ isUp }) => isUp).map(({ id }) => id));
}

/** The version that is in force, by number; undefined: nobody says. */
export async function layoutVersion(door: AdminDoor): Promise<number | undefined> {
  const { status, body } = await askAdmin(door, 'GetClusterLayout');
  return status === 200 ? (body as { readonly version: number }).version : undefined;
}

/** Whether one version alone is in force: everyone has what it is to hold. */
export async function isLayoutSettled(door: AdminDoor): Promise<boolean> {
  const { status, body } = await askAdmin(door, 'GetClusterLayoutHistory');
  if (status !== 200) return false;
  return (body as { readonly updateTrackers: unknown }).updateTrackers === null;
}

/** Stages the roles and applies them as version `version`; false: try again. */
export async function applyRoles(
  door: AdminDoor,
  roles: readonly RoleStep[],
  version: number,
): Promise<boolean> {
  const staged = { roles: roles.map(role => ('remove' in role ? role : { ...role, tags: [] })) };
  if ((await askAdmin(door, 'UpdateClusterLayout', staged)).status !== 200) return false;
  return (await askAdmin(door, 'ApplyClusterLayout', { version })).status === 200;
}

/** One step towards a layout with these roles. True once there is one. */
export async function stepToLayout(door: AdminDoor, roles: readonly NewRole[]): Promise<boolean> {
  const version = await layoutVersion(door);
  if (version !== 0) return version !== undefined;
  const up = await nodesUp(door);
  return roles.every(({ id }) => up.has(id)) && applyRoles(door, roles, 1);
}

/** One step towards a key that may do everything with a bucket. True once it may. */
export async function stepToBucket(
  door: AdminDoor,
  { accessKeyId, secretKey }: Credentials,
  bucket: string,
): Promise<boolean> {
  const key = await askAdmin(door, `GetKeyInfo?id=${accessKeyId}`);
  if (key.status !== 200) {
    const wanted = { accessKeyId, secretAccessKey: secretKey, name: 'trial' };
    if ((await askAdmin(door, 'ImportKey', wanted)).status !== 200) return false;
  }
  const found = await askAdmin(door, `GetBucketInfo?globalAlias=${bucket}`);
  const made =
    found.status === 200 ? found : await askAdmin(door, 'CreateBucket', { globalAlias: bucket });
  if (made.status !== 200) return false;
  const { id } = made.body as { readonly id: string };
  const permissions = { read: true, write: true, owner: true };
  const grant = { bucketId: id, accessKeyId, permissions };
  if ((await askAdmin(door, 'AllowBucketKey', grant)).status !== 200) return false;
  const allowed = { allow: { createBucket: true } };
  return (await askAdmin(door, `UpdateKey?id=${accessKeyId}`, allowed)).status === 200;
}

/** A variable of a worker, of every node that is up; empty: nobody says. */
export async function workerVariables(
  door: AdminDoor,
  variable: string,
): Promise<ReadonlyMap<string, string>> {
  const { status, body } = await askAdmin(door, 'GetWorkerVariable?node=*', { variable });
  if (status !== 200) return new Map();
  const { success } = body as { readonly success: Record<string, Record<string, string>> };
  return new Map(Object.entries(success).map(([id, values]) => [id, values[variable] ?? '']));
}

/** Has these nodes reread all their blocks, without rests. False: one of them did not answer. */
export async function startScrub(door: AdminDoor, ids: readonly string[]): Promise<boolean> {
  const pace = { variable: 'scrub-tranquility', value: '0' };
  const order = { repairType: { scrub: 'start' } };
  for (const [operation, wanted] of [
    ['SetWorkerVariable', pace],
    ['LaunchRepairOperation', order],
  ] as const) {
    const { status, body } = await askAdmin(door, `${operation}?node=*`, wanted);
    if (status !== 200) return false;
    const { success } = body as { readonly success: Record<string, unknown> };
    if (!ids.every(id => id in success)) return false;
  }
  return true;
}
