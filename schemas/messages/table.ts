/**
 * What is asked of the actor that owns one partition's rows, and what it answers.
 *
 * Owns:          the requests and replies of one table replica.
 * Knows:         the rows.
 * Must not know: how messages travel, how rows are stored.
 *
 * Every answer is a value: a request that cannot be carried out says why. `unknown` means that a
 * write may or may not have happened (a batch failed): the client is told 503, never success, and
 * never "failed" for good.
 */
import type { BucketId, ObjectKey, UploadId, VersionId, AttemptId } from '../ids.ts';
import type { BlockList } from '../records/block-list.ts';
import type { BlockOwner } from '../records/block-owner.ts';
import type { BucketCounters } from '../records/bucket-counters.ts';
import type { ChangedAcl, Tagging } from '../records/object-extras.ts';
import type { ObjectLock, Retention } from '../records/object-lock.ts';
import type { VersionAt } from '../records/release-entry.ts';
import type { PreparedRound } from '../records/round-row.ts';
import type { ObjectRow, PartRef, VersionRef } from '../records/object-row.ts';
import type { PartRow, UploadRow } from '../records/upload-row.ts';
import type { Timestamp } from '../timestamp.ts';
import type { DigestedRow, ReplicaRequest, RoundNumber, StoredRow } from './table-replicas.ts';

/** An object's place: its bucket, the index shard its key falls in, and the key. */
export type ObjectPlace = {
  readonly bucket: BucketId;
  readonly shard: number;
  readonly key: ObjectKey;
};

/** What a bucket may hold; a limit that is absent is none. */
export type BucketQuota = {
  readonly maxBytes?: number | undefined;
  readonly maxObjects?: number | undefined;
  /** The index shards of the bucket: the limits are for all of them together. */
  readonly shards: number;
};

/** `If-Match` and its kin, decided in the step that writes. ETags without quotes. */
export type WriteCondition = {
  readonly ifMatch?: readonly string[] | 'any';
  readonly ifNoneMatch?: readonly string[] | 'any';
  /** Of deletions: written in the same second. It holds where nothing is there, as does the next:
   *  nothing is left to be deleted. */
  readonly ifModifiedMs?: number;
  readonly ifSizeBytes?: number;
  /** The version that stands there, by its id, or a delete marker, by its stamp: of those who saw
   *  it, no client. */
  readonly ifVersion?: VersionId;
};

export type ObjectWrite = {
  readonly kind: 'object-write';
  readonly place: ObjectPlace;
  readonly row: ObjectRow;
  /** The bytes of an inline version; absent when it is empty or not inline. */
  readonly inline?: Uint8Array | undefined;
  readonly condition?: WriteCondition | undefined;
  /** Completing an upload: all its chosen parts, in order. In one step with the write, the upload
   *  ends and what was not chosen is released. Refused when the upload is not open. */
  readonly completes?: { readonly uploadId: UploadId; readonly parts: readonly PartRef[] };
  /** Decided in the step that writes. */
  readonly quota?: BucketQuota | undefined;
  /** The stamp is above what a read quorum held, or a write quorum told: what is newer all the same
   *  is written at the same time. A version stands below it then. */
  readonly isAbove?: boolean | undefined;
  /** Stamps under which this version was sent before: no replica keeps it under one of them. */
  readonly voids?: readonly Timestamp[] | undefined;
};

/** `mayBypass`: whoever asks has the right to bypass governance, and said so. */
export type RetentionChange = {
  readonly stamp: Timestamp;
  /** Absent: it is taken away. */
  readonly retention?: Retention | undefined;
  readonly mayBypass: boolean;
};
export type HoldChange = { readonly stamp: Timestamp; readonly legalHold: boolean };

/**
 * Changes what may change of a version that is there, and nothing else of it. `written` tells which
 * version it was. A change of a lock is refused with `older` when it is stamped below an earlier
 * one: none is ever lost to a slow clock.
 */
export type ObjectChange = {
  readonly kind: 'object-change';
  readonly place: ObjectPlace;
  /** Absent: the current version. */
  readonly version?: VersionRef | undefined;
  readonly tagging?: Tagging | undefined;
  readonly acl?: ChangedAcl | undefined;
  readonly retention?: RetentionChange | undefined;
  readonly hold?: HoldChange | undefined;
};

/**
 * Takes one version away for good, a delete marker too; the newest of those below becomes the
 * current one. `written` also when there is none of that name: it is gone.
 */
export type VersionDelete = {
  readonly kind: 'version-delete';
  readonly place: ObjectPlace;
  readonly version: VersionRef;
  /** Of the deletion: the tombstone has it where nothing is left. */
  readonly timestamp: Timestamp;
  readonly condition?: WriteCondition | undefined;
  /** Whoever asks has the right to bypass governance, and said so. */
  readonly mayBypass?: boolean | undefined;
  /** Which one that is, where there are several replicas: one that has missed it hears of its end
   *  all the same. */
  readonly at?: VersionAt | undefined;
  /** Its lock: a replica that has missed the version keeps it from ending all the same. */
  readonly lock?: ObjectLock | undefined;
};

/** `any` wants the row; `content` also the bytes of an inline object, in the same answer. */
export type ObjectRead = {
  readonly kind: 'object-read';
  readonly place: ObjectPlace;
  readonly want: 'row' | 'content';
  /** Absent: the current one. */
  readonly version?: VersionRef | undefined;
};

/** Where a listing goes on: at this key, or behind it. */
export type ListStart<Key = ObjectKey> = { readonly key: Key; readonly inclusive: boolean };

/** Keys in byte order. `limit` counts objects and common prefixes together. */
export type ObjectList = {
  readonly kind: 'object-list';
  readonly bucket: BucketId;
  readonly shard: number;
  readonly prefix: string;
  /** Empty: none. */
  readonly delimiter: string;
  readonly from?: ListStart;
  readonly limit: number;
  /** Common prefixes come with their first object: several replicas are compared by it. */
  readonly firsts?: boolean | undefined;
};

export type ListedObject = {
  readonly kind: 'object';
  readonly key: ObjectKey;
  readonly lastModifiedMs: number;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksum?: { readonly algorithm: string; readonly type: string };
};
/** `prefix` ends with the delimiter. */
export type ListedPrefix = {
  readonly kind: 'prefix';
  readonly prefix: string;
  /** The first key that it stands for; `mark` tells what stands there. Only where asked for. */
  readonly first?: { readonly key: ObjectKey; readonly mark: string };
};
export type ListedEntry = ListedObject | ListedPrefix;

/** Behind all versions of a key, or behind one of them. */
export type VersionStart = { readonly key: ObjectKey; readonly version?: VersionRef };

/** All versions of all keys: keys in byte order, of each the newest version first. */
export type VersionList = {
  readonly kind: 'version-list';
  readonly bucket: BucketId;
  readonly shard: number;
  readonly prefix: string;
  /** Empty: none. */
  readonly delimiter: string;
  readonly after?: VersionStart;
  readonly limit: number;
};

export type ListedVersion = {
  readonly kind: 'version';
  readonly key: ObjectKey;
  readonly version: VersionRef;
  readonly isLatest: boolean;
  readonly isMarker: boolean;
  readonly lastModifiedMs: number;
  /** 0 and empty for a delete marker. */
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksum?: { readonly algorithm: string; readonly type: string };
};

/** Manifest rows lie in the partition of their owner's id, not with the object row. */
export type ManifestWrite = {
  readonly kind: 'manifest-write';
  readonly owner: BlockOwner;
  /** 0, 1, 2, …: each row holds MANIFEST_ROW_BLOCKS blocks, the last may hold fewer. */
  readonly index: number;
  readonly blocks: BlockList;
};
export type ManifestRead = {
  readonly kind: 'manifest-read';
  readonly id: VersionId | AttemptId;
  readonly index: number;
};
/** Removes all manifest rows of an owner; asked only once the owner is dead for good. */
export type ManifestDrop = { readonly kind: 'manifest-drop'; readonly id: VersionId | AttemptId };

export type UploadCreate = {
  readonly kind: 'upload-create';
  readonly place: ObjectPlace;
  readonly upload: UploadRow;
};
export type UploadRead = {
  readonly kind: 'upload-read';
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
};
/**
 * `written`, or `no-such-upload` when it is not open (an abort that is told twice is `written`).
 */
export type UploadAbort = {
  readonly kind: 'upload-abort';
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly timestamp: Timestamp;
};
/** Open uploads by key, then by upload id (their order of beginning). */
export type UploadList = {
  readonly kind: 'upload-list';
  readonly bucket: BucketId;
  readonly shard: number;
  readonly prefix: string;
  readonly delimiter: string;
  /** Behind this key; with `uploadId`, behind that upload of the key. */
  readonly after?: { readonly key: string; readonly uploadId?: UploadId };
  readonly limit: number;
  readonly firsts?: boolean | undefined;
};
export type ListedUpload = {
  readonly kind: 'upload';
  readonly key: ObjectKey;
  readonly upload: UploadRow;
};

export type PartWrite = {
  readonly kind: 'part-write';
  readonly place: ObjectPlace;
  readonly part: PartRow;
  readonly quota?: BucketQuota | undefined;
};
/** The newest attempt at each part, ascending, behind part number `after`. Open uploads only. */
export type PartList = {
  readonly kind: 'part-list';
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly after: number;
  readonly limit: number;
};
/** One attempt, whether its upload is open or completed: readers find its blocks here. */
export type PartRead = {
  readonly kind: 'part-read';
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly attemptId: AttemptId;
};
/** A row of the part list of a version with more parts than stand in its object row. */
export type VersionPartsRead = {
  readonly kind: 'version-parts-read';
  readonly place: ObjectPlace;
  readonly versionId: VersionId;
  /** 0, 1, 2, …: each row holds PART_LIST_ROW_PARTS parts. */
  readonly index: number;
};

/** The writer gave up: its version or attempt is marked aborted, so that it can never appear. The
 *  answer is `aborted`, or `owners` with `live` when it was stored already. What it references is
 *  the writer's to release. Versions whose bytes are inline reference nothing and are never marked.
 *
 */
export type OwnerAbort = { readonly kind: 'owner-abort'; readonly owner: BlockOwner };
/** Which of these owners live? One that is unfinished and `dead` (begun by a process that is no
 *  more, or too long ago) is marked aborted first, and reported dead. All of one partition. */
export type OwnersCheck = {
  readonly kind: 'owners-check';
  readonly owners: readonly { readonly owner: BlockOwner; readonly mayBeUnderWay: boolean }[];
};

export type CountersRead = { readonly kind: 'counters-read'; readonly bucket: BucketId };
/** Refuse writes to this bucket from now on, durably; the token says who asked, and a later one
 *  takes the place of an earlier. Answered `fenced` with the token that is in force. */
export type BucketFence = {
  readonly kind: 'bucket-fence';
  readonly bucket: BucketId;
  readonly token: string;
};
/** Answered `written`, or `fenced` when a later token is in force. */
export type BucketUnfence = {
  readonly kind: 'bucket-unfence';
  readonly bucket: BucketId;
  readonly token: string;
};
/** Are there live objects or open uploads of the bucket in this partition? */
export type BucketProbe = {
  readonly kind: 'bucket-probe';
  readonly bucket: BucketId;
  readonly shard: number;
};

/** What several replicas must say alike, or it is repaired before it is an answer. */
export type ComparedRead =
  ObjectRead | ObjectList | VersionList | UploadRead | UploadList | PartList;
/** A few bytes that tell whether two replicas would answer the same. */
export type ReplyDigest = { readonly kind: 'reply-digest'; readonly of: ComparedRead };

export type TableRequest =
  | ObjectWrite
  | ObjectChange
  | VersionDelete
  | VersionList
  | ObjectRead
  | ObjectList
  | ManifestWrite
  | ManifestRead
  | ManifestDrop
  | UploadCreate
  | UploadRead
  | UploadAbort
  | UploadList
  | PartWrite
  | PartList
  | PartRead
  | VersionPartsRead
  | OwnerAbort
  | OwnersCheck
  | CountersRead
  | BucketFence
  | BucketUnfence
  | BucketProbe
  | ReplicaRequest
  | ReplyDigest;

/** What any request may be answered with. */
export type TableRefusal =
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'deadline-passed' }
  /**
   * The batch failed, or the store is being reopened: what was asked may or may not have happened.
   */
  | { readonly kind: 'unknown' }
  /** The metadata disk has less than `min_free`. */
  | { readonly kind: 'no-space' }
  /** The write's stamp lies too far in the future of this node's clock. */
  | { readonly kind: 'stamp-ahead' }
  /** A row that is needed for the answer does not have the bytes that were written. */
  | { readonly kind: 'damaged' }
  | { readonly kind: 'not-understood' };

export type TableReply =
  /** Durable. `replaced`: what stood there before and is not there any more. */
  | {
      readonly kind: 'written';
      readonly replaced?: { readonly sizeBytes: number };
      /** The version that was meant, where that is not clear from the request. */
      readonly version?: VersionRef;
      /** What was deleted was a delete marker. */
      readonly marker?: true;
    }
  /** A change, or a deletion, of a version that is not there, or that is a delete marker. */
  | { readonly kind: 'no-such-version'; readonly because: 'absent' | 'marker' }
  /** Not stored: a row at or above the write's timestamp is there; write again above it. */
  | {
      readonly kind: 'older';
      readonly newest: Timestamp;
      /** No row is there: a deletion of that stamp may have been, and is forgotten. */
      readonly isForgotten?: boolean;
    }
  | { readonly kind: 'condition-failed'; readonly because: 'absent' | 'mismatch' }
  /** A retention or a hold keeps the version; `clock`: its retention seems to be over, by a clock
   *  that no majority agrees with. */
  | { readonly kind: 'version-locked'; readonly because: 'held' | 'clock' }
  | { readonly kind: 'bucket-closed' }
  /** The write would have made the bucket larger than it may be. */
  | { readonly kind: 'quota-exceeded' }
  | { readonly kind: 'no-such-upload' }
  /** The upload was completed before, with this result, which is still the object. */
  | { readonly kind: 'completed-before'; readonly versionId: VersionId; readonly etag: string }
  /** The version or attempt was marked aborted: it can never be stored. */
  | { readonly kind: 'aborted' }
  | { readonly kind: 'object'; readonly row?: ObjectRow; readonly inline?: Uint8Array }
  /** `next`: where to go on; absent when the listing is complete. */
  | {
      readonly kind: 'object-page';
      readonly entries: readonly ListedEntry[];
      readonly next?: ListStart;
    }
  /** `next`: where to go on; absent when the listing is complete. */
  | {
      readonly kind: 'version-page';
      readonly entries: readonly (ListedVersion | ListedPrefix)[];
      readonly next?: VersionStart;
    }
  | {
      readonly kind: 'version-checked';
      readonly isOver: boolean;
      readonly isUploadNamed: boolean;
    }
  | { readonly kind: 'manifest'; readonly blocks?: BlockList }
  | { readonly kind: 'upload'; readonly upload: UploadRow }
  | {
      readonly kind: 'upload-page';
      readonly entries: readonly (ListedUpload | ListedPrefix)[];
      readonly truncated: boolean;
    }
  | {
      readonly kind: 'parts';
      readonly upload: UploadRow;
      readonly parts: readonly PartRow[];
      readonly truncated: boolean;
    }
  | { readonly kind: 'part'; readonly part?: PartRow }
  | { readonly kind: 'version-parts'; readonly parts: readonly PartRef[] }
  /** One answer per owner asked about. */
  | { readonly kind: 'owners'; readonly states: readonly ('live' | 'under-way' | 'dead')[] }
  | { readonly kind: 'counters'; readonly counters: BucketCounters }
  | { readonly kind: 'fenced'; readonly token: string }
  | { readonly kind: 'probed'; readonly empty: boolean }
  /** The leaves, and a bit for each that a write changed a moment ago; no tree while it is made. */
  | {
      readonly kind: 'digest';
      readonly tree?: { readonly leaves: Uint8Array; readonly unquiet: Uint8Array };
      /** Of forgetting: trees of different rounds are not compared. */
      readonly round: number;
    }
  /** So many names were looked at: the rest is asked for again. What is absent is left out. */
  | {
      readonly kind: 'rows';
      readonly rows: readonly StoredRow[];
      readonly handled: number;
      readonly round: RoundNumber;
    }
  /** Rows of an earlier round than this replica's: they are to be read again. */
  | { readonly kind: 'stale-round'; readonly round: number }
  | { readonly kind: 'round'; readonly round: number; readonly prepared?: PreparedRound }
  | { readonly kind: 'round-refused'; readonly promised: Timestamp }
  | { readonly kind: 'round-held'; readonly held: readonly boolean[] }
  | { readonly kind: 'reply-digest'; readonly digest: Uint8Array }
  /** Asked under too old a set of live layout versions; `state` is the newer one. */
  | { readonly kind: 'stale-layout'; readonly state: Uint8Array }
  /** Durable: so many rows are not what they were before. */
  | { readonly kind: 'merged'; readonly changed: number }
  /** `next`: the name behind which to go on; absent at the end. */
  | {
      readonly kind: 'digest-page';
      readonly rows: readonly DigestedRow[];
      readonly next?: Uint8Array;
    }
  | TableRefusal;
