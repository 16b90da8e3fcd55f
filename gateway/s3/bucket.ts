/**
 * The operations on buckets themselves, and what clients probe a bucket for.
 *
 * Owns:          their documents and headers.
 * Knows:         the S3 API reference of each.
 * Must not know: how names are given and taken; the directory does.
 */
import { isBucketName } from '../../schemas/bucket-name.ts';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import { BUCKET_TAGS_MAX, faultOfTags } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { BucketSettings } from '../../schemas/records/bucket-row.ts';
import type { ObjectOwnership } from '../../schemas/records/bucket-settings/access-settings.ts';
import { objectOwnership } from '../../schemas/records/bucket-settings/access-settings.ts';
import { isPublicAcl } from '../auth/canned-acl.ts';
import { readSmallBody } from '../object/payload.ts';
import { aclOfHeaders } from './access-control.ts';
import { refuseFault } from './bucket-document.ts';
import { readTags } from './bucket-tagging.ts';
import { ANY_ORIGIN } from './cors-preflight.ts';
import { invalidArgument } from './list-parameters.ts';
import { writeTime } from './list-times.ts';
import type { BucketCall, Caller, S3Call, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { NamedCall } from './s3-operation.ts';
import { parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, escapeXml, optionalElement, s3Document, wrap } from './xml-writer.ts';

const CONFIGURATION_BYTES_MAX = 64 * 1024;
const CONFIGURATION = new Set(['LocationConstraint', 'Location', 'Bucket', 'Tags']);
const BUCKETS_PER_PAGE_MAX = 10_000;
const LOCK_HEADER = 'x-amz-bucket-object-lock-enabled';
const REGION_NAME = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
/** The region that S3 tells as an empty location, for historical reasons. */
const UNNAMED_REGION = 'us-east-1';

export function createBucket(punycode: 'allowed' | 'refused'): S3Handler<NamedCall> {
  return async (call, { directory, region, defaultOwnership }) => {
    const { bucketName, caller } = call;
    if (!isBucketName(bucketName, punycode)) {
      throw new S3Error('InvalidBucketName', { fields: { BucketName: bucketName } });
    }
    const access = { ...askedAccess(call, defaultOwnership), ...askedLock(call) };
    const body = await readSmallBody(call, CONFIGURATION_BYTES_MAX);
    const { location, tags } = readCreation(body);
    checkLocation(location, region);
    if (caller === undefined) throw new S3Error('AccessDenied');
    const settings = { ...access, ...(tags.length === 0 ? {} : { tags }) };
    const { kind } = await directory.createBucket(bucketName, caller.accessKeyId, settings);
    switch (kind) {
      case 'created':
        return { status: 200, headers: [['location', `/${bucketName}`]] };
      case 'owned-by-you':
        throw new S3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: bucketName } });
      case 'taken':
        throw new S3Error('BucketAlreadyExists', { fields: { BucketName: bucketName } });
      case 'unavailable':
        throw new S3Error('ServiceUnavailable');
    }
  };
}

/**
 * Who may use the new bucket, as its headers say; what is not done is refused, never left out.
 *
 * @throws S3Error InvalidArgument, InvalidBucketAclWithObjectOwnership, NotImplemented.
 */
function askedAccess(
  { headers, caller }: NamedCall,
  defaultOwnership: ObjectOwnership,
): Pick<BucketSettings, 'acl' | 'ownership'> {
  const ownership = askedOwnership(headers.get('x-amz-object-ownership')) ?? defaultOwnership;
  const acl = aclOfHeaders(headers, caller === undefined ? [] : [caller.accessKeyId]) ?? 'private';
  if (isPublicAcl(acl) && ownership === 'BucketOwnerEnforced') {
    throw new S3Error('InvalidBucketAclWithObjectOwnership', {
      message:
        'A bucket whose ObjectOwnership is BucketOwnerEnforced cannot have an access control ' +
        'list: x-amz-object-ownership chooses another (default_object_ownership is the default).',
    });
  }
  return { ownership, ...(isPublicAcl(acl) ? { acl } : {}) };
}

/** Locks are about versions: from the beginning they are kept, too. */
function askedLock({ headers }: S3Call): LockedSettings {
  const text = headers.get(LOCK_HEADER);
  switch (text?.toLowerCase()) {
    case undefined:
    case 'false':
      return {};
    case 'true':
      return { versioning: 'enabled', objectLock: { defaultRetention: undefined } };
    default:
      throw invalidArgument(LOCK_HEADER, text ?? '', `${LOCK_HEADER} is true or false.`);
  }
}

type LockedSettings = Pick<BucketSettings, 'versioning' | 'objectLock'>;

function askedOwnership(text: string | undefined): ObjectOwnership | undefined {
  if (text === undefined) return undefined;
  const ownership = objectOwnership(text);
  if (ownership !== undefined) return ownership;
  throw invalidArgument('x-amz-object-ownership', text, 'The ownership is not valid.');
}

type Creation = { readonly location: string; readonly tags: readonly Tag[] };

function readCreation(body: Buffer): Creation {
  if (body.length === 0) return { location: '', tags: [] };
  const fields = new XmlFields(parseXml(body, 'CreateBucketConfiguration'), CONFIGURATION);
  for (const name of ['Location', 'Bucket']) {
    if (!fields.has(name)) continue;
    throw new S3Error('NotImplemented', { message: `${name} is not implemented.` });
  }
  const set = fields.one('Tags');
  const tags = set === undefined ? [] : readTags(set);
  refuseFault(faultOfTags(tags, BUCKET_TAGS_MAX));
  return { location: fields.text('LocationConstraint')?.trim() ?? '', tags };
}

function checkLocation(constraint: string, region: string): void {
  if (constraint === '' || constraint === region) return;
  const code = REGION_NAME.test(constraint)
    ? 'IllegalLocationConstraintException'
    : 'InvalidLocationConstraint';
  throw new S3Error(code, {
    message: `This endpoint makes buckets in the region ${region} only.`,
    fields: { LocationConstraint: constraint },
  });
}

export const headBucket: S3Handler<BucketCall> = (_call, { region }) => ({
  status: 200,
  headers: [
    ['x-amz-bucket-region', region],
    ['x-amz-access-point-alias', 'false'],
  ],
});

export const deleteBucket: S3Handler<BucketCall> = async ({ bucket, bucketName }, services) => {
  const { kind } = await services.directory.deleteBucket(bucket);
  switch (kind) {
    case 'deleted':
      return { status: 204, headers: [] };
    case 'not-empty':
      throw new S3Error('BucketNotEmpty', { fields: { BucketName: bucketName } });
    case 'gone':
      throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
    case 'under-way':
      throw new S3Error('OperationAborted', { fields: { BucketName: bucketName } });
    case 'unavailable':
      throw new S3Error('ServiceUnavailable');
  }
};

export const listBuckets: S3Handler<S3Call> = async ({ caller, http, query }, services) => {
  if (caller === undefined) throw new S3Error('AccessDenied');
  const prefix = query.get('prefix') ?? '';
  const region = query.get('bucket-region') ?? services.region;
  const max = bucketsMax(query.get('max-buckets'));
  const after = readBucketToken(query.get('continuation-token') ?? '');
  const known = await services.directory.bucketsOf(caller.accessKeyId);
  const matching =
    region === services.region
      ? known.filter(({ name }) => name > after && name.startsWith(prefix))
      : [];
  const page = matching.slice(0, max);
  const last = page.at(-1);
  const isTruncated = page.length < matching.length && last !== undefined;
  const token = isTruncated ? Buffer.from(last.name).toString('base64url') : undefined;
  // S3 tells the regions only to those who ask for a page.
  const isPaged = max !== undefined || query.has('bucket-region') || after !== '';
  const buckets = page.map(({ name, createdMs }) =>
    wrap(
      'Bucket',
      element('Name', name) +
        element('CreationDate', writeTime(createdMs)) +
        (isPaged ? element('BucketRegion', region) : ''),
    ),
  );
  const content =
    wrap('Owner', ownerXml(caller)) +
    wrap('Buckets', buckets.join('')) +
    optionalElement('ContinuationToken', token) +
    optionalElement('Prefix', prefix === '' ? undefined : prefix);
  const isOfPage = http.headers.get('origin') !== undefined;
  return xmlReply(s3Document('ListAllMyBucketsResult', content), isOfPage ? ANY_ORIGIN : []);
};

/** undefined: all of them. */
function bucketsMax(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const max = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (max >= 1 && max <= BUCKETS_PER_PAGE_MAX) return max;
  throw invalidArgument(
    'max-buckets',
    text,
    `max-buckets is an integer from 1 to ${String(BUCKETS_PER_PAGE_MAX)}.`,
  );
}

/** The token is the name that was listed last. */
function readBucketToken(token: string): string {
  const bytes = Buffer.from(token, 'base64url');
  const name = bytes.toString();
  if (Buffer.from(name).equals(bytes) && bytes.toString('base64url') === token) return name;
  const message = 'The continuation token provided is incorrect.';
  throw invalidArgument('continuation-token', token, message);
}

export const getBucketLocation: S3Handler<BucketCall> = (_call, { region }) =>
  xmlReply(s3Document('LocationConstraint', region === UNNAMED_REGION ? '' : escapeXml(region)));

/** An access key stands where S3 has an account. */
export function ownerXml(caller: Caller): string {
  return element('ID', caller.accessKeyId) + element('DisplayName', caller.keyName);
}
