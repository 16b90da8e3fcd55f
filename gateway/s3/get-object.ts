/**
 * GetObject and HeadObject.
 *
 * Owns:          what the operations accept, checked before the object is looked up.
 * Knows:         "GetObject" and "HeadObject" of the S3 API reference.
 * Must not know: how an object is found and sent; that is object-answer.ts.
 */
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply } from '../http/exchange.ts';
import { answerObject, type ObjectQuestion } from '../object/object-answer.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { absentKey, checkObjectAcl } from './object-access.ts';
import { checkVersionId, parsePartNumber, placeOf } from './object-place.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

/** Who sends a key believes that the object is encrypted with it. */
const CUSTOMER_KEY_HEADER = 'x-amz-server-side-encryption-customer-algorithm';

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
  const { reader, calendar } = services;
  const absent = (): never => {
    throw absentKey(call, services, call);
  };
  const question = readQuestion(call, want, calendar);
  if (call.access === 'allowed') return answerObject(reader, question, { absent });
  return answerObject(reader, question, {
    absent,
    instead: version => {
      checkObjectAcl(call, call.bucket, version);
      return undefined;
    },
  });
}

function readQuestion(
  call: ObjectCall,
  want: ObjectQuestion['want'],
  calendar: LifecycleCalendar,
): ObjectQuestion {
  const { query, headers, caller, bucket } = call;
  checkVersionId(query);
  if (headers.get(CUSTOMER_KEY_HEADER) !== undefined) {
    throw new S3Error('NotImplemented', { fields: { Header: CUSTOMER_KEY_HEADER } });
  }
  const partNumber = parsePartNumber(query.get('partNumber'));
  if (partNumber !== undefined && headers.get('range') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Range and partNumber exclude each other.',
    });
  }
  const overrides = query.size === 0 ? NO_OVERRIDES : overridesOf(query);
  if (overrides.size > 0 && caller === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Headers of the answer can only be chosen by a signed request.',
    });
  }
  const wantsChecksum = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const added =
    bucket.lifecycle === undefined ? undefined : expirationOf(bucket, calendar, call.key);
  return {
    place: placeOf(call),
    want,
    headers,
    partNumber,
    overrides,
    wantsChecksum,
    tellsTags: true,
    added,
  };
}

function expirationOf(
  bucket: BucketRow,
  calendar: LifecycleCalendar,
  key: string,
): NonNullable<ObjectQuestion['added']> {
  return ({ sizeBytes, timestamp, tagging }) =>
    expirationHeaders(bucket, calendar, {
      key,
      sizeBytes,
      createdMs: timestampMs(timestamp),
      tags: tagging?.tags,
    });
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
