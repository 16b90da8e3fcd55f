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
import type { Holders } from './row-repair.ts';
import { RowRepair } from './row-repair.ts';

/** Differences that are found and repaired again and again are those of writes under way. */
const REPAIRS_MAX = 16;

/** What a repair comes to: an answer, or one more comparison of those that hold all of it. */
export type Mended = TableReply | Unavailable | Again;
export type Again = { readonly kind: 'again'; readonly holders: Holders };

export type ComparisonHints = {
  /** Told what the nearest replica says, before it is compared. */
  readonly early?: ((reply: TableReply) => void) | undefined;
  /** They are asked first. */
  readonly holders?: Holders;
};

export class TableComparison {
  readonly calls: ReplicaCalls<TableRequest, TableReply>;
  readonly repair: RowRepair;

  constructor(calls: ReplicaCalls<TableRequest, TableReply>) {
    this.calls = calls;
    this.repair = new RowRepair(calls);
  }

  compare(
    partition: PartitionId,
    request: ComparedRead,
    { early, holders = 'all' }: ComparisonHints = {},
  ): Promise<ComparedOutcome<TableReply>> {
    const digest = { kind: 'reply-digest', of: request } as const;
    const preferred = holders === 'all' ? undefined : holders.has.bind(holders);
    return this.calls.compare(partition, [request, digest], { hearingOf, early, preferred });
  }

  /**
   * Compares, has what differs repaired, and compares again until there is one answer. A replica
   * that could not take what the others hold, as its disk is full, would differ again: after a
   * repair it is asked only if those that could do not answer.
   */
  async untilAnswered(
    partition: PartitionId,
    request: ComparedRead,
    mend: (nodes: readonly NodeId[], repairs: number) => Promise<Mended>,
  ): Promise<TableReply | Unavailable> {
    let holders: Holders = 'all';
    for (let repairs = 0; repairs <= REPAIRS_MAX; repairs += 1) {
      const outcome = await this.compare(partition, request, { holders });
      if (outcome.kind === 'same') return outcome.reply;
      if (outcome.kind === 'failed') return outcome.answer;
      const mended = await mend([...outcome.heard.keys()], repairs);
      if (mended.kind !== 'again') return mended;
      if (mended.holders !== 'all') ({ holders } = mended);
    }
    return UNAVAILABLE;
  }

  /** Repairs the rows of these names until there is one answer. */
  untilSame(
    partition: PartitionId,
    request: ComparedRead,
    namesOf: (nodes: readonly NodeId[]) => Promise<readonly Uint8Array[] | undefined>,
  ): Promise<TableReply | Unavailable> {
    return this.untilAnswered(partition, request, async nodes => {
      const names = await namesOf(nodes);
      const repaired = names && (await this.repair.run(partition, nodes, names));
      return repaired ? { kind: 'again', holders: repaired.holders } : UNAVAILABLE;
    });
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
