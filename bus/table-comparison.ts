/**
 * Comparing what the replicas of a partition say, and repairing rows until they say the same.
 *
 * Owns:          the loop of comparison and repair.
 * Knows:         the table messages, how rows are named when they travel.
 * Must not know: which rows lie behind a difference.
 */
import type { NodeId, PartitionId, UploadId } from '../schemas/ids.ts';
import { digestOfReply, isCompared } from '../schemas/messages/reply-digest.ts';
import type {
  ComparedRead,
  ObjectPlace,
  TableReply,
  TableRequest,
} from '../schemas/messages/table.ts';
import { endedUploadRowKey, openUploadRowKey } from '../schemas/place-keys.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import type { ComparedOutcome, Heard } from './compared-read.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import type { ReplicaCalls, Unavailable } from './replica-calls.ts';
import { RowRepair } from './row-repair.ts';

/** Differences that are found and repaired again and again are those of writes under way. */
const REPAIRS_MAX = 8;

export class TableComparison {
  readonly calls: ReplicaCalls<TableRequest, TableReply>;
  readonly repair: RowRepair;

  constructor(calls: ReplicaCalls<TableRequest, TableReply>) {
    this.calls = calls;
    this.repair = new RowRepair(calls);
  }

  /** `early` is told what the nearest replica says, before it is compared. */
  compare(
    partition: PartitionId,
    request: ComparedRead,
    early?: (reply: TableReply) => void,
  ): Promise<ComparedOutcome<TableReply>> {
    const digest = { kind: 'reply-digest', of: request } as const;
    return this.calls.compare(partition, [request, digest], { hearingOf, early });
  }

  /** Compares, repairs the rows of these names, and compares again until there is one answer. */
  async untilSame(
    partition: PartitionId,
    request: ComparedRead,
    namesOf: (nodes: readonly NodeId[]) => Promise<readonly Uint8Array[] | undefined>,
  ): Promise<TableReply | Unavailable> {
    for (let repairs = 0; repairs <= REPAIRS_MAX; repairs += 1) {
      const outcome = await this.compare(partition, request);
      if (outcome.kind === 'same') return outcome.reply;
      if (outcome.kind === 'failed') return outcome.answer;
      const nodes = [...outcome.heard.keys()];
      const names = await namesOf(nodes);
      if (names === undefined) return UNAVAILABLE;
      if ((await this.repair.run(partition, nodes, names)) === undefined) return UNAVAILABLE;
    }
    return UNAVAILABLE;
  }

  /** The whole answers of all these nodes; undefined when one of them does not give its own. */
  async answersOf<Reply extends TableReply>(
    nodes: readonly NodeId[],
    [partition, request]: readonly [PartitionId, TableRequest],
    isAnswer: (reply: TableReply) => reply is Reply,
  ): Promise<readonly Reply[] | undefined> {
    const replies = await this.calls.gatherFrom(nodes, [partition, request], isAnswer);
    if (!(replies instanceof Map)) return undefined;
    return nodes.map(node => replies.get(node) as Reply);
  }
}

/** Digest and answer of one replica, as far as it gave them. */
function hearingOf(reply: TableReply, want: 'whole' | 'digest'): Heard<TableReply> | undefined {
  if (want === 'whole') {
    if (!isCompared(reply)) return undefined;
    return { digest: digestOfReply(reply), whole: reply };
  }
  if (reply.kind !== 'reply-digest') return undefined;
  const { digest } = reply;
  return { digest: Buffer.from(digest.buffer, digest.byteOffset, digest.length) };
}

/** Any: it is not part of a name. */
export const NAMELESS = 0 as PartitionId;

/** Under which an upload may lie. */
export function uploadNames({
  place,
  uploadId,
}: {
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
}): Buffer[] {
  return [
    nameOfKey(openUploadRowKey(NAMELESS, place, uploadId)),
    nameOfKey(endedUploadRowKey(NAMELESS, place, uploadId)),
  ];
}
