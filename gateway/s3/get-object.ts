/**
 * GetObject and HeadObject.
 *
 * Owns:          what the operations accept, checked before the object is looked up.
 * Knows:         "GetObject" and "HeadObject" of the S3 API reference.
 * Must not know: how an object is found and sent; that is object-answer.ts.
 */
import type { DeleteMarker, VersionRef } from '../../schemas/records/object-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply } from '../http/exchange.ts';
import { answerObject, type ObjectQuestion } from '../object/object-answer.ts';
import { headersOfVersion } from '../object/version-extras.ts';
import { customerKeyOf } from './customer-key-headers.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { checkFound } from './object-access.ts';
import { lockHeaders } from './object-lock-headers.ts';
import { parsePartNumber, placeOf, versionRefOfCall } from './object-place.ts';
import { noSuchObject } from './object-versions.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

const OVERRIDES = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;
const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

export const getObject: S3Handler<ObjectCall> = (call, services) =>
  answer(call, services, 'content');

export const headObject: S3Handler<ObjectCall> = (call, services) => answer(call, services, 'row');

function answer(
  call: ObjectCall,
  services: S3Services,
  want: ObjectQuestion['want'],
): Soon<HttpReply> {
  const { reader } = services;
  const question = readQuestion(call, services, want);
  const { bucket, key } = call;
  const absent = (marker: DeleteMarker | undefined): never => {
    throw noSuchObject(call, services, { bucket, key, version: question.version, marker });
  };
  const { access } = call;
  if (access === 'allowed') return answerObject(reader, question, { absent });
  return answerObject(reader, question, {
    absent,
    instead: version => {
      checkFound(call, services, { bucket, key, access, version });
      return undefined;
    },
  });
}

function readQuestion(
  call: ObjectCall,
  services: S3Services,
  want: ObjectQuestion['want'],
): ObjectQuestion {
  const { query, headers, caller } = call;
  const version = query.size === 0 ? undefined : versionRefOfCall(query);
  const customerKey = customerKeyOf(headers);
  const partNumber = parsePartNumber(query.get('partNumber'));
  if (partNumber !== undefined && headers.get('range') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Cannot specify both Range header and partNumber query parameter',
    });
  }
  const overrides = query.size === 0 ? NO_OVERRIDES : overridesOf(query);
  if (overrides.size > 0 && caller === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Request specific response headers cannot be used for anonymous GET requests.',
    });
  }
  const wantsChecksum = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const added = addedHeaders(call, services, version);
  return {
    place: placeOf(call),
    version,
    want,
    headers,
    partNumber,
    overrides,
    wantsChecksum,
    tellsTags: true,
    added,
    customerKey,
  };
}

/** Nothing for a bucket that has neither rules nor versions: a closure costs too. */
function addedHeaders(
  call: ObjectCall,
  services: S3Services,
  asked: VersionRef | undefined,
): ObjectQuestion['added'] {
  const { bucket, key } = call;
  if (bucket.lifecycle === undefined && bucket.versioning === undefined) return undefined;
  return row => {
    const told = [...headersOfVersion(bucket, row), ...lockHeaders(call, services, row.lock)];
    // Rules of expiration are about the current version.
    if (asked !== undefined) return told;
    const { sizeBytes, timestamp, tagging } = row;
    const createdMs = timestampMs(timestamp);
    const subject = { key, sizeBytes, createdMs, tags: tagging?.tags };
    return [...told, ...expirationHeaders(bucket, services.calendar, subject)];
  };
}

function overridesOf(query: ObjectCall['query']): ReadonlyMap<string, string> {
  const overrides = new Map<string, string>();
  for (const name of OVERRIDES) {
    const value = query.get(`response-${name}`);
    if (value !== undefined) overrides.set(name, checkedOverride(name, value));
  }
  return overrides;
}

/** A line break in a header would be read as further headers. */
function checkedOverride(name: string, value: string): string {
  // eslint-disable-next-line no-control-regex -- controls are what this is about
  if (!/[\0-\x08\x0a-\x1f\x7f]/.test(value)) return value;
  throw new S3Error('InvalidArgument', { fields: { ArgumentName: `response-${name}` } });
}
