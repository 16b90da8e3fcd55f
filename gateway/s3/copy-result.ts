/**
 * The document that CopyObject and UploadPartCopy answer with.
 *
 * Owns:          its elements.
 * Knows:         the S3 API reference.
 * Must not know: what was copied.
 */
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import type { Written } from '../object/object-writer.ts';
import { writeTime } from './list-times.ts';
import { checksumElement } from './upload-xml.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

export function copyResult(
  root: 'CopyObjectResult' | 'CopyPartResult',
  { etag, lastModifiedMs, checksum }: Written,
  headers: ReplyHeaders = [],
): HttpReply {
  const content = [
    element('LastModified', writeTime(lastModifiedMs)),
    element('ETag', `"${etag}"`),
  ];
  if (checksum !== undefined) {
    content.push(checksumElement(checksum));
    if (root === 'CopyObjectResult') content.push(element('ChecksumType', checksum.type));
  }
  return xmlReply(s3Document(root, content.join('')), headers);
}
