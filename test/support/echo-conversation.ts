/**
 * A small conversation for tests of the bus.
 *
 * Owns:          its messages, its codecs, and addresses of its own.
 * Knows:         the bus port.
 * Must not know: which bus carries it.
 */
import type { Address, Subject, Topic } from '../../bus/bus.ts';
import { conversation } from '../../schemas/conversation.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { integer, optional, payload, text, union, type Members } from '../../schemas/wire.ts';

export type EchoRequest =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'count'; readonly number: number }
  /** Send `bytes`; be sent as many as `want`. */
  | { readonly kind: 'carry'; readonly bytes: Uint8Array; readonly want: number };

export type EchoReply =
  | { readonly kind: 'said'; readonly text: string; readonly by?: string }
  | { readonly kind: 'counted'; readonly number: number }
  | { readonly kind: 'carried'; readonly bytes: Uint8Array }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'not-understood' };

const requests: Members<EchoRequest> = {
  say: [1, { text }],
  count: [2, { number: integer }],
  carry: [3, { bytes: payload, want: integer }],
};
const replies: Members<EchoReply> = {
  said: [1, { text, by: optional(text) }],
  counted: [2, { number: integer }],
  carried: [3, { bytes: payload }],
  overloaded: [4, {}],
  'not-understood': [5, {}],
};

export const echoConversation = conversation<EchoRequest, EchoReply>({
  name: 'echo',
  traffic: 'control',
  replyBytes: asked => (asked.kind === 'carry' ? asked.want : 0),
  request: union<EchoRequest>(requests),
  reply: union<EchoReply>(replies),
});

type LaterRequest = EchoRequest | { readonly kind: 'sing'; readonly song: string };
type LaterReply = EchoReply | { readonly kind: 'sung' };

/** The same as a later release knows it. */
export const laterConversation = conversation<LaterRequest, LaterReply>({
  name: 'echo',
  traffic: 'control',
  replyBytes: () => 0,
  request: union<LaterRequest>({ ...requests, sing: [4, { song: text }] }),
  reply: union<LaterReply>({ ...replies, sung: [6, {}] }),
});

export const bulkConversation = { ...echoConversation, name: 'bulk', traffic: 'bulk' } as const;

export type EchoAddress = Address<EchoRequest, EchoReply>;

/** Tests on one nats-server keep apart by their cluster's name. */
export function echoAddress(
  node: string,
  {
    cluster = 'test',
    traffic = 'control',
  }: { cluster?: string; traffic?: 'control' | 'bulk' } = {},
): EchoAddress {
  const talk = traffic === 'bulk' ? bulkConversation : echoConversation;
  return {
    subject: `garage.${cluster}.node.${node}.${talk.name}.1` as Subject,
    node: node as NodeId,
    conversation: talk,
  };
}

export function wordTopic(cluster = 'test'): Topic<string> {
  return { subject: `garage.${cluster}.gossip.word` as Subject, event: text };
}
