/**
 * A key that a client gave with its request, and the keys of contents that are derived from it.
 *
 * Owns:          the derivation; the check of a key; the encryption of checksums.
 * Knows:         HKDF (RFC 5869); what a row tells of its encryption.
 * Must not know: headers, S3 errors, how content is cut into chunks.
 *
 * A client's key lives as long as its request. From it, a salt that is drawn for each content, and
 * the names of what the content belongs to, three keys are derived at once: one encrypts the bytes,
 * one the checksum, and the third is stored, to tell a right key from a wrong one. Derived with a
 * fresh salt, it says nothing of the other two, nor whether two objects have the same key.
 */
import { hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Randomness } from '../../schemas/environment.ts';
import type { UploadId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import {
  KEY_CHECK_BYTES,
  SALT_BYTES,
  type CustomerEncryption,
} from '../../schemas/records/customer-encryption.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { NONCE_BYTES, seal, SealBroken, unseal } from './chunk-cipher.ts';

/** What a content belongs to: its keys open it nowhere else. */
export type ContentName =
  | { readonly kind: 'version'; readonly place: ObjectPlace }
  /** The checksum of what is uploaded in parts, and the key of all of them. */
  | { readonly kind: 'upload'; readonly place: ObjectPlace; readonly uploadId: UploadId }
  | {
      readonly kind: 'part';
      readonly place: ObjectPlace;
      readonly uploadId: UploadId;
      readonly partNumber: number;
    };

export const CUSTOMER_KEY_BYTES = 32;

const PURPOSE = 'garage customer key 1';
const ETAG_BYTES = 16;

/** What is private to a class is not shown by what prints objects, logs among them. */
export class CustomerKey {
  /** Base64, as the client gave it. */
  readonly md5: string;
  readonly #key: Buffer;

  constructor(key: Buffer, md5: string) {
    this.#key = key;
    this.md5 = md5;
  }

  /** Keys for a content that is to be written. */
  newContent(random: Randomness, name: ContentName): NewContent {
    const salt = random.bytes(SALT_BYTES);
    const { keys, check } = this.#derive(salt, name);
    const encryption = { salt: salt.toString('hex'), check: check.toString('hex') };
    return new NewContent(random, keys, encryption);
  }

  /** The keys of a stored content; undefined when it is encrypted with another key. */
  keysOf(encryption: CustomerEncryption, name: ContentName): ContentKeys | undefined {
    const { keys, check } = this.#derive(Buffer.from(encryption.salt, 'hex'), name);
    return timingSafeEqual(check, Buffer.from(encryption.check, 'hex')) ? keys : undefined;
  }

  #derive(salt: Buffer, name: ContentName): { readonly keys: ContentKeys; readonly check: Buffer } {
    const length = 2 * CUSTOMER_KEY_BYTES + KEY_CHECK_BYTES;
    const derived = Buffer.from(hkdfSync('sha256', this.#key, salt, infoOf(name), length));
    const data = derived.subarray(0, CUSTOMER_KEY_BYTES);
    const checksums = derived.subarray(CUSTOMER_KEY_BYTES, 2 * CUSTOMER_KEY_BYTES);
    const check = derived.subarray(2 * CUSTOMER_KEY_BYTES);
    return { keys: new ContentKeys(data, checksums), check };
  }
}

/** A content that is being encrypted. */
export class NewContent {
  readonly keys: ContentKeys;
  readonly encryption: CustomerEncryption;
  /** The MD5 of the plain bytes would tell which ones they are. */
  readonly etag: string;
  readonly #random: Randomness;

  constructor(random: Randomness, keys: ContentKeys, encryption: CustomerEncryption) {
    this.keys = keys;
    this.encryption = encryption;
    this.etag = random.bytes(ETAG_BYTES).toString('hex');
    this.#random = random;
  }

  /** The row of this content, from one that tells the checksum of its plain bytes. */
  row<Row extends { readonly checksum?: StoredChecksum }>(
    plain: Row,
  ): Row & { readonly encryption: CustomerEncryption } {
    return encryptedRow(plain, this.encryption, { keys: this.keys, random: this.#random });
  }
}

/** The row of an encrypted content, from one that tells the checksum of its plain bytes. */
export function encryptedRow<Row extends { readonly checksum?: StoredChecksum }>(
  plain: Row,
  encryption: CustomerEncryption,
  { keys, random }: { readonly keys: ContentKeys; readonly random: Randomness },
): Row & { readonly encryption: CustomerEncryption } {
  if (plain.checksum === undefined) return { ...plain, encryption };
  return { ...plain, encryption, checksum: keys.sealChecksum(random, plain.checksum) };
}

export class ContentKeys {
  readonly #data: Buffer;
  readonly #checksums: Buffer;

  constructor(data: Buffer, checksums: Buffer) {
    this.#data = data;
    this.#checksums = checksums;
  }

  /** For the chunk cipher: of one stream. */
  get data(): Buffer {
    return this.#data;
  }

  /** The checksum of plain bytes, as it may be stored: it would tell which bytes they are. Several
   *  may be made with one key, so each has a random nonce. */
  sealChecksum(random: Randomness, checksum: StoredChecksum): StoredChecksum {
    const nonce = random.bytes(NONCE_BYTES);
    const sealed = seal(this.#checksums, nonce, Buffer.from(checksum.value));
    return { ...checksum, value: Buffer.concat([nonce, ...sealed]).toString('base64') };
  }

  /** @throws SealBroken. */
  openChecksum(checksum: StoredChecksum): StoredChecksum {
    const bytes = Buffer.from(checksum.value, 'base64');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    if (nonce.length < NONCE_BYTES) throw new SealBroken('a checksum is shorter than its nonce');
    const plain = unseal(this.#checksums, nonce, bytes.subarray(NONCE_BYTES));
    return { ...checksum, value: plain.toString() };
  }
}

/** What the keys of a stored version were derived for: of one in parts, those of its upload. */
export function nameOfVersion(place: ObjectPlace, { content }: ObjectVersion): ContentName {
  if (content.kind !== 'parts') return { kind: 'version', place };
  return { kind: 'upload', place, uploadId: content.uploadId };
}

/** The digest of all names, each with its length, so that no two are the same bytes: what HKDF
 *  takes beside the key is shorter than the longest object key. */
function infoOf(name: ContentName): Buffer {
  const { bucket, key } = name.place;
  const fields = [PURPOSE, name.kind, bucket, key];
  if (name.kind !== 'version') fields.push(name.uploadId);
  if (name.kind === 'part') fields.push(String(name.partNumber));
  const text = fields.map(field => `${String(field.length)}:${field}`).join('');
  return hash('sha256', text, 'buffer');
}
