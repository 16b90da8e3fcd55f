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
import {
  bytes,
  choice,
  field,
  flag,
  hex,
  integer,
  list,
  optional,
  payload,
  shape,
  union,
  unsent,
} from '../wire.ts';
import { BLOCK_BYTES_DEFAULT } from '../limits.ts';
import type { BlockHolding, BlockReply, BlockRequest, LiveReference } from './block.ts';

const hash = hex<BlockHash>(32);
const owner = field(packOwner, fields => readOwner(fields.nested()));
const reference = shape<LiveReference>({ hash, owner });
const holding = choice<BlockHolding>('kept', 'wanted', 'unknown');

/** How long a block is that is fetched, nobody knows who lacks it. */
function replyBytes(request: BlockRequest): number {
  if (request.kind === 'block-read') return request.length;
  return request.kind === 'block-fetch' ? BLOCK_BYTES_DEFAULT : 0;
}

export const blockConversation = conversation<BlockRequest, BlockReply>({
  name: 'block',
  traffic: 'bulk',
  replyBytes,
  request: union<BlockRequest>({
    'block-store': [1, { hash, owner, checksums: bytes, bytes: payload }],
    'reference-add': [2, { hash, owner }],
    'references-release': [3, { owner, hashes: list(hash) }],
    'block-read': [
      4,
      { hash, blockBytes: integer, first: integer, length: integer, into: unsent<Buffer>() },
    ],
    'block-fetch': [5, { hash }],
    'references-compare': [6, { root: bytes }],
    'references-list': [7, { leaf: integer, after: optional(bytes) }],
    'blocks-have': [8, { hashes: list(hash) }],
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
    whole: [14, { bytes: payload, checksums: bytes }],
    compared: [15, { leaves: optional(bytes) }],
    references: [16, { references: list(reference), next: optional(bytes) }],
    holdings: [17, { holdings: list(holding) }],
    'stale-layout': [18, { state: bytes }],
  }),
});
