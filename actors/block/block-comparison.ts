/**
 * Compares a block that was sent with the file that has its name already.
 *
 * Owns:          the decision which of two different ones is the right one.
 * Knows:         block files, SHA-256.
 * Must not know: references.
 *
 * The SHA-256 is computed only where file and message disagree: then one of them is not what its
 * name says, and a good file must not be replaced by what a broken sender calls its content.
 */
import { createHash } from 'node:crypto';
import type { BlockHash } from '../../schemas/ids.ts';
import type { BlockStore } from '../../schemas/messages/block.ts';
import type { BlockFiles } from '../storage/block-files.ts';

/** `damaged`: what was sent is right and the file is not; `garbled`: what was sent is not right. */
export type Comparison = 'absent' | 'same' | 'damaged' | 'garbled';

export async function compareWithFile(files: BlockFiles, sent: BlockStore): Promise<Comparison> {
  const found = await files.look(sent.hash);
  if (found.kind === 'absent') return 'absent';
  if (found.kind === 'damaged') return sentIsRight(sent) ? 'damaged' : 'garbled';
  const { lengthBytes } = found;
  const whole = { blockBytes: lengthBytes, first: 0, length: lengthBytes };
  const content = await files.read(sent.hash, whole);
  if (content.kind !== 'bytes') return sentIsRight(sent) ? 'damaged' : 'garbled';
  const isSame = found.lengthBytes === sent.bytes.length && found.checksums.equals(sent.checksums);
  if (isSame) return 'same';
  if (isNamed(content.bytes, sent.hash)) return 'garbled';
  return sentIsRight(sent) ? 'damaged' : 'garbled';
}

function sentIsRight(sent: BlockStore): boolean {
  return isNamed(sent.bytes, sent.hash);
}

/** Is this the SHA-256 of these bytes? */
export function isNamed(bytes: Uint8Array, hash: BlockHash): boolean {
  return createHash('sha256').update(bytes).digest('hex') === hash;
}
