/**
 * PutObjectLockConfiguration and GetObjectLockConfiguration.
 *
 * Owns:          the document.
 * Knows:         the S3 API reference; "Object Lock considerations" of the S3 user guide.
 * Must not know: what a lock keeps from happening.
 *
 * Object lock is never taken away again, and the bucket's versions are kept from then on: that is
 * decided where the settings are.
 */
import type {
  LockMode,
  ObjectLockConfiguration,
} from '../../schemas/records/bucket-settings/access-settings.ts';
import { LOCK_MODES } from '../../schemas/records/bucket-settings/access-settings.ts';
import { faultOfRetention } from '../../schemas/records/bucket-settings/default-retention.ts';
import {
  decideSettings,
  readVouchedDocument,
  refuseFault,
  SETTING_STORED,
} from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document, wrap } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 16 * 1024;
const ROOT = 'ObjectLockConfiguration';
const CONFIGURATION = new Set(['ObjectLockEnabled', 'Rule']);
const RULE = new Set(['DefaultRetention']);
const RETENTION = new Set(['Mode', 'Days', 'Years']);
const PERIOD = /^-?\d{1,15}$/;

type DefaultRetention = ObjectLockConfiguration['defaultRetention'];

export const putObjectLockConfiguration: S3Handler<BucketCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const defaultRetention = readConfiguration(body);
  if (defaultRetention !== undefined) refuseFault(faultOfRetention(defaultRetention));
  if (call.bucket.versioning !== 'enabled') {
    throw new S3Error('InvalidBucketState', {
      message: 'Versioning must be Enabled on the bucket to apply an object lock configuration.',
    });
  }
  await decideSettings(call, services, { objectLock: { defaultRetention } });
  return SETTING_STORED;
};

function readConfiguration(body: Buffer): DefaultRetention {
  const fields = new XmlFields(parseXml(body, ROOT), CONFIGURATION);
  if (fields.requiredText('ObjectLockEnabled').trim() !== 'Enabled') {
    throw malformed('ObjectLockEnabled is Enabled.');
  }
  const rule = fields.one('Rule');
  const retention = rule && new XmlFields(rule, RULE).one('DefaultRetention');
  if (rule !== undefined && retention === undefined) {
    throw malformed('A Rule needs a DefaultRetention.');
  }
  return retention && readRetention(retention);
}

function readRetention(retention: XmlElement): DefaultRetention {
  const fields = new XmlFields(retention, RETENTION);
  const mode = readLockMode(fields.requiredText('Mode'));
  const days = fields.text('Days');
  const years = fields.text('Years');
  const period = days ?? years;
  if (period === undefined || (days !== undefined && years !== undefined)) {
    throw malformed('A DefaultRetention has Days or Years.');
  }
  if (!PERIOD.test(period.trim())) throw malformed('Days and Years are whole numbers.');
  return { mode, unit: days === undefined ? 'years' : 'days', count: Number(period) };
}

/** @throws S3Error MalformedXML. */
export function readLockMode(text: string): LockMode {
  const mode = LOCK_MODES.find(known => known === text.trim());
  if (mode === undefined) throw malformed('Mode is GOVERNANCE or COMPLIANCE.');
  return mode;
}

export const getObjectLockConfiguration: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { objectLock } = bucket;
  if (objectLock === undefined) {
    throw new S3Error('ObjectLockConfigurationNotFoundError', {
      fields: { BucketName: bucketName },
    });
  }
  const content = element('ObjectLockEnabled', 'Enabled') + ruleXml(objectLock.defaultRetention);
  return xmlReply(s3Document(ROOT, content));
};

function ruleXml(retention: DefaultRetention): string {
  if (retention === undefined) return '';
  const { mode, unit, count } = retention;
  const period = element(unit === 'days' ? 'Days' : 'Years', count);
  return wrap('Rule', wrap('DefaultRetention', element('Mode', mode) + period));
}
