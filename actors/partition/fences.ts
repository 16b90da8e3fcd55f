/**
 * Closing a bucket to writes in one partition, and opening it again.
 *
 * Owns:          whose fence is in force.
 * Knows:         tokens.
 * Must not know: why a bucket is closed.
 *
 * A token is the stamp of the decision that the bucket is to be deleted. Whoever decided later has
 * taken over from whoever decided before, so a later token takes the place of an earlier one, and
 * lifts it: what is left of a deletion that stopped half-way is in nobody's way. An earlier one
 * finds the later one in force, and nothing else.
 */
import type { BucketFence, BucketUnfence, TableReply } from '../../schemas/messages/table.ts';
import type { WriteStep } from './write-step.ts';

export function applyFence(step: WriteStep, { bucket, token }: BucketFence): TableReply {
  const { fence } = step.ledger.open(bucket);
  if (fence !== undefined && fence >= token) return { kind: 'fenced', token: fence };
  step.ledger.fence(bucket, token);
  return { kind: 'fenced', token };
}

export function applyUnfence(step: WriteStep, { bucket, token }: BucketUnfence): TableReply {
  const { fence } = step.ledger.open(bucket);
  if (fence === undefined) return { kind: 'written' };
  if (fence > token) return { kind: 'fenced', token: fence };
  step.ledger.fence(bucket, undefined);
  return { kind: 'written' };
}
