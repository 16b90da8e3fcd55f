/**
 * CopyObject.
 *
 * Owns:          what the operation accepts and tells; which copies need their bytes read.
 * Knows:         "CopyObject" of the S3 API reference.
 * Must not know: blocks.
 *
 * A copy references the blocks of its source; only a checksum that does not follow from what the
 * source has makes the bytes be read, and encryption on either side: encrypted blocks belong to one
 * version.
 */
import type { BlockHash } from '../../schemas/ids.ts';
import type { ChecksumAlgorithm } from '../../schemas/records/checksum.ts';
import type { ObjectVersion, StoredHeaders } from '../../schemas/records/object-row.ts';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import type { FoundObject } from '../object/object-reader.ts';
import type { VersionTarget, Written } from '../object/object-writer.ts';
import { copyByReference } from '../object/reference-copy.ts';
import { quotaOf, refuseEarly } from '../object/quota.ts';
import { SourcePayload } from '../object/source-payload.ts';
import { extrasOf, writtenHeaders } from '../object/version-extras.ts';
import { askedAcl } from './access-control.ts';
import { askedChecksum } from './checksum-headers.ts';
import { copiedChecksum } from './copied-checksum.ts';
import { copyResult } from './copy-result.ts';
import { COPY_KEY_HEADERS, customerKeyHeaders, customerKeyOf } from './customer-key-headers.ts';
import { authoriseSource, checkCopySize, sourceVersionHeaders, withSource } from './copy-source.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { ACL_HEADER } from './object-access.ts';
import {
  checkUploadHeaders,
  REDIRECT_HEADER,
  redirectLocation,
  storedHeaders,
  withAcl,
} from './object-headers.ts';
import { lockOfVersion } from './object-lock-headers.ts';
import { placeOf } from './object-place.ts';
import { copiedTagging, taggingDirective, taggingOf } from './object-tagging.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { conditionOfWrite } from './write-conditions.ts';

type Directive = 'COPY' | 'REPLACE';

export const copyObject: S3Handler<ObjectCall> = async (call, services) => {
  const { headers } = call;
  checkUploadHeaders(headers, COPY_KEY_HEADERS);
  const customerKey = customerKeyOf(headers);
  const acl = askedAcl(headers, call.bucket);
  const directive = metadataDirective(call);
  // Refused before anything is looked up.
  if (taggingDirective(headers) === 'REPLACE') taggingOf(headers);
  const checksum = askedChecksum(headers)?.algorithm;
  const place = placeOf(call);
  const source = await authoriseSource(call, services);
  const isSame = source.bucket.id === place.bucket && source.key === place.key;
  // An old version that is copied onto its object becomes the current one: that is a change.
  const isRestored = source.version !== undefined && call.bucket.versioning !== undefined;
  const isEncrypted = customerKey !== undefined || source.customerKey !== undefined;
  const isChanged = isRestored || isEncrypted || changesSomething(call, directive, checksum);
  if (isSame && !isChanged) throw nothingChanges();
  const condition = conditionOfWrite(call, services);
  const lock = lockOfVersion(call, services.clock.wallMs());
  const quota = quotaOf(call.bucket);
  let told: ReplyHeaders = [];
  let tags: readonly Tag[] | undefined;
  const written = await withSource(call, services, source, async found => {
    const { sizeBytes } = found.version;
    checkCopySize(sizeBytes);
    await refuseEarly(services.tables, quota, { place, kind: 'object', sizeBytes });
    const tagging = copiedTagging(headers, found.version);
    told = sourceVersionHeaders(source, found.version);
    tags = tagging?.tags;
    const target: VersionTarget = {
      kind: 'version',
      place,
      headers: withAcl(copiedHeaders(call, found.version, directive), acl),
      extras: extrasOf(call.bucket, { tagging, lock }),
      condition,
      quota,
      customerKey,
    };
    return copy(services, found, target, checksum);
  });
  const { sizeBytes, lastModifiedMs: createdMs } = written;
  const subject = { key: call.key, sizeBytes, createdMs, tags };
  const expiration = expirationHeaders(call.bucket, services.calendar, subject);
  const version = writtenHeaders(call.bucket, written.version);
  const key = customerKeyHeaders(customerKey);
  return copyResult('CopyObjectResult', written, [...version, ...told, ...key, ...expiration]);
};

/** A storage class that is named counts, the same one too: tools renew objects in this way. */
function changesSomething(
  { headers }: ObjectCall,
  directive: Directive,
  checksum: ChecksumAlgorithm | undefined,
): boolean {
  if (directive === 'REPLACE' || checksum !== undefined) return true;
  const hasClass = headers.get('x-amz-storage-class') !== undefined;
  return hasClass || redirectLocation(headers) !== undefined;
}

function metadataDirective({ headers }: ObjectCall): Directive {
  const text = headers.get('x-amz-metadata-directive') ?? 'COPY';
  if (text === 'COPY' || text === 'REPLACE') return text;
  throw new S3Error('InvalidArgument', {
    message: 'x-amz-metadata-directive must be COPY or REPLACE.',
    fields: { ArgumentName: 'x-amz-metadata-directive', ArgumentValue: text },
  });
}

/** These come from the request, or are none. */
const NEVER_COPIED: ReadonlySet<string> = new Set([ACL_HEADER, REDIRECT_HEADER]);

function copiedHeaders(
  { headers, auth }: ObjectCall,
  source: ObjectVersion,
  directive: Directive,
): StoredHeaders {
  if (directive === 'REPLACE') return storedHeaders(headers, auth);
  const copied = source.headers.filter(([name]) => !NEVER_COPIED.has(name));
  const redirect = redirectLocation(headers);
  return redirect === undefined ? copied : [...copied, [REDIRECT_HEADER, redirect]];
}

async function copy(
  services: S3Services,
  found: FoundObject,
  target: VersionTarget,
  checksum: ChecksumAlgorithm | undefined,
): Promise<Written> {
  const { version } = found;
  const everything = { first: 0, sizeBytes: version.sizeBytes };
  if (version.encryption !== undefined || target.customerKey !== undefined) {
    const body = await services.reader.open(found, everything);
    const algorithm = checksum ?? version.checksum?.algorithm;
    return services.writer.write(new SourcePayload(body, algorithm), target);
  }
  const copied = await copiedChecksum(services.reader, found, checksum);
  if (copied.kind === 'unknown') {
    const seen = new Set<BlockHash>();
    const body = await services.reader.open(found, everything, { seen });
    return services.writer.write(new SourcePayload(body, copied.algorithm), target, seen);
  }
  const known = copied.kind === 'known' ? copied.checksum : undefined;
  return copyByReference(services, found, target, known);
}

function nothingChanges(): S3Error {
  return new S3Error('InvalidRequest', {
    message:
      'An object can be copied to itself only to change its metadata, storage class, ' +
      'website redirect location, encryption or checksum.',
  });
}
