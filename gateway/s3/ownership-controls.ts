/**
 * PutBucketOwnershipControls, GetBucketOwnershipControls, DeleteBucketOwnershipControls.
 *
 * Owns:          the document; when lists may be disabled.
 * Knows:         the S3 API reference; "Controlling ownership of objects and disabling ACLs".
 * Must not know: what the setting means for a request.
 *
 * A bucket without the setting disables access control lists, as S3's new buckets do. Deleting it
 * goes back to S3's old buckets, in which the writer of an object decides.
 */
import { objectOwnership } from '../../schemas/records/bucket-settings/access-settings.ts';
import { isPublicAcl } from '../auth/canned-acl.ts';
import {
  decideSettings,
  readVouchedDocument,
  SETTING_DELETED,
  SETTING_STORED,
} from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document, wrap } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 16 * 1024;
const CONTROLS = new Set(['Rule']);
const RULE = new Set(['ObjectOwnership']);

export const putOwnershipControls: S3Handler<BucketCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const rule = new XmlFields(parseXml(body, 'OwnershipControls'), CONTROLS).one('Rule');
  if (rule === undefined) throw malformed('OwnershipControls needs a Rule.');
  const text = new XmlFields(rule, RULE).requiredText('ObjectOwnership').trim();
  const ownership = objectOwnership(text);
  if (ownership === undefined) throw malformed('There is no such ObjectOwnership.');
  if (ownership === 'BucketOwnerEnforced' && isPublicAcl(call.bucket.acl)) {
    throw new S3Error('InvalidBucketAclWithObjectOwnership', {
      message: 'The bucket has an access control list: make it private first.',
    });
  }
  await decideSettings(call, services, { ownership });
  return SETTING_STORED;
};

export const getOwnershipControls: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { ownership = 'BucketOwnerEnforced' } = bucket;
  if (ownership === 'none') {
    throw new S3Error('OwnershipControlsNotFoundError', { fields: { BucketName: bucketName } });
  }
  const rule = wrap('Rule', element('ObjectOwnership', ownership));
  return xmlReply(s3Document('OwnershipControls', rule));
};

export const deleteOwnershipControls: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { ownership: 'none' });
  return SETTING_DELETED;
};
