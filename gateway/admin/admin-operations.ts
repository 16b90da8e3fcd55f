/**
 * All admin operations by name: the one table behind the admin door, the control door and
 * `garage json-api`.
 *
 * Owns:          the table; how a failure of an operation becomes an answer.
 * Knows:         the operations.
 * Must not know: HTTP, authentication, how a caller is answered.
 */
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { aliasOperations } from './admin-aliases.ts';
import { bucketOperations } from './admin-buckets.ts';
import { clusterOperations } from './admin-cluster.ts';
import { AdminError, internalError } from './admin-error.ts';
import { keyOperations } from './admin-keys.ts';
import { layoutOperations } from './admin-layout.ts';
import { objectOperations } from './admin-objects.ts';
import type { AdminOperation } from './admin-operation.ts';
import type { AdminPorts } from './admin-ports.ts';
import { workerOperations } from './admin-workers.ts';

const adminOperations: ReadonlyMap<string, AdminOperation> = new Map(
  Object.entries({
    ...clusterOperations,
    ...layoutOperations,
    ...keyOperations,
    ...bucketOperations,
    ...aliasOperations,
    ...objectOperations,
    ...workerOperations,
  }),
);

export function adminOperation(name: string): AdminOperation | undefined {
  return adminOperations.get(name);
}

/**
 * Does the operation and answers its JSON value. Throws nothing but AdminError; the cause of an
 * unexpected failure goes to the log and not to the caller.
 */
export async function runOperation(
  operation: AdminOperation,
  params: unknown,
  context: { readonly ports: AdminPorts; readonly log: Log },
): Promise<unknown> {
  try {
    return await operation.run(context.ports, params);
  } catch (error) {
    if (error instanceof AdminError) throw error;
    if (error instanceof AdminUnavailableError) {
      throw new AdminError('ServiceUnavailable', error.message);
    }
    context.log.error({ error }, 'an admin operation failed');
    throw internalError('the operation failed; the log of the node says why');
  }
}
