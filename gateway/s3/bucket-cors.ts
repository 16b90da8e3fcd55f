/**
 * PutBucketCors, GetBucketCors, DeleteBucketCors.
 *
 * Owns:          the document.
 * Knows:         the S3 API reference; the rules as they are stored.
 * Must not know: how a request is matched with a rule.
 */
import type { CorsRule } from '../../schemas/records/bucket-settings/cors-rules.ts';
import { faultOfCors } from '../../schemas/records/bucket-settings/cors-rules.ts';
import {
  decideSettings,
  readVouchedDocument,
  refuseFault,
  SETTING_DELETED,
  SETTING_STORED,
} from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { childrenOf, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

/** "CORS configuration": the document has 64 KB at most. */
const DOCUMENT_BYTES_MAX = 64 * 1024;
const CONFIGURATION = new Set(['CORSRule']);
const RULE = new Set([
  'AllowedHeader',
  'AllowedMethod',
  'AllowedOrigin',
  'ExposeHeader',
  'ID',
  'MaxAgeSeconds',
]);

export const putBucketCors: S3Handler<BucketCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const root = parseXml(body, 'CORSConfiguration');
  const cors = childrenOf(root, CONFIGURATION).map(readRule);
  refuseFault(faultOfCors(cors));
  await decideSettings(call, services, { cors });
  return SETTING_STORED;
};

function readRule(rule: XmlElement): CorsRule {
  const fields = new XmlFields(rule, RULE);
  return {
    id: fields.text('ID'),
    allowedOrigins: fields.texts('AllowedOrigin'),
    allowedMethods: fields.texts('AllowedMethod'),
    allowedHeaders: fields.texts('AllowedHeader'),
    exposeHeaders: fields.texts('ExposeHeader'),
    maxAgeSeconds: fields.integer('MaxAgeSeconds'),
  };
}

export const getBucketCors: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { cors } = bucket;
  if (cors === undefined) {
    throw new S3Error('NoSuchCORSConfiguration', { fields: { BucketName: bucketName } });
  }
  return xmlReply(s3Document('CORSConfiguration', cors.map(ruleXml).join('')));
};

function ruleXml(rule: CorsRule): string {
  const each = (name: string, texts: readonly string[]): string =>
    texts.map(text => element(name, text)).join('');
  return wrap(
    'CORSRule',
    optionalElement('ID', rule.id) +
      each('AllowedHeader', rule.allowedHeaders) +
      each('AllowedMethod', rule.allowedMethods) +
      each('AllowedOrigin', rule.allowedOrigins) +
      each('ExposeHeader', rule.exposeHeaders) +
      optionalElement('MaxAgeSeconds', rule.maxAgeSeconds),
  );
}

export const deleteBucketCors: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { cors: null });
  return SETTING_DELETED;
};
