/**
 * The cipher of content that is encrypted with a client's key: AES-256-GCM, chunk by chunk.
 *
 * Owns:          the cipher; the nonce of a chunk; where it stands in plain and encrypted bytes.
 * Knows:         the lengths of chunks and tags.
 * Must not know: where the key comes from; clients, blocks, rows.
 *
 * Every stream (a version, or a part) has a key of its own, so a chunk of another stream never
 * opens. Within a stream the nonce is the chunk's place: the offset of its first plain byte, and
 * whether it is the last one. So a chunk opens at its own place only, and a stream that was cut off
 * between chunks does not open at its end. No nonce is ever used twice: a key is made for one pass
 * over one body.
 *
 *     plain      |  65,520  |  65,520  |  …  |  rest  |
 *     encrypted  | 65,520 + tag | 65,520 + tag | … | rest + tag |
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  PLAIN_CHUNK_BYTES,
  SEAL_TAG_BYTES,
  SEALED_CHUNK_BYTES,
  sealedBytesOf,
} from '../../schemas/records/customer-encryption.ts';

/** Where bytes stand in their stream. */
export type StreamPlace = {
  /** The offset of the first plain byte. */
  readonly firstByte: number;
  /** Whether the stream ends with these bytes. */
  readonly isLast: boolean;
};

/** The bytes are not what was encrypted at this place of this stream. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

const CIPHER = 'aes-256-gcm';
const OPTIONS = { authTagLength: SEAL_TAG_BYTES };
export const NONCE_BYTES = 12;
const LAST_AT = 8;

/** Encrypts bytes: first they, then their tag. A nonce serves once under one key. */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plain: Uint8Array,
): readonly [sealed: Buffer, tag: Buffer] {
  const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
  const sealed = cipher.update(plain);
  // A stream cipher holds nothing back.
  cipher.final();
  return [sealed, cipher.getAuthTag()];
}

/** The plain bytes of encrypted ones with their tag behind them. @throws SealBroken. */
export function unseal(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer {
  const end = sealed.length - SEAL_TAG_BYTES;
  if (end < 0) throw new SealBroken('the bytes are fewer than those of a tag');
  const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch (cause) {
    throw new SealBroken('the bytes are not what was encrypted here', { cause });
  }
  return plain;
}

/** The plain bytes of one chunk. @throws SealBroken. */
export function openChunk(key: Uint8Array, place: StreamPlace, sealed: Uint8Array): Buffer {
  return unseal(key, nonceOf(place), sealed);
}

/** A whole stream that is small. */
export function sealWhole(key: Uint8Array, plain: Uint8Array): Buffer {
  const memory = Buffer.allocUnsafe(sealedBytesOf(plain.length));
  memory.set(plain);
  sealInPlace(key, { firstByte: 0, isLast: true }, { memory, plainBytes: plain.length });
  return memory;
}

/** The plain bytes of a whole stream. @throws SealBroken. */
export function openWhole(key: Uint8Array, sealed: Uint8Array): Buffer {
  const pieces: Buffer[] = [];
  let firstByte = 0;
  for (let at = 0; at < sealed.length; at += SEALED_CHUNK_BYTES) {
    const end = at + SEALED_CHUNK_BYTES;
    const place = { firstByte, isLast: end >= sealed.length };
    pieces.push(openChunk(key, place, sealed.subarray(at, end)));
    firstByte += PLAIN_CHUNK_BYTES;
  }
  return Buffer.concat(pieces);
}

/**
 * Encrypts the first `plainBytes` of `memory` where they are, and returns how many bytes they are
 * then; there must be room for them. Chunks are moved from the last one on, so that none is written
 * over before it was read.
 */
export function sealInPlace(
  key: Uint8Array,
  { firstByte, isLast }: StreamPlace,
  { memory, plainBytes }: { readonly memory: Uint8Array; readonly plainBytes: number },
): number {
  const count = Math.ceil(plainBytes / PLAIN_CHUNK_BYTES);
  for (let index = count - 1; index >= 0; index -= 1) {
    const from = index * PLAIN_CHUNK_BYTES;
    const plain = memory.subarray(from, Math.min(from + PLAIN_CHUNK_BYTES, plainBytes));
    const place = { firstByte: firstByte + from, isLast: isLast && index === count - 1 };
    const [sealed, tag] = seal(key, nonceOf(place), plain);
    const to = index * SEALED_CHUNK_BYTES;
    memory.set(sealed, to);
    memory.set(tag, to + sealed.length);
  }
  return sealedBytesOf(plainBytes);
}

function nonceOf({ firstByte, isLast }: StreamPlace): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(firstByte));
  if (isLast) nonce[LAST_AT] = 1;
  return nonce;
}
