/**
 * Whether what an entry of the release queue names may go, where other replicas hold the partition.
 *
 * Owns:          that question.
 * Knows:         rows here, and what others say of theirs.
 * Must not know: references, how they end.
 *
 * Here a version is superseded; elsewhere it may be the newest that is known. So a version's own
 * blocks wait until what superseded it is at a write quorum: from then on no reader can meet it.
 * The parts of an upload may be named by another version, of a Complete that was repeated: they
 * wait until every replica holds the upload as ended, which refuses any other Complete, and none
 * holds a newer object than this one, which may name them.
 */
import type { TableClient } from '../../bus/table-client.ts';
import type { UploadId } from '../../schemas/ids.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import type { ReleaseEntry } from '../../schemas/records/release-entry.ts';
import type { UploadState } from '../../schemas/records/upload-row.ts';
import { orDamage } from '../storage/row-damage.ts';
import { findVersionById } from './history-rows.ts';
import { objectRowKey } from './row-keys.ts';
import { readEndedUpload, readObjectRow } from './stored-rows.ts';
import type { TablePartition } from './table-partition.ts';

export type ReplicaQuestions = Pick<TableClient, 'askEvery' | 'isSuperseded'>;

/** `lives`: it came back, under a newer stamp. */
export type Verdict = 'release' | 'wait' | 'lives';

export class ReleaseChecks {
  readonly #partition: TablePartition;
  readonly #tables: ReplicaQuestions;

  constructor(partition: TablePartition, tables: ReplicaQuestions) {
    this.#partition = partition;
    this.#tables = tables;
  }

  /** Throws what the store throws. */
  async verdict(entry: ReleaseEntry): Promise<Verdict> {
    if (this.#partition.isSoleReplica) return 'release';
    const { store, partition } = this.#partition;
    const head = orDamage(() => readObjectRow(store, objectRowKey(partition, entry.place)));
    if (head === 'damaged') return 'wait';
    if (entry.kind !== 'version') return this.#ofUpload(entry, entry.uploadId, head);
    if (head === undefined) return 'wait';
    const { place, versionId, content } = entry;
    const version = orDamage(() => findVersionById({ rows: store, partition, place }, versionId));
    if (version === 'damaged') return 'wait';
    if (version !== undefined) return 'lives';
    if (content.kind === 'parts') return this.#ofUpload(entry, content.uploadId, head);
    const isAtQuorum = await this.#tables.isSuperseded(place, versionId, head.timestamp);
    return isAtQuorum ? 'release' : 'wait';
  }

  async #ofUpload(
    { place }: ReleaseEntry,
    uploadId: UploadId,
    head: ObjectRow | undefined,
  ): Promise<Verdict> {
    const { store, partition } = this.#partition;
    const ended = orDamage(() => readEndedUpload(store, { partition, place, uploadId }));
    if (ended === undefined || ended === 'damaged') return 'wait';
    const uploads = await this.#tables.askEvery(partition, {
      kind: 'upload-read',
      place,
      uploadId,
    });
    if (uploads?.every(reply => hasEndedAs(reply, ended.state)) !== true) return 'wait';
    // Asked only now: whatever completed it anywhere stands in an object's row by now.
    const reading = { kind: 'object-read', place, want: 'row' } as const;
    const heads = await this.#tables.askEvery(partition, reading);
    return heads?.every(reply => isNoNewer(reply, head)) === true ? 'release' : 'wait';
  }
}

function hasEndedAs(reply: TableReply, state: UploadState): boolean {
  if (reply.kind !== 'upload' || reply.upload.state.kind !== state.kind) return false;
  if (reply.upload.state.kind !== 'completed' || state.kind !== 'completed') return true;
  return reply.upload.state.versionId === state.versionId;
}

function isNoNewer(reply: TableReply, head: ObjectRow | undefined): boolean {
  if (reply.kind !== 'object') return false;
  if (reply.row === undefined) return true;
  return head !== undefined && reply.row.timestamp <= head.timestamp;
}
