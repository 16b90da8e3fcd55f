/**
 * Finds objects and reads their bytes.
 *
 * Owns:          how many bodies are being read at a time.
 * Knows:         rows, blocks.
 * Must not know: S3 headers, conditions.
 *
 * The bytes of a small object come in the same answer as its row. The first piece of a larger one
 * is read before there is a status line, so that a damaged or absent block is an error and not a
 * broken success. What is encrypted is read as any other, and decrypted on its way out.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableAnswer, TableClient } from '../../bus/table-client.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import { storedBytesOf } from '../../schemas/records/customer-encryption.ts';
import type { DeleteMarker, ObjectVersion, VersionRef } from '../../schemas/records/object-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import type { ReplyBody } from '../http/exchange.ts';
import type { ByteRange } from '../s3/ranges.ts';
import { S3Error } from '../s3/s3-error.ts';
import { blockSlices, partRow, partsOf } from './block-walk.ts';
import { OpenedSource } from './opened-source.ts';
import { PieceSource, type PieceSourceParts } from './piece-source.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { tableRefusal } from './refusals.ts';
import { sealedSlices } from './sealed-walk.ts';
import { openInline, unlockedOf, unlockedPart, type Unlocked } from './unlock.ts';

/** Bodies read at a time: each may hold two pieces. */
const READERS_MAX = 2048;
/** From here on each of them holds less. */
const CROWD_READERS = 32;

export type ObjectReaderOptions = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly buffers: ReadBuffers;
  readonly clock: Clock;
};

export type FoundObject = {
  readonly kind: 'object';
  readonly place: ObjectPlace;
  readonly version: ObjectVersion;
  readonly inline?: Uint8Array;
  /** The right key was given for what is encrypted. */
  readonly unlocked?: Unlocked;
};

/** How a body is opened. */
export type Opening = {
  /** Told the blocks that are read. */
  readonly seen?: Set<BlockHash> | undefined;
  /** `early`: nobody takes it yet, so there is time to read more than the first piece. */
  readonly when?: 'early';
};

/** One part of a completed upload, by its position. */
export type FoundPart = {
  readonly range: ByteRange;
  readonly partCount: number;
  readonly checksum?: StoredChecksum;
};

/** One part of a page of parts, by its position from 1 on. */
export type ListedPart = {
  readonly position: number;
  readonly sizeBytes: number;
  readonly checksum: StoredChecksum | undefined;
};

/** Part rows that are read at a time. */
const PART_ROWS_AT_ONCE = 32;

const NO_BYTES = new Uint8Array(0);

function foundObject(
  place: ObjectPlace,
  answer: TableAnswer,
): FoundObject | DeleteMarker | undefined {
  if (answer.kind !== 'object') throw tableRefusal(answer);
  const { row: version, inline } = answer;
  if (version?.kind === 'marker') return version;
  if (version?.kind !== 'version') return undefined;
  const kind = 'object';
  return inline === undefined ? { kind, place, version } : { kind, place, version, inline };
}

export class ObjectReader {
  readonly #options: ObjectReaderOptions;
  #readers = 0;

  constructor(options: ObjectReaderOptions) {
    this.#options = options;
  }

  /** Bodies that are being read. */
  get readerCount(): number {
    return this.#readers;
  }

  /** The object's current version; undefined when there is none. Throws or rejects with S3Error. */
  find(place: ObjectPlace, want: 'row' | 'content'): Soon<FoundObject | undefined> {
    return chain(this.look(place, want), found => (found?.kind === 'object' ? found : undefined));
  }

  /** The same of any version, and where it is a delete marker. `early` is told what a single
   *  replica says, where that is there sooner: perhaps not what will be found. */
  look(
    place: ObjectPlace,
    want: 'row' | 'content',
    version?: VersionRef,
    early?: (found: FoundObject) => void,
  ): Soon<FoundObject | DeleteMarker | undefined> {
    const { tables } = this.#options;
    const heard =
      early &&
      ((reply: TableAnswer): void => {
        const found = reply.kind === 'object' ? foundObject(place, reply) : undefined;
        if (found?.kind === 'object') early(found);
      });
    const answer = tables.askPlace(
      version === undefined
        ? { kind: 'object-read', place, want }
        : { kind: 'object-read', place, want, version },
      heard,
    );
    return chain(answer, found => foundObject(place, found));
  }

  /**
   * The bytes of a range of what was found. Rejects with S3Error; with ContentGone when the version
   * was superseded meanwhile: find it again.
   */
  open(found: FoundObject, range: ByteRange, how: Opening = {}): Soon<ReplyBody> {
    const { version, inline } = found;
    if (version.content.kind !== 'inline') return this.#openBlocks(found, range, how);
    const stored = inline ?? NO_BYTES;
    if (stored.length !== storedBytesOf(version)) {
      throw new S3Error('InternalError', {
        cause: new Error('an inline object without its bytes'),
      });
    }
    const bytes = version.encryption === undefined ? stored : openInline(found, stored);
    const isWhole = range.sizeBytes === bytes.length;
    const { first, sizeBytes } = range;
    return { kind: 'bytes', bytes: isWhole ? bytes : bytes.subarray(first, first + sizeBytes) };
  }

  /** The part at this position, from 1 on; undefined beyond the last. Rejects like `open`. */
  async part(found: FoundObject, position: number): Promise<FoundPart | undefined> {
    const { place, version } = found;
    const { content } = version;
    if (content.kind !== 'parts' || position > content.partCount) return undefined;
    const walked = { tables: this.#options.tables, place, version };
    let index = 0;
    for await (const part of partsOf(walked, content)) {
      index += 1;
      if (index < position) continue;
      const { checksum } = unlockedPart(found, await partRow(walked, content, part));
      const range = { first: part.firstByte, sizeBytes: part.sizeBytes };
      const { partCount } = content;
      return checksum === undefined ? { range, partCount } : { range, partCount, checksum };
    }
    return undefined;
  }

  /** The parts behind a position, with their checksums. Rejects like `open`. */
  async parts(
    found: FoundObject,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly ListedPart[]> {
    const { place, version } = found;
    const { content } = version;
    if (content.kind !== 'parts' || limit === 0) return [];
    const walked = { tables: this.#options.tables, place, version };
    const listed: Promise<ListedPart>[] = [];
    let position = 0;
    for await (const part of partsOf(walked, content)) {
      position += 1;
      if (position <= after) continue;
      const at = position;
      const { sizeBytes } = part;
      const row = partRow(walked, content, part).then(read => unlockedPart(found, read));
      listed.push(row.then(({ checksum }) => ({ position: at, sizeBytes, checksum })));
      // What fails is told by the end; until then nobody else waits for it.
      row.catch(() => undefined);
      if (listed.length === limit) break;
      if (listed.length % PART_ROWS_AT_ONCE === 0) await listed.at(-1);
    }
    return Promise.all(listed);
  }

  async #openBlocks(
    found: FoundObject,
    range: ByteRange,
    { seen, when }: Opening,
  ): Promise<ReplyBody> {
    const { place, version } = found;
    const { sizeBytes } = range;
    const walked = { tables: this.#options.tables, place, version };
    if (version.encryption !== undefined) {
      const opened = new OpenedSource(sealedSlices(walked, unlockedOf(found), range), slices =>
        // How many bytes they are together depends on where parts begin: they end by themselves.
        this.#pieces({ slices, sizeBytes: Number.POSITIVE_INFINITY }),
      );
      await opened.prime();
      return { kind: 'stream', sizeBytes, source: opened };
    }
    const pieces = { slices: blockSlices(walked, range), sizeBytes };
    const source = this.#pieces(seen === undefined ? pieces : { ...pieces, seen });
    await source.prime();
    if (when === 'early') source.readAhead();
    return { kind: 'stream', sizeBytes, source };
  }

  #pieces(parts: Pick<PieceSourceParts, 'slices' | 'sizeBytes' | 'seen'>): PieceSource {
    const { blocks, buffers, clock } = this.#options;
    if (this.#readers >= READERS_MAX) throw new S3Error('SlowDown');
    this.#readers += 1;
    const onOver = (): void => {
      this.#readers -= 1;
    };
    const isCrowded = (): boolean => this.#readers > CROWD_READERS;
    return new PieceSource({ ...parts, blocks, buffers, clock, isCrowded, onOver });
  }
}
