/**
 * Asks the admin doors of a trial cluster.
 *
 * Owns:          the requests that make a cluster ready: layout, key, bucket; its health.
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

export type Health = {
  readonly status: string;
  readonly storageNodesUp: number;
  readonly partitionsAllOk: number;
};

export async function healthOf(door: AdminDoor): Promise<Health | undefined> {
  const { status, body } = await askAdmin(door, 'GetClusterHealth');
  return status === 200 ? (body as Health) : undefined;
}

export type NewRole = { readonly id: string; readonly zone: string; readonly capacity: number };

/** One step towards a layout with these roles. True once there is one. */
export async function stepToLayout(door: AdminDoor, roles: readonly NewRole[]): Promise<boolean> {
  const layout = await askAdmin(door, 'GetClusterLayout');
  if (layout.status !== 200) return false;
  if ((layout.body as { readonly version: number }).version > 0) return true;
  const status = await askAdmin(door, 'GetClusterStatus');
  if (status.status !== 200) return false;
  const { nodes } = status.body as {
    readonly nodes: readonly { readonly id: string; readonly isUp: boolean }[];
  };
  const up = new Set(nodes.filter(({ isUp }) => isUp).map(({ id }) => id));
  if (!roles.every(({ id }) => up.has(id))) return false;
  const staged = { roles: roles.map(role => ({ ...role, tags: [] })) };
  if ((await askAdmin(door, 'UpdateClusterLayout', staged)).status !== 200) return false;
  return (await askAdmin(door, 'ApplyClusterLayout', { version: 1 })).status === 200;
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
