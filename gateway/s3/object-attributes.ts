/**
 * GetObjectAttributes.
 *
 * Owns:          its header, its document, the pages of parts.
 * Knows:         the S3 API reference.
 * Must not know: how parts are stored.
 *
 * As with S3, the parts themselves are told only where each has a checksum; else their number.
 */
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { httpDate } from '../http/http-date.ts';
import type { FoundObject, ListedPart } from '../object/object-reader.ts';
import { unlock } from '../object/unlock.ts';
import { customerKeyOf } from './customer-key-headers.ts';
import { entriesMaxOf, integerIn, invalidArgument } from './list-parameters.ts';
import { findVersion } from './object-versions.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { checksumElement } from './upload-xml.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

const HEADER = 'x-amz-object-attributes';
const MAX_PARTS = 'x-amz-max-parts';
const MARKER = 'x-amz-part-number-marker';
const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;

type Attribute = (typeof ATTRIBUTES)[number];
type PartsWanted = { readonly after: number; readonly limit: number };

export const getObjectAttributes: S3Handler<ObjectCall> = async (call, services) => {
  const wanted = readWanted(call);
  const customerKey = customerKeyOf(call.headers);
  const page = {
    after: integerIn(call.headers.get(MARKER), MARKER) ?? 0,
    limit: entriesMaxOf(call.headers.get(MAX_PARTS), MAX_PARTS),
  };
  const { found: stored, headers } = await findVersion(call, services);
  const found = unlock(stored, customerKey);
  const { version } = found;
  const parts = wanted.has('ObjectParts') ? await partsXml(services, found, page) : '';
  const content =
    optionalElement('ETag', wanted.has('ETag') ? version.etag : undefined) +
    (wanted.has('Checksum') ? checksumXml(version) : '') +
    parts +
    optionalElement('StorageClass', wanted.has('StorageClass') ? 'STANDARD' : undefined) +
    optionalElement('ObjectSize', wanted.has('ObjectSize') ? version.sizeBytes : undefined);
  return xmlReply(s3Document('GetObjectAttributesResponse', content), [
    ['Last-Modified', httpDate(timestampMs(version.timestamp))],
    ...headers,
  ]);
};

function readWanted({ headers }: ObjectCall): ReadonlySet<Attribute> {
  const text = headers.get(HEADER) ?? '';
  if (text === '') {
    throw new S3Error('InvalidRequest', { message: `${HEADER} is missing, or empty.` });
  }
  const names = text.split(',').map(name => name.trim());
  for (const name of names) {
    if ((ATTRIBUTES as readonly string[]).includes(name)) continue;
    throw invalidArgument(HEADER, text, 'Invalid attribute name specified.');
  }
  return new Set(names as Attribute[]);
}

/** As with S3, without the number of parts that a composite checksum ends in elsewhere. */
function checksumXml({ checksum }: ObjectVersion): string {
  if (checksum === undefined) return '';
  const bare = { ...checksum, value: checksum.value.replace(/-\d+$/, '') };
  return wrap('Checksum', checksumElement(bare) + element('ChecksumType', checksum.type));
}

async function partsXml(
  { reader }: S3Services,
  found: FoundObject,
  { after, limit }: PartsWanted,
): Promise<string> {
  const { content, checksum } = found.version;
  if (content.kind !== 'parts') return '';
  const { partCount } = content;
  if (checksum === undefined) return wrap('ObjectParts', element('PartsCount', partCount));
  const parts = await reader.parts(found, { after, limit });
  const last = after + parts.length;
  return wrap(
    'ObjectParts',
    element('PartsCount', partCount) +
      element('PartNumberMarker', after) +
      element('NextPartNumberMarker', last) +
      element('MaxParts', limit) +
      element('IsTruncated', last < partCount) +
      parts.map(partXml).join(''),
  );
}

function partXml({ position, sizeBytes, checksum }: ListedPart): string {
  return wrap(
    'Part',
    element('PartNumber', position) + element('Size', sizeBytes) + checksumElement(checksum),
  );
}
