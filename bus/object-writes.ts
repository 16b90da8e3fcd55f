/**
 * Writing an object's row above whatever several replicas hold.
 *
 * Owns:          raising a stamp, and when a newer row is that of somebody who writes meanwhile.
 * Knows:         the answers of replicas to a write; stamps.
 * Must not know: S3, how blocks are stored.
 *
 * A stamp that is above what a write quorum has told, or a read quorum holds, shadows nothing that
 * was acknowledged before. What is newer all the same is written at the same time, and which of two
 * such writes is seen afterwards is nobody's promise: so it does not stop the acknowledgement. Only
 * a Complete must be stored: it ends an upload. Where versions are kept every one is: it stands
 * below the newer one then, and what was stored of it under an earlier stamp ends.
 *
 * A version that owns blocks is never sent under a second stamp. It could lose them:
 *
 *   replica a stores it under the first stamp; b and c have forgotten a newer deletion, and refuse
 *   a client reads it by a, deletes it at a and b; a asks a quorum, and releases its references
 *   only then the second stamp comes to b and c, and is acknowledged: a version without blocks
 *
 * (A gateway may stand still between the two.) Such a refusal takes a clock that is a minute behind
 * those of others, and the client's next try is stamped above it. What owns none has nothing to
 * lose, and the parts of an upload are released only when all replicas know how it ended.
 */
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type {
  ObjectWrite,
  TableReply,
  TableRequest,
  WriteCondition,
} from '../schemas/messages/table.ts';
import { isNullRow } from '../schemas/records/object-row.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { ReplicaCalls, Unavailable, WriteRule } from './replica-calls.ts';

/** A write that meets newer rows so often has a key that others hammer: they win. */
const RAISES_MAX = 8;

/** Of the replicas that hold something newer, the newest. */
export function newestOlder(refusals: readonly TableReply[]): TableReply | undefined {
  let newest: Extract<TableReply, { kind: 'older' }> | undefined;
  for (const reply of refusals) {
    if (reply.kind !== 'older') continue;
    if (newest === undefined || reply.newest > newest.newest) newest = reply;
  }
  return newest;
}

/** Acknowledged, though no replica stored it: others wrote the object at the same time. What it
 *  references is the writer's to release. */
export type Superseded = { readonly kind: 'superseded' };
/** Conditions are decided where there is one replica only. */
export type NoConditions = { readonly kind: 'no-conditions' };

/** Locks change where there is one replica only. */
export type NoLockChanges = { readonly kind: 'no-lock-changes' };

export type ObjectWriteAnswer = TableReply | Unavailable | Superseded | NoConditions;

/** A condition that a client was told would be decided. Lifecycle's own only spares a write that
 *  its stamp would lose anyhow. */
export function isOfClient(condition: WriteCondition | undefined): boolean {
  if (condition === undefined) return false;
  const { ifMatch, ifNoneMatch, ifModifiedMs, ifSizeBytes } = condition;
  return (ifMatch ?? ifNoneMatch ?? ifModifiedMs ?? ifSizeBytes) !== undefined;
}

export class ReplicatedObjectWrites {
  readonly #calls: ReplicaCalls<TableRequest, TableReply>;
  readonly #stamper: Stamper;

  constructor(calls: ReplicaCalls<TableRequest, TableReply>, stamper: Stamper) {
    this.#calls = calls;
    this.#stamper = stamper;
  }

  /** `isAbove`: the stamp is above what a read quorum held after the write had begun. */
  async write(
    partition: PartitionId,
    write: ObjectWrite,
    isAbove: 'above-quorum' | 'unknown',
  ): Promise<ObjectWriteAnswer> {
    if (isOfClient(write.condition)) return { kind: 'no-conditions' };
    const mayNeedNoRow = write.completes === undefined;
    let mayBeConcurrent = isAbove === 'above-quorum' && mayNeedNoRow;
    let current = isAbove === 'above-quorum' ? { ...write, isAbove: true } : write;
    for (let raises = 0; ; raises += 1) {
      const heard = new Set<NodeId>();
      const answer = await this.#once(partition, current, { mayBeConcurrent, heard });
      // What the first try completed, at a replica, may have been overwritten there since.
      if (answer.kind === 'no-such-upload' && raises > 0) return { kind: 'unavailable' };
      if (answer.kind !== 'older') return answer;
      // One replica may have missed what the others acknowledged before this write began: a stamp
      // above what it holds need not be above that.
      const isQuorum = this.#calls.isWriteQuorum(partition, node => heard.has(node));
      // The stamper goes on from there: whoever asks again is above it.
      const stamp = this.#stamper.above(answer.newest);
      if (!isQuorum || raises === RAISES_MAX || ownsBlocks(current)) return { kind: 'unavailable' };
      current = sentAgain(current, stamp);
      mayBeConcurrent = mayNeedNoRow;
    }
  }

  async #once(
    partition: PartitionId,
    write: ObjectWrite,
    { mayBeConcurrent, heard }: { readonly mayBeConcurrent: boolean; readonly heard: Set<NodeId> },
  ): Promise<ObjectWriteAnswer> {
    let isStored = false;
    const rule: WriteRule<TableReply> = {
      counts: reply => isStoredAs(reply, write) || (mayBeConcurrent && isNewerRow(reply)),
      prefers: newestOlder,
      tells: reply => reply.kind === 'older',
      onReply: (reply, node) => {
        const isStoredThere = isStoredAs(reply, write);
        isStored ||= isStoredThere;
        if (isStoredThere || reply.kind === 'older') heard.add(node);
      },
    };
    const answer = await this.#calls.write(partition, write, rule);
    if (!mayBeConcurrent || !isNewerRow(answer)) return answer;
    return isStored || !hasBlocks(write) ? { kind: 'written' } : { kind: 'superseded' };
  }
}

/** Where versions are kept, the one that was sent before must not stand beside it. */
function sentAgain(write: ObjectWrite, timestamp: Timestamp): ObjectWrite {
  const { row, voids = [] } = write;
  const again = { ...write, row: { ...row, timestamp }, isAbove: true };
  return isNullRow(row) ? again : { ...again, voids: [...voids, row.timestamp] };
}

/** Where nothing is held, nothing is newer: what was forgotten there is to be passed. */
function isNewerRow(reply: Exclude<ObjectWriteAnswer, Superseded | NoConditions>): boolean {
  return reply.kind === 'older' && reply.isForgotten !== true;
}

function hasBlocks({ row }: ObjectWrite): boolean {
  return row.kind === 'version' && row.content.kind !== 'inline';
}

/** Parts belong to their upload. */
function ownsBlocks(write: ObjectWrite): boolean {
  return hasBlocks(write) && write.completes === undefined;
}

/** A Complete that was raised finds at some replicas what its first try stored there. */
function isStoredAs(reply: TableReply, { row, completes }: ObjectWrite): boolean {
  if (reply.kind === 'written') return true;
  if (reply.kind !== 'completed-before' || completes === undefined) return false;
  return row.kind === 'version' && reply.versionId === row.versionId;
}
