/**
 * The pages that the website door makes itself.
 *
 * Owns:          their HTML, their headers.
 * Knows:         the shape of a reply.
 * Must not know: why something failed, sites.
 *
 * Whatever a page repeats of a request is escaped, and the page may run nothing: a link to a
 * missing key must not become a script of the site.
 */
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import { statusText } from '../http/reply-head.ts';

export type PageFailure = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: ReplyHeaders;
};

const PAGE_HEADERS: ReplyHeaders = [
  ['content-type', 'text/html; charset=utf-8'],
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'"],
];

/** `key`: what was asked for, where that is known. */
export function errorPage(method: string, failure: PageFailure, key?: string): HttpReply {
  const title = escapeHtml(statusText(failure.status));
  const items = [`Code: ${failure.code}`, `Message: ${failure.message}`];
  if (key !== undefined) items.push(`Key: ${key}`);
  const list = items.map(item => `<li>${escapeHtml(item)}</li>`).join('');
  const page =
    `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>` +
    `<body><h1>${title}</h1><ul>${list}</ul></body></html>\n`;
  return {
    status: failure.status,
    headers: [...PAGE_HEADERS, ...failureHeaders(failure)],
    body:
      method === 'HEAD'
        ? { kind: 'head', sizeBytes: Buffer.byteLength(page) }
        : { kind: 'bytes', bytes: page },
  };
}

/** What tells programs why, also beside an error document of the site's own. */
export function failureHeaders({ code, message, headers }: PageFailure): ReplyHeaders {
  return [['x-amz-error-code', code], ['x-amz-error-message', message], ...headers];
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => REFERENCES[character] ?? '');
}
