/**
 * A piece of the block list of a large version or part, kept beside no object row.
 *
 * Owns:          the row's fields and its bytes.
 * Knows:         owners and block lists.
 * Must not know: how many rows a manifest has.
 *
 * The owner is told in full, so that whoever walks these rows can ask whether it still lives.
 */
import { FieldReader, pack } from '../codec.ts';
import type { BlockList } from './block-list.ts';
import type { BlockOwner } from './block-owner.ts';
import { packOwner, readOwner } from './block-owner.ts';
import { readBlockList } from './object-row.ts';

export type ManifestRow = { readonly owner: BlockOwner; readonly blocks: BlockList };

const FORMAT = 1;

export function encodeManifestRow(row: ManifestRow): Buffer {
  return pack([FORMAT, packOwner(row.owner), row.blocks]);
}

export function decodeManifestRow(bytes: Uint8Array): ManifestRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { owner: readOwner(fields.nested()), blocks: readBlockList(fields) };
}
