/**
 * The rows of the bench about listings, over a bucket of many objects.
 *
 * Owns:          filling the bucket; walking it page by page, and folder by folder.
 * Knows:         the bench client.
 * Must not know: how results are shown.
 */
import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../support/sigv4-signer.ts';
import { BenchSigner, closedLoop, type BenchTarget } from './bench-client.ts';
import { benchKey } from './limits.ts';
import { RawConnection } from './raw-connection.ts';

/** Puts `count` objects of `bytes` each; those over 4 KiB are blocks, of one content. */
export async function fill(
  target: BenchTarget,
  count: number,
  prefix: string,
  bytes = 64,
): Promise<void> {
  const body = randomBytes(bytes);
  const payload = sha256Hex(body);
  const signer = new BenchSigner(target);
  const result = await closedLoop({
    ...{ port: target.port, connections: 128, durationMs: 3_600_000, requestsMax: count },
    step: async (connection, index) => {
      const path = `/${target.bucket}/${prefix}${benchKey(index, count)}`;
      const head = signer.head({ method: 'PUT', path, payload, bodyBytes: body.length });
      return (await connection.send(head, body)).status === 200;
    },
  });
  if (result.failures > 0) throw new Error(`${String(result.failures)} objects were not stored`);
}

export type Walk = {
  readonly keys: number;
  readonly keysPerSecond: number;
  /** Milliseconds of the first and of the last full page. */
  readonly firstPageMs: number;
  readonly lastPageMs: number;
};

/** ListObjectsV2, 1000 a page, from the first to the last. */
export async function walk(target: BenchTarget, prefix: string, delimiter = ''): Promise<Walk> {
  const connection = await RawConnection.open(target.port);
  const signer = new BenchSigner(target);
  const pagesMs: number[] = [];
  let keys = 0;
  let token: string | undefined;
  const startMs = performance.now();
  do {
    const query = [
      'list-type=2',
      `prefix=${encodeURIComponent(prefix)}`,
      ...(delimiter === '' ? [] : [`delimiter=${encodeURIComponent(delimiter)}`]),
      ...(token === undefined ? [] : [`continuation-token=${encodeURIComponent(token)}`]),
    ].join('&');
    const head = signer.head({ method: 'GET', path: `/${target.bucket}`, query });
    const pageMs = performance.now();
    const answer = await connection.send(head, undefined, { keepBody: true });
    pagesMs.push(performance.now() - pageMs);
    const page = answer.body?.toString('latin1') ?? '';
    if (answer.status !== 200) throw new Error(`a page answered ${String(answer.status)}`);
    keys += Number(/<KeyCount>(\d+)</.exec(page)?.[1] ?? 0);
    token = /<NextContinuationToken>([^<]+)</.exec(page)?.[1];
  } while (token !== undefined);
  const seconds = (performance.now() - startMs) / 1000;
  connection.close();
  return {
    keys,
    keysPerSecond: keys / seconds,
    firstPageMs: pagesMs[0] ?? 0,
    lastPageMs: pagesMs.at(-2) ?? pagesMs[0] ?? 0,
  };
}
