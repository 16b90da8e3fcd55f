/**
 * How a refusal looks to the client: S3's error document.
 *
 * Owns:          the one place where an error becomes an answer.
 * Knows:         S3's error format; HTTP's rule that HEAD has no body.
 * Must not know: who refused and why.
 *
 * What is not an S3Error is a fault of ours: its text never reaches the client, only the log.
 */
import { SettingsUnavailableError } from '../../bus/settings-unavailable.ts';
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import { S3Error } from './s3-error.ts';
import { XML_CONTENT_TYPE } from './xml-reply.ts';
import { element, escapeXml, wrap, XML_DECLARATION } from './xml-writer.ts';

export type ErrorScene = {
  readonly method: string;
  /** The path as sent. */
  readonly resource: string;
  readonly requestId: string;
  readonly hostId: string;
};

/** undefined for a fault of ours. Keys and buckets that nobody can be asked for are a matter of
 *  trying again. */
export function refusalOf(thrown: unknown): S3Error | undefined {
  if (thrown instanceof S3Error) return thrown;
  if (!(thrown instanceof SettingsUnavailableError)) return undefined;
  return new S3Error('ServiceUnavailable', { cause: thrown });
}

/** The refusal that stands for anything thrown. */
export function asS3Error(thrown: unknown): S3Error {
  return refusalOf(thrown) ?? new S3Error('InternalError', { cause: thrown });
}

/** The answer, without the headers that every answer has. */
export function errorReply(error: S3Error, scene: ErrorScene): HttpReply {
  const headers: ReplyHeaders = [XML_CONTENT_TYPE, ...error.headers];
  // S3 answers HEAD with the status alone: nothing about the reason, whatever its length.
  if (scene.method === 'HEAD' || error.status === 304) return { status: error.status, headers };
  return {
    status: error.status,
    headers,
    body: { kind: 'bytes', bytes: XML_DECLARATION + errorDocument(error, scene) },
  };
}

function errorDocument(error: S3Error, { resource, requestId, hostId }: ErrorScene): string {
  // Quotes need no escape in a text, and clients search messages for what they quote.
  const message = escapeXml(error.message).replaceAll('&quot;', '"');
  let content = element('Code', error.code) + wrap('Message', message);
  for (const [name, value] of Object.entries(error.fields ?? {})) content += element(name, value);
  content += element('Resource', resource) + element('RequestId', requestId);
  return wrap('Error', content + element('HostId', hostId));
}
