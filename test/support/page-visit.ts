/**
 * A visit to a website, by host name.
 *
 * Owns:          one request to the website door, and its whole answer.
 * Knows:         bare HTTP.
 * Must not know: what is tested; the server's code.
 *
 * Not by fetch, which does not let a host be chosen and follows redirects by rules of its own.
 */
import { request, type IncomingHttpHeaders } from 'node:http';
import type { GarageProcess } from './garage-process.ts';

export type Page = {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
};

export type Visit = {
  /** GET when not given. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export function visitPage(
  { ports }: Pick<GarageProcess, 'ports'>,
  host: string,
  path: string,
  { method = 'GET', headers = {} }: Visit = {},
): Promise<Page> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port: ports.web, path, method };
    const sent = request({ ...where, headers: { host, ...headers } }, reply => {
      const pieces: Buffer[] = [];
      reply.on('data', (piece: Buffer) => pieces.push(piece));
      reply.on('error', reject);
      reply.on('end', () => {
        const body = Buffer.concat(pieces);
        resolve({ status: reply.statusCode ?? 0, body, headers: reply.headers });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
