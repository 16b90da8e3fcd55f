/**
 * A body that is opened on the word of the nearest replica, while others are asked about it.
 *
 * Owns:          the body until it is known whether it is the right one.
 * Knows:         the reader.
 * Must not know: replicas, doors.
 *
 * What the nearest replica says of an object is nearly always what is found in the end, a round
 * trip to another site later. By then the first blocks are here.
 */
import type { Soon } from '../../schemas/soon.ts';
import type { ReplyBody } from '../http/exchange.ts';
import type { ByteRange } from '../s3/ranges.ts';
import type { FoundObject, ObjectReader } from './object-reader.ts';

type Reader = Pick<ObjectReader, 'open'>;

export class EarlyBody {
  readonly #reader: Reader;
  #begun: { readonly found: FoundObject; readonly body: Promise<ReplyBody> } | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Opens all of it, unless it is small or encrypted. */
  begin(found: FoundObject): void {
    const { content, encryption, sizeBytes } = found.version;
    if (content.kind === 'inline' || encryption !== undefined) return;
    const body = openLater(this.#reader, found, { first: 0, sizeBytes });
    // Told to who takes it; if nobody does, it was the wrong one.
    body.catch(() => undefined);
    this.#begun = { found, body };
  }

  /** The body of what was found, if it is the one that was begun. Rejects like the reader. */
  take(found: FoundObject, range: ByteRange): Soon<ReplyBody> {
    const begun = this.#begun;
    const isSame =
      begun?.found.version.versionId === found.version.versionId &&
      begun.found.version.timestamp === found.version.timestamp &&
      range.sizeBytes === found.version.sizeBytes;
    if (!isSame) return this.#reader.open(found, range);
    this.#begun = undefined;
    return begun.body;
  }

  /** What was not taken is closed. */
  drop(): void {
    const begun = this.#begun;
    this.#begun = undefined;
    begun?.body.then(close, () => undefined);
  }
}

async function openLater(reader: Reader, found: FoundObject, range: ByteRange): Promise<ReplyBody> {
  return reader.open(found, range, { when: 'early' });
}

function close(body: ReplyBody): void {
  if (body.kind === 'stream') body.source.cancel();
}
