/**
 * The rows of the bench about large objects: one stream, parts side by side, reading.
 *
 * Owns:          what is sent and read.
 * Knows:         the bench client.
 * Must not know: how results are shown.
 *
 * Bodies are made of one random MiB with a counter in it, so that no two blocks are equal; their
 * SHA-256 is computed before the clock starts: clients of one machine would share its cores.
 */
import { createHash, randomBytes } from 'node:crypto';
import { sha256Hex } from '../support/sigv4-signer.ts';
import {
  BenchSigner,
  closedLoop,
  once,
  type BenchRequest,
  type BenchTarget,
} from './bench-client.ts';
import { RawConnection } from './raw-connection.ts';

const MIB = 1024 * 1024;
const BASE = randomBytes(MIB);

/** The pieces of a body, all in the same memory: to be asked for when the one before is sent. */
export function* bodyPieces(mebibytes: number, seed: number): Generator<Buffer> {
  const piece = Buffer.from(BASE);
  for (let index = 0; index < mebibytes; index += 1) {
    piece.writeDoubleBE(seed * 1e6 + index, 0);
    yield piece;
  }
}

function bodyHash(mebibytes: number, seed: number): string {
  const hash = createHash('sha256');
  for (const piece of bodyPieces(mebibytes, seed)) hash.update(piece);
  return hash.digest('hex');
}

type Headers = NonNullable<BenchRequest['headers']>;

const CUSTOMER_KEY = randomBytes(32);
const ENCRYPTION = 'x-amz-server-side-encryption-customer-';
/** For what is encrypted with a key of the client's. */
export const KEYED: Headers = [
  [`${ENCRYPTION}algorithm`, 'AES256'],
  [`${ENCRYPTION}key`, CUSTOMER_KEY.toString('base64')],
  [`${ENCRYPTION}key-md5`, createHash('md5').update(CUSTOMER_KEY).digest('base64')],
];

/** Bytes a second of one signed PUT of so many MiB. */
export async function putStream(
  target: BenchTarget,
  mebibytes: number,
  key: string,
  headers: Headers = [],
): Promise<number> {
  const seed = Math.floor(Math.random() * 1e6);
  const payload = bodyHash(mebibytes, seed);
  const connection = await RawConnection.open(target.port);
  const request = { method: 'PUT', path: `/${target.bucket}/${key}`, payload, headers };
  const head = new BenchSigner(target).head({ ...request, bodyBytes: mebibytes * MIB });
  const startMs = performance.now();
  const answer = await connection.stream(head, bodyPieces(mebibytes, seed));
  const seconds = (performance.now() - startMs) / 1000;
  connection.close();
  if (answer.status !== 200) throw new Error(`PUT answered ${String(answer.status)}`);
  return (mebibytes * MIB) / seconds;
}

export type Parts = { readonly parts: number; readonly partMib: number; readonly key: string };

/** Bytes a second of a multipart upload, four parts at a time, each signed. */
export async function putParts(
  target: BenchTarget,
  { parts, partMib, key }: Parts,
): Promise<number> {
  const path = `/${target.bucket}/${key}`;
  const created = await once(target, { method: 'POST', path, query: 'uploads=' });
  const uploadId = /<UploadId>([^<]+)</.exec(created.body?.toString() ?? '')?.[1];
  if (uploadId === undefined) throw new Error('no upload id');
  const seed = Math.floor(Math.random() * 1e6);
  const hashes = Array.from({ length: parts }, (_, n) => bodyHash(partMib, seed + n));
  const etags: string[] = [];
  const signer = new BenchSigner(target);
  const startMs = performance.now();
  const loop = await closedLoop({
    ...{ port: target.port, connections: 4, durationMs: 600_000, requestsMax: parts },
    step: async (connection, index) => {
      const query = `partNumber=${String(index + 1)}&uploadId=${uploadId}`;
      const payload = hashes[index] ?? '';
      const head = signer.head({
        ...{ method: 'PUT', path, query, payload, bodyBytes: partMib * MIB },
      });
      const answer = await connection.stream(head, bodyPieces(partMib, seed + index));
      etags[index] = /\r\netag: *("[^"]+")/i.exec(answer.head)?.[1] ?? '';
      return answer.status === 200;
    },
  });
  const listed = etags.map(
    (etag, index) =>
      `<Part><PartNumber>${String(index + 1)}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`);
  const query = `uploadId=${uploadId}`;
  const complete = { method: 'POST', path, query, payload: sha256Hex(body) };
  const done = await once(target, { ...complete, bodyBytes: body.length }, body);
  const seconds = (performance.now() - startMs) / 1000;
  if (loop.failures > 0 || done.status !== 200) throw new Error('the upload failed');
  return (parts * partMib * MIB) / seconds;
}

/** Bytes a second of one GET, thrown away as it comes. */
export async function getStream(
  target: BenchTarget,
  path: string,
  headers: Headers = [],
): Promise<number> {
  const connection = await RawConnection.open(target.port);
  const head = new BenchSigner(target).head({ method: 'GET', path, headers });
  const startMs = performance.now();
  const answer = await connection.send(head);
  const seconds = (performance.now() - startMs) / 1000;
  connection.close();
  if (answer.status !== 200) throw new Error(`GET answered ${String(answer.status)}`);
  return answer.bodyBytes / seconds;
}

/** Opens a GET and reads none of it; `close` lets it go. */
export async function openSlowReader(
  target: BenchTarget,
  path: string,
): Promise<{ close(): void }> {
  const connection = await RawConnection.open(target.port);
  const answer = connection.send(new BenchSigner(target).head({ method: 'GET', path }));
  answer.catch(() => undefined);
  await new Promise(resolve => connection.socket.once('data', resolve));
  connection.socket.pause();
  return connection;
}

/** A PUT at a given speed, until `signal` says enough; the body is then cut. */
export async function putAtSpeed(
  target: BenchTarget,
  request: { readonly key: string; readonly mebibytes: number; readonly mibPerSecond: number },
  signal: { stop: boolean },
): Promise<void> {
  const connection = await RawConnection.open(target.port);
  const head = new BenchSigner(target).head({
    method: 'PUT',
    path: `/${target.bucket}/${request.key}`,
    payload: 'UNSIGNED-PAYLOAD',
    bodyBytes: request.mebibytes * MIB,
  });
  connection.socket.write(head, 'latin1');
  connection.socket.on('error', () => undefined);
  const startMs = performance.now();
  let sent = 0;
  const seed = Math.floor(Math.random() * 1e6);
  for (const piece of bodyPieces(request.mebibytes, seed)) {
    if (signal.stop || connection.socket.destroyed) break;
    const isTaken = connection.socket.write(piece);
    sent += 1;
    if (!isTaken) await new Promise(resolve => connection.socket.once('drain', resolve));
    const aheadMs = (sent / request.mibPerSecond) * 1000 - (performance.now() - startMs);
    if (aheadMs > 0) await new Promise(resolve => setTimeout(resolve, aheadMs));
  }
  connection.close();
}
