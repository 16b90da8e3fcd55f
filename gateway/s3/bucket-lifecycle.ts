/**
 * PutBucketLifecycleConfiguration (and its older form), GetBucketLifecycleConfiguration,
 * DeleteBucketLifecycle.
 *
 * Owns:          the document, in both its forms.
 * Knows:         the S3 API reference; the rules as they are stored.
 * Must not know: when anything is due.
 */
import { XML_BODY_BYTES_MAX } from '../../schemas/limits.ts';
import type {
  LifecycleExpiration,
  LifecycleFilter,
  LifecycleRule,
} from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import {
  faultOfLifecycle,
  generatedRuleId,
} from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import {
  decideSettings,
  readVouchedDocument,
  refuseFault,
  SETTING_DELETED,
} from './bucket-document.ts';
import { readTag, tagXml } from './bucket-tagging.ts';
import { parseIsoTime } from './iso-time.ts';
import { invalidArgument } from './list-parameters.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { childrenOf, malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

const CONFIGURATION = new Set(['Rule']);
/** Moves to other storage classes, of which there are none. */
const TRANSITIONS = ['Transition', 'NoncurrentVersionTransition'] as const;
const RULE = new Set([
  ...['AbortIncompleteMultipartUpload', 'Expiration', 'Filter', 'ID', 'Prefix', 'Status'],
  ...['NoncurrentVersionExpiration', ...TRANSITIONS],
]);
const CONDITIONS = ['ObjectSizeGreaterThan', 'ObjectSizeLessThan', 'Prefix', 'Tag'] as const;
const AND = new Set<string>(CONDITIONS);
const FILTER = new Set<string>(['And', ...CONDITIONS]);
const EXPIRATION = new Set(['Date', 'Days', 'ExpiredObjectDeleteMarker']);
const ABORT = new Set(['DaysAfterInitiation']);
const NONCURRENT = new Set(['NewerNoncurrentVersions', 'NoncurrentDays']);

const MINIMUM_SIZE_HEADER = 'x-amz-transition-default-minimum-object-size';
/** Nothing is ever moved, so the only answer is what holds by default. */
const MINIMUM_SIZES: ReadonlySet<string> = new Set([
  'all_storage_classes_128K',
  'varies_by_storage_class',
]);
const MINIMUM_SIZE: ReplyHeaders = [[MINIMUM_SIZE_HEADER, 'all_storage_classes_128K']];

export const putBucketLifecycle: S3Handler<BucketCall> = async (call, services) => {
  checkMinimumSize(call);
  const body = await readVouchedDocument(call, XML_BODY_BYTES_MAX);
  const root = parseXml(body, 'LifecycleConfiguration');
  const lifecycle = childrenOf(root, CONFIGURATION).map(readRule);
  refuseFault(faultOfLifecycle(lifecycle));
  await decideSettings(call, services, { lifecycle });
  return { status: 200, headers: MINIMUM_SIZE };
};

function checkMinimumSize({ headers }: BucketCall): void {
  const text = headers.get(MINIMUM_SIZE_HEADER);
  if (text === undefined || MINIMUM_SIZES.has(text)) return;
  throw invalidArgument(MINIMUM_SIZE_HEADER, text, 'The header has a value that is not known.');
}

function readRule(rule: XmlElement, index: number): LifecycleRule {
  const fields = new XmlFields(rule, RULE);
  for (const name of TRANSITIONS) {
    if (!fields.has(name)) continue;
    throw new S3Error('NotImplemented', {
      message: `${name} is not possible: there is one storage class.`,
    });
  }
  const expiration = fields.one('Expiration');
  const abort = fields.one('AbortIncompleteMultipartUpload');
  const noncurrent = fields.one('NoncurrentVersionExpiration');
  const given = fields.text('ID');
  return {
    id: given === undefined || given === '' ? generatedRuleId(index, rule) : given,
    enabled: readStatus(fields),
    filter: readFilter(fields),
    expiration: expiration && readExpiration(new XmlFields(expiration, EXPIRATION)),
    abortUploadsDays:
      abort && required(new XmlFields(abort, ABORT).signedInteger('DaysAfterInitiation'), abort),
    noncurrent: noncurrent && readNoncurrent(noncurrent),
  };
}

function readStatus(fields: XmlFields): boolean {
  const status = fields.requiredText('Status').trim();
  if (status === 'Enabled') return true;
  if (status === 'Disabled') return false;
  throw malformed('The Status of a rule is Enabled or Disabled.');
}

function readFilter(fields: XmlFields): LifecycleFilter {
  const filter = fields.one('Filter');
  const legacy = fields.text('Prefix');
  if (filter === undefined) {
    if (legacy === undefined) throw malformed('A rule needs a Filter or a Prefix.');
    return { form: 'legacy', prefix: legacy, ...NO_CONDITIONS };
  }
  if (legacy !== undefined) throw malformed('A rule has a Filter or a Prefix, not both.');
  const single = new XmlFields(filter, FILTER);
  if (filter.children.length > 1) throw malformed('A Filter has one condition; And joins several.');
  const and = single.one('And');
  if (and === undefined) return { form: 'single', ...readConditions(single) };
  const joined = new XmlFields(and, AND);
  if (joined.isEmpty) throw malformed('And joins conditions.');
  return { form: 'and', ...readConditions(joined) };
}

const NO_CONDITIONS = { tags: [], sizeGreaterThan: undefined, sizeLessThan: undefined } as const;

function readConditions(fields: XmlFields): Omit<LifecycleFilter, 'form'> {
  return {
    prefix: fields.text('Prefix'),
    tags: fields.all('Tag').map(readTag),
    sizeGreaterThan: fields.integer('ObjectSizeGreaterThan'),
    sizeLessThan: fields.integer('ObjectSizeLessThan'),
  };
}

function readExpiration(fields: XmlFields): LifecycleExpiration {
  const days = fields.signedInteger('Days');
  const date = fields.text('Date')?.trim();
  const marker = fields.flag('ExpiredObjectDeleteMarker');
  // Some clients send `false` beside what they mean.
  const given = [days, date, marker === true ? marker : undefined];
  const count = given.filter(value => value !== undefined).length;
  if (count > 1 || (count === 0 && marker === undefined)) {
    throw malformed('An Expiration has Days, a Date or ExpiredObjectDeleteMarker.');
  }
  if (days !== undefined) return { kind: 'days', days };
  if (date !== undefined) return { kind: 'date', dateMs: readDate(date) };
  return { kind: 'delete-marker', enabled: marker === true };
}

function readDate(text: string): number {
  const ms = parseIsoTime(text);
  if (ms !== undefined) return ms;
  throw malformed('The Date of an Expiration is a date of ISO 8601.');
}

function readNoncurrent(noncurrent: XmlElement): LifecycleRule['noncurrent'] {
  const fields = new XmlFields(noncurrent, NONCURRENT);
  return {
    days: required(fields.signedInteger('NoncurrentDays'), noncurrent),
    newerVersions: fields.integer('NewerNoncurrentVersions'),
  };
}

function required(days: number | undefined, { name }: XmlElement): number {
  if (days === undefined) throw malformed(`${name} needs a number of days.`);
  return days;
}

export const getBucketLifecycle: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { lifecycle } = bucket;
  if (lifecycle === undefined) {
    throw new S3Error('NoSuchLifecycleConfiguration', { fields: { BucketName: bucketName } });
  }
  const content = lifecycle.map(ruleXml).join('');
  return xmlReply(s3Document('LifecycleConfiguration', content), MINIMUM_SIZE);
};

function ruleXml(rule: LifecycleRule): string {
  const { expiration, abortUploadsDays, noncurrent } = rule;
  return wrap(
    'Rule',
    (expiration === undefined ? '' : wrap('Expiration', expirationXml(expiration))) +
      element('ID', rule.id) +
      filterXml(rule.filter) +
      element('Status', rule.enabled ? 'Enabled' : 'Disabled') +
      (noncurrent === undefined
        ? ''
        : wrap(
            'NoncurrentVersionExpiration',
            element('NoncurrentDays', noncurrent.days) +
              optionalElement('NewerNoncurrentVersions', noncurrent.newerVersions),
          )) +
      (abortUploadsDays === undefined
        ? ''
        : wrap('AbortIncompleteMultipartUpload', element('DaysAfterInitiation', abortUploadsDays))),
  );
}

function expirationXml(expiration: LifecycleExpiration): string {
  switch (expiration.kind) {
    case 'days':
      return element('Days', expiration.days);
    case 'date':
      return element('Date', new Date(expiration.dateMs).toISOString());
    case 'delete-marker':
      return element('ExpiredObjectDeleteMarker', expiration.enabled);
  }
}

function filterXml(filter: LifecycleFilter): string {
  if (filter.form === 'legacy') return element('Prefix', filter.prefix ?? '');
  const conditions =
    optionalElement('Prefix', filter.prefix) +
    filter.tags.map(tagXml).join('') +
    optionalElement('ObjectSizeGreaterThan', filter.sizeGreaterThan) +
    optionalElement('ObjectSizeLessThan', filter.sizeLessThan);
  return wrap('Filter', filter.form === 'and' ? wrap('And', conditions) : conditions);
}

export const deleteBucketLifecycle: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { lifecycle: null });
  return SETTING_DELETED;
};
