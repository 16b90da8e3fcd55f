/**
 * What one row of the route table says.
 *
 * Owns:          the shape of an operation.
 * Knows:         permission classes, handlers.
 * Must not know: which operations there are.
 *
 * `permission` and `action` are not optional: a route without them does not compile. `scope` says
 * how much of the request the door resolves before the handler runs; `place` says where the request
 * points.
 */
import type { Permission } from '../auth/permissions.ts';
import type { S3Action } from '../auth/s3-actions.ts';
import type { BucketCall, ObjectCall, S3Call, S3Handler } from './s3-call.ts';

export const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof METHODS)[number];

export const PLACES = ['service', 'bucket', 'object'] as const;
export type Place = (typeof PLACES)[number];

/** A bucket that need not exist. */
export type NamedCall = S3Call & { readonly bucketName: string };

export type OperationHandler =
  | { readonly scope: 'service'; readonly handler: S3Handler<S3Call> }
  | { readonly scope: 'name'; readonly handler: S3Handler<NamedCall> }
  | { readonly scope: 'bucket'; readonly handler: S3Handler<BucketCall> }
  | { readonly scope: 'object'; readonly handler: S3Handler<ObjectCall> };

export type Operation = OperationHandler & {
  /** As S3 names it: for the log and for NotImplemented. */
  readonly name: string;
  readonly method: Method;
  readonly place: Place;
  /** The query parameter that selects the operation; absent for the plain one of its place. */
  readonly subresource?: string;
  readonly permission: Permission;
  /** What a policy calls it. */
  readonly action: S3Action;
  /** The same, when a version is named. */
  readonly versionAction?: S3Action;
  /** Who finishes the decision: the handler by the object that it finds, or entry by entry, or by
   *  what the document in the body says. */
  readonly decidedBy?: 'object' | 'entries' | 'document';
  /** What the request means when it has the header x-amz-copy-source: of the same permission and
   *  parameters. Found after authentication, because a presigned URL may carry the header. */
  readonly copyVariant?: Operation;
  /** Parameters that would change the meaning, and that the operation does not take. */
  readonly refuses?: readonly string[];
};
