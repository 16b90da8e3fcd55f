/**
 * What `--single-node`, `--default-access-key` and `--default-bucket` make at the start.
 *
 * Owns:          the first layout of a node on its own, the default key and bucket.
 * Knows:         the layout, the directory.
 * Must not know: doors.
 *
 * Each step looks whether it was done before: a second start finds everything and changes nothing.
 * Source of the rules: Garage 2.3's options of the same names.
 */
import { ClusterUnavailableError, type ClusterClient } from '../bus/cluster-client.ts';

import type { Directory } from '../gateway/admin/admin-ports.ts';
import { AdminUnavailableError, type KeyInfo } from '../schemas/admin-types.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { parseAccessKeyId } from '../schemas/ids.ts';
import { pause } from '../schemas/pause.ts';
import { StartRefusedError } from './start-refused.ts';

const ZONE = 'dc1';
const TAG = 'default';
const CAPACITY_UNKNOWN = 1024 ** 3;
const KEY_NAME = 'default access key';

const WAIT_MS_MAX = 60_000;
const PAUSE_MS = 200;

/**
 * Repeats what found the store closed: one that met a full disk, or a damaged file, opens itself
 * again, and a start must not be over by then. Throws the last failure when that takes too long.
 */
export async function onceAvailable<Value>(
  { clock, timers }: Pick<Environment, 'clock' | 'timers'>,
  work: () => Promise<Value>,
): Promise<Value> {
  const endMs = clock.monotonicMs() + WAIT_MS_MAX;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isPassing =
        error instanceof AdminUnavailableError || error instanceof ClusterUnavailableError;
      if (!isPassing || clock.monotonicMs() >= endMs) throw error;
    }
    await pause(timers, PAUSE_MS);
  }
}

/** Gives the node all partitions unless a layout was applied before. */
export async function ensureLayout(cluster: ClusterClient, node: NodeId): Promise<void> {
  const { status } = await cluster.ask(node, { kind: 'cluster-status' }, 'status');
  if (status.layoutVersion > 1) {
    throw new StartRefusedError(
      '--single-node is for a node whose layout nobody changed by hand; start it without.',
    );
  }
  if (status.layoutVersion === 1) return;
  const total = status.nodes.find(candidate => candidate.id === node)?.dataPartition?.total;
  const capacity = total === undefined || total === 0 ? CAPACITY_UNKNOWN : total;
  const role = { id: node, zone: ZONE, tags: [TAG], capacity };
  const staged = await cluster.ask(node, { kind: 'layout-stage', roles: [role] }, 'layout-staged');
  const applied = await cluster.ask(node, { kind: 'layout-apply', version: 1 }, 'layout-applied');
  if (staged.result.kind !== 'staged' || applied.result.kind !== 'applied') {
    throw new StartRefusedError('The first layout could not be applied; the log says why.');
  }
}

export type DefaultKey = { readonly id: string; readonly secret: string };

/** The key as it is afterwards. Throws StartRefusedError when the id stands for something else. */
export async function ensureKey(directory: Directory, wanted: DefaultKey): Promise<KeyInfo> {
  if (parseAccessKeyId(wanted.id) === undefined) {
    throw new StartRefusedError(
      'GARAGE_DEFAULT_ACCESS_KEY must have at least 8 letters, digits, dots, dashes or ' +
        'underscores.',
    );
  }
  if (!/^[\x21-\x7e]{16,}$/.test(wanted.secret)) {
    throw new StartRefusedError(
      'GARAGE_DEFAULT_SECRET_KEY must have at least 16 printable ASCII characters.',
    );
  }
  const known = await directory.key(wanted.id);
  if (known !== undefined) return sameSecret(known, wanted);
  const imported = await directory.importKey({ ...wanted, name: KEY_NAME });
  if (imported.kind === 'id-taken') {
    throw new StartRefusedError(
      `Access key ${wanted.id} was deleted, and a deleted id never comes back: choose another.`,
    );
  }
  const updated = await directory.updateKey(wanted.id, { canCreateBucket: true });
  return updated.kind === 'updated' ? updated.key : imported.key;
}

function sameSecret(known: KeyInfo, wanted: DefaultKey): KeyInfo {
  if (known.secret === wanted.secret) return known;
  throw new StartRefusedError(
    `Access key ${wanted.id} exists with another secret than GARAGE_DEFAULT_SECRET_KEY.`,
  );
}

/** Makes the bucket if its name is free, and gives the key all permissions on it. */
export async function ensureBucket(
  directory: Directory,
  name: string,
  accessKeyId: string,
): Promise<void> {
  const found = await directory.bucketByGlobalAlias(name);
  const created = found ?? (await directory.createBucket({ globalAlias: name }));
  const bucket =
    'id' in created ? created : created.kind === 'created' ? created.bucket : undefined;
  if (bucket === undefined) throw new StartRefusedError(`Bucket ${name} could not be made.`);
  const grant = bucket.grants.find(candidate => candidate.accessKeyId === accessKeyId);
  const { read, write, owner } = grant?.permissions ?? { read: false, write: false, owner: false };
  if (read && write && owner) return;
  await directory.changePermissions({
    bucketId: bucket.id,
    accessKeyId,
    flags: ['read', 'write', 'owner'],
    value: true,
  });
}
