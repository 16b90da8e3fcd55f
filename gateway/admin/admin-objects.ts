/**
 * The admin operations on what buckets hold.
 *
 * Owns:          their parameters and answers.
 * Knows:         the Directory and the ObjectInspector.
 * Must not know: doors, rows, blocks.
 */
import { Type } from 'typebox';
import type { InspectedVersion } from '../../schemas/admin-types.ts';
import { AdminError, bucketNotFound } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import type { AdminPorts } from './admin-ports.ts';
import { rfc3339 } from './rfc3339.ts';

const SECOND_MS = 1000;

export const objectOperations: Readonly<Record<string, AdminOperation>> = {
  CleanupIncompleteUploads: operation(
    'POST',
    {
      body: 'json',
      params: Type.Object({
        bucketId: Type.String(),
        olderThanSecs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER / SECOND_MS }),
      }),
    },
    async (ports, { bucketId, olderThanSecs }) => {
      await requireBucket(ports, bucketId);
      const olderThanMs = olderThanSecs * SECOND_MS;
      return { uploadsDeleted: await ports.objects.abortUploads({ bucketId, olderThanMs }) };
    },
  ),

  InspectObject: operation(
    'GET',
    {
      query: ['bucketId', 'key'],
      params: Type.Object({ bucketId: Type.String(), key: Type.String() }),
    },
    async (ports, { bucketId, key }) => {
      await requireBucket(ports, bucketId);
      const versions = await ports.objects.inspectObject(bucketId, key);
      if (versions.length === 0) {
        throw new AdminError('NoSuchKey', `Object not found: ${key}`);
      }
      return { bucketId, key, versions: versions.map(versionJson) };
    },
  ),
};

async function requireBucket({ directory }: AdminPorts, bucketId: string): Promise<void> {
  if ((await directory.bucket(bucketId)) === undefined) throw bucketNotFound(bucketId);
}

function versionJson(version: InspectedVersion): unknown {
  const { timestampMs, sizeBytes, headers, blocks, ...rest } = version;
  return {
    uuid: rest.uuid,
    timestamp: rfc3339(timestampMs),
    encrypted: rest.encrypted,
    uploading: rest.uploading,
    aborted: rest.aborted,
    deleteMarker: rest.deleteMarker,
    inline: rest.inline,
    ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
    ...(rest.etag === undefined ? {} : { etag: rest.etag }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(blocks.length === 0 ? {} : { blocks }),
  };
}
