/**
 * The JSON answers of the admin operations that commands print.
 *
 * Owns:          their types.
 * Knows:         the admin API v2.
 * Must not know: how they are printed.
 *
 * The control client has verified that an answer comes from a node with the secret, so it is taken
 * for what the operation promises.
 */
import type { BucketPermissions, LayoutView } from '../../schemas/admin-types.ts';

export type BucketLine = {
  readonly id: string;
  readonly created: string;
  readonly globalAliases: readonly string[];
  readonly localAliases: readonly { readonly accessKeyId: string; readonly alias: string }[];
};

export type BucketAnswer = {
  readonly id: string;
  readonly created: string;
  readonly globalAliases: readonly string[];
  readonly websiteAccess: boolean;
  readonly websiteConfig?: {
    readonly indexDocument: string;
    readonly errorDocument: string | null;
  };
  readonly websiteRedirect?: { readonly hostName: string; readonly protocol: string | null };
  readonly keys: readonly {
    readonly accessKeyId: string;
    readonly name: string;
    readonly permissions: BucketPermissions;
    readonly bucketLocalAliases: readonly string[];
  }[];
  readonly objects: number;
  readonly bytes: number;
  readonly unfinishedUploads: number;
  readonly unfinishedMultipartUploads: number;
  readonly unfinishedMultipartUploadBytes: number;
  readonly quotas: { readonly maxSize: number | null; readonly maxObjects: number | null };
  readonly versioning?: 'enabled' | 'suspended';
  readonly objectLock?: {
    readonly defaultRetention: {
      readonly mode: string;
      readonly unit: 'days' | 'years';
      readonly count: number;
    } | null;
  };
  readonly indexShards: number;
};

export type KeyLine = {
  readonly id: string;
  readonly name: string;
  readonly created: string | null;
  readonly expiration: string | null;
  readonly expired: boolean;
};

export type KeyAnswer = {
  readonly accessKeyId: string;
  readonly created: string | null;
  readonly name: string;
  readonly expiration: string | null;
  readonly expired: boolean;
  readonly secretAccessKey?: string;
  readonly permissions: { readonly createBucket: boolean };
  readonly buckets: readonly {
    readonly id: string;
    readonly globalAliases: readonly string[];
    readonly localAliases: readonly string[];
    readonly permissions: BucketPermissions;
  }[];
};

export type ObjectAnswer = {
  readonly bucketId: string;
  readonly key: string;
  readonly versions: readonly ObjectVersionAnswer[];
};

export type ObjectVersionAnswer = {
  readonly uuid: string;
  readonly timestamp: string;
  readonly encrypted: boolean;
  readonly uploading: boolean;
  readonly aborted: boolean;
  readonly deleteMarker: boolean;
  readonly inline: boolean;
  readonly size?: number;
  readonly etag?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly blocks?: readonly {
    readonly partNumber: number;
    readonly offset: number;
    readonly hash: string;
    readonly size: number;
  }[];
};

export type PreviewAnswer =
  | { readonly error: string }
  | { readonly message: readonly string[]; readonly newLayout: LayoutView };

export type AppliedAnswer = { readonly message: readonly string[]; readonly layout: LayoutView };

export type SkippedAnswer = {
  readonly ackUpdated: readonly string[];
  readonly syncUpdated: readonly string[];
};

export type NodesAnswer<Value> = {
  readonly success: Readonly<Record<string, Value>>;
  readonly error: Readonly<Record<string, string>>;
};
