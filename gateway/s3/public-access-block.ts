/**
 * PutPublicAccessBlock, GetPublicAccessBlock, DeletePublicAccessBlock.
 *
 * Owns:          the document.
 * Knows:         the S3 API reference.
 * Must not know: what its four flags mean for a request.
 */
import {
  decideSettings,
  readVouchedDocument,
  SETTING_DELETED,
  SETTING_STORED,
} from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 16 * 1024;
const ROOT = 'PublicAccessBlockConfiguration';
const FLAGS = new Set([
  'BlockPublicAcls',
  'IgnorePublicAcls',
  'BlockPublicPolicy',
  'RestrictPublicBuckets',
]);

export const putPublicAccessBlock: S3Handler<BucketCall> = async (call, services) => {
  const fields = new XmlFields(
    parseXml(await readVouchedDocument(call, DOCUMENT_BYTES_MAX), ROOT),
    FLAGS,
  );
  const publicAccessBlock = {
    blockPublicAcls: fields.flag('BlockPublicAcls') ?? false,
    ignorePublicAcls: fields.flag('IgnorePublicAcls') ?? false,
    blockPublicPolicy: fields.flag('BlockPublicPolicy') ?? false,
    restrictPublicBuckets: fields.flag('RestrictPublicBuckets') ?? false,
  };
  await decideSettings(call, services, { publicAccessBlock });
  return SETTING_STORED;
};

export const getPublicAccessBlock: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const block = bucket.publicAccessBlock;
  if (block === undefined) {
    throw new S3Error('NoSuchPublicAccessBlockConfiguration', {
      fields: { BucketName: bucketName },
    });
  }
  const content =
    element('BlockPublicAcls', block.blockPublicAcls) +
    element('IgnorePublicAcls', block.ignorePublicAcls) +
    element('BlockPublicPolicy', block.blockPublicPolicy) +
    element('RestrictPublicBuckets', block.restrictPublicBuckets);
  return xmlReply(s3Document(ROOT, content));
};

export const deletePublicAccessBlock: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { publicAccessBlock: null });
  return SETTING_DELETED;
};
