/**
 * Copies a version without moving its bytes: the copy references the same blocks.
 *
 * Owns:          the references that are under way; what is done where a block is missing.
 * Knows:         the walk over a version's blocks.
 * Must not know: metadata, conditions.
 *
 * The parts of a multipart upload become one list: the copy has the source's ETag and no parts.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import type { BlockRef } from '../../schemas/records/block-list.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import { chunkChecksums } from './block-digest.ts';
import type { BlockUpload } from './block-upload.ts';
import { wholeBlocks } from './block-walk.ts';
import { ContentGone } from './content-gone.ts';
import type { FoundObject } from './object-reader.ts';
import type { ObjectWriter, VersionTarget, Written } from './object-writer.ts';
import { blockRefusal } from './refusals.ts';

/** Each may have to fetch and send its block. */
const REFERENCES_UNDER_WAY_MAX = 16;

export type CopyServices = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly writer: ObjectWriter;
};

/**
 * Stores a copy of what was found; `checksum` is that of its bytes. Rejects with S3Error, or
 * ContentGone: find it again.
 */
export function copyByReference(
  services: CopyServices,
  source: FoundObject,
  target: VersionTarget,
  checksum: StoredChecksum | undefined,
): Promise<Written> {
  const { version, inline } = source;
  const { etag, sizeBytes } = version;
  const row = { etag, sizeBytes, ...(checksum === undefined ? {} : { checksum }) };
  if (version.content.kind === 'inline') {
    const content = { kind: 'inline' } as const;
    return services.writer.writeInlineVersion(
      target,
      inline === undefined ? { ...row, content } : { ...row, content, inline },
    );
  }
  return services.writer.writeBlocks(target, async upload => {
    await new ReferenceCopy(services, source, upload).run();
    if (upload.sizeBytes !== sizeBytes) throw new ContentGone('the source has lost blocks');
    return { ...row, content: await upload.seal() };
  });
}

class ReferenceCopy {
  readonly #services: CopyServices;
  readonly #source: FoundObject;
  readonly #upload: BlockUpload;
  readonly #underWay = new Set<Promise<void>>();
  #failure: Error | undefined;

  constructor(services: CopyServices, source: FoundObject, upload: BlockUpload) {
    this.#services = services;
    this.#source = source;
    this.#upload = upload;
  }

  /** Ends only when nothing is under way any more. */
  async run(): Promise<void> {
    const { tables } = this.#services;
    const { place, version } = this.#source;
    try {
      for await (const block of wholeBlocks({ tables, place, version })) {
        if (this.#failure !== undefined) break;
        this.#upload.list(block);
        this.#begin(block);
        if (this.#underWay.size >= REFERENCES_UNDER_WAY_MAX) await Promise.race(this.#underWay);
      }
    } finally {
      await Promise.all(this.#underWay);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begin(block: BlockRef): void {
    const work = this.#reference(block).then(
      () => {
        this.#underWay.delete(work);
      },
      (error: unknown) => {
        this.#underWay.delete(work);
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      },
    );
    this.#underWay.add(work);
  }

  async #reference(block: BlockRef): Promise<void> {
    const outcome = await this.#upload.reference(block.hash);
    if (outcome.kind === 'stored') return;
    if (outcome.kind === 'refused') throw outcome.error;
    const bytes = await this.#fetch(block);
    const { hash } = block;
    const digest = { hash, checksums: chunkChecksums(bytes) };
    const stored = await this.#upload.store(digest, bytes, { heldBy: outcome.heldBy });
    if (stored.kind === 'refused') throw stored.error;
  }

  async #fetch({ hash, sizeBytes }: BlockRef): Promise<Buffer> {
    const whole = { hash, blockBytes: sizeBytes, first: 0, length: sizeBytes };
    const answer = await this.#services.blocks.read(whole);
    if (answer.kind === 'absent') throw new ContentGone('a block of the source is not there');
    if (answer.kind !== 'bytes') throw blockRefusal(answer);
    const { bytes } = answer;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
