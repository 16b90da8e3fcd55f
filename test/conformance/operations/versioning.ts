/**
 * Versions of objects: API_PutBucketVersioning, API_ListObjectVersions, and what `versionId` means
 * to the operations on objects.
 *
 * Owns:          their cases.
 * Knows:         the API reference, "Using versioning in S3 buckets".
 * Must not know: how versions are stored.
 */
import { completion, ENABLED, SUSPENDED } from '../fixtures.ts';
import { each, table, type Cases } from '../s3-case.ts';

const status: Cases = {
  'a bucket has no status as it was made': {
    ...{ ask: 'GET /{bucket}?versioning', answer: '200' },
    xml: { root: 'VersioningConfiguration', Status: null, MfaDelete: null },
  },
  'of a bucket that is not there': {
    ...{ ask: 'GET /{free}?versioning', answer: '404 NoSuchBucket' },
  },
  'the status is not for everybody': {
    ...{ ask: 'GET /{bucket}?versioning', as: 'stranger', answer: '403 AccessDenied' },
  },
};

const change: Cases = {
  ...{
    'versioning is enabled': {
      ...{ ask: 'PUT /{bucket}?versioning', body: ENABLED, answer: '200', text: '' },
      then: [{ ask: 'GET /{bucket}?versioning', answer: '200', xml: { Status: 'Enabled' } }],
    },
    'versioning is suspended': {
      ...{ ask: 'PUT /{versioned}?versioning', body: SUSPENDED, answer: '200' },
      then: [{ ask: 'GET /{versioned}?versioning', answer: '200', xml: { Status: 'Suspended' } }],
    },
    'versioning is enabled again': {
      given: [`PUT /{versioned}?versioning < ${SUSPENDED}`],
      ...{ ask: 'PUT /{versioned}?versioning', body: ENABLED, answer: '200' },
      then: [{ ask: 'GET /{versioned}?versioning', answer: '200', xml: { Status: 'Enabled' } }],
    },
    'the SDK enables it': {
      call: 'PutBucketVersioning',
      input: { Bucket: '{bucket}', VersioningConfiguration: { Status: 'Enabled' } },
      answer: '200',
    },
  },
  ...each(
    [
      '<VersioningConfiguration><Status>On</Status></VersioningConfiguration>',
      '<VersioningConfiguration><Status></Status></VersioningConfiguration>',
      '<Versioning><Status>Enabled</Status></Versioning>',
      'nonsense',
    ],
    body => [
      `the document ${body} is none`,
      { ask: 'PUT /{bucket}?versioning', body, answer: '400 MalformedXML' },
    ],
  ),
  'a key of another tenant may not change it': {
    ...{ ask: 'PUT /{bucket}?versioning', body: ENABLED, as: 'stranger' },
    answer: '403 AccessDenied',
  },
};

const writes: Cases = {
  'every PUT is a version of its own': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    ...{ ask: 'GET /{versioned}/a', answer: '200', text: 'two' },
    has: { 'x-amz-version-id': '{2.x-amz-version-id}' },
    then: ['GET /{versioned}/a?versionId={1.x-amz-version-id} > one'],
  },
  'an object from before has the version null': {
    given: [
      'PUT /{bucket}/a < old',
      `PUT /{bucket}?versioning < ${ENABLED}`,
      'PUT /{bucket}/a < new',
    ],
    ...{ ask: 'GET /{bucket}/a?versionId=null', answer: '200', text: 'old' },
    has: { 'x-amz-version-id': 'null' },
  },
  'while suspended the version null is replaced': {
    given: [
      'PUT /{versioned}/a < one',
      `PUT /{versioned}?versioning < ${SUSPENDED}`,
      'PUT /{versioned}/a < two',
      'PUT /{versioned}/a < three',
    ],
    ...{ ask: 'GET /{versioned}?versions', answer: '200' },
    xml: { 'Version.VersionId': ['null', '{1.x-amz-version-id}'], DeleteMarker: null },
    then: ['GET /{versioned}/a > three', 'GET /{versioned}/a?versionId={1.x-amz-version-id} > one'],
  },
  'while suspended a write names no version, and reads do': {
    given: [`PUT /{versioned}?versioning < ${SUSPENDED}`],
    ...{ ask: 'PUT /{versioned}/a', body: 'x', answer: '200', has: { 'x-amz-version-id': null } },
    then: [
      { ask: 'GET /{versioned}/a', answer: '200', has: { 'x-amz-version-id': 'null' } },
      {
        ask: 'PUT /{versioned}/b',
        headers: { 'x-amz-copy-source': '{versioned}/a' },
        ...{ answer: '200', has: { 'x-amz-version-id': null } },
      },
    ],
  },
  'a copy is a version': {
    given: ['PUT /{versioned}/a < x'],
    ask: 'PUT /{versioned}/b',
    ...{ headers: { 'x-amz-copy-source': '/{versioned}/a' }, answer: '200' },
    has: {
      'x-amz-version-id': /./,
      'x-amz-copy-source-version-id': '{1.x-amz-version-id}',
    },
  },
  'a version is copied by its id': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    ask: 'PUT /{versioned}/b',
    headers: { 'x-amz-copy-source': '/{versioned}/a?versionId={1.x-amz-version-id}' },
    ...{ answer: '200', then: ['GET /{versioned}/b > one'] },
  },
  'an old version is made current by copying it onto its object': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    ask: 'PUT /{versioned}/a',
    headers: { 'x-amz-copy-source': '/{versioned}/a?versionId={1.x-amz-version-id}' },
    ...{ answer: '200', then: ['GET /{versioned}/a > one'] },
  },
  'an upload in parts is a version': {
    given: [
      'POST /{versioned}/a?uploads',
      'PUT /{versioned}/a?partNumber=1&uploadId={1.UploadId} < x',
    ],
    ask: 'POST /{versioned}/a?uploadId={1.UploadId}',
    ...{ body: completion([1, '{2.etag}']), answer: '200', has: { 'x-amz-version-id': /./ } },
  },
  'PUT takes no version id': {
    ...{ ask: 'PUT /{versioned}/a?versionId=null', body: 'x', answer: '400 InvalidArgument' },
  },
};

const reads: Cases = {
  'HEAD of a version': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < second'],
    ...{ ask: 'HEAD /{versioned}/a?versionId={1.x-amz-version-id}', answer: '200' },
    has: { 'content-length': '3', 'x-amz-version-id': '{1.x-amz-version-id}' },
  },
  'a version that is not there': {
    given: ['PUT /{versioned}/a < one', 'DELETE /{versioned}/a?versionId={1.x-amz-version-id}'],
    ask: 'GET /{versioned}/a?versionId={1.x-amz-version-id}',
    answer: '404 NoSuchVersion',
  },
  'HEAD of a version that is not there': {
    given: ['PUT /{versioned}/a < one', 'DELETE /{versioned}/a?versionId={1.x-amz-version-id}'],
    ...{ ask: 'HEAD /{versioned}/a?versionId={1.x-amz-version-id}', answer: '404' },
  },
  'a version id that nobody gave': {
    given: ['PUT /{versioned}/a < one'],
    ...{ ask: 'GET /{versioned}/a?versionId=nonsense', answer: '400 InvalidArgument' },
  },
  'a version id of another store': {
    given: ['PUT /{versioned}/a < one'],
    ask: 'GET /{versioned}/a?versionId=3HL4kqtJvjVBH40Nrjfkd3rbRWmQyHLS',
    answer: '404 NoSuchVersion',
  },
  'an empty version id': {
    given: ['PUT /{versioned}/a < one'],
    ...{ ask: 'GET /{versioned}/a?versionId=', answer: '400 InvalidArgument' },
  },
  'a version of another key': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/b < two'],
    ask: 'GET /{versioned}/b?versionId={1.x-amz-version-id}',
    answer: '404 NoSuchVersion',
  },
  'conditions are those of the version': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    ask: 'GET /{versioned}/a?versionId={1.x-amz-version-id}',
    ...{ headers: { 'if-match': '{1.etag}' }, answer: '200', text: 'one' },
  },
  'the SDK reads a version': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    call: 'GetObject',
    input: { Bucket: '{versioned}', Key: 'a', VersionId: '{1.x-amz-version-id}' },
    ...{ answer: '200', gives: { Body: 'one', VersionId: '{1.x-amz-version-id}' } },
  },
};

const deletions: Cases = {
  'a deletion leaves a marker': {
    given: ['PUT /{versioned}/a < x'],
    ...{ ask: 'DELETE /{versioned}/a', answer: '204' },
    has: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': /./ },
    then: [
      {
        ...{ ask: 'GET /{versioned}/a', answer: '404 NoSuchKey' },
        has: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': /./ },
      },
      'GET /{versioned}/a?versionId={1.x-amz-version-id} > x',
    ],
  },
  'a key that is not there gets a marker too': {
    ...{ ask: 'DELETE /{versioned}/a', answer: '204', has: { 'x-amz-delete-marker': 'true' } },
    then: [{ ask: 'GET /{versioned}?versions', answer: '200', xml: { 'DeleteMarker.Key': 'a' } }],
  },
  'a second deletion leaves a second marker': {
    given: ['DELETE /{versioned}/a', 'DELETE /{versioned}/a'],
    ...{ ask: 'GET /{versioned}?versions', answer: '200' },
    xml: { 'DeleteMarker.IsLatest': ['true', 'false'] },
  },
  'a version is deleted for good': {
    given: ['PUT /{versioned}/a < one', 'PUT /{versioned}/a < two'],
    ask: 'DELETE /{versioned}/a?versionId={2.x-amz-version-id}',
    ...{
      answer: '204',
      has: { 'x-amz-version-id': '{2.x-amz-version-id}', 'x-amz-delete-marker': null },
    },
    then: ['GET /{versioned}/a > one'],
  },
  'a marker that is deleted brings its object back': {
    given: ['PUT /{versioned}/a < x', 'DELETE /{versioned}/a'],
    ask: 'DELETE /{versioned}/a?versionId={2.x-amz-version-id}',
    ...{ answer: '204', has: { 'x-amz-delete-marker': 'true' } },
    then: ['GET /{versioned}/a > x'],
  },
  'a version that is not there is deleted all the same': {
    given: ['PUT /{versioned}/a < one', 'DELETE /{versioned}/a?versionId={1.x-amz-version-id}'],
    ...{ ask: 'DELETE /{versioned}/a?versionId={1.x-amz-version-id}', answer: '204' },
  },
  'a version of another store is deleted all the same': {
    given: ['PUT /{versioned}/a < one'],
    ask: 'DELETE /{versioned}/a?versionId=3HL4kqtJvjVBH40Nrjfkd3rbRWmQyHLS',
    ...{ answer: '204', then: ['GET /{versioned}/a > one'] },
  },
  'GET of a marker by its id': {
    given: ['DELETE /{versioned}/a'],
    ask: 'GET /{versioned}/a?versionId={1.x-amz-version-id}',
    ...{ answer: '405 MethodNotAllowed', has: { 'x-amz-delete-marker': 'true', allow: 'DELETE' } },
  },
  'HEAD of a marker by its id': {
    given: ['DELETE /{versioned}/a'],
    ask: 'HEAD /{versioned}/a?versionId={1.x-amz-version-id}',
    ...{ answer: '405', has: { 'x-amz-delete-marker': 'true', 'last-modified': /GMT$/ } },
  },
  'while suspended a deletion replaces the version null': {
    given: [
      'PUT /{versioned}/a < one',
      `PUT /{versioned}?versioning < ${SUSPENDED}`,
      'PUT /{versioned}/a < two',
    ],
    ...{ ask: 'DELETE /{versioned}/a', answer: '204' },
    has: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': 'null' },
    then: [
      {
        ...{ ask: 'GET /{versioned}?versions', answer: '200' },
        xml: { 'DeleteMarker.VersionId': 'null', 'Version.VersionId': '{1.x-amz-version-id}' },
      },
    ],
  },
  'DeleteObjects leaves markers, and deletes versions': {
    given: ['PUT /{versioned}/a < x', 'PUT /{versioned}/b < x'],
    ask: 'POST /{versioned}?delete',
    hasMd5: true,
    body:
      '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key>' +
      '<VersionId>{2.x-amz-version-id}</VersionId></Object></Delete>',
    answer: '200',
    xml: {
      ...{ 'Deleted.Key': ['a', 'b'], 'Deleted.DeleteMarker': ['true'] },
      ...{ 'Deleted.DeleteMarkerVersionId': /./, 'Deleted.VersionId': '{2.x-amz-version-id}' },
    },
  },
  'a bucket with nothing but a marker is not empty': {
    given: ['DELETE /{versioned}/a'],
    ...{ ask: 'DELETE /{versioned}', answer: '409 BucketNotEmpty' },
  },
  'plain listings pass over what is deleted': {
    given: ['PUT /{versioned}/a < x', 'PUT /{versioned}/b < x', 'DELETE /{versioned}/a'],
    ...{ ask: 'GET /{versioned}', answer: '200', xml: { 'Contents.Key': ['b'] } },
  },
  'the SDK deletes a version': {
    given: ['PUT /{versioned}/a < one'],
    call: 'DeleteObject',
    input: { Bucket: '{versioned}', Key: 'a', VersionId: '{1.x-amz-version-id}' },
    ...{ answer: '204', gives: { VersionId: '{1.x-amz-version-id}' } },
  },
};

const THREE = ['PUT /{versioned}/a < 1', 'PUT /{versioned}/a < 2', 'PUT /{versioned}/b < 3'];
const LIST = 'GET /{versioned}?versions';

const listing: Cases = {
  ...{
    'versions are told by key, the newest first': {
      ...{ given: THREE, ask: LIST, answer: '200' },
      xml: {
        ...{ root: 'ListVersionsResult', 'Version.Key': ['a', 'a', 'b'], IsTruncated: 'false' },
        'Version.IsLatest': ['true', 'false', 'true'],
        'Version.VersionId': [
          '{2.x-amz-version-id}',
          '{1.x-amz-version-id}',
          '{3.x-amz-version-id}',
        ],
        ...{
          'Version.Size': ['1', '1', '1'],
          'Version.StorageClass': ['STANDARD', 'STANDARD', 'STANDARD'],
        },
      },
    },
    'a page ends within a key': {
      ...{ given: THREE, ask: `${LIST}&max-keys=1`, answer: '200' },
      xml: {
        ...{ 'Version.Key': 'a', IsTruncated: 'true', NextKeyMarker: 'a' },
        NextVersionIdMarker: '{2.x-amz-version-id}',
      },
    },
    'the rest behind a version': {
      given: THREE,
      ask: `${LIST}&key-marker=a&version-id-marker={2.x-amz-version-id}`,
      ...{ answer: '200', xml: { 'Version.Key': ['a', 'b'], KeyMarker: 'a' } },
    },
    'the rest behind a key': {
      ...{
        given: THREE,
        ask: `${LIST}&key-marker=a`,
        answer: '200',
        xml: { 'Version.Key': ['b'] },
      },
    },
    'by prefix': {
      ...{ given: THREE, ask: `${LIST}&prefix=b`, answer: '200', xml: { 'Version.Key': ['b'] } },
    },
    'with a delimiter': {
      given: ['PUT /{versioned}/a/1 < x', 'DELETE /{versioned}/b/2', 'PUT /{versioned}/c < x'],
      ...{ ask: `${LIST}&delimiter=/`, answer: '200' },
      xml: { 'Version.Key': ['c'], 'CommonPrefixes.Prefix': ['a/', 'b/'], DeleteMarker: null },
    },
    'max-keys=0 lists nothing': {
      ...{ given: THREE, ask: `${LIST}&max-keys=0`, answer: '200' },
      xml: { Version: null, IsTruncated: 'false' },
    },
    'a version marker needs a key marker': {
      ...{ given: THREE, ask: `${LIST}&version-id-marker={1.x-amz-version-id}` },
      answer: '400 InvalidArgument',
    },
    'the SDK lists versions': {
      ...{
        given: THREE,
        call: 'ListObjectVersions',
        input: { Bucket: '{versioned}' },
        answer: '200',
      },
      gives: { Versions: [{ Key: 'a', IsLatest: true }, { Key: 'a' }, { Key: 'b' }] },
    },
  },
  'without versioning every object has the version null': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'GET /{bucket}?versions', answer: '200' },
    xml: { 'Version.VersionId': 'null', 'Version.IsLatest': 'true' },
  },
  'an empty bucket has none': {
    ...{ ask: 'GET /{bucket}?versions', answer: '200', xml: { Version: null, DeleteMarker: null } },
  },
  'max-keys=abc': { ask: 'GET /{bucket}?versions&max-keys=abc', answer: '400 InvalidArgument' },
  'a key of another tenant may not list versions': {
    ...{ ask: 'GET /{bucket}?versions', as: 'stranger', answer: '403 AccessDenied' },
  },
  'of a bucket that is not there': {
    ...{ ask: 'GET /{free}?versions', answer: '404 NoSuchBucket' },
  },
};

const unversioned: Cases = {
  'the version null of an object in a plain bucket': {
    ...{ ask: 'GET /{object}?versionId=null', answer: '200', text: '0123456789' },
  },
  'another version of an object in a plain bucket': {
    ...{ ask: 'GET /{object}?versionId=nonsense', answer: '400 InvalidArgument' },
  },
  'deleting the version null of an object in a plain bucket': {
    given: ['PUT /{key} < x'],
    ...{ ask: 'DELETE /{key}?versionId=null', answer: '204' },
    then: ['GET /{key} = 404 NoSuchKey'],
  },
};

export const getVersioning = table('GetBucketVersioning', 'the status', status);
export const putVersioning = table('PutBucketVersioning', 'enabled and suspended', change);
export const versions = table(
  'versions',
  'GET, HEAD, DELETE, copies and uploads by version; delete markers; the version `null`',
  ...[writes, reads, deletions, unversioned],
);
export const listVersions = table(
  'ListObjectVersions',
  'in pages, with prefix and delimiter',
  listing,
);
