/**
 * PutBucketTagging, GetBucketTagging, DeleteBucketTagging.
 *
 * Owns:          the document of a set of tags.
 * Knows:         the S3 API reference; tags as they are stored.
 * Must not know: what tags are used for.
 */
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import { BUCKET_TAGS_MAX, faultOfTags } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import {
  decideSettings,
  readVouchedDocument,
  refuseFault,
  SETTING_DELETED,
} from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { childrenOf, malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document, wrap } from './xml-writer.ts';

/** Room for as many tags as there may be, every character a reference. */
const DOCUMENT_BYTES_MAX = 256 * 1024;
const TAGGING = new Set(['TagSet']);
const TAG_SET = new Set(['Tag']);
const TAG = new Set(['Key', 'Value']);

export const putBucketTagging: S3Handler<BucketCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const tags = readTagging(body);
  refuseFault(faultOfTags(tags, BUCKET_TAGS_MAX));
  await decideSettings(call, services, { tags: tags.length === 0 ? null : tags });
  return { status: 204, headers: [] };
};

/** A `Tagging` document; its tags are not yet checked. @throws S3Error MalformedXML. */
export function readTagging(document: Buffer): readonly Tag[] {
  const set = new XmlFields(parseXml(document, 'Tagging'), TAGGING).one('TagSet');
  if (set === undefined) throw malformed('Tagging needs a TagSet.');
  return readTags(set);
}

/** The `Tag` elements of a set; not yet checked. */
export function readTags(set: XmlElement): readonly Tag[] {
  return childrenOf(set, TAG_SET).map(readTag);
}

/** One `Tag` element. */
export function readTag(tag: XmlElement): Tag {
  const fields = new XmlFields(tag, TAG);
  return { key: fields.requiredText('Key'), value: fields.requiredText('Value') };
}

export function tagXml({ key, value }: Tag): string {
  return wrap('Tag', element('Key', key) + element('Value', value));
}

export const getBucketTagging: S3Handler<BucketCall> = ({ bucket, bucketName }) => {
  const { tags } = bucket;
  if (tags === undefined) {
    throw new S3Error('NoSuchTagSet', { fields: { BucketName: bucketName } });
  }
  return xmlReply(s3Document('Tagging', wrap('TagSet', tags.map(tagXml).join(''))));
};

export const deleteBucketTagging: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { tags: null });
  return SETTING_DELETED;
};
