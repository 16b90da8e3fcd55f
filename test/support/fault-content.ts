/**
 * What the fault tests store: bytes that a number makes again, and the names of their blocks.
 *
 * Owns:          the description of a content, and its bytes.
 * Knows:         how a body is cut into blocks (block size, the bound of inline data).
 * Must not know: who stores it where.
 *
 * The names of the blocks are computed here from the bytes alone, never asked from the server: what
 * lies on the disk is compared with what must lie there.
 */
import { hash } from 'node:crypto';
import { BLOCK_BYTES_DEFAULT, INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import { seededBytes } from './seeded-bytes.ts';

/** A body, or one part of a multipart upload. */
export type Piece = { readonly seed: number; readonly sizeBytes: number };

export type Content = {
  readonly pieces: readonly Piece[];
  readonly sizeBytes: number;
  /** Of the whole. */
  readonly sha256: string;
  /** SHA-256 of each block; none when the bytes lie in a row. */
  readonly blocks: readonly string[];
};

/** The content of one PUT. */
export function plainContent(piece: Piece): Content {
  const bytes = bytesOfPiece(piece);
  const blocks = bytes.length <= INLINE_BYTES_MAX ? [] : blocksOf(bytes);
  return { pieces: [piece], sizeBytes: bytes.length, sha256: hash('sha256', bytes), blocks };
}

/** The content of a multipart upload: every part begins a block of its own. */
export function multipartContent(pieces: readonly Piece[]): Content {
  const parts = pieces.map(bytesOfPiece);
  const whole = Buffer.concat(parts);
  return {
    pieces,
    sizeBytes: whole.length,
    sha256: hash('sha256', whole),
    blocks: parts.flatMap(blocksOf),
  };
}

export function bytesOfPiece({ seed, sizeBytes }: Piece): Buffer {
  return seededBytes(seed, sizeBytes);
}

function blocksOf(bytes: Buffer): string[] {
  const blocks: string[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES_DEFAULT) {
    blocks.push(hash('sha256', bytes.subarray(at, at + BLOCK_BYTES_DEFAULT)));
  }
  return blocks;
}
