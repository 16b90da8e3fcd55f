/**
 * Reading rows that several replicas hold: what is said is what a read quorum holds together.
 *
 * Owns:          which reads are compared, what is repaired on a difference, and the answer then.
 * Knows:         the table messages; rows that merge.
 * Must not know: how replicas are asked, S3.
 *
 * Replicas that answer alike cost one round trip. Where they differ the rows behind the difference
 * are brought to a write quorum before there is an answer, or there is none. What is written once
 * and is the same everywhere comes from whoever has it.
 */
import { mapKey } from '../schemas/codec.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type {
  BucketProbe,
  CountersRead,
  ObjectRead,
  TableReply,
  TableRequest,
  VersionList,
} from '../schemas/messages/table.ts';
import type { StoredRow } from '../schemas/messages/table-replicas.ts';
import { digestOfReply } from '../schemas/messages/reply-digest.ts';
import { NO_COUNTERS, type BucketCounters } from '../schemas/records/bucket-counters.ts';
import { decodeObjectRow, mergeObjectRows } from '../schemas/records/object-row.ts';
import { objectRowKey } from '../schemas/place-keys.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import { ComparedLists } from './compared-lists.ts';
import { mayHaveVersions, namesOfKey } from './key-names.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import type { ReplicaCalls, Unavailable } from './replica-calls.ts';
import { TableComparison, uploadNames } from './table-comparison.ts';

type Answer = TableReply | Unavailable;

/** Reads of what was written once: does this reply have it? */
const HITS: ReadonlyMap<TableRequest['kind'], (reply: TableReply) => boolean> = new Map([
  ['manifest-read', reply => reply.kind === 'manifest' && reply.blocks !== undefined],
  ['part-read', reply => reply.kind === 'part' && reply.part !== undefined],
  ['version-parts-read', reply => reply.kind === 'version-parts' && reply.parts.length > 0],
]);

export class ReplicatedReads {
  readonly #calls: ReplicaCalls<TableRequest, TableReply>;
  readonly comparison: TableComparison;
  readonly #lists: ComparedLists;

  constructor(calls: ReplicaCalls<TableRequest, TableReply>) {
    this.#calls = calls;
    this.comparison = new TableComparison(calls);
    this.#lists = new ComparedLists(this.comparison);
  }

  /** `early` is told what the nearest replica says of an object, before others confirm it. */
  async read(
    partition: PartitionId,
    request: TableRequest,
    early?: (reply: TableReply) => void,
  ): Promise<Answer> {
    switch (request.kind) {
      case 'object-read':
        return this.#object(partition, request, early);
      case 'upload-read':
        return this.comparison.untilSame(partition, request, () =>
          Promise.resolve(uploadNames(request)),
        );
      case 'version-list':
        return this.#lists.versions(partition, request);
      case 'object-list':
        return this.#lists.objects(partition, request);
      case 'upload-list':
        return this.#lists.uploads(partition, request);
      case 'part-list':
        return this.#lists.parts(partition, request);
      case 'counters-read':
        return this.#counters(partition, request);
      case 'bucket-probe':
        return this.#probe(partition, request);
      default:
        return this.#calls.readAny(partition, request, {
          isHit: HITS.get(request.kind) ?? (() => true),
        });
    }
  }

  /** Two of one write have one timestamp, so what differs is put right in one go, unless versions
   *  are kept: then what a replica shows may lie above what another one does not show. */
  async #object(
    partition: PartitionId,
    request: ObjectRead,
    early?: (reply: TableReply) => void,
  ): Promise<Answer> {
    if (request.version !== undefined) return this.#version(partition, request);
    const outcome = await this.comparison.compare(partition, request, { early });
    if (outcome.kind === 'same') return outcome.reply;
    if (outcome.kind === 'failed') return outcome.answer;
    const name = nameOfKey(objectRowKey(partition, request.place));
    const nodes = [...outcome.heard.keys()];
    const repaired = await this.comparison.repair.run(partition, nodes, [name]);
    if (repaired === undefined) return UNAVAILABLE;
    const held = nodes.map(node => repaired.stored.get(node)?.get(mapKey(name)));
    // Who told of a row and does not hand it out holds one that is damaged.
    const isComplete = nodes.every((node, index) => {
      const heard = outcome.heard.get(node);
      return held[index] !== undefined || heard?.digest.equals(ABSENT) === true;
    });
    if (!isComplete) return UNAVAILABLE;
    const rows = held.filter(row => row !== undefined);
    return rows.some(mayHaveVersions)
      ? this.#version(partition, request)
      : merge(rows, request.want);
  }

  #version(partition: PartitionId, request: ObjectRead): Promise<Answer> {
    const { place, version } = request;
    return this.comparison.untilSame(partition, request, nodes =>
      namesOfKey(this.comparison, [partition, place], nodes, version),
    );
  }

  /** Each replica counts what it holds; the highest has missed the least. */
  async #counters(partition: PartitionId, request: CountersRead): Promise<Answer> {
    const isCounted = (reply: TableReply): boolean => reply.kind === 'counters';
    const replies = await this.#calls.gather(partition, request, isCounted);
    if (!(replies instanceof Map)) return UNAVAILABLE;
    let counters = NO_COUNTERS;
    for (const reply of (replies as ReadonlyMap<NodeId, TableReply>).values()) {
      if (reply.kind === 'counters') counters = highest(counters, reply.counters);
    }
    return { kind: 'counters', counters };
  }

  /** A bucket is deleted on this answer: it is that of lists. */
  async #probe(partition: PartitionId, { bucket, shard }: BucketProbe): Promise<Answer> {
    const all = { bucket, shard, prefix: '', delimiter: '', limit: 1 };
    const uploads = await this.read(partition, { kind: 'upload-list', ...all });
    if (uploads.kind !== 'upload-page') return uploads;
    if (uploads.entries.length > 0) return { kind: 'probed', empty: false };
    let request: VersionList = { kind: 'version-list', ...all };
    for (;;) {
      const page = await this.#lists.versions(partition, request);
      if (page.kind !== 'version-page') return page;
      if (page.entries.length > 0) return { kind: 'probed', empty: false };
      if (page.next === undefined) return { kind: 'probed', empty: true };
      request = { ...request, after: page.next };
    }
  }
}

/** The bytes belong to the version, whatever else its copies disagree about. */
function merge(rows: readonly StoredRow[], want: ObjectRead['want']): Answer {
  const decoded = rows.map(({ value, inline }) => ({ row: decodeObjectRow(value), inline }));
  const [first, ...others] = decoded;
  if (first === undefined) return { kind: 'object' };
  const row = others.reduce((merged, next) => mergeObjectRows(merged, next.row), first.row);
  const same = decoded.find(copy => copy.row.timestamp === row.timestamp && copy.inline);
  if (want === 'row' || row.kind !== 'version' || same?.inline === undefined) {
    return { kind: 'object', row };
  }
  return { kind: 'object', row, inline: same.inline };
}

const ABSENT = digestOfReply({ kind: 'object' });

function highest(a: BucketCounters, b: BucketCounters): BucketCounters {
  return {
    objects: Math.max(a.objects, b.objects),
    bytes: Math.max(a.bytes, b.bytes),
    uploads: Math.max(a.uploads, b.uploads),
    uploadParts: Math.max(a.uploadParts, b.uploadParts),
    uploadBytes: Math.max(a.uploadBytes, b.uploadBytes),
  };
}
