/**
 * The table conversation as bytes.
 *
 * Owns:          the numbers of its kinds, the order of their fields.
 * Knows:         the messages; rows in their own encoding.
 * Must not know: how they travel.
 */
import { CodecError } from '../codec.ts';
import { conversation } from '../conversation.ts';
import type { AttemptId, BucketId, ObjectKey, UploadId, VersionId } from '../ids.ts';
import { MERGE_BYTES_MAX } from '../limits.ts';
import { parseBlockList, type BlockList } from '../records/block-list.ts';
import { packOwner, readOwner } from '../records/block-owner.ts';
import type { BucketCounters } from '../records/bucket-counters.ts';
import {
  packAcl,
  packTagging,
  readAcl,
  readTagging,
  type ChangedAcl,
  type Tagging,
} from '../records/object-extras.ts';
import {
  packLock,
  packRetention,
  readLock,
  readRetention,
  type ObjectLock,
  type Retention,
} from '../records/object-lock.ts';
import {
  decodeObjectRow,
  encodeObjectRow,
  packPartRefs,
  readPartRefs,
  type PartRef,
  type VersionRef,
} from '../records/object-row.ts';
import type { VersionAt } from '../records/release-entry.ts';
import type { Forgotten, PreparedRound } from '../records/round-row.ts';
import { packForgotten, packPrepared, readForgotten, readPrepared } from '../records/round-row.ts';
import {
  decodePartRow,
  decodeUploadRow,
  encodePartRow,
  encodeUploadRow,
} from '../records/upload-row.ts';
import type { Timestamp } from '../timestamp.ts';
import {
  branded,
  bytes,
  choice,
  field,
  flag,
  hex,
  integer,
  list,
  optional,
  payload,
  row,
  shape,
  text,
  union,
  wordOr,
  type Codec,
  type Members,
} from '../wire.ts';
import type {
  BucketQuota,
  ComparedRead,
  HoldChange,
  ListedEntry,
  ListedUpload,
  ListedPrefix,
  ListedVersion,
  ListStart,
  ObjectPlace,
  OwnersCheck,
  RetentionChange,
  TableReply,
  TableRequest,
  UploadList,
  VersionStart,
  WriteCondition,
} from './table.ts';
import type { DigestedRow, RoundNumber, StoredRow } from './table-replicas.ts';

const bucket = hex<BucketId>(32);
const key = branded<ObjectKey>();
const versionId = hex<VersionId>(16);
const uploadId = hex<UploadId>(16);
const attemptId = hex<AttemptId>(16);
const timestamp = hex<Timestamp>(16);
/** Of a version or of an attempt: where either may stand. */
const ownerId = hex<VersionId | AttemptId>(16);

const objectRow = row(encodeObjectRow, decodeObjectRow);
const uploadRow = row(encodeUploadRow, decodeUploadRow);
const partRow = row(encodePartRow, decodePartRow);
const tagging = field<Tagging>(packTagging, fields => readTagging(fields) ?? { tags: [] });
const changedAcl = field<ChangedAcl>(packAcl, fields => {
  const acl = readAcl(fields);
  if (acl === undefined) throw new CodecError('a change to no access control list');
  return acl;
});
const retention = field<Retention>(packRetention, fields => {
  const read = readRetention(fields);
  if (read === undefined) throw new CodecError('a retention that is none');
  return read;
});
const lock = field<ObjectLock>(packLock, fields => {
  const read = readLock(fields);
  if (read === undefined) throw new CodecError('a lock that is none');
  return read;
});
/** Present or absent. */
const yes: Codec<true> = {
  pack: () => true,
  read(fields) {
    if (fields.flag()) return true;
    throw new CodecError('a flag that is not set');
  },
};
const versionRef = branded<VersionRef>();
const partRefs = field<readonly PartRef[]>(packPartRefs, readPartRefs);
const owner = field(packOwner, fields => readOwner(fields.nested()));
const blocks: Codec<BlockList> = {
  pack: blockList => blockList,
  read(fields) {
    const blockList = parseBlockList(fields.bytes());
    if (blockList === undefined) throw new CodecError('a block list of odd length');
    return blockList;
  },
};

const place = shape<ObjectPlace>({ bucket, shard: integer, key });
const etags = wordOr('any', list(text));
const condition = shape<WriteCondition>({
  ifMatch: optional(etags),
  ifNoneMatch: optional(etags),
  ifVersion: optional(versionId),
  ifModifiedMs: optional(integer),
  ifSizeBytes: optional(integer),
});
const versionAt = shape<VersionAt>({ timestamp, isNull: flag });
const retentionChange = shape<RetentionChange>({
  stamp: timestamp,
  retention: optional(retention),
  mayBypass: flag,
});
const quota = shape<BucketQuota>({
  maxBytes: optional(integer),
  maxObjects: optional(integer),
  shards: integer,
});
const listStart = shape<ListStart>({ key, inclusive: flag });
const uploadStart = shape<NonNullable<UploadList['after']>>({
  key: text,
  uploadId: optional(uploadId),
});
const versionStart = shape<VersionStart>({ key, version: optional(versionRef) });
const checkedOwner = shape<OwnersCheck['owners'][number]>({ owner, mayBeUnderWay: flag });
const listChecksum = shape<{ readonly algorithm: string; readonly type: string }>({
  algorithm: text,
  type: text,
});
const firstOfPrefix = shape<NonNullable<ListedPrefix['first']>>({ key, mark: text });
const listedEntry = union<ListedEntry>({
  object: [
    1,
    {
      key,
      lastModifiedMs: integer,
      sizeBytes: integer,
      etag: text,
      checksum: optional(listChecksum),
    },
  ],
  prefix: [2, { prefix: text, first: optional(firstOfPrefix) }],
});
const listedVersion = union<ListedVersion | ListedPrefix>({
  version: [
    1,
    {
      key,
      version: versionRef,
      isLatest: flag,
      isMarker: flag,
      lastModifiedMs: integer,
      sizeBytes: integer,
      etag: text,
      checksum: optional(listChecksum),
    },
  ],
  prefix: [2, { prefix: text, first: optional(firstOfPrefix) }],
});
const listedUpload = union<ListedUpload | ListedPrefix>({
  upload: [1, { key, upload: uploadRow }],
  prefix: [2, { prefix: text, first: optional(firstOfPrefix) }],
});
const counters = shape<BucketCounters>({
  objects: integer,
  bytes: integer,
  uploads: integer,
  uploadParts: integer,
  uploadBytes: integer,
});
const digestedRow = shape<DigestedRow>({ name: bytes, item: bytes });
const digestTree = shape<{ readonly leaves: Uint8Array; readonly unquiet: Uint8Array }>({
  leaves: payload,
  unquiet: bytes,
});

const roundNumber = shape<RoundNumber>({ round: integer, collected: optional(timestamp) });
const preparedRound = field<PreparedRound>(packPrepared, fields => readPrepared(fields.nested()));
const forgottenList = field<readonly Forgotten[]>(packForgotten, readForgotten);
const storedRow = shape<StoredRow>({
  name: bytes,
  value: payload,
  inline: optional(payload),
  lists: optional(list(payload)),
});

const comparedReads: Members<ComparedRead> = {
  'object-read': [2, { place, want: choice('row', 'content'), version: optional(versionRef) }],
  'object-list': [
    3,
    {
      bucket,
      shard: integer,
      prefix: text,
      delimiter: text,
      from: optional(listStart),
      limit: integer,
      firsts: optional(flag),
    },
  ],
  'upload-read': [8, { place, uploadId }],
  'upload-list': [
    10,
    {
      bucket,
      shard: integer,
      prefix: text,
      delimiter: text,
      after: optional(uploadStart),
      limit: integer,
      firsts: optional(flag),
    },
  ],
  'part-list': [12, { place, uploadId, after: integer, limit: integer }],
  'version-list': [
    52,
    {
      bucket,
      shard: integer,
      prefix: text,
      delimiter: text,
      after: optional(versionStart),
      limit: integer,
    },
  ],
};

const request = union<TableRequest>({
  ...comparedReads,
  'object-write': [
    1,
    {
      place,
      row: objectRow,
      inline: optional(payload),
      condition: optional(condition),
      completes: optional(shape({ uploadId, parts: partRefs })),
      quota: optional(quota),
      isAbove: optional(flag),
      voids: optional(list(timestamp)),
    },
  ],
  'manifest-write': [4, { owner, index: integer, blocks }],
  'manifest-read': [5, { id: ownerId, index: integer }],
  'manifest-drop': [6, { id: ownerId }],
  'upload-create': [7, { place, upload: uploadRow }],
  'upload-abort': [9, { place, uploadId, timestamp }],
  'part-write': [11, { place, part: partRow, quota: optional(quota) }],
  'part-read': [13, { place, uploadId, partNumber: integer, attemptId }],
  'version-parts-read': [14, { place, versionId, index: integer }],
  'owner-abort': [15, { owner }],
  'owners-check': [16, { owners: list(checkedOwner) }],
  'counters-read': [17, { bucket }],
  'bucket-fence': [18, { bucket, token: text }],
  'bucket-unfence': [19, { bucket, token: text }],
  'bucket-probe': [20, { bucket, shard: integer }],
  'digest-read': [30, {}],
  'digest-rows': [
    31,
    {
      leaves: bytes,
      tables: choice('compared', 'all'),
      after: optional(bytes),
      upTo: optional(bytes),
    },
  ],
  'rows-read': [32, { names: list(bytes) }],
  'rows-merge': [33, { rows: list(storedRow), round: optional(roundNumber) }],
  'round-promise': [60, { ballot: timestamp }],
  'round-prepare': [61, { prepared: preparedRound }],
  'round-check': [62, { list: forgottenList }],
  'round-enter': [63, { round: integer }],
  'object-change': [
    50,
    {
      place,
      version: optional(versionRef),
      tagging: optional(tagging),
      acl: optional(changedAcl),
      retention: optional(retentionChange),
      hold: optional(shape<HoldChange>({ stamp: timestamp, legalHold: flag })),
    },
  ],
  'version-delete': [
    51,
    {
      place,
      version: versionRef,
      timestamp,
      condition: optional(condition),
      mayBypass: optional(flag),
      at: optional(versionAt),
      lock: optional(lock),
    },
  ],
  'version-check': [53, { place, at: versionAt, uploadId: optional(uploadId) }],
  'reply-digest': [34, { of: union<ComparedRead>(comparedReads) }],
});

const reply = union<TableReply>({
  written: [
    1,
    {
      replaced: optional(shape({ sizeBytes: integer })),
      version: optional(versionRef),
      marker: optional(yes),
    },
  ],
  older: [2, { newest: timestamp, isForgotten: optional(flag) }],
  'condition-failed': [3, { because: choice('absent', 'mismatch') }],
  'bucket-closed': [4, {}],
  'no-such-upload': [5, {}],
  'completed-before': [6, { versionId, etag: text }],
  aborted: [7, {}],
  object: [8, { row: optional(objectRow), inline: optional(payload) }],
  'object-page': [9, { entries: list(listedEntry), next: optional(listStart) }],
  manifest: [10, { blocks: optional(blocks) }],
  upload: [11, { upload: uploadRow }],
  'upload-page': [12, { entries: list(listedUpload), truncated: flag }],
  parts: [13, { upload: uploadRow, parts: list(partRow), truncated: flag }],
  part: [14, { part: optional(partRow) }],
  'version-parts': [15, { parts: partRefs }],
  owners: [16, { states: list(choice('live', 'under-way', 'dead')) }],
  counters: [17, { counters }],
  fenced: [18, { token: text }],
  probed: [19, { empty: flag }],
  overloaded: [20, {}],
  'deadline-passed': [21, {}],
  unknown: [22, {}],
  'no-space': [23, {}],
  'stamp-ahead': [24, {}],
  damaged: [25, {}],
  'not-understood': [26, {}],
  'quota-exceeded': [27, {}],
  digest: [40, { tree: optional(digestTree), round: integer }],
  'digest-page': [41, { rows: list(digestedRow), next: optional(bytes) }],
  rows: [42, { rows: list(storedRow), handled: integer, round: roundNumber }],
  merged: [43, { changed: integer }],
  'version-page': [51, { entries: list(listedVersion), next: optional(versionStart) }],
  'version-checked': [53, { isOver: flag, isUploadNamed: flag }],
  'no-such-version': [50, { because: choice('absent', 'marker') }],
  'version-locked': [52, { because: choice('held', 'clock') }],
  'reply-digest': [44, { digest: bytes }],
  'stale-round': [60, { round: integer }],
  round: [61, { round: integer, prepared: optional(preparedRound) }],
  'round-refused': [62, { promised: timestamp }],
  'round-held': [63, { held: list(flag) }],
  'stale-layout': [45, { state: bytes }],
});

const LISTED_BYTES = 200;
const PART_BYTES = 300;

export const tableConversation = conversation<TableRequest, TableReply>({
  name: 'table',
  traffic: 'control',
  replyBytes(asked) {
    switch (asked.kind) {
      case 'object-list':
      case 'version-list':
      case 'upload-list':
        return asked.limit * LISTED_BYTES;
      case 'part-list':
        return asked.limit * PART_BYTES;
      case 'rows-read':
        return MERGE_BYTES_MAX;
      default:
        return 0;
    }
  },
  request,
  reply,
});
