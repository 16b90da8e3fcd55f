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
 * holds a newer object than this one, which may name them; and where the version is gone that the
 * upload became, until no replica has it any more.
 */
import type { TableClient } from '../../bus/table-client.ts';
import type { UploadId } from '../../schemas/ids.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import type { ReleaseEntry, VersionAt } from '../../schemas/records/release-entry.ts';
import type { UploadState } from '../../schemas/records/upload-row.ts';
import { TIMESTAMP_ZERO } from '../../schemas/timestamp.ts';
import { orDamage } from '../storage/row-damage.ts';
import type { KeyRows } from './history-rows.ts';
import { findVersionById, lastNull, rowOfStamp } from './history-rows.ts';
import { objectRowKey } from './row-keys.ts';
import { readEndedUpload, readObjectRow } from './stored-rows.ts';
import type { TablePartition } from './table-partition.ts';

export type ReplicaQuestions = Pick<TableClient, 'askEvery' | 'isSuperseded' | 'isOver'>;

/** `lives`: it came back, under a newer stamp. `all-but-named`: of an upload, and what its version
 *  names stays, which is here. */
export type Verdict = 'release' | 'all-but-named' | 'wait' | 'lives';

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
    const { place, versionId, content, at } = entry;
    if (head === undefined && at === undefined) return 'wait';
    const version = orDamage(() => findVersionById({ rows: store, partition, place }, versionId));
    if (version === 'damaged') return 'wait';
    if (version !== undefined) return 'lives';
    // All knew that it was over, and one of them had released it, before its end was forgotten.
    if (at !== undefined && isForgotten({ rows: store, partition, place }, at)) return 'release';
    if (content.kind === 'parts') {
      if (at !== undefined) return this.#ofVersionOfUpload(entry, at, content.uploadId);
      return this.#ofUpload(entry, content.uploadId, head);
    }
    const isAtQuorum =
      at === undefined
        ? head !== undefined && (await this.#tables.isSuperseded(place, versionId, head.timestamp))
        : await this.#tables.isOver(place, at);
    return isAtQuorum ? 'release' : 'wait';
  }

  /** What its parts are may be named by another version of the key, here or anywhere. */
  async #ofVersionOfUpload(
    { place }: ReleaseEntry,
    at: VersionAt,
    uploadId: UploadId,
  ): Promise<Verdict> {
    const { store, partition } = this.#partition;
    const ended = orDamage(() => readEndedUpload(store, { partition, place, uploadId }));
    if (ended === undefined || ended === 'damaged') return 'wait';
    if (!(await this.#haveAllEndedAs(place, uploadId, ended.state))) return 'wait';
    // Asked only now: whatever completed it anywhere is a version by now.
    const request = { kind: 'version-check', place, at, uploadId } as const;
    const checks = await this.#tables.askEvery(partition, request);
    const isOver = checks?.every(
      reply => reply.kind === 'version-checked' && reply.isOver && !reply.isUploadNamed,
    );
    return isOver === true ? 'release' : 'wait';
  }

  async #haveAllEndedAs(
    place: ReleaseEntry['place'],
    uploadId: UploadId,
    state: UploadState,
  ): Promise<boolean> {
    const request = { kind: 'upload-read', place, uploadId } as const;
    const uploads = await this.#tables.askEvery(this.#partition.partition, request);
    return uploads?.every(reply => hasEndedAs(reply, state)) === true;
  }

  async #ofUpload(
    entry: ReleaseEntry,
    uploadId: UploadId,
    head: ObjectRow | undefined,
  ): Promise<Verdict> {
    const { place } = entry;
    const { store, partition } = this.#partition;
    const ended = orDamage(() => readEndedUpload(store, { partition, place, uploadId }));
    if (ended === undefined || ended === 'damaged') return 'wait';
    // It was completed since the entry was read, which is another one now.
    if (entry.kind === 'upload' && ended.state.kind === 'completed') return 'wait';
    if (!(await this.#haveAllEndedAs(place, uploadId, ended.state))) return 'wait';
    // Asked only now: whatever completed it anywhere stands in an object's row by now.
    const reading = { kind: 'object-read', place, want: 'row' } as const;
    const heads = await this.#tables.askEvery(partition, reading);
    if (heads?.every(reply => isNoNewer(reply, head)) !== true) return 'wait';
    return entry.kind === 'leftovers' ? this.#ofLeftovers(entry) : 'release';
  }

  /**
   * Where versions are kept, another one of the same upload may stand below the current one. And a
   * version that is over here may be the newest elsewhere: then its parts stay with all others.
   */
  async #ofLeftovers({ place, uploadId, versionId }: Leftovers): Promise<Verdict> {
    const { store, partition } = this.#partition;
    const own = orDamage(() => findVersionById({ rows: store, partition, place }, versionId));
    if (own === 'damaged') return 'wait';
    if (own !== undefined && own.versioned !== true) return 'all-but-named';
    const at = { timestamp: own?.timestamp ?? TIMESTAMP_ZERO, isNull: false };
    const request = { kind: 'version-check', place, at, uploadId } as const;
    const checks = await this.#tables.askEvery(partition, request);
    const isNameless = checks?.every(
      reply => reply.kind === 'version-checked' && !reply.isUploadNamed,
    );
    if (isNameless !== true) return 'wait';
    return own === undefined ? 'release' : 'all-but-named';
  }
}

type Leftovers = Extract<ReleaseEntry, { kind: 'leftovers' }>;

/** It was here and ended here, and nothing tells of it any more. */
function isForgotten(key: KeyRows, { timestamp, isNull }: VersionAt): boolean {
  const known = orDamage(() => rowOfStamp(key, timestamp) ?? (isNull ? lastNull(key) : undefined));
  return known === undefined;
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
