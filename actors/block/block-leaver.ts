/**
 * Gives up the blocks that this node no longer has to hold, once their owners have them.
 *
 * Owns:          when a partition is looked at, and when a block may go from here.
 * Knows:         the layout through the peers, the partitions.
 * Must not know: how the owners came by the blocks: they took them over themselves.
 *
 * A node that left a partition keeps its blocks until a write quorum of the newest layout's
 * replicas says of each that it is whole on their disks and referred to. Nothing here depends on
 * this node's idea of the layout being the newest: what goes is at the quorum of some layout, and
 * who becomes an owner later takes it from there.
 */
import type { BlockPeers } from '../../bus/block-peers.ts';
import { quorumsOf } from '../../bus/quorums.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { BlockPartition } from './block-partition.ts';

export type BlockLeaverOptions = {
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  /** Whether the store may have forgotten something: nothing is given up then. Absent: never. */
  readonly isBehind?: () => boolean;
  readonly peers: Pick<BlockPeers, 'isOurs' | 'ownersOf' | 'ask'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

const ROUND_MS = 10 * 60 * 1000;
const PAGE_BLOCKS = 256;

export class BlockLeaver {
  readonly #options: BlockLeaverOptions;
  #timer: Timer | undefined;
  #running: Promise<unknown> | undefined;
  #isStopped = false;

  constructor(options: BlockLeaverOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.timers.after(ROUND_MS, () => {
      void this.round().finally(() => {
        this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** One round over all partitions. Never rejects; says how many blocks went. */
  round(): Promise<number> {
    const round = this.#round();
    this.#running = round;
    return round;
  }

  async #round(): Promise<number> {
    const { partitions, peers, log, isBehind } = this.#options;
    if (isBehind?.() === true) return 0;
    let dropped = 0;
    for (const partition of partitions) {
      if (this.#isStopped) break;
      const owners = peers.ownersOf(partition.partition);
      if (owners.length === 0 || peers.isOurs(partition.partition)) continue;
      try {
        dropped += await this.#leave(partition);
      } catch (error) {
        log.warn({ error }, 'blocks that other nodes hold now could not be given up');
        break;
      }
    }
    if (dropped > 0)
      log.info({ blocks: dropped }, 'blocks that other nodes hold now were given up');
    return dropped;
  }

  async #leave(partition: BlockPartition): Promise<number> {
    let dropped = 0;
    for (let after: BlockHash | undefined; !this.#isStopped;) {
      const hashes = await partition.knownBlocks(after, PAGE_BLOCKS);
      const last = hashes.at(-1);
      if (last === undefined) break;
      for (const hash of await this.#keptByOwners(partition, hashes)) {
        // It may have become ours again.
        if (this.#options.peers.isOurs(partition.partition)) return dropped;
        await partition.repair?.drop(hash);
        dropped += 1;
      }
      after = last;
    }
    return dropped;
  }

  /** Those that a write quorum of the owners has. */
  async #keptByOwners(
    { partition }: BlockPartition,
    hashes: readonly BlockHash[],
  ): Promise<readonly BlockHash[]> {
    const { peers } = this.#options;
    const owners = peers.ownersOf(partition);
    const answers = await Promise.all(
      owners.map(node => peers.ask(node, partition, { kind: 'blocks-have', hashes })),
    );
    const needed = quorumsOf(owners.length, 'consistent').write;
    return hashes.filter((_, index) => {
      const kept = answers.filter(
        answer => answer?.kind === 'holdings' && answer.holdings[index] === 'kept',
      );
      return kept.length >= needed;
    });
  }
}
