/**
 * Closing a bucket to writes in one partition, and opening it again.
 *
 * Owns:          whose fence is in force.
 * Knows:         tokens.
 * Must not know: why a bucket is closed.
 *
 * The first fence stays in force until its own token lifts it: two who delete a bucket at a time
 * must not open it under each other's hands.
 */
import type { BucketFence, BucketUnfence, TableReply } from '../../schemas/messages/table.ts';
import type { WriteStep } from './write-step.ts';

export function applyFence(step: WriteStep, { bucket, token }: BucketFence): TableReply {
  const { fence } = step.ledger.open(bucket);
  if (fence !== undefined) return { kind: 'fenced', token: fence };
  step.ledger.fence(bucket, token);
  return { kind: 'fenced', token };
}

export function applyUnfence(step: WriteStep, { bucket, token }: BucketUnfence): TableReply {
  const { fence } = step.ledger.open(bucket);
  if (fence === undefined) return { kind: 'written' };
  if (fence !== token) return { kind: 'fenced', token: fence };
  step.ledger.fence(bucket, undefined);
  return { kind: 'written' };
}
