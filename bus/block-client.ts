/**
 * Blocks, from anywhere: each goes to the replicas of its hash.
 *
 * Owns:          turning a list of hashes into one request for each partition.
 * Knows:         the block messages.
 * Must not know: objects, files.
 */
import type { BlockHash, PartitionId } from '../schemas/ids.ts';
import { partitionOfBlock } from '../schemas/ids.ts';
import type { BlockRead, BlockReply, BlockRequest, BlockStore } from '../schemas/messages/block.ts';
import type { BlockOwner } from '../schemas/records/block-owner.ts';
import type { Soon } from '../schemas/soon.ts';
import type { ReplicaCalls, Unavailable, WriteRule } from './replica-calls.ts';

export type BlockAnswer = BlockReply | Unavailable;

function countsAs(kind: BlockReply['kind']): WriteRule<BlockReply> {
  return { counts: reply => reply.kind === kind };
}

const STORE_RULE = countsAs('stored');
const REFERENCE_RULE = countsAs('referenced');
const RELEASE_RULE = countsAs('released');

export class BlockClient {
  readonly #calls: ReplicaCalls<BlockRequest, BlockReply>;

  constructor(calls: ReplicaCalls<BlockRequest, BlockReply>) {
    this.#calls = calls;
  }

  /** `stored` once the block and its reference are durable at a quorum. */
  store(request: Omit<BlockStore, 'kind'>): Soon<BlockAnswer> {
    const message: BlockStore = { kind: 'block-store', ...request };
    const partition = partitionOfBlock(request.hash);
    return this.#calls.write(partition, message, STORE_RULE);
  }

  /** `referenced`, or `send-it` where the block is not wholly there. */
  addReference(hash: BlockHash, owner: BlockOwner): Soon<BlockAnswer> {
    const message = { kind: 'reference-add', hash, owner } as const;
    return this.#calls.write(partitionOfBlock(hash), message, REFERENCE_RULE);
  }

  read(request: Omit<BlockRead, 'kind'>): Soon<BlockAnswer> {
    return this.#calls.read(partitionOfBlock(request.hash), { kind: 'block-read', ...request });
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
