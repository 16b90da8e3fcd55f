/**
 * PutBucketVersioning and GetBucketVersioning.
 *
 * Owns:          the document.
 * Knows:         the S3 API reference; "Using versioning in S3 buckets" of the S3 user guide.
 * Must not know: what versioning does to objects.
 *
 * Versioning is never taken away again: once enabled, it can only be suspended.
 */
import type { VersioningStatus } from '../../schemas/records/bucket-settings/access-settings.ts';
import { decideSettings, readVouchedDocument, SETTING_STORED } from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 16 * 1024;
const CONFIGURATION = new Set(['MfaDelete', 'Status']);
const WORDS: Readonly<Record<VersioningStatus, string>> = {
  enabled: 'Enabled',
  suspended: 'Suspended',
};

export const putBucketVersioning: S3Handler<BucketCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const versioning = readStatus(body);
  if (versioning === 'suspended' && call.bucket.objectLock !== undefined) {
    throw new S3Error('InvalidBucketState', {
      message: 'The bucket has object lock: its versioning cannot be suspended.',
    });
  }
  await decideSettings(call, services, { versioning });
  return SETTING_STORED;
};

function readStatus(body: Buffer): VersioningStatus {
  const fields = new XmlFields(parseXml(body, 'VersioningConfiguration'), CONFIGURATION);
  const mfa = fields.text('MfaDelete')?.trim();
  if (mfa !== undefined && mfa !== 'Disabled') {
    if (mfa !== 'Enabled') throw malformed('MfaDelete is Enabled or Disabled.');
    throw new S3Error('NotImplemented', { message: 'MfaDelete is not implemented.' });
  }
  switch (fields.text('Status')?.trim()) {
    case undefined:
      throw new S3Error('IllegalVersioningConfigurationException', {
        message: 'The configuration needs a Status.',
      });
    case 'Enabled':
      return 'enabled';
    case 'Suspended':
      return 'suspended';
    default:
      throw malformed('The Status of versioning is Enabled or Suspended.');
  }
}

/** Never enabled: the document without a status. */
export const getBucketVersioning: S3Handler<BucketCall> = ({ bucket: { versioning } }) => {
  const status = versioning === undefined ? '' : element('Status', WORDS[versioning]);
  return xmlReply(s3Document('VersioningConfiguration', status));
};
