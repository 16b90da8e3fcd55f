/**
 * Buckets themselves: API_CreateBucket, API_HeadBucket, API_DeleteBucket, API_ListBuckets,
 * API_GetBucketLocation, and "Bucket naming rules" of the user guide.
 *
 * Owns:          their cases.
 * Knows:         the API reference.
 * Must not know: how names are decided.
 */
import { each, table, type Cases } from '../s3-case.ts';

const BAD_NAMES = [
  ...['ab', 'a'.repeat(64), 'Upper', 'a_b', '-ab', 'ab-', '.ab', 'ab.', 'a..b', '192.168.5.4'],
  ...['xn--ab', 'sthree-ab', 'sthree-configurator-ab', 'amzn-s3-demo-ab', 'ab-s3alias'],
  ...['ab--ol-s3', 'ab.mrap', 'ab--x-s3', 'ab--table-s3', 'a%20b', 'a%21b', 'a%2Fb', '%C3%BCber'],
];
const GOOD_NAMES = ['abc', 'a1b', '123', 'a-b.c', 'a--b', 'x'.repeat(63), '1.2.3'];

function location(constraint: string): string {
  return (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<LocationConstraint>${constraint}</LocationConstraint></CreateBucketConfiguration>`
  );
}

const created: Cases = {
  'a bucket is created': {
    ...{ ask: 'PUT /{free}', answer: '200', text: '', has: { location: '/{free}' } },
    then: ['HEAD /{free} = 200'],
  },
  'a bucket is created where the region says': {
    ...{ ask: 'PUT /{free}', body: location('garage'), answer: '200' },
  },
  'a region that is known elsewhere': {
    ask: 'PUT /{free}',
    ...{ body: location('eu-west-1'), answer: '400 IllegalLocationConstraintException' },
    then: ['HEAD /{free} = 404'],
  },
  'a region that nobody knows': {
    ask: 'PUT /{free}',
    ...{ body: location('nowhere'), answer: '400 InvalidLocationConstraint' },
  },
  'a document that is none': {
    ...{ ask: 'PUT /{free}', body: '<CreateBucket>', answer: '400 MalformedXML' },
  },
  'one bucket twice': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'PUT /{bucket}', answer: '409 BucketAlreadyOwnedByYou' },
    then: ['GET /{bucket}/a > x'],
  },
  'a bucket of another tenant': {
    given: [{ ask: 'PUT /{free}', as: 'stranger', answer: '200' }],
    ...{ ask: 'PUT /{free}', answer: '409 BucketAlreadyExists' },
  },
  'who signs nothing creates nothing': {
    ...{ ask: 'PUT /{free}', as: 'nobody', answer: '403 AccessDenied' },
  },
  ...each(BAD_NAMES, name => [
    `the name ${name} is none`,
    { ask: `PUT /${name}`, answer: '400 InvalidBucketName' },
  ]),
  ...each(GOOD_NAMES, name => [
    `the name ${name} is one`,
    { ask: `PUT /${name}`, answer: '200', then: [`DELETE /${name} = 204`] },
  ]),
  'an ownership that nobody knows': {
    ...{ ask: 'PUT /{free}', headers: { 'x-amz-object-ownership': 'Everybody' } },
    answer: '400 InvalidArgument',
  },
  'a public ACL needs an ownership that knows ACLs': {
    ...{ ask: 'PUT /{free}', headers: { 'x-amz-acl': 'public-read' } },
    answer: '400 InvalidBucketAclWithObjectOwnership',
  },
  'an ACL that nobody knows': {
    ...{ ask: 'PUT /{free}', headers: { 'x-amz-acl': 'everybody' } },
    answer: '400 InvalidArgument',
  },
  'the SDK creates': {
    ...{ call: 'CreateBucket', input: { Bucket: '{free}' }, answer: '200' },
    gives: { Location: '/{free}' },
  },
};

const gone: Cases = {
  'an empty bucket is deleted': {
    ...{ ask: 'DELETE /{bucket}', answer: '204', text: '' },
    then: ['HEAD /{bucket} = 404', 'DELETE /{bucket} = 404 NoSuchBucket'],
  },
  'a bucket with an object is not': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'DELETE /{bucket}', answer: '409 BucketNotEmpty', then: ['GET /{bucket}/a > x'] },
  },
  'a bucket whose objects were deleted is': {
    given: ['PUT /{bucket}/a < x', 'DELETE /{bucket}/a'],
    ...{ ask: 'DELETE /{bucket}', answer: '204' },
  },
  'a bucket whose only upload was aborted is': {
    given: ['POST /{bucket}/a?uploads', 'DELETE /{bucket}/a?uploadId={1.UploadId}'],
    ...{ ask: 'DELETE /{bucket}', answer: '204' },
  },
  'the name is free again': {
    given: ['DELETE /{bucket}'],
    ...{ ask: 'PUT /{bucket}', answer: '200' },
    then: [{ ask: 'GET /{bucket}', answer: '200', xml: { Contents: null } }],
  },
  'a key of another tenant may not': {
    ...{ ask: 'DELETE /{bucket}', as: 'stranger', answer: '403 AccessDenied' },
  },
  'a bucket that is not there': { ask: 'DELETE /{free}', answer: '404 NoSuchBucket' },
  'the SDK deletes': { call: 'DeleteBucket', input: { Bucket: '{bucket}' }, answer: '204' },
};

const head: Cases = {
  'a bucket is there': {
    ...{ ask: 'HEAD /{bucket}', answer: '200', text: '' },
    has: { 'x-amz-bucket-region': 'garage' },
  },
  'a bucket is not there': { ask: 'HEAD /{free}', answer: '404', text: '' },
  'a key of another tenant is told nothing': {
    ...{ ask: 'HEAD /{bucket}', as: 'stranger', answer: '403', text: '' },
  },
  'who signs nothing is told nothing': { ask: 'HEAD /{bucket}', as: 'nobody', answer: '403' },
  'the SDK asks': {
    ...{ call: 'HeadBucket', input: { Bucket: '{bucket}' }, answer: '200' },
    gives: { BucketRegion: 'garage' },
  },
  'the SDK is told that there is none': {
    ...{ call: 'HeadBucket', input: { Bucket: '{free}' }, answer: '404 NotFound' },
  },
};

const region: Cases = {
  'the region is told': {
    ...{ ask: 'GET /{bucket}?location', answer: '200' },
    text: /<LocationConstraint xmlns="[^"]+">garage<\/LocationConstraint>/,
  },
  'a bucket that is not there has no region': {
    ...{ ask: 'GET /{free}?location', answer: '404 NoSuchBucket' },
  },
  'a key of another tenant is not told the region': {
    ...{ ask: 'GET /{bucket}?location', as: 'stranger', answer: '403 AccessDenied' },
  },
  'the SDK asks for the region': {
    ...{ call: 'GetBucketLocation', input: { Bucket: '{bucket}' }, answer: '200' },
    gives: { LocationConstraint: 'garage' },
  },
};

const listed: Cases = {
  'own buckets are listed': {
    given: ['HEAD /{bucket}'],
    ...{ ask: 'GET /?prefix={bucket}&max-buckets=1', answer: '200' },
    xml: {
      ...{ root: 'ListAllMyBucketsResult', 'Buckets.Bucket.Name': '{bucket}' },
      'Buckets.Bucket.CreationDate': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
      'Buckets.Bucket.BucketRegion': 'garage',
      ...{ 'Owner.ID': '{owner}', Prefix: '{bucket}' },
    },
  },
  'those of other tenants are not': {
    given: ['HEAD /{bucket}'],
    ...{ ask: 'GET /?prefix={bucket}', as: 'stranger', answer: '200' },
    xml: { 'Buckets.Bucket': [], 'Owner.ID': '{stranger}' },
  },
  'a prefix that no bucket has': {
    ...{ ask: 'GET /?prefix=nothing-has-this', answer: '200', xml: { 'Buckets.Bucket': [] } },
  },
  'a page, and the next by its token': {
    given: [
      'PUT /{free}-1',
      'PUT /{free}-2',
      {
        ask: 'GET /?prefix={free}&max-buckets=1',
        answer: '200',
        xml: { 'Buckets.Bucket.Name': '{free}-1' },
      },
    ],
    ask: 'GET /?prefix={free}&max-buckets=1&continuation-token={3.ContinuationToken}',
    ...{ answer: '200', xml: { 'Buckets.Bucket.Name': '{free}-2', ContinuationToken: null } },
  },
  'buckets of another region': {
    ...{ ask: 'GET /?bucket-region=eu-west-1', answer: '200', xml: { 'Buckets.Bucket': [] } },
  },
  ...each(['0', '10001', '-1', 'abc'], number => [
    `max-buckets=${number}`,
    { ask: `GET /?max-buckets=${number}`, answer: '400 InvalidArgument' },
  ]),
  'who signs nothing has no buckets': { ask: 'GET /', as: 'nobody', answer: '403 AccessDenied' },
  'the SDK lists buckets': {
    given: ['HEAD /{bucket}'],
    ...{ call: 'ListBuckets', input: { Prefix: '{bucket}' }, answer: '200' },
    gives: { Buckets: [{ Name: '{bucket}' }] },
  },
};

export const createBucket = table(
  'CreateBucket',
  'the naming rules, region, ACL, ownership, tags',
  created,
);
export const deleteBucket = table('DeleteBucket', 'once it is empty', gone);
export const headBucket = table('HeadBucket', 'with its region', head);
export const bucketLocation = table('GetBucketLocation', 'the configured region', region);
export const listBuckets = table('ListBuckets', 'in pages, by prefix and region', listed);
