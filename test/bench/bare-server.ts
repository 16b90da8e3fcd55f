/**
 * The limit of the HTTP rows: the same HTTP server, the same check of signature and body hash, and
 * nothing behind it. Run as a process of its own; prints its port.
 *
 * Owns:          nothing.
 * Knows:         the gateway's HTTP server and signature check.
 * Must not know: tables, blocks.
 *
 * PUT and DELETE: signature and SHA-256 of the body. GET: signature, then 1 KiB from memory, or for
 * `/bench/file` the file named on the command line, a read and a write at a time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { authenticate } from '../../gateway/auth/signature-v4.ts';
import { SigningKeys } from '../../gateway/auth/signing-keys.ts';
import type { HttpReply, HttpRequest, ReplySource } from '../../gateway/http/exchange.ts';
import { startHttpServer } from '../../gateway/http/http-server.ts';

const [, , accessKeyId = '', secretKey = '', region = '', file = ''] = process.argv;
const SMALL = Buffer.alloc(1024, 0x61);
const SIGNING_KEYS = new SigningKeys();
const PIECE_BYTES = 1024 * 1024;

function reply(status: number, bytes?: Uint8Array): HttpReply {
  return bytes === undefined
    ? { status, headers: [] }
    : { status, headers: [], body: { kind: 'bytes', bytes } };
}

function hashBody(request: HttpRequest, expectedHex: string): Promise<HttpReply> {
  return new Promise(resolve => {
    const hash = createHash('sha256');
    request.body.start({
      chunk: bytes => {
        hash.update(bytes);
      },
      end: () => {
        const isSame = timingSafeEqual(hash.digest(), Buffer.from(expectedHex, 'hex'));
        resolve(reply(isSame ? 200 : 400));
      },
      aborted: () => {
        resolve(reply(400));
      },
    });
  });
}

async function streamFile(path: string): Promise<HttpReply> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat();
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  let at = 0;
  const source: ReplySource = {
    next: async () => {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES, at);
      at += bytesRead;
      if (bytesRead > 0) return buffer.subarray(0, bytesRead);
      await handle.close();
      return undefined;
    },
    cancel: () => {
      void handle.close();
    },
  };
  return { status: 200, headers: [], body: { kind: 'stream', sizeBytes: size, source } };
}

function handle(request: HttpRequest): HttpReply | Promise<HttpReply> {
  const authenticated = authenticate(request, {
    region,
    service: 's3',
    nowMs: Date.now(),
    signingKeys: SIGNING_KEYS,
    findSecret: id => (id === accessKeyId ? secretKey : undefined),
  });
  if (authenticated instanceof Promise || authenticated.kind !== 'signed') return reply(403);
  if (request.method === 'PUT') {
    const { payload } = authenticated;
    return payload.kind === 'hashed' ? hashBody(request, payload.sha256Hex) : reply(400);
  }
  if (request.method === 'DELETE') return reply(204);
  return request.rawPath === '/bench/file' ? streamFile(file) : reply(200, SMALL);
}

const server = await startHttpServer({
  host: '127.0.0.1',
  port: 0,
  handler: handle,
  ...realEnvironment,
});
process.stdout.write(`${String(server.port)}\n`);
process.on('SIGTERM', () => {
  process.exit(0);
});
