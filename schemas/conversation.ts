/**
 * What two parts say to each other: the requests, the replies, and how both travel.
 *
 * Owns:          the type, and which replies count as failures.
 * Knows:         codecs.
 * Must not know: who talks, where, or over which bus.
 */
import type { Kinded, UnionCodec } from './wire.ts';

/** Any conversation has this reply: nodes of two releases must be able to coexist. */
export type NotUnderstood = { readonly kind: 'not-understood' };

export type Conversation<Request extends Kinded, Reply extends Kinded> = {
  /** As operators see it among the micro services: letters, digits, `-` and `_`. */
  readonly name: string;
  readonly request: UnionCodec<Request>;
  readonly reply: UnionCodec<Reply>;
  /** `bulk` has connections, and may have nats-servers, of its own. */
  readonly traffic: 'control' | 'bulk';
  /** What the reply may weigh beyond a small message: it counts in the window of its target. */
  readonly replyBytes: (request: Request) => number;
};

export function conversation<Request extends Kinded, Reply extends Kinded>(
  declaration: NotUnderstood extends Reply ? Conversation<Request, Reply> : never,
): Conversation<Request, Reply> {
  return declaration;
}

/** Replies that say: not done, and not because of what was asked. Counted as errors. */
const FAILURES: ReadonlySet<string> = new Set([
  'overloaded',
  'deadline-passed',
  'unknown',
  'no-space',
  'damaged',
  'garbled',
  'not-understood',
]);

export function isFailure(reply: Kinded): boolean {
  return FAILURES.has(reply.kind);
}
