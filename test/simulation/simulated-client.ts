/**
 * What a client of a simulated gateway asks for: objects, as the S3 door would ask for them.
 *
 * Owns:          what each request is turned into, and what its outcome means to a client.
 * Knows:         the gateway's object code.
 * Must not know: workloads, faults.
 */
import { createHash } from 'node:crypto';
import type { HttpReply } from '../../gateway/http/exchange.ts';
import { HeaderList } from '../../gateway/http/request-headers.ts';
import { chunkChecksums } from '../../gateway/object/block-digest.ts';
import type { BlockUpload } from '../../gateway/object/block-upload.ts';
import { ContentGone } from '../../gateway/object/content-gone.ts';
import { answerObject } from '../../gateway/object/object-answer.ts';
import type { RowContent } from '../../gateway/object/object-writer.ts';
import { tableRefusal } from '../../gateway/object/refusals.ts';
import { SourcePayload } from '../../gateway/object/source-payload.ts';
import { S3Error } from '../../gateway/s3/s3-error.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { deletionRow } from '../../schemas/records/object-row.ts';
import type { Block, Content } from './contents.ts';
import type { GatewayServices } from './simulated-gateway.ts';

/** `unknown`: it may have been done, or be done later. `broken`: nobody should ever be told so. */
export type Outcome<Done> =
  | { readonly kind: 'done'; readonly done: Done }
  | { readonly kind: 'unknown'; readonly code: string }
  /** Not done, for a reason that is an answer. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'broken'; readonly error: unknown };

const NO_HEADERS = new HeaderList();
const MAY_BE_TOLD = new Set(['ServiceUnavailable', 'SlowDown', 'InsufficientStorage']);

const NO_REFUSALS: ReadonlySet<string> = new Set();

/** What came of some work for a client; `refusals`: codes that are answers to it. */
export async function outcomeOf<Done>(
  work: () => Promise<Done>,
  refusals: ReadonlySet<string> = NO_REFUSALS,
): Promise<Outcome<Done>> {
  try {
    return { kind: 'done', done: await work() };
  } catch (error) {
    if (error instanceof S3Error && MAY_BE_TOLD.has(error.code)) {
      return { kind: 'unknown', code: error.code };
    }
    if (error instanceof S3Error && refusals.has(error.code)) {
      return { kind: 'refused', code: error.code };
    }
    // Overwritten while it was read: the connection ends before the body does.
    if (error instanceof ContentGone) return { kind: 'unknown', code: 'cut short' };
    return { kind: 'broken', error };
  }
}

export async function putObject(
  { writer }: GatewayServices,
  place: ObjectPlace,
  content: Content,
): Promise<void> {
  const target = { kind: 'version', place, headers: [] } as const;
  if (content.shape === 'blocks') {
    await writer.writeBlocks(target, upload => storeBlocks(upload, content));
    return;
  }
  const { bytes } = content;
  await writer.write(new SourcePayload({ kind: 'bytes', bytes }, undefined), target);
}

/** As a body that comes in blocks is stored, some of which are there already. */
export async function storeBlocks(upload: BlockUpload, content: Content): Promise<RowContent> {
  const { blocks, bytes } = content;
  for (const block of blocks) upload.list({ hash: block.hash, sizeBytes: block.bytes.length });
  await Promise.all(blocks.map(block => storeBlock(upload, block)));
  const etag = createHash('md5').update(bytes).digest('hex');
  return { etag, sizeBytes: bytes.length, content: await upload.seal() };
}

async function storeBlock(upload: BlockUpload, { hash, bytes, isShared }: Block): Promise<void> {
  const known = isShared ? await upload.reference(hash) : undefined;
  if (known?.kind === 'stored') return;
  const companions = known?.kind === 'send-it' ? { heldBy: known.heldBy } : {};
  const digest = { hash, checksums: chunkChecksums(bytes) };
  const outcome = await upload.store(digest, bytes, companions);
  if (outcome.kind === 'refused') throw outcome.error;
}

/** undefined: there is no object. */
export async function getObject(
  { reader }: GatewayServices,
  place: ObjectPlace,
): Promise<Buffer | undefined> {
  const reply = await answerObject(
    reader,
    {
      ...{ place, want: 'content', headers: NO_HEADERS, partNumber: undefined },
      ...{ overrides: new Map(), wantsChecksum: false },
    },
    { absent: () => ({ status: 404, headers: [] }) },
  );
  return reply.status === 404 ? undefined : bytesOf(reply);
}

async function bytesOf({ body }: HttpReply): Promise<Buffer> {
  if (body === undefined || body.kind === 'head') return Buffer.alloc(0);
  if (body.kind === 'bytes') return Buffer.from(body.bytes);
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = await body.source.next();
    if (piece === undefined) return Buffer.concat(pieces);
    pieces.push(Buffer.from(piece));
  }
}

export async function deleteObject(
  { clients, stamper }: GatewayServices,
  place: ObjectPlace,
): Promise<void> {
  const row = deletionRow({}, stamper.now());
  const answer = await clients.tables.writeObject({ kind: 'object-write', place, row });
  if (answer.kind !== 'written') throw tableRefusal(answer);
}
