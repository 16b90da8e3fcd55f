// Method: one row of each kind and variant, written out as the bytes that releases before this one
// stored. They must be read for ever; that they are also written the same is what this release
// says.
import test from 'ava';
import type {
  AttemptId,
  BlockHash,
  BucketId,
  ObjectKey,
  UploadId,
  VersionId,
} from '../../../schemas/ids.ts';
import { decodeAbortedMark, encodeAbortedMark } from '../../../schemas/records/aborted-mark.ts';
import { packBlocks } from '../../../schemas/records/block-list.ts';
import { decodeOwner, encodeOwner } from '../../../schemas/records/block-owner.ts';
import { decodeCounters, encodeCounters } from '../../../schemas/records/bucket-counters.ts';
import { decodeFence, encodeFence } from '../../../schemas/records/fence-row.ts';
import { decodeManifestRow, encodeManifestRow } from '../../../schemas/records/manifest-row.ts';
import { decodeObjectRow, encodeObjectRow } from '../../../schemas/records/object-row.ts';
import {
  decodeOpenUploadRow,
  encodeOpenUploadRow,
} from '../../../schemas/records/open-upload-row.ts';
import { decodePartListRow, encodePartListRow } from '../../../schemas/records/part-list-row.ts';
import { decodeReleaseEntry, encodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { decodeRoundRow, encodeRoundRow } from '../../../schemas/records/round-row.ts';
import {
  decodeSettingsRound,
  encodeSettingsRound,
} from '../../../schemas/records/settings-round.ts';
import {
  decodeTombstoneEntry,
  encodeTombstoneEntry,
} from '../../../schemas/records/tombstone-entry.ts';
import {
  decodePartRow,
  decodeUploadRow,
  encodePartRow,
  encodeUploadRow,
} from '../../../schemas/records/upload-row.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';

type Golden = { readonly encoded: Buffer; readonly decoded: unknown; readonly row: unknown };

const stamper = 'a1b2c3d4e5f60718';
const at = makeTimestamp(1_700_000_000_123, 5, stamper);
const versionId = makeTimestamp(1_700_000_000_000, 4, stamper) as unknown as VersionId;
const uploadId = makeTimestamp(1_699_999_000_000, 3, stamper) as unknown as UploadId;
const attemptId = makeTimestamp(1_699_999_500_000, 2, stamper) as unknown as AttemptId;
const md5 = '900150983cd24fb0d6963f7d28e17f72';
const blocks = packBlocks([
  { hash: 'ab'.repeat(32) as BlockHash, sizeBytes: 1_048_576 },
  { hash: 'cd'.repeat(32) as BlockHash, sizeBytes: 77 },
]);
const parts = [{ partNumber: 1, attemptId, sizeBytes: 5_242_880 }];
const place = { bucket: 'ef'.repeat(32) as BucketId, shard: 3, key: 'dir/ké\0y' as ObjectKey };
const version = {
  kind: 'version',
  timestamp: at,
  versionId,
  sizeBytes: 1_048_653,
  etag: md5,
  headers: [['content-type', 'text/plain']],
} as const;
const encryption = { salt: '5a'.repeat(32), check: 'c4'.repeat(16) };
const checksum = { algorithm: 'CRC32C', type: 'FULL_OBJECT', value: 'yZRlqg==' } as const;

function golden<Row>(row: Row, encode: (row: Row) => Buffer, decode: (bytes: Buffer) => Row) {
  return (bytes: string): Golden => ({
    encoded: encode(row),
    decoded: decode(Buffer.from(bytes, 'hex')),
    row,
  });
}

const object = (row: Parameters<typeof encodeObjectRow>[0]) =>
  golden(row, encodeObjectRow, decodeObjectRow);
const upload = (row: Parameters<typeof encodeUploadRow>[0]) =>
  golden(row, encodeUploadRow, decodeUploadRow);
const part = (row: Parameters<typeof encodePartRow>[0]) =>
  golden(row, encodePartRow, decodePartRow);
const release = (row: Parameters<typeof encodeReleaseEntry>[0]) =>
  golden(row, encodeReleaseEntry, decodeReleaseEntry);
const tombstone = (row: Parameters<typeof encodeTombstoneEntry>[0]) =>
  golden(row, encodeTombstoneEntry, decodeTombstoneEntry);

const openUpload = {
  uploadId,
  timestamp: at,
  state: { kind: 'open' },
  headers: [['x-amz-meta-a', 'b']],
  checksum: { algorithm: 'SHA256', type: 'COMPOSITE' },
  initiator: 'GK0123456789',
} as const;
const partRow = {
  uploadId,
  partNumber: 7,
  attemptId,
  timestamp: at,
  sizeBytes: 1_048_653,
  etag: md5,
};
const versionOwner = { kind: 'version', ...place, versionId } as const;
const partOwner = { kind: 'part', ...place, uploadId, partNumber: 7, attemptId } as const;
const counted = { objects: 3, bytes: 2 ** 40, uploads: 1, uploadParts: 2, uploadBytes: 10_485_760 };

const rows: Readonly<Record<string, [(bytes: string) => Golden, bytes: string]>> = {
  'a tombstone': [
    object({ kind: 'tombstone', timestamp: at }),
    '9301c410018bcfe5687b0005a1b2c3d4e5f6071800',
  ],
  'an empty object': [
    object({
      ...version,
      versionId: at as unknown as VersionId,
      sizeBytes: 0,
      headers: [],
      content: { kind: 'inline' },
    }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c000c410900150983cd24fb0d6963f7d28e17f' +
      '729100c0c0',
  ],
  'a small object': [
    object({ ...version, sizeBytes: 3, content: { kind: 'inline' }, checksum }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f6071803' +
      'c410900150983cd24fb0d6963f7d28e17f72910092ac636f6e74656e742d74797065aa746578742f' +
      '706c61696e930100a8795a526c71673d3d',
  ],
  'an object in blocks': [
    object({ ...version, content: { kind: 'blocks', blocks } }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f60718ce' +
      '0010004dc410900150983cd24fb0d6963f7d28e17f729201c448abababababababababababababab' +
      'abababababababababababababababababab00100000cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd' +
      'cdcdcdcdcdcdcdcdcdcdcdcdcdcd0000004d92ac636f6e74656e742d74797065aa746578742f706c' +
      '61696ec0',
  ],
  'an object with a manifest': [
    object({ ...version, sizeBytes: 2 ** 33, content: { kind: 'manifest', blockCount: 8192 } }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f60718cb' +
      '4200000000000000c410900150983cd24fb0d6963f7d28e17f729202cd200092ac636f6e74656e74' +
      '2d74797065aa746578742f706c61696ec0',
  ],
  'an object of few parts': [
    object({
      ...version,
      etag: `${md5}-1`,
      content: { kind: 'parts', uploadId, partCount: 1, parts },
    }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f60718ce' +
      '0010004dd92239303031353039383363643234666230643639363366376432386531376637322d31' +
      '9403c410018bcfd625c00003a1b2c3d4e5f6071801919301c410018bcfddc6e00002a1b2c3d4e5f6' +
      '0718ce0050000092ac636f6e74656e742d74797065aa746578742f706c61696ec0',
  ],
  'an object of many parts': [
    object({
      ...version,
      etag: `${md5}-900`,
      content: { kind: 'parts', uploadId, partCount: 900 },
    }),
    '9901c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f60718ce' +
      '0010004dd92439303031353039383363643234666230643639363366376432386531376637322d39' +
      '30309403c410018bcfd625c00003a1b2c3d4e5f60718cd0384c092ac636f6e74656e742d74797065' +
      'aa746578742f706c61696ec0',
  ],
  'an object with tags and a lock': [
    object({
      ...version,
      sizeBytes: 3,
      content: { kind: 'inline' },
      tagging: { stamp: at, tags: [{ key: 'a', value: 'b' }] },
      versioned: true,
      lock: { retention: { mode: 'COMPLIANCE', untilMs: 1_800_000_000_000 }, legalHold: true },
    }),
    '9c01c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f6071803' +
      'c410900150983cd24fb0d6963f7d28e17f72910092ac636f6e74656e742d74797065aa746578742f' +
      '706c61696ec092c410018bcfe5687b0005a1b2c3d4e5f6071892a161a162c393c09201cb427a3185' +
      'c5000000c3',
  ],
  'an object whose access control list was changed': [
    object({
      ...{ ...version, sizeBytes: 3, content: { kind: 'inline' } },
      acl: { stamp: at, acl: 'public-read' },
    }),
    '9d01c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f6071803' +
      'c410900150983cd24fb0d6963f7d28e17f72910092ac636f6e74656e742d74797065aa746578742f' +
      '706c61696ec0c0c0c092c410018bcfe5687b0005a1b2c3d4e5f6071801',
  ],
  'an object that came with tags': [
    object({ ...version, sizeBytes: 3, content: { kind: 'inline' }, tagging: { tags: [] } }),
    '9a01c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f6071803' +
      'c410900150983cd24fb0d6963f7d28e17f72910092ac636f6e74656e742d74797065aa746578742f' +
      '706c61696ec092c090',
  ],
  'an object that is encrypted with a key of the client': [
    object({ ...version, sizeBytes: 3, content: { kind: 'inline' }, encryption }),
    '9e01c410018bcfe5687b0005a1b2c3d4e5f6071801c410018bcfe568000004a1b2c3d4e5f6071803' +
      'c410900150983cd24fb0d6963f7d28e17f72910092ac636f6e74656e742d74797065aa746578742f' +
      '706c61696ec0c0c0c0c09301c4205a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a' +
      '5a5a5a5a5a5ac410c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4',
  ],
  'a delete marker': [
    object({ kind: 'marker', timestamp: at, versioned: true }),
    '9401c410018bcfe5687b0005a1b2c3d4e5f6071802c3',
  ],
  'a delete marker that is the null version': [
    object({ kind: 'marker', timestamp: at }),
    '9301c410018bcfe5687b0005a1b2c3d4e5f6071802',
  ],
  'an upload of an object with tags and a lock': [
    upload({
      ...openUpload,
      tagging: { tags: [{ key: 'a', value: 'b' }] },
      lock: { legalHold: false },
    }),
    '9901c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f607189100' +
      '92ac782d616d7a2d6d6574612d61a162920401ac474b3031323334353637383992c092a161a16293' +
      'c0c0c2',
  ],
  'an upload': [
    upload(openUpload),
    '9701c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f607189100' +
      '92ac782d616d7a2d6d6574612d61a162920401ac474b30313233343536373839',
  ],
  'an upload that is encrypted with a key of the client': [
    upload({ ...openUpload, encryption }),
    '9a01c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f607189100' +
      '92ac782d616d7a2d6d6574612d61a162920401ac474b30313233343536373839c0c09301c4205a5a' +
      '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5ac410c4c4c4c4c4c4c4c4' +
      'c4c4c4c4c4c4c4c4',
  ],
  'an aborted upload': [
    upload({ uploadId, timestamp: at, state: { kind: 'aborted' }, headers: [], initiator: '' }),
    '9701c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f607189101' + 'c0c0a0',
  ],
  'a completed upload': [
    upload({ ...openUpload, state: { kind: 'completed', versionId, etag: `${md5}-1` } }),
    '9701c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f607189302' +
      'c410018bcfe568000004a1b2c3d4e5f60718d9223930303135303938336364323466623064363936' +
      '3366376432386531376637322d3192ac782d616d7a2d6d6574612d61a162920401ac474b30313233' +
      '343536373839',
  ],
  'an open upload with its tally': [
    golden(
      { upload: openUpload, attempts: 2, bytes: 10_485_760 },
      encodeOpenUploadRow,
      decodeOpenUploadRow,
    ),
    '9401c4489701c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f6' +
      '0718910092ac782d616d7a2d6d6574612d61a162920401ac474b3031323334353637383902ce00a0' +
      '0000',
  ],
  'a part in blocks': [
    part({ ...partRow, content: { kind: 'blocks', blocks }, checksum }),
    '9901c410018bcfd625c00003a1b2c3d4e5f6071807c410018bcfddc6e00002a1b2c3d4e5f60718c4' +
      '10018bcfe5687b0005a1b2c3d4e5f60718ce0010004dd92039303031353039383363643234666230' +
      '643639363366376432386531376637329200c448abababababababababababababababababababab' +
      'abababababababababababab00100000cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd' +
      'cdcdcdcdcdcdcdcd0000004d930100a8795a526c71673d3d',
  ],
  'a part with a manifest': [
    part({ ...partRow, content: { kind: 'manifest', blockCount: 5120 } }),
    '9901c410018bcfd625c00003a1b2c3d4e5f6071807c410018bcfddc6e00002a1b2c3d4e5f60718c4' +
      '10018bcfe5687b0005a1b2c3d4e5f60718ce0010004dd92039303031353039383363643234666230' +
      '643639363366376432386531376637329201cd1400c0',
  ],
  'a part that is encrypted with a key of the client': [
    part({ ...partRow, content: { kind: 'manifest', blockCount: 5120 }, encryption }),
    '9a01c410018bcfd625c00003a1b2c3d4e5f6071807c410018bcfddc6e00002a1b2c3d4e5f60718c4' +
      '10018bcfe5687b0005a1b2c3d4e5f60718ce0010004dd92039303031353039383363643234666230' +
      '643639363366376432386531376637329201cd1400c09301c4205a5a5a5a5a5a5a5a5a5a5a5a5a5a' +
      '5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5ac410c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4',
  ],
  'a promise on a settings row': [
    golden({ promised: at, ancestors: [] }, encodeSettingsRound, decodeSettingsRound),
    '9401c410018bcfe5687b0005a1b2c3d4e5f6071890c0',
  ],
  'a settings row that is not decided': [
    golden(
      {
        promised: at,
        ancestors: [at],
        accepted: {
          ballot: at,
          base: at,
          row: { kind: 'alias', timestamp: at, id: 'photos' },
        },
      },
      encodeSettingsRound,
      decodeSettingsRound,
    ),
    '9401c410018bcfe5687b0005a1b2c3d4e5f6071891c410018bcfe5687b0005a1b2c3d4e5f6071893' +
      'c410018bcfe5687b0005a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f60718c41d9501' +
      '01c410018bcfe5687b0005a1b2c3d4e5f60718a670686f746f73c0',
  ],
  'a round of forgetting that is prepared': [
    golden(
      {
        round: 2,
        collected: at,
        promised: at,
        prepared: {
          ballot: at,
          round: 3,
          list: [{ name: Buffer.from('10ab', 'hex'), timestamp: at }],
        },
      },
      encodeRoundRow,
      decodeRoundRow,
    ),
    '950102c410018bcfe5687b0005a1b2c3d4e5f60718c410018bcfe5687b0005a1b2c3d4e5f6071893' +
      'c410018bcfe5687b0005a1b2c3d4e5f60718039192c40210abc410018bcfe5687b0005a1b2c3d4e5f60718',
  ],
  'a part list': [
    golden(parts, encodePartListRow, decodePartListRow),
    '9201919301c410018bcfddc6e00002a1b2c3d4e5f60718ce00500000',
  ],
  'a manifest of a version': [
    golden({ owner: versionOwner, blocks }, encodeManifestRow, decodeManifestRow),
    '93019500c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a9' +
      '6469722f6bc3a90079c410018bcfe568000004a1b2c3d4e5f60718c448ababababababababababab' +
      'ababababababababababababababababababababab00100000cdcdcdcdcdcdcdcdcdcdcdcdcdcdcd' +
      'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0000004d',
  ],
  'a manifest of a part': [
    golden({ owner: partOwner, blocks }, encodeManifestRow, decodeManifestRow),
    '93019701c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a9' +
      '6469722f6bc3a90079c410018bcfd625c00003a1b2c3d4e5f6071807c410018bcfddc6e00002a1b2' +
      'c3d4e5f60718c448abababababababababababababababababababababababababababababababab' +
      '00100000cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0000004d',
  ],
  'an owner that is a version': [
    golden(versionOwner, encodeOwner, decodeOwner),
    '960100c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfe568000004a1b2c3d4e5f60718',
  ],
  'an owner that is a part': [
    golden(partOwner, encodeOwner, decodeOwner),
    '980101c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfd625c00003a1b2c3d4e5f6071807c410018bcfddc6e00002a1b2c3' +
      'd4e5f60718',
  ],
  'a release of a version': [
    release({ kind: 'version', place, versionId, content: { kind: 'blocks', blocks } }),
    '970100c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfe568000004a1b2c3d4e5f607189201c448abababababababababab' +
      'abababababababababababababababababababababab00100000cdcdcdcdcdcdcdcdcdcdcdcdcdcd' +
      'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0000004d',
  ],
  'a release of an upload': [
    release({ kind: 'upload', place, uploadId }),
    '960101c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfd625c00003a1b2c3d4e5f60718',
  ],
  'a release of leftovers': [
    release({ kind: 'leftovers', place, uploadId, versionId }),
    '970102c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfd625c00003a1b2c3d4e5f60718c410018bcfe568000004a1b2c3d4' +
      'e5f60718',
  ],
  'an entry for a tombstone': [
    tombstone({ kind: 'object', ...place, timestamp: at }),
    '970100c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfe5687b0005a1b2c3d4e5f60718c0',
  ],
  'an entry for a tombstone that waits': [
    tombstone({ kind: 'object', ...place, timestamp: at, releases: versionId }),
    '970100c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfe5687b0005a1b2c3d4e5f60718c410018bcfe568000004a1b2c3d4' +
      'e5f60718',
  ],
  'an entry for an ended upload': [
    tombstone({ kind: 'ended-upload', ...place, uploadId }),
    '960101c420efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef03a964' +
      '69722f6bc3a90079c410018bcfd625c00003a1b2c3d4e5f60718',
  ],
  'an entry for an aborted mark': [
    tombstone({ kind: 'aborted-mark', ownerId: attemptId }),
    '930102c410018bcfddc6e00002a1b2c3d4e5f60718',
  ],
  'an aborted mark of a writer that gave up': [
    golden('given-up', encodeAbortedMark, decodeAbortedMark),
    '9201c2',
  ],
  'an aborted mark of a writer that may live': [
    golden('too-old', encodeAbortedMark, decodeAbortedMark),
    '9201c3',
  ],
  'a fence': [golden('token-1', encodeFence, decodeFence), '9201a7746f6b656e2d31'],
  counters: [
    golden(
      { counters: counted, trust: 'exact' as const },
      row => encodeCounters(row.counters, row.trust),
      decodeCounters,
    ),
    '970103cb42700000000000000102ce00a00000c2',
  ],
  'counters that wait for a recount': [
    golden(
      { counters: counted, trust: 'recount' as const },
      row => encodeCounters(row.counters, row.trust),
      decodeCounters,
    ),
    '970103cb42700000000000000102ce00a00000c3',
  ],
};

for (const [name, [make, bytes]] of Object.entries(rows)) {
  test(`the stored bytes of ${name} are read, and written the same`, t => {
    const { encoded, decoded, row } = make(bytes);
    t.deepEqual(decoded, row);
    t.is(encoded.toString('hex'), bytes);
  });
}
