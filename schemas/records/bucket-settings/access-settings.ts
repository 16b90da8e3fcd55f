/**
 * What will decide who may use a bucket, and what must not be deleted from it: the fields are
 * stored from the start so that rows need no new format for them.
 *
 * Owns:          versioning, object lock, policy, public access block, ownership and canned ACL of
 *                a bucket: their fields and bytes.
 * Knows:         the S3 API reference of each.
 * Must not know: how any of them is enforced.
 */
import type { FieldReader, Packed } from '../../codec.ts';
import { CodecError } from '../../codec.ts';
import { packWord, readOptionalText, readWord } from './setting-fields.ts';

const VERSIONING = ['enabled', 'suspended'] as const;
export const LOCK_MODES = ['GOVERNANCE', 'COMPLIANCE'] as const;
const OWNERSHIPS = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'] as const;
/** As they are stored; `none`: the controls were deleted, and S3 then goes by `ObjectWriter`. */
const STORED_OWNERSHIPS = [...OWNERSHIPS, 'none'] as const;
export const ACLS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const;

export type VersioningStatus = (typeof VERSIONING)[number];
export type LockMode = (typeof LOCK_MODES)[number];
export type ObjectOwnership = (typeof OWNERSHIPS)[number];
export type StoredOwnership = (typeof STORED_OWNERSHIPS)[number];
export type CannedAcl = (typeof ACLS)[number];

/** The list of that name; undefined: there is none. */
export function cannedAcl(name: string): CannedAcl | undefined {
  return ACLS.find(acl => acl === name);
}

/** That it is there at all means that locking is enabled. */
export type ObjectLockConfiguration = {
  readonly defaultRetention:
    | { readonly mode: LockMode; readonly unit: 'days' | 'years'; readonly count: number }
    | undefined;
};

/** The setting of that name; undefined: there is none. */
export function objectOwnership(name: string): ObjectOwnership | undefined {
  return OWNERSHIPS.find(ownership => ownership === name);
}

export type PublicAccessBlock = {
  readonly blockPublicAcls: boolean;
  readonly ignorePublicAcls: boolean;
  readonly blockPublicPolicy: boolean;
  readonly restrictPublicBuckets: boolean;
};

export type AccessSettings = {
  /** Absent: never enabled. */
  readonly versioning?: VersioningStatus;
  readonly objectLock?: ObjectLockConfiguration;
  /** The policy document as it was sent. */
  readonly policy?: string;
  readonly publicAccessBlock?: PublicAccessBlock;
  /** Absent: as for every bucket of the time when nothing could be chosen, BucketOwnerEnforced. */
  readonly ownership?: StoredOwnership;
  /** Absent: `private`. */
  readonly acl?: CannedAcl;
};

/** Six fields, in the order in which they are read. */
export function packAccess(access: AccessSettings): Packed[] {
  const { objectLock, publicAccessBlock: block } = access;
  const retention = objectLock?.defaultRetention;
  return [
    packWord(VERSIONING, access.versioning),
    objectLock === undefined
      ? null
      : retention === undefined
        ? []
        : [packWord(LOCK_MODES, retention.mode), retention.unit === 'years', retention.count],
    access.policy ?? null,
    block === undefined ? null : packBlock(block),
    packWord(STORED_OWNERSHIPS, access.ownership),
    packWord(ACLS, access.acl),
  ];
}

function packBlock(block: PublicAccessBlock): number {
  return (
    (block.blockPublicAcls ? 1 : 0) +
    (block.ignorePublicAcls ? 2 : 0) +
    (block.blockPublicPolicy ? 4 : 0) +
    (block.restrictPublicBuckets ? 8 : 0)
  );
}

export function readAccess(fields: FieldReader): AccessSettings {
  const versioning = readWord(fields, VERSIONING);
  const objectLock = readLock(fields);
  const policy = readOptionalText(fields);
  const publicAccessBlock = readBlock(fields);
  const ownership = readWord(fields, STORED_OWNERSHIPS);
  const acl = readWord(fields, ACLS);
  return {
    ...(versioning === undefined ? {} : { versioning }),
    ...(objectLock === undefined ? {} : { objectLock }),
    ...(policy === undefined ? {} : { policy }),
    ...(publicAccessBlock === undefined ? {} : { publicAccessBlock }),
    ...(ownership === undefined ? {} : { ownership }),
    ...(acl === undefined ? {} : { acl }),
  };
}

function readLock(fields: FieldReader): ObjectLockConfiguration | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  if (!parts.hasMore) return { defaultRetention: undefined };
  const mode = readWord(parts, LOCK_MODES);
  if (mode === undefined) throw new CodecError('a retention without a mode');
  const unit = parts.flag() ? 'years' : 'days';
  return { defaultRetention: { mode, unit, count: parts.integer() } };
}

function readBlock(fields: FieldReader): PublicAccessBlock | undefined {
  if (fields.skipNull()) return undefined;
  const bits = fields.integer();
  return {
    blockPublicAcls: (bits & 1) > 0,
    ignorePublicAcls: (bits & 2) > 0,
    blockPublicPolicy: (bits & 4) > 0,
    restrictPublicBuckets: (bits & 8) > 0,
  };
}
