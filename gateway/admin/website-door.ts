/**
 * The website door while no bucket is a website: every page is missing.
 *
 * Owns:          that page.
 * Knows:         the exchange.
 * Must not know: buckets.
 */
import type { HttpHandler } from '../http/exchange.ts';

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>' +
  '<body><h1>404 Not Found</h1><p>There is no website at this address.</p></body></html>\n';

export const websiteDoor: HttpHandler = ({ method }) => ({
  status: 404,
  headers: [['content-type', 'text/html; charset=utf-8']],
  body:
    method === 'HEAD'
      ? { kind: 'head', sizeBytes: Buffer.byteLength(PAGE) }
      : { kind: 'bytes', bytes: PAGE },
});
