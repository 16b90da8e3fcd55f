/**
 * Calls of S3's object operations, as the door hands them to a handler, and their answers read.
 *
 * Owns:          the shapes that a test need not spell out.
 * Knows:         the calls of the S3 door.
 * Must not know: what is tested.
 */
import { createSecretKey, hash } from 'node:crypto';
import { Authoriser } from '../../gateway/auth/authoriser.ts';
import type { BodySink, HttpReply, RequestBody } from '../../gateway/http/exchange.ts';
import { HeaderList } from '../../gateway/http/request-headers.ts';
import { parsePayloadMode } from '../../gateway/auth/payload-mode.ts';
import type { ObjectCall, S3Handler, S3Services } from '../../gateway/s3/s3-call.ts';
import { S3Error } from '../../gateway/s3/s3-error.ts';
import type { AccessKeyId, BucketId, ObjectKey } from '../../schemas/ids.ts';
import { lifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { BUCKET, type ObjectWorld } from './object-world.ts';

export const CALLER = 'GK0123456789' as AccessKeyId;

export type CallOptions = {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** x-amz-content-sha256; the body's own hash when absent. */
  readonly sha256?: string;
  /** Nobody signed. */
  readonly isAnonymous?: boolean;
  /** How the body comes: `chunked` without a length, `none` with neither. */
  readonly framing?: 'length' | 'chunked' | 'none';
  /** The declared length, where it is not that of the body. */
  readonly declaredBytes?: number;
  readonly bucket?: BucketRow;
};

export function bucketRow(id: BucketId, grants: Partial<BucketRow> = {}): BucketRow {
  return {
    ...{ kind: 'bucket', timestamp: '0'.repeat(32) as Timestamp, id, createdMs: 0 },
    ...{ state: 'active', globalAliases: [], localAliases: [], indexShards: 1 },
    grants: [{ accessKeyId: CALLER, read: true, write: true, owner: false }],
    ...grants,
  };
}

export function callOf(options: CallOptions): ObjectCall {
  const { body = new Uint8Array(0), key = 'key' } = options;
  const headers = new HeaderList();
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.add(name, value);
  const bucket = options.bucket ?? bucketRow(BUCKET);
  const caller = options.isAnonymous === true ? undefined : { accessKeyId: CALLER, keyName: 'k' };
  return {
    ...{ requestId: 'r', headers, bucketName: 'bucket', bucket, key: key as ObjectKey, caller },
    access: 'allowed',
    query: new Map(Object.entries(options.query ?? {})),
    auth: authOf(options, headers),
    http: {
      ...{ method: 'GET', rawPath: '/', rawQuery: '', headers, peerAddress: '127.0.0.1' },
      isSecure: false,
      body: new OneChunk(body, options),
      onAborted: () => undefined,
    },
  };
}

function authOf(options: CallOptions, headers: HeaderList): ObjectCall['auth'] {
  if (options.isAnonymous === true) return { kind: 'anonymous', effectiveHeaders: headers };
  const sha256 = options.sha256 ?? hash('sha256', options.body ?? new Uint8Array(0));
  return {
    ...{ kind: 'signed', accessKeyId: CALLER, presigned: false },
    payload: parsePayloadMode(sha256),
    effectiveHeaders: headers,
    signing: {
      ...{ timestamp: '20240101T000000Z', scope: '20240101/garage/s3/aws4_request' },
      ...{ signingKey: createSecretKey(Buffer.alloc(32, 1)), seedSignature: '0'.repeat(64) },
    },
  };
}

/** All bytes at once, a turn of the event loop after they are asked for. */
class OneChunk implements RequestBody {
  readonly declaredBytes: number | undefined;
  readonly isChunked: boolean;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, { framing = 'length', declaredBytes }: CallOptions) {
    this.#bytes = bytes;
    this.isChunked = framing === 'chunked';
    this.declaredBytes = framing === 'length' ? (declaredBytes ?? bytes.length) : undefined;
  }

  start(sink: BodySink): void {
    setImmediate(() => {
      const borrowed = new Uint8Array(this.#bytes);
      if (borrowed.length > 0) sink.chunk(borrowed);
      borrowed.fill(0xdd);
      if ((this.declaredBytes ?? this.#bytes.length) > this.#bytes.length) sink.aborted();
      else sink.end();
    });
  }

  pause(): void {
    // One chunk cannot be held back.
  }

  resume(): void {
    // Nor let go on.
  }
}

export type Answer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Of the error; undefined for an answer that is none. */
  readonly code?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
};

/** Runs a handler and reads all of its answer. */
export async function answerOf(
  handler: S3Handler<ObjectCall>,
  world: ObjectWorld,
  options: CallOptions,
  directory: Partial<S3Services['directory']> = {},
): Promise<Answer> {
  try {
    const reply = await handler(callOf(options), servicesOf(world, directory));
    const body = await bytesOf(reply);
    const headers = lowered(reply.headers);
    const declared = reply.body?.kind === 'bytes' ? body.length : reply.body?.sizeBytes;
    return { status: reply.status, headers, body, sizeBytes: declared ?? 0 };
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    const { status, code, fields = {} } = error;
    return { status, code, fields, ...noBody, headers: lowered(error.headers) };
  }
}

const noBody = { body: Buffer.alloc(0), sizeBytes: 0 };

function lowered(headers: HttpReply['headers']): ReadonlyMap<string, string> {
  return new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
}

export function servicesOf(
  world: ObjectWorld,
  directory: Partial<S3Services['directory']> = {},
): S3Services {
  const { clients, stamper, environment, writer, reader, log } = world;
  return {
    ...{ region: 'garage', rootDomain: undefined, ...clients, stamper, writer, reader, log },
    clock: environment.clock,
    random: environment.random,
    authoriser: new Authoriser(environment.clock),
    defaultOwnership: 'BucketOwnerEnforced',
    calendar: lifecycleCalendar(86_400_000, undefined),
    directory: { ...directory } as S3Services['directory'],
  };
}

async function bytesOf({ body }: HttpReply): Promise<Buffer> {
  if (body === undefined || body.kind === 'head') return Buffer.alloc(0);
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await body.source.next();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(Buffer.from(piece));
  }
}
