/**
 * The block conversation as bytes.
 *
 * Owns:          the numbers of its kinds, the order of their fields.
 * Knows:         the messages, and that blocks are what fills the links.
 * Must not know: how they travel.
 */
import { conversation } from '../conversation.ts';
import type { BlockHash } from '../ids.ts';
import { packOwner, readOwner } from '../records/block-owner.ts';
import { bytes, field, flag, hex, integer, list, payload, union, unsent } from '../wire.ts';
import type { BlockReply, BlockRequest } from './block.ts';

const hash = hex<BlockHash>(32);
const owner = field(packOwner, fields => readOwner(fields.nested()));

export const blockConversation = conversation<BlockRequest, BlockReply>({
  name: 'block',
  traffic: 'bulk',
  replyBytes: request => (request.kind === 'block-read' ? request.length : 0),
  request: union<BlockRequest>({
    'block-store': [1, { hash, owner, checksums: bytes, bytes: payload }],
    'reference-add': [2, { hash, owner }],
    'references-release': [3, { owner, hashes: list(hash) }],
    'block-read': [
      4,
      { hash, blockBytes: integer, first: integer, length: integer, into: unsent<Buffer>() },
    ],
  }),
  reply: union<BlockReply>({
    stored: [1, { added: flag }],
    referenced: [2, {}],
    'send-it': [3, {}],
    released: [4, {}],
    bytes: [5, { bytes: payload }],
    absent: [6, {}],
    damaged: [7, {}],
    garbled: [8, {}],
    'no-space': [9, {}],
    unknown: [10, {}],
    overloaded: [11, {}],
    'deadline-passed': [12, {}],
    'not-understood': [13, {}],
  }),
});
