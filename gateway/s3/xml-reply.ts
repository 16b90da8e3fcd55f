/**
 * Answers with an XML document.
 *
 * Owns:          the content type of S3's documents.
 * Knows:         the shape of a reply.
 * Must not know: what the document says.
 */
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';

export const XML_CONTENT_TYPE: readonly [name: string, value: string] = [
  'content-type',
  'application/xml',
];

export function xmlReply(document: string | Uint8Array, headers: ReplyHeaders = []): HttpReply {
  return {
    status: 200,
    headers: [XML_CONTENT_TYPE, ...headers],
    body: { kind: 'bytes', bytes: document },
  };
}
