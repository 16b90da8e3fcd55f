/**
 * How the rows of the route table are written.
 *
 * Owns:          the short forms.
 * Knows:         the shape of an operation.
 * Must not know: which operations there are.
 */
import type { S3Action } from '../auth/s3-actions.ts';
import type { Method, Operation, OperationHandler, Place } from './s3-operation.ts';

export type Answer = OperationHandler &
  Pick<
    Operation,
    'permission' | 'action' | 'versionAction' | 'decidedBy' | 'copyVariant' | 'refuses'
  >;

/** `route` is a method, then a place, then a sub-resource where one selects the operation. */
export function built(name: string, route: string, answer: Answer): Operation {
  const [method, place, subresource] = route.split(' ') as [Method, Place, string?];
  return { name, method, place, ...(subresource === undefined ? {} : { subresource }), ...answer };
}

export type Right = Pick<Operation, 'permission' | 'action'>;

export const read = (action: S3Action): Right => ({ permission: 'read', action });
export const write = (action: S3Action): Right => ({ permission: 'write', action });
export const owner = (action: S3Action): Right => ({ permission: 'owner', action });
