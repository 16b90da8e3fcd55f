/**
 * Blocks, from anywhere: each goes to the replicas of its hash.
 *
 * Owns:          turning a list of hashes into one request for each partition.
 * Knows:         the block messages.
 * Must not know: objects, files.
 */
import type { BlockHash, NodeId, PartitionId } from '../schemas/ids.ts';
import { partitionOfBlock } from '../schemas/ids.ts';
import type { BlockRead, BlockReply, BlockRequest, BlockStore } from '../schemas/messages/block.ts';
import type { BlockOwner } from '../schemas/records/block-owner.ts';
import type { Soon } from '../schemas/soon.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { ReplicaCalls, Unavailable, WriteRule } from './replica-calls.ts';

export type BlockAnswer = BlockReply | Unavailable;

/** What goes along with a block that is stored. */
export type StoreCompanions = {
  /** The memory of the block's bytes: with several replicas it may be read on after the answer. */
  readonly lent?: LentBytes;
  /** Replicas that took the reference already, because they have the block. */
  readonly heldBy?: ReadonlySet<NodeId>;
};

const isStored = (reply: BlockReply): boolean => reply.kind === 'stored';
const isReferenced = (reply: BlockReply): boolean => reply.kind === 'referenced';
const RELEASE_RULE: WriteRule<BlockReply> = { counts: reply => reply.kind === 'released' };

function sendItIn(refusals: readonly BlockReply[]): BlockReply | undefined {
  return refusals.find(reply => reply.kind === 'send-it');
}

export class BlockClient {
  readonly #calls: ReplicaCalls<BlockRequest, BlockReply>;

  constructor(calls: ReplicaCalls<BlockRequest, BlockReply>) {
    this.#calls = calls;
  }

  /**
   * `stored` once the block and its reference are durable at a quorum. The replicas that were
   * slower go on, without anybody waiting for them; one that misses it all the same hears of the
   * reference from its peers, and fetches the block from them.
   */
  store(
    request: Omit<BlockStore, 'kind'>,
    { lent, heldBy }: StoreCompanions = {},
  ): Soon<BlockAnswer> {
    const message: BlockStore = { kind: 'block-store', ...request };
    const partition = partitionOfBlock(request.hash);
    return this.#calls.write(partition, message, { counts: isStored, lent, alreadyAt: heldBy });
  }

  /**
   * `referenced`, or `send-it` where too few have the whole block: it is to be stored then, at
   * those that are not in `heldBy`, which are told here.
   */
  addReference(hash: BlockHash, owner: BlockOwner, heldBy?: Set<NodeId>): Soon<BlockAnswer> {
    const message = { kind: 'reference-add', hash, owner } as const;
    return this.#calls.write(partitionOfBlock(hash), message, {
      counts: isReferenced,
      prefers: sendItIn,
      onReply: (reply, node) => {
        if (reply.kind === 'referenced') heldBy?.add(node);
      },
    });
  }

  /**
   * From the nearest replica that has the bytes; a damaged or absent block there is looked after by
   * that replica itself. `absent` only where all replicas say so. With several replicas `into` may
   * be written to after the answer: `lent` says how long.
   */
  read(request: Omit<BlockRead, 'kind'>, lent?: LentBytes): Soon<BlockAnswer> {
    const message: BlockRead = { kind: 'block-read', ...request };
    return this.#calls.readAny(partitionOfBlock(request.hash), message, {
      isHit: reply => reply.kind === 'bytes' && reply.bytes.length === request.length,
      nowhere: 'all',
      lent: request.into === undefined ? undefined : lent,
    });
  }

  /** Ends the owner's references to all these blocks; `failed` when some could not be asked: what
   *  was released stays released, and the call may be repeated. */
  async releaseReferences(
    owner: BlockOwner,
    hashes: readonly BlockHash[],
  ): Promise<'released' | 'failed'> {
    const byPartition = new Map<PartitionId, Set<BlockHash>>();
    for (const hash of hashes) {
      const partition = partitionOfBlock(hash);
      const group = byPartition.get(partition) ?? new Set();
      byPartition.set(partition, group.add(hash));
    }
    const answers = await Promise.all(
      [...byPartition].map(async ([partition, group]) =>
        this.#calls.write(
          partition,
          { kind: 'references-release', owner, hashes: [...group] },
          RELEASE_RULE,
        ),
      ),
    );
    return answers.every(answer => answer.kind === 'released') ? 'released' : 'failed';
  }
}
