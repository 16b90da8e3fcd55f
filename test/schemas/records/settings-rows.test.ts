// Method: random rows through the codec and back, and through the merge; rows of each kind and
// format as the bytes that were stored once.
import test from 'ava';
import fc from 'fast-check';
import { CodecError } from '../../../schemas/codec.ts';
import type { AccessKeyId, BucketId } from '../../../schemas/ids.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import type { SettingsRow } from '../../../schemas/records/settings-rows.ts';
import {
  decodeSettingsRow,
  encodeSettingsRow,
  mergeSettingsRows,
} from '../../../schemas/records/settings-rows.ts';
import { makeTimestamp } from '../../../schemas/timestamp.ts';
import { aliasRows, bucketRows, keyRows } from './arbitrary-buckets.ts';

const rowsOfEachKind = { bucketRows, aliasRows, keyRows } as Readonly<
  Record<string, fc.Arbitrary<SettingsRow>>
>;

for (const [name, rows] of Object.entries(rowsOfEachKind)) {
  test(`${name} survive their codec, and damage to their bytes is a CodecError`, t => {
    fc.assert(
      fc.property(rows, row => {
        t.deepEqual(decodeSettingsRow(encodeSettingsRow(row)), row);
      }),
    );
    const isRowOrRefusal = (damaged: Buffer): boolean => {
      try {
        decodeSettingsRow(damaged);
        return true;
      } catch (error) {
        return error instanceof CodecError;
      }
    };
    fc.assert(
      fc.property(rows, fc.nat(), fc.integer({ min: 1, max: 255 }), (row, at, mask) => {
        const bytes = encodeSettingsRow(row);
        const flipped = Buffer.from(bytes);
        const index = at % flipped.length;
        flipped[index] = flipped[index]! ^ mask;
        return isRowOrRefusal(flipped) && isRowOrRefusal(bytes.subarray(0, index));
      }),
    );
  });

  test(`${name} merge the same in any order and grouping, and the later decision wins`, t => {
    const merge = mergeSettingsRows<SettingsRow>;
    const isSame = (a: SettingsRow, b: SettingsRow): boolean =>
      encodeSettingsRow(a).equals(encodeSettingsRow(b));
    fc.assert(fc.property(rows, rows, (a, b) => isSame(merge(a, b), merge(b, a))));
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) =>
        isSame(merge(merge(a, b), c), merge(a, merge(b, c))),
      ),
    );
    fc.assert(fc.property(rows, a => merge(a, a) === a));
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const later = a.timestamp >= b.timestamp ? a.timestamp : b.timestamp;
        return merge(a, b).timestamp === later;
      }),
    );
    t.pass();
  });
}

const timestamp = makeTimestamp(1_700_000_000_123, 5, 'a1b2c3d4e5f60718');
const accessKeyId = 'GK0123456789' as AccessKeyId;
const plainBucket = {
  kind: 'bucket',
  timestamp,
  id: 'ef'.repeat(32) as BucketId,
  createdMs: 1_700_000_000_000,
  state: 'active',
  indexShards: 4,
  globalAliases: ['pictures', 'site.example'],
  localAliases: [{ accessKeyId, name: 'mine' }],
  grants: [{ accessKeyId, read: true, write: false, owner: true }],
} as const satisfies BucketRow;

const fullBucket: BucketRow = {
  ...plainBucket,
  maxSizeBytes: 2 ** 40,
  maxObjects: 10,
  website: {
    kind: 'pages',
    indexDocument: 'index.html',
    errorDocument: 'err.html',
    routingRules: [
      {
        keyPrefix: 'old/',
        errorCode: 404,
        protocol: 'https',
        hostName: 'example.org',
        replaceKeyPrefixWith: 'new/',
        replaceKeyWith: undefined,
        redirectCode: 302,
      },
    ],
  },
  cors: [
    {
      id: 'one',
      allowedOrigins: ['https://*.example.org'],
      allowedMethods: ['GET'],
      allowedHeaders: ['*'],
      exposeHeaders: ['ETag'],
      maxAgeSeconds: 3600,
    },
  ],
  lifecycle: [
    {
      id: 'logs',
      enabled: true,
      filter: {
        form: 'and',
        prefix: 'logs/',
        tags: [{ key: 'k', value: 'v' }],
        sizeGreaterThan: 1,
        sizeLessThan: 1000,
      },
      expiration: { kind: 'days', days: 30 },
      abortUploadsDays: undefined,
      noncurrent: { days: 3, newerVersions: 2 },
    },
    {
      id: 'uploads',
      enabled: false,
      filter: {
        form: 'legacy',
        prefix: '',
        tags: [],
        sizeGreaterThan: undefined,
        sizeLessThan: undefined,
      },
      expiration: { kind: 'date', dateMs: 1_700_006_400_000 },
      abortUploadsDays: 7,
      noncurrent: undefined,
    },
  ],
  tags: [{ key: 'team', value: 'web' }],
  versioning: 'suspended',
  objectLock: { defaultRetention: { mode: 'GOVERNANCE', unit: 'days', count: 5 } },
  policy: '{}',
  publicAccessBlock: {
    blockPublicAcls: true,
    ignorePublicAcls: false,
    blockPublicPolicy: true,
    restrictPublicBuckets: false,
  },
  ownership: 'BucketOwnerPreferred',
  acl: 'public-read',
};

const STORED: Readonly<Record<string, readonly [row: SettingsRow, bytes: string]>> = {
  'a bucket without settings': [
    plainBucket,
    'dc00160200c410018bcfe5687b0005a1b2c3d4e5f60718c420efefefefefefefefefefefefefefef' +
      'efefefefefefefefefefefefefefefefefcb4278bcfe56800000000492a87069637475726573ac73' +
      '6974652e6578616d706c659192ac474b30313233343536373839a46d696e659192ac474b30313233' +
      '34353637383905c0c0c0c0c0c0c0c0c0c0c0c0',
  ],
  'a bucket with every setting': [
    fullBucket,
    'dc00160200c410018bcfe5687b0005a1b2c3d4e5f60718c420efefefefefefefefefefefefefefef' +
      'efefefefefefefefefefefefefefefefefcb4278bcfe56800000000492a87069637475726573ac73' +
      '6974652e6578616d706c659192ac474b30313233343536373839a46d696e659192ac474b30313233' +
      '34353637383905cb42700000000000000a9400aa696e6465782e68746d6ca86572722e68746d6c91' +
      '97a46f6c642fcd019401ab6578616d706c652e6f7267a46e65772fc0cd012e9196a36f6e6591b568' +
      '747470733a2f2f2a2e6578616d706c652e6f726791a347455491a12a91a445546167cd0e109296a4' +
      '6c6f6773c39502a56c6f67732f9192a16ba17601cd03e892001ec092030296a775706c6f616473c2' +
      '9500a090c0c09201cb4278bd047100000007c09192a47465616da3776562019300c205a27b7d0501' +
      '01',
  ],
  'a bucket that redirects all': [
    {
      ...plainBucket,
      website: { kind: 'redirect-all', hostName: 'example.org', protocol: undefined },
      objectLock: { defaultRetention: undefined },
    },
    'dc00160200c410018bcfe5687b0005a1b2c3d4e5f60718c420efefefefefefefefefefefefefefef' +
      'efefefefefefefefefefefefefefefefefcb4278bcfe56800000000492a87069637475726573ac73' +
      '6974652e6578616d706c659192ac474b30313233343536373839a46d696e659192ac474b30313233' +
      '34353637383905c0c09301ab6578616d706c652e6f7267c0c0c0c0c090c0c0c0c0',
  ],
  'a name': [
    { kind: 'alias', timestamp, id: 'pictures', bucket: plainBucket.id },
    '950101c410018bcfe5687b0005a1b2c3d4e5f60718a87069637475726573c420efefefefefefefef' +
      'efefefefefefefefefefefefefefefefefefefefefefefef',
  ],
  'a name that is free again': [
    { kind: 'alias', timestamp, id: 'pictures' },
    '950101c410018bcfe5687b0005a1b2c3d4e5f60718a87069637475726573c0',
  ],
  'an access key': [
    {
      ...{ kind: 'key', timestamp, id: accessKeyId, secret: 's', name: 'n', createdMs: 1 },
      ...{ expiresMs: 2, canCreateBucket: true, deleted: false },
    },
    '9a0102c410018bcfe5687b0005a1b2c3d4e5f60718ac474b30313233343536373839a173a16e0102' + 'c3c2',
  ],
};

for (const [name, [row, bytes]] of Object.entries(STORED)) {
  test(`the stored bytes of ${name} are read, and written the same`, t => {
    t.is(encodeSettingsRow(row).toString('hex'), bytes);
    t.deepEqual(decodeSettingsRow(Buffer.from(bytes, 'hex')), row);
  });
}

const STORED_BY_FORMAT_1: Readonly<Record<string, readonly [row: BucketRow, bytes: string]>> = {
  'a bucket without settings': [
    plainBucket,
    '9d0100c410018bcfe5687b0005a1b2c3d4e5f60718c420efefefefefefefefefefefefefefefefef' +
      'efefefefefefefefefefefefefefefcb4278bcfe56800000000492a87069637475726573ac736974' +
      '652e6578616d706c659192ac474b30313233343536373839a46d696e659192ac474b303132333435' +
      '3637383905c0c0c0',
  ],
  'a bucket with a website and quotas': [
    {
      ...plainBucket,
      maxSizeBytes: 2 ** 40,
      maxObjects: 10,
      website: {
        kind: 'pages',
        indexDocument: 'index.html',
        errorDocument: 'err.html',
        routingRules: [],
      },
    },
    '9d0100c410018bcfe5687b0005a1b2c3d4e5f60718c420efefefefefefefefefefefefefefefefef' +
      'efefefefefefefefefefefefefefefcb4278bcfe56800000000492a87069637475726573ac736974' +
      '652e6578616d706c659192ac474b30313233343536373839a46d696e659192ac474b303132333435' +
      '363738390592aa696e6465782e68746d6ca86572722e68746d6ccb42700000000000000a',
  ],
};

for (const [name, [row, bytes]] of Object.entries(STORED_BY_FORMAT_1)) {
  test(`${name}, stored by the release before, is read, and written anew`, t => {
    t.deepEqual(decodeSettingsRow(Buffer.from(bytes, 'hex')), row);
    t.deepEqual(decodeSettingsRow(encodeSettingsRow(row)), row);
  });
}

test('names and keys have no second format', t => {
  const { bytes } = { bytes: encodeSettingsRow({ kind: 'alias', timestamp, id: 'pictures' }) };
  bytes[1] = 2;
  t.throws(() => decodeSettingsRow(bytes), { instanceOf: CodecError });
});
