/**
 * From an object as it was found to one that can be read: the key of the client against the row.
 *
 * Owns:          who gave the right key; what is said to who did not; opening what rows hold.
 * Knows:         "Using server-side encryption with customer-provided keys" of the S3 user guide.
 * Must not know: headers, blocks.
 *
 * Whatever is told of an encrypted object, its checksum and the status of a condition among it, is
 * told after this.
 */
import type { PartRow } from '../../schemas/records/upload-row.ts';
import { S3Error } from '../s3/s3-error.ts';
import { openWhole, SealBroken } from './chunk-cipher.ts';
import { nameOfVersion, type ContentKeys, type CustomerKey } from './customer-key.ts';
import type { FoundObject } from './object-reader.ts';

export type Unlocked = {
  readonly customerKey: CustomerKey;
  /** Of the version; its parts have keys of their own. */
  readonly keys: ContentKeys;
};

/**
 * The object with the checksum of its plain bytes; `customerKey` is what the client gave.
 *
 * @throws S3Error InvalidRequest where there is a key too few or too many, AccessDenied for a wrong
 *   one.
 */
export function unlock(found: FoundObject, customerKey: CustomerKey | undefined): FoundObject {
  const { place, version } = found;
  const { encryption, checksum } = version;
  if (encryption === undefined) {
    if (customerKey === undefined) return found;
    throw new S3Error('InvalidRequest', {
      message: 'The encryption parameters are not applicable to this object.',
    });
  }
  if (customerKey === undefined) throw keyMissing();
  const keys = customerKey.keysOf(encryption, nameOfVersion(place, version));
  if (keys === undefined) throw wrongKey();
  const unlocked = { customerKey, keys };
  if (checksum === undefined) return { ...found, unlocked };
  const plain = intact(() => keys.openChecksum(checksum));
  return { ...found, unlocked, version: { ...version, checksum: plain } };
}

/** @throws S3Error InvalidRequest for an object that nobody unlocked. */
export function unlockedOf({ unlocked }: FoundObject): Unlocked {
  if (unlocked === undefined) throw keyMissing();
  return unlocked;
}

/** The bytes of a small object. @throws S3Error. */
export function openInline(found: FoundObject, stored: Uint8Array): Buffer {
  const { keys } = unlockedOf(found);
  return intact(() => openWhole(keys.data, stored));
}

/** A part's row with the checksum of its plain bytes. @throws S3Error. */
export function unlockedPart(found: FoundObject, part: PartRow): PartRow {
  return found.unlocked === undefined ? part : openPart(found.unlocked.customerKey, found, part);
}

/** The same of a part whose upload's key is known to be the right one. */
export function openPart(
  customerKey: CustomerKey,
  at: Pick<FoundObject, 'place'>,
  part: PartRow,
): PartRow {
  const { checksum } = part;
  if (checksum === undefined) return part;
  const keys = keysOfPart(customerKey, at, part);
  return { ...part, checksum: intact(() => keys.openChecksum(checksum)) };
}

/** @throws S3Error InternalError for a part under another key, which is no fault of the client. */
export function keysOfPart(
  customerKey: CustomerKey,
  { place }: Pick<FoundObject, 'place'>,
  { uploadId, partNumber, encryption }: PartRow,
): ContentKeys {
  const name = { kind: 'part', place, uploadId, partNumber } as const;
  const keys = encryption && customerKey.keysOf(encryption, name);
  if (keys !== undefined) return keys;
  const cause = new SealBroken('a part is not encrypted with the key of its upload');
  throw new S3Error('InternalError', { cause });
}

/** Bytes that are not what was encrypted are an error of ours. */
export function intact<Result>(open: () => Result): Result {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof SealBroken) throw new S3Error('InternalError', { cause });
    throw cause;
  }
}

function wrongKey(): S3Error {
  return new S3Error('AccessDenied', {
    message: 'The encryption key is not the one that the object was encrypted with.',
  });
}

function keyMissing(): S3Error {
  return new S3Error('InvalidRequest', {
    message:
      'The object was stored using a form of Server Side Encryption. ' +
      'The correct parameters must be provided to retrieve the object.',
  });
}
