/**
 * What administration talks about: buckets, access keys, nodes, layouts, as values without
 * behaviour.
 *
 * Owns:          the shapes that pass between the admin operations and the parts that keep the
 *                truth.
 * Knows:         the words of the admin API, so that most shapes are its JSON bodies as they stand.
 * Must not know: HTTP, tables, the bus.
 *
 * Ids are lower-case hex text here (32 bytes, 64 digits; access keys as given out), as operators
 * type and read them; the parts behind the ports turn them into their own ids. Sizes are bytes.
 */

import type { NodeWork } from './node-work.ts';
import type {
  ObjectLockConfiguration,
  VersioningStatus,
} from './records/bucket-settings/access-settings.ts';
import type { CorsRule } from './records/bucket-settings/cors-rules.ts';
import type { LifecycleRule } from './records/bucket-settings/lifecycle-rules.ts';
import type { RoutingRule, WebsiteConfiguration } from './records/bucket-settings/website.ts';

// ---- buckets and access keys --------------------------------------------------------------------

export type BucketPermissions = {
  readonly read: boolean;
  readonly write: boolean;
  readonly owner: boolean;
};

/** A name of a bucket: for everyone, or for the requests of one access key. */
export type BucketAlias =
  | { readonly kind: 'global'; readonly name: string }
  | { readonly kind: 'local'; readonly name: string; readonly accessKeyId: string };

/** A bucket as a website; routing rules that are undefined stay as they are. */
export type WebsiteChange = {
  readonly indexDocument: string;
  readonly errorDocument: string | undefined;
  readonly routingRules: readonly RoutingRule[] | undefined;
};

/** Limits of a bucket; undefined means none. */
export type BucketQuotas = {
  readonly maxSizeBytes: number | undefined;
  readonly maxObjects: number | undefined;
};

/** What one access key may do with one bucket, and the names it has for it. */
export type BucketGrant = {
  readonly accessKeyId: string;
  readonly keyName: string;
  readonly permissions: BucketPermissions;
  readonly localAliases: readonly string[];
};

export type BucketInfo = {
  readonly id: string;
  readonly createdMs: number;
  readonly globalAliases: readonly string[];
  /** Every key that has a permission or a local alias here. */
  readonly grants: readonly BucketGrant[];
  /** Undefined: the bucket is not a website. */
  readonly website: WebsiteConfiguration | undefined;
  readonly quotas: BucketQuotas;
  /** Undefined: none were set; the same below. */
  readonly cors: readonly CorsRule[] | undefined;
  readonly lifecycle: readonly LifecycleRule[] | undefined;
  readonly versioning: VersioningStatus | undefined;
  readonly objectLock: ObjectLockConfiguration | undefined;
  readonly indexShards: number;
};

export type KeyBucket = {
  readonly bucketId: string;
  readonly globalAliases: readonly string[];
  readonly localAliases: readonly string[];
  readonly permissions: BucketPermissions;
};

export type KeyInfo = {
  readonly id: string;
  readonly secret: string;
  readonly name: string;
  readonly createdMs: number;
  /** Undefined: never. */
  readonly expiresMs: number | undefined;
  readonly canCreateBucket: boolean;
  /** Every bucket on which the key has a permission or a local alias. */
  readonly buckets: readonly KeyBucket[];
};

/** A field that is absent stays as it is; null takes the value away. */
export type BucketChange = {
  readonly website?: WebsiteChange | null;
  readonly quotas?: BucketQuotas;
  readonly cors?: readonly CorsRule[] | null;
  readonly lifecycle?: readonly LifecycleRule[] | null;
};

/** A field that is absent stays as it is; `expiresMs: null` means it never expires. */
export type KeyChange = {
  readonly name?: string;
  readonly expiresMs?: number | null;
  readonly canCreateBucket?: boolean;
};

export type NewKey = {
  readonly name: string;
  readonly expiresMs: number | undefined;
  readonly canCreateBucket: boolean;
};

export type ImportedKey = {
  readonly id: string;
  readonly secret: string;
  readonly name: string;
};

export type NewBucket = {
  readonly globalAlias?: string;
  /** Absent: as many as the configuration says. */
  readonly indexShards?: number;
  readonly localAlias?: {
    readonly accessKeyId: string;
    readonly name: string;
    readonly allow: BucketPermissions;
  };
};

/** The named flags get this value, the others stay: `{ flags: ['read'], value: false }`. */
export type PermissionChange = {
  readonly bucketId: string;
  readonly accessKeyId: string;
  readonly flags: readonly (keyof BucketPermissions)[];
  readonly value: boolean;
};

export type CreateBucketResult =
  | { readonly kind: 'created'; readonly bucket: BucketInfo }
  | { readonly kind: 'alias-taken' }
  | { readonly kind: 'key-not-found' };
export type UpdateBucketResult =
  { readonly kind: 'updated'; readonly bucket: BucketInfo } | { readonly kind: 'bucket-not-found' };
export type DeleteBucketResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'bucket-not-found' }
  | { readonly kind: 'not-empty' };
export type PermissionResult =
  | { readonly kind: 'updated'; readonly bucket: BucketInfo }
  | { readonly kind: 'bucket-not-found' }
  | { readonly kind: 'key-not-found' };
export type AddAliasResult =
  | { readonly kind: 'updated'; readonly bucket: BucketInfo }
  | { readonly kind: 'bucket-not-found' }
  | { readonly kind: 'key-not-found' }
  /** The name means another bucket. The same bucket is not a conflict but `updated`. */
  | { readonly kind: 'alias-taken' };
export type RemoveAliasResult =
  | { readonly kind: 'updated'; readonly bucket: BucketInfo }
  | { readonly kind: 'bucket-not-found' }
  | { readonly kind: 'key-not-found' }
  /** The bucket does not have that name. */
  | { readonly kind: 'alias-not-found' }
  /** It is the only name left, global and local ones together. */
  | { readonly kind: 'last-alias' };
export type ImportKeyResult =
  | { readonly kind: 'imported'; readonly key: KeyInfo }
  /** The id is in use, or was once: a deleted id never comes back. */
  | { readonly kind: 'id-taken' };
export type UpdateKeyResult =
  { readonly kind: 'updated'; readonly key: KeyInfo } | { readonly kind: 'key-not-found' };
export type DeleteKeyResult = { readonly kind: 'deleted' } | { readonly kind: 'key-not-found' };

// ---- nodes and layout: these are the JSON bodies of the admin API as they stand -----------------

/** A number of bytes of a file system. */
export type DiskSpace = { readonly available: number; readonly total: number };

export type NodeRole = {
  readonly zone: string;
  readonly tags: readonly string[];
  /** Bytes; null for a gateway. */
  readonly capacity: number | null;
};

export type NodeStatus = {
  readonly id: string;
  readonly garageVersion: string | null;
  readonly addr: string | null;
  readonly hostname: string | null;
  readonly isUp: boolean;
  /** Null for the node that answers, and for one that was never seen. */
  readonly lastSeenSecsAgo: number | null;
  readonly role: NodeRole | null;
  readonly draining: boolean;
  readonly dataPartition?: DiskSpace;
  readonly metadataPartition?: DiskSpace;
  /** What it has left to sync and resync; absent where it was not asked. */
  readonly work?: NodeWork;
};

export type ClusterStatus = {
  readonly layoutVersion: number;
  readonly nodes: readonly NodeStatus[];
};

export type ClusterHealth = {
  readonly status: 'healthy' | 'degraded' | 'unavailable';
  readonly knownNodes: number;
  readonly connectedNodes: number;
  readonly storageNodes: number;
  readonly storageNodesUp: number;
  readonly partitions: number;
  readonly partitionsQuorum: number;
  readonly partitionsAllOk: number;
};

export type ZoneRedundancy = 'maximum' | { readonly atLeast: number };
export type LayoutParameters = {
  readonly zoneRedundancy: ZoneRedundancy;
  /** Of what is staged: absent where it stays as it is. */
  readonly replicationFactor?: number;
};

export type RoleChange =
  { readonly id: string; readonly remove: true } | ({ readonly id: string } & NodeRole);

export type LayoutRole = {
  readonly id: string;
  readonly zone: string;
  readonly tags: readonly string[];
  readonly capacity: number | null;
  /** Null for a gateway, like `usableCapacity`. */
  readonly storedPartitions: number | null;
  readonly usableCapacity: number | null;
};

export type LayoutView = {
  /** The current version; 0 before the first one was applied. */
  readonly version: number;
  readonly roles: readonly LayoutRole[];
  readonly parameters: LayoutParameters;
  /** Bytes that a partition may hold; 0 in version 0. */
  readonly partitionSize: number;
  readonly stagedRoleChanges: readonly RoleChange[];
  readonly stagedParameters: LayoutParameters | null;
};

export type LayoutVersionStatus = {
  readonly version: number;
  readonly status: 'Current' | 'Draining' | 'Historical';
  readonly storageNodes: number;
  readonly gatewayNodes: number;
};

export type LayoutHistory = {
  readonly currentVersion: number;
  readonly minAck: number;
  /** Newest first. */
  readonly versions: readonly LayoutVersionStatus[];
  /** By node id; null while one version alone is live. */
  readonly updateTrackers: Readonly<
    Record<string, { readonly ack: number; readonly sync: number; readonly syncAck: number }>
  > | null;
};

export type AssignedNode = {
  readonly id: string;
  readonly tags: readonly string[];
  readonly storedPartitions: number;
  readonly newPartitions: number;
  readonly totalCapacity: number;
  readonly usableCapacity: number;
};

export type AssignedZone = {
  readonly name: string;
  readonly nodes: readonly AssignedNode[];
  readonly totalReplicatedPartitions: number;
  readonly uniquePartitions: number;
  readonly totalCapacity: number;
  readonly usableCapacity: number;
};

/** What computing an assignment of partitions to nodes found out. */
export type AssignmentStatistics = {
  readonly replicationFactor: number;
  readonly effectiveZoneRedundancy: number;
  readonly partitionSize: number;
  /** Null when there was no version before. */
  readonly previousPartitionSize: number | null;
  /** Partitions are too small to be of use: capacities were probably given in a wrong unit. */
  readonly lowPartitionSize: boolean;
  readonly usableCapacity: number;
  readonly totalCapacity: number;
  readonly effectiveCapacity: number;
  /** Less than 80 % of what the nodes offer can be used: their capacities do not fit together. */
  readonly lowUsableCapacity: boolean;
  /** Null when there was no version before. */
  readonly totalMovedPartitions: number | null;
  readonly zones: readonly AssignedZone[];
};

export type StageLayoutResult =
  | { readonly kind: 'staged'; readonly layout: LayoutView }
  /** One sentence that says what is wrong with the change. */
  | { readonly kind: 'refused'; readonly reason: string };
export type PreviewLayoutResult =
  | {
      readonly kind: 'computed';
      readonly statistics: AssignmentStatistics;
      readonly layout: LayoutView;
    }
  | { readonly kind: 'impossible'; readonly reason: string };
export type ApplyLayoutResult =
  | {
      readonly kind: 'applied';
      readonly statistics: AssignmentStatistics;
      readonly layout: LayoutView;
    }
  | { readonly kind: 'wrong-version'; readonly expected: number }
  | { readonly kind: 'impossible'; readonly reason: string };

/** Trackers that were raised for nodes that are dead. */
export type SkipDeadResult =
  | {
      readonly kind: 'skipped';
      readonly ackUpdated: readonly string[];
      readonly syncUpdated: readonly string[];
    }
  /** One sentence: what would be lost, or why there is nothing to skip. */
  | { readonly kind: 'refused'; readonly reason: string };

export type NodeInfo = {
  readonly nodeId: string;
  readonly hostname: string | null;
  readonly garageVersion: string;
  readonly garageFeatures: readonly string[];
  /** What the node runs on; Garage puts its compiler here. */
  readonly rustVersion: string;
  readonly dbEngine: string;
};

export type TableStatistics = { readonly tableName: string; readonly items: number };

export type NodeStatistics = {
  readonly tables: readonly TableStatistics[];
  /** Blocks that have a count of references. */
  readonly rcEntries: number;
  readonly resyncQueueLength: number;
  readonly resyncErrors: number;
};

export type NodeAnswer<Value> =
  | { readonly kind: 'answered'; readonly value: Value }
  | { readonly kind: 'failed'; readonly message: string };

// ---- objects ------------------------------------------------------------------------------------

export type BucketUsage = {
  readonly objects: number;
  readonly bytes: number;
  readonly unfinishedUploads: number;
  readonly unfinishedMultipartUploads: number;
  readonly unfinishedMultipartUploadParts: number;
  readonly unfinishedMultipartUploadBytes: number;
};

export type InspectedBlock = {
  readonly partNumber: number;
  readonly offset: number;
  readonly hash: string;
  readonly size: number;
};

export type InspectedVersion = {
  readonly uuid: string;
  readonly timestampMs: number;
  readonly encrypted: boolean;
  readonly uploading: boolean;
  readonly aborted: boolean;
  readonly deleteMarker: boolean;
  readonly inline: boolean;
  /** Undefined for a delete marker and for what is not finished, like `etag`. */
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly blocks: readonly InspectedBlock[];
};

/**
 * The part that keeps the truth could not be asked: no quorum, no layout applied yet. The message
 * is one sentence for the operator, with the next step where there is one. It may be thrown by any
 * method of the admin ports; the doors answer 503.
 */
export class AdminUnavailableError extends Error {
  readonly code = 'unavailable';
  override readonly name = 'AdminUnavailableError';
}
