/**
 * Rows, from anywhere: each request goes to the replicas of its partition.
 *
 * Owns:          raising a write's timestamp above a row that is there already.
 * Knows:         which requests change rows, and which answers count as stored.
 * Must not know: S3, LevelDB.
 */
import type { PartitionId, UploadId, VersionId } from '../schemas/ids.ts';
import { partitionOfKey, partitionOfShard } from '../schemas/ids.ts';
import type {
  ObjectChange,
  ObjectPlace,
  ObjectWrite,
  TableReply,
  TableRequest,
  VersionDelete,
} from '../schemas/messages/table.ts';
import { isNullRow } from '../schemas/records/object-row.ts';
import type { VersionAt } from '../schemas/records/release-entry.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { NoConditions, NoLockChanges, ObjectWriteAnswer } from './object-writes.ts';
import { isOfClient, newestOlder, ReplicatedObjectWrites } from './object-writes.ts';
import { askAboutOwners } from './owner-questions.ts';
import { ReplicatedReads } from './replicated-reads.ts';
import type { ReplicaCalls, Unavailable, WriteRule } from './replica-calls.ts';

export type TableAnswer = TableReply | Unavailable;

/** About one key. */
type PlaceRequest = Extract<TableRequest, { place: ObjectPlace }>;

/** A write that meets newer rows so often has a key that others hammer: they win. */
const RAISES_MAX = 8;
const PARTITIONS_REMEMBERED_MAX = 10_000;

const READS: ReadonlySet<TableRequest['kind']> = new Set([
  'object-read',
  'object-list',
  'manifest-read',
  'upload-read',
  'upload-list',
  'part-list',
  'version-list',
  'part-read',
  'version-parts-read',
  'counters-read',
  'bucket-probe',
]);

const WRITE_RULE: WriteRule<TableReply> = {
  counts: reply => reply.kind === 'written',
  prefers: newestOlder,
};

/** A bucket is closed where a quorum was closed by one and the same. */
function fenceRule(token: string): WriteRule<TableReply> {
  return { counts: reply => reply.kind === 'fenced' && reply.token === token };
}

/** Partition of an object row, its uploads and its parts. */
export function partitionOfPlace(place: Pick<ObjectPlace, 'bucket' | 'shard'>): PartitionId {
  return partitionOfShard(place.bucket, place.shard);
}

/** Partition of the manifest rows of a version or an attempt. */
export function partitionOfManifest(id: string): PartitionId {
  return partitionOfKey(id);
}

export class TableClient {
  readonly #calls: ReplicaCalls<TableRequest, TableReply>;
  readonly #reads: ReplicatedReads;
  readonly #writes: ReplicatedObjectWrites;
  readonly #stamper: Stamper;
  /** By bucket and shard: SHA-256 is not computed for every request. Bounded by clearing it. */
  readonly #partitions = new Map<string, PartitionId>();

  constructor(calls: ReplicaCalls<TableRequest, TableReply>, stamper: Stamper) {
    this.#calls = calls;
    this.#reads = new ReplicatedReads(calls);
    this.#writes = new ReplicatedObjectWrites(calls, stamper);
    this.#stamper = stamper;
  }

  /** The partition of an object row, remembered. */
  partitionOf(place: Pick<ObjectPlace, 'bucket' | 'shard'>): PartitionId {
    const name = place.shard === 0 ? place.bucket : `${place.bucket}/${String(place.shard)}`;
    const known = this.#partitions.get(name);
    if (known !== undefined) return known;
    if (this.#partitions.size >= PARTITIONS_REMEMBERED_MAX) this.#partitions.clear();
    const partition = partitionOfPlace(place);
    this.#partitions.set(name, partition);
    return partition;
  }

  /** `early` is told what the nearest of several replicas says of an object, unless the answer is
   *  there as soon: it may be old. */
  ask(
    partition: PartitionId,
    request: TableRequest,
    early?: (reply: TableReply) => void,
  ): Soon<TableAnswer> {
    if (READS.has(request.kind)) {
      return this.#calls.comparesReads(partition)
        ? this.#reads.read(partition, request, early)
        : this.#calls.read(partition, request);
    }
    const rule = request.kind === 'bucket-fence' ? fenceRule(request.token) : WRITE_RULE;
    if (request.kind === 'owner-abort' || request.kind === 'owners-check') {
      if (this.#calls.hasSeveral(partition)) return askAboutOwners(this.#calls, partition, request);
    }
    return this.#calls.write(partition, request, rule);
  }

  /** Asks the partition of an object's place. */
  askPlace(request: PlaceRequest, early?: (reply: TableReply) => void): Soon<TableAnswer> {
    return this.ask(this.partitionOf(request.place), request, early);
  }

  /** What each replica says by itself; undefined when one of them says nothing. */
  async askEvery(
    partition: PartitionId,
    request: TableRequest,
  ): Promise<readonly TableReply[] | undefined> {
    const replies = await this.#calls.askEvery(partition, request, () => true);
    return replies instanceof Map
      ? [...(replies as ReadonlyMap<string, TableReply>).values()]
      : undefined;
  }

  /** Does a write quorum hold a row of this stamp or a newer one, and not that version? */
  async isSuperseded(
    place: ObjectPlace,
    version: VersionId,
    timestamp: Timestamp,
  ): Promise<boolean> {
    const counts = (reply: TableReply): boolean => {
      if (reply.kind !== 'object' || reply.row === undefined) return false;
      const { row } = reply;
      return row.timestamp >= timestamp && (row.kind !== 'version' || row.versionId !== version);
    };
    const request = { kind: 'object-read', place, want: 'row' } as const;
    const answer = await this.#calls.write(this.partitionOf(place), request, { counts });
    return answer.kind !== 'unavailable' && counts(answer);
  }

  /** Does a write quorum know that version to be over, for good? */
  async isOver(place: ObjectPlace, at: VersionAt): Promise<boolean> {
    const counts = (reply: TableReply): boolean => reply.kind === 'version-checked' && reply.isOver;
    const request = { kind: 'version-check', place, at } as const;
    const answer = await this.#calls.write(this.partitionOf(place), request, { counts });
    return answer.kind !== 'unavailable' && counts(answer);
  }

  /** Are conditions of writes decided? Only where one replica decides alone. */
  decidesConditions(place: Pick<ObjectPlace, 'bucket' | 'shard'>): boolean {
    return !this.#calls.hasSeveral(this.partitionOf(place));
  }

  /**
   * The stamp of a row whose blocks are under way: above what a read quorum holds. To be asked for
   * once the write has begun. With one replica any stamp will do: it is raised when the row is
   * written.
   */
  async stampAbove(place: ObjectPlace): Promise<Timestamp | Unavailable> {
    const answer = await this.askPlace({ kind: 'object-read', place, want: 'row' });
    if (answer.kind !== 'object') return { kind: 'unavailable' };
    const { row } = answer;
    return row === undefined ? this.#stamper.now() : this.#stamper.above(row.timestamp);
  }

  /** The same of a part: above the newest attempt at it that a read quorum holds, which was told to
   *  its writer by another clock. */
  async stampAbovePart(
    place: ObjectPlace,
    uploadId: UploadId,
    partNumber: number,
  ): Promise<Timestamp | Unavailable> {
    const after = partNumber - 1;
    const answer = await this.askPlace({ kind: 'part-list', place, uploadId, after, limit: 1 });
    // Whether the upload has ended is said where the part is written.
    if (answer.kind === 'no-such-upload') return this.#stamper.now();
    if (answer.kind !== 'parts') return { kind: 'unavailable' };
    const [newest] = answer.parts;
    const isAgain = newest?.partNumber === partNumber;
    return isAgain ? this.#stamper.above(newest.timestamp) : this.#stamper.now();
  }

  /**
   * Writes the row above whatever is there: its timestamp is raised as often as needed, within
   * bounds. `isAbove`: it came from `stampAbove`.
   */
  writeObject(
    write: ObjectWrite,
    isAbove: 'above-quorum' | 'unknown' = 'unknown',
  ): Promise<ObjectWriteAnswer> {
    const partition = this.partitionOf(write.place);
    if (this.#calls.hasSeveral(partition)) return this.#writes.write(partition, write, isAbove);
    return this.#raised(write, (sent, timestamp) => ({ ...sent, row: { ...sent.row, timestamp } }));
  }

  /** Sends it, and again with a stamp above what it meets as often as needed, within bounds. */
  async #raised<Request extends PlaceRequest>(
    first: Request,
    stamped: (sent: Request, stamp: Timestamp) => Request,
  ): Promise<TableAnswer> {
    let current = first;
    for (let raises = 0; ; raises += 1) {
      const answer = await this.askPlace(current);
      if (answer.kind !== 'older') return answer;
      if (raises === RAISES_MAX) return { kind: 'unavailable' };
      current = stamped(current, this.#stamper.above(answer.newest));
    }
  }

  /**
   * A change of a lock is stamped above the one before it: none is lost to a slow clock. Several
   * replicas only lift a hold: its stamp makes it the last word wherever it comes late. What adds
   * to a lock would come too late for a deletion that a replica decided without it.
   */
  async changeObject(change: ObjectChange): Promise<TableAnswer | NoLockChanges> {
    const { retention, hold } = change;
    if (retention === undefined && hold === undefined) return this.askPlace(change);
    const isLift = retention === undefined && hold?.legalHold === false;
    if (!isLift && !this.decidesConditions(change.place)) return { kind: 'no-lock-changes' };
    return this.#raised(change, (sent, stamp) => ({
      ...sent,
      retention: retention && { ...retention, stamp },
      hold: hold && { ...hold, stamp },
    }));
  }

  /**
   * The same of a deletion: its tombstone, where it leaves one, lies above what is deleted. Of
   * several replicas each is told which version is meant, because it may have missed it.
   */
  async deleteVersion(deletion: VersionDelete): Promise<TableAnswer | NoConditions> {
    if (this.decidesConditions(deletion.place)) {
      return this.#raised(deletion, (sent, timestamp) => ({ ...sent, timestamp }));
    }
    if (isOfClient(deletion.condition)) return { kind: 'no-conditions' };
    const { place, version } = deletion;
    const found = await this.askPlace({ kind: 'object-read', place, want: 'row', version });
    if (found.kind !== 'object') return found;
    const { row } = found;
    if (row === undefined || row.kind === 'tombstone') return { kind: 'written' };
    const at = { timestamp: row.timestamp, isNull: isNullRow(row) };
    const lock = row.kind === 'version' ? row.lock : undefined;
    const answer = await this.askPlace({ ...deletion, at, lock });
    if (answer.kind !== 'written' || row.kind !== 'marker') return answer;
    // Whoever answers may not have known it.
    return { ...answer, marker: true };
  }
}
