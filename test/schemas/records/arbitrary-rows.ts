/**
 * Random rows of every kind, from small value spaces so that equal timestamps and ids are common.
 *
 * Owns:          the generators.
 * Knows:         the records.
 * Must not know: what is checked of them.
 */
import fc from 'fast-check';
import type {
  AttemptId,
  BlockHash,
  BucketId,
  ObjectKey,
  UploadId,
  VersionId,
} from '../../../schemas/ids.ts';
import { ACLS } from '../../../schemas/records/bucket-settings/access-settings.ts';
import type { BlockList } from '../../../schemas/records/block-list.ts';
import { packBlocks } from '../../../schemas/records/block-list.ts';
import type { BlockOwner } from '../../../schemas/records/block-owner.ts';
import type { StoredChecksum } from '../../../schemas/records/checksum.ts';
import { CHECKSUM_ALGORITHMS } from '../../../schemas/records/checksum.ts';
import type { CustomerEncryption } from '../../../schemas/records/customer-encryption.ts';
import type { ChangedAcl, Tagging } from '../../../schemas/records/object-extras.ts';
import type { ObjectLock, Retention } from '../../../schemas/records/object-lock.ts';
import type {
  ObjectContent,
  ObjectRow,
  PartRef,
  StoredHeaders,
} from '../../../schemas/records/object-row.ts';
import type { PartRow, UploadRow, UploadState } from '../../../schemas/records/upload-row.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';

const stampers = ['00000000000000aa', '00000000000000ab', 'ffffffffffffffff'];

export const timestamps: fc.Arbitrary<Timestamp> = fc
  .tuple(
    fc.constantFrom(0, 1, 1_700_000_000_000, 2 ** 48 - 1),
    fc.nat(2),
    fc.constantFrom(...stampers),
  )
  .map(([ms, counter, stamper]) => makeTimestamp(ms, counter, stamper));

const versionIds = timestamps as fc.Arbitrary<unknown> as fc.Arbitrary<VersionId>;
const uploadIds = timestamps as fc.Arbitrary<unknown> as fc.Arbitrary<UploadId>;
const attemptIds = timestamps as fc.Arbitrary<unknown> as fc.Arbitrary<AttemptId>;

function hex(byteCount: number): fc.Arbitrary<string> {
  return fc
    .uint8Array({ minLength: byteCount, maxLength: byteCount })
    .map(bytes => Buffer.from(bytes).toString('hex'));
}

export const bucketIds = hex(32) as fc.Arbitrary<unknown> as fc.Arbitrary<BucketId>;
const blockHashes = hex(32) as fc.Arbitrary<unknown> as fc.Arbitrary<BlockHash>;

/** Keys with NUL, with what sorts differently in UTF-16, and with nothing special. */
export const objectKeys: fc.Arbitrary<ObjectKey> = fc
  .string({
    unit: fc.constantFrom('a', 'b', '/', '\0', '\u0001', 'é', '\uffee', '😀'),
    maxLength: 8,
  })
  .map(text => `k${text}` as ObjectKey);

const sizes = fc.oneof(
  fc.nat(200),
  fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 40),
);

export const blockLists: fc.Arbitrary<BlockList> = fc
  .array(fc.record({ hash: blockHashes, sizeBytes: fc.nat(2 ** 24) }), { maxLength: 70 })
  .map(packBlocks);

const etags = fc.oneof(
  hex(16),
  fc.tuple(hex(16), fc.integer({ min: 1, max: 10_000 })).map(([md5, count]) => `${md5}-${count}`),
);

const headers: fc.Arbitrary<StoredHeaders> = fc.array(
  fc.tuple(
    fc.constantFrom('content-type', 'cache-control', 'x-amz-meta-a', 'x-amz-meta-b'),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
  ),
  { maxLength: 20 },
);

export const checksums: fc.Arbitrary<StoredChecksum> = fc.record({
  algorithm: fc.constantFrom(...CHECKSUM_ALGORITHMS),
  type: fc.constantFrom('FULL_OBJECT', 'COMPOSITE'),
  value: fc.base64String({ maxLength: 44 }),
});

export const partRefs: fc.Arbitrary<PartRef> = fc.record({
  partNumber: fc.integer({ min: 1, max: 10_000 }),
  attemptId: attemptIds,
  sizeBytes: sizes,
});

export const contents: fc.Arbitrary<ObjectContent> = fc.oneof(
  fc.record({ kind: fc.constant('inline' as const) }),
  fc.record({ kind: fc.constant('blocks' as const), blocks: blockLists }),
  fc.record({ kind: fc.constant('manifest' as const), blockCount: fc.nat(100_000) }),
  fc.record(
    {
      kind: fc.constant('parts' as const),
      uploadId: uploadIds,
      partCount: fc.nat(10_000),
      parts: fc.array(partRefs, { maxLength: 64 }),
    },
    { requiredKeys: ['kind', 'uploadId', 'partCount'] },
  ),
);

const tags = fc.record({ key: fc.string({ maxLength: 8 }), value: fc.string({ maxLength: 8 }) });

export const taggings: fc.Arbitrary<Tagging> = fc.record(
  { stamp: timestamps, tags: fc.array(tags, { maxLength: 10 }) },
  { requiredKeys: ['tags'] },
);

export const retentions: fc.Arbitrary<Retention> = fc.record({
  mode: fc.constantFrom('GOVERNANCE', 'COMPLIANCE'),
  untilMs: fc.constantFrom(0, 1_700_000_000_000, 4_000_000_000_000),
});

export const locks: fc.Arbitrary<ObjectLock> = fc.record(
  { stamp: timestamps, retention: retentions, legalHold: fc.boolean(), era: timestamps },
  { requiredKeys: [] },
);

export const changedAcls: fc.Arbitrary<ChangedAcl> = fc.record({
  stamp: timestamps,
  acl: fc.constantFrom(...ACLS),
});

const encryptions: fc.Arbitrary<CustomerEncryption> = fc.record({ salt: hex(32), check: hex(16) });

export const objectRows: fc.Arbitrary<ObjectRow> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('tombstone' as const),
      timestamp: timestamps,
      ends: fc.constantFrom('version' as const, 'null' as const, 'repeated' as const),
    },
    { requiredKeys: ['kind', 'timestamp'] },
  ),
  fc.record(
    {
      kind: fc.constant('marker' as const),
      timestamp: timestamps,
      versioned: fc.constant(true as const),
    },
    { requiredKeys: ['kind', 'timestamp'] },
  ),
  fc.record(
    {
      kind: fc.constant('version' as const),
      timestamp: timestamps,
      versionId: versionIds,
      sizeBytes: sizes,
      etag: etags,
      content: contents,
      headers,
      checksum: checksums,
      tagging: taggings,
      versioned: fc.constant(true as const),
      lock: locks,
      acl: changedAcls,
      encryption: encryptions,
    },
    { requiredKeys: ['kind', 'timestamp', 'versionId', 'sizeBytes', 'etag', 'content', 'headers'] },
  ),
);

const uploadStates: fc.Arbitrary<UploadState> = fc.oneof(
  fc.record({ kind: fc.constant('open' as const) }),
  fc.record({ kind: fc.constant('aborted' as const) }),
  fc.record({ kind: fc.constant('completed' as const), versionId: versionIds, etag: etags }),
);

export const uploadRows: fc.Arbitrary<UploadRow> = fc.record(
  {
    uploadId: uploadIds,
    timestamp: timestamps,
    state: uploadStates,
    headers,
    checksum: fc.record({
      algorithm: fc.constantFrom(...CHECKSUM_ALGORITHMS),
      type: fc.constantFrom('FULL_OBJECT' as const, 'COMPOSITE' as const),
    }),
    initiator: fc.string({ maxLength: 30 }),
    tagging: taggings,
    lock: locks,
    encryption: encryptions,
  },
  { requiredKeys: ['uploadId', 'timestamp', 'state', 'headers', 'initiator'] },
);

export const partRows: fc.Arbitrary<PartRow> = fc.record(
  {
    uploadId: uploadIds,
    partNumber: fc.integer({ min: 1, max: 10_000 }),
    attemptId: attemptIds,
    timestamp: timestamps,
    sizeBytes: sizes,
    etag: hex(16),
    content: fc.oneof(
      fc.record({ kind: fc.constant('blocks' as const), blocks: blockLists }),
      fc.record({ kind: fc.constant('manifest' as const), blockCount: fc.nat(100_000) }),
    ),
    checksum: checksums,
    encryption: encryptions,
  },
  {
    requiredKeys: [
      'uploadId',
      'partNumber',
      'attemptId',
      'timestamp',
      'sizeBytes',
      'etag',
      'content',
    ],
  },
);

const places = { bucket: bucketIds, shard: fc.nat(255), key: objectKeys };

export const owners: fc.Arbitrary<BlockOwner> = fc.oneof(
  fc.record({ kind: fc.constant('version' as const), ...places, versionId: versionIds }),
  fc.record({
    kind: fc.constant('part' as const),
    ...places,
    uploadId: uploadIds,
    partNumber: fc.integer({ min: 1, max: 10_000 }),
    attemptId: attemptIds,
  }),
);

export const releaseEntries = fc.oneof(
  fc.record(
    {
      kind: fc.constant('version' as const),
      place: fc.record(places),
      versionId: versionIds,
      content: contents,
      at: fc.record({ timestamp: timestamps, isNull: fc.boolean() }),
    },
    { requiredKeys: ['kind', 'place', 'versionId', 'content'] },
  ),
  fc.record({
    kind: fc.constant('upload' as const),
    place: fc.record(places),
    uploadId: uploadIds,
  }),
  fc.record({
    kind: fc.constant('leftovers' as const),
    place: fc.record(places),
    uploadId: uploadIds,
    versionId: versionIds,
  }),
);

export const tombstoneEntries = fc.oneof(
  fc.record(
    {
      kind: fc.constantFrom('object' as const, 'version' as const),
      ...places,
      timestamp: timestamps,
      releases: versionIds,
    },
    { requiredKeys: ['kind', 'bucket', 'shard', 'key', 'timestamp'] },
  ),
  fc.record({ kind: fc.constant('ended-upload' as const), ...places, uploadId: uploadIds }),
  fc.record({ kind: fc.constant('aborted-mark' as const), ownerId: hex(16) }),
);
