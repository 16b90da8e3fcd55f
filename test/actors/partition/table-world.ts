/**
 * All table partitions of one node on one store, with its workers and with blocks that are only
 * told.
 *
 * Owns:          the wiring, the references that blocks would hold, and what a crash leaves.
 * Knows:         the partitions, the workers and their ports.
 * Must not know: what is tested.
 */
import { BucketHoldings } from '../../../actors/partition/bucket-holdings.ts';
import { ReferenceWalker } from '../../../actors/partition/reference-walker.ts';
import { ReleaseWorker } from '../../../actors/partition/release-worker.ts';
import { TablePartition } from '../../../actors/partition/table-partition.ts';
import { TombstoneCollector } from '../../../actors/partition/tombstone-collector.ts';
import { partitionOfManifest, partitionOfPlace } from '../../../bus/table-client.ts';
import type { BlockHash, PartitionId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId, partitionOfBlock } from '../../../schemas/ids.ts';
import type { TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import type { BlockList } from '../../../schemas/records/block-list.ts';
import { unpackBlocks } from '../../../schemas/records/block-list.ts';
import type { BlockOwner } from '../../../schemas/records/block-owner.ts';
import { ownerId } from '../../../schemas/records/block-owner.ts';
import type { TableNumber } from '../../../schemas/row-tables.ts';
import { rowRange } from '../../../schemas/row-tables.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import type { ManualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { LIVE_STAMPER } from './partition-fixture.ts';

/** References as the block side keeps them: by hash and owner. */
export class ToldBlocks {
  readonly references = new Map<string, { readonly hash: BlockHash; readonly owner: BlockOwner }>();
  /** The next so many releases fail. */
  failures = 0;
  calls = 0;

  refer(owner: BlockOwner, blocks: BlockList): void {
    for (const { hash } of unpackBlocks(blocks)) {
      this.references.set(`${hash} ${ownerId(owner)}`, { hash, owner });
    }
  }

  async releaseReferences(
    owner: BlockOwner,
    hashes: readonly BlockHash[],
  ): Promise<'released' | 'failed'> {
    this.calls += 1;
    await Promise.resolve();
    if (this.failures > 0) {
      this.failures -= 1;
      return 'failed';
    }
    for (const hash of hashes) this.references.delete(`${hash} ${ownerId(owner)}`);
    return 'released';
  }

  /** Behind `after`, in order; `next` even where a page is the last, as the contract allows. */
  list(partition: PartitionId, after: Buffer | undefined, limit: number) {
    const from = after?.toString();
    const names = [...this.references.keys()]
      .filter(name => partitionOfBlock(name.slice(0, 64) as BlockHash) === partition)
      .filter(name => from === undefined || name > from)
      .sort()
      .slice(0, limit);
    const references = names.map(name => this.references.get(name)!);
    const last = names[names.length - 1];
    return last === undefined ? { references } : { references, next: Buffer.from(last) };
  }

  ownersLeft(): string[] {
    return [...new Set([...this.references.values()].map(({ owner }) => ownerId(owner) as string))];
  }
}

export class TableWorld {
  readonly store: MemoryStore;
  readonly blocks: ToldBlocks;
  readonly environment: ManualEnvironment;
  readonly log = new QuietLog();
  readonly tables: readonly TablePartition[];
  readonly worker: ReleaseWorker;
  readonly collector: TombstoneCollector;
  readonly walker: ReferenceWalker;
  readonly #liveStampers: ReadonlySet<string>;
  /** The store may have forgotten something. */
  isBehind = false;
  /** Asked before every request; what it throws away is answered as an outage. */
  outage: (request: TableRequest) => boolean = () => false;

  constructor(
    store = new MemoryStore(),
    blocks = new ToldBlocks(),
    liveStampers: ReadonlySet<string> = new Set([LIVE_STAMPER]),
    /** `one of several`: other nodes are said to hold its partitions, too. */
    replica: 'sole' | 'one of several' = 'sole',
  ) {
    this.store = store;
    this.blocks = blocks;
    this.#liveStampers = liveStampers;
    this.environment = manualEnvironment();
    const { clock, timers } = this.environment;
    const { log } = this;
    const isLiveStamper = (stamper: string): boolean => this.#liveStampers.has(stamper);
    const holdings = new BucketHoldings();
    this.tables = Array.from({ length: PARTITION_COUNT }, (_, index) => {
      const partition = partitionId(index);
      return new TablePartition({
        partition,
        store,
        clock,
        space: () => true,
        kickRelease: () => this.worker.kick(partition),
        soleReplica: replica === 'sole',
        isLiveStamper,
        heldElsewhere: (bucket, shards) => holdings.elsewhere(partition, bucket, shards),
        log,
      });
    });
    for (const table of this.tables) holdings.add(table.partition, table);
    const partitions = this.tables;
    const client = {
      ask: (partition: PartitionId, request: TableRequest) => this.askPartition(partition, request),
      partitionOf: partitionOfPlace,
      askEvery: async (partition: PartitionId, request: TableRequest) => [
        await this.askPartition(partition, request),
      ],
      isSuperseded: () => Promise.resolve(true),
      isOver: () => Promise.resolve(true),
    };
    const ports = { tables: client, blocks };
    const isBehind = (): boolean => this.isBehind;
    this.worker = new ReleaseWorker({ partitions, ...ports, clock, timers, log, isBehind });
    this.collector = new TombstoneCollector({ partitions, clock, timers, log });
    this.walker = new ReferenceWalker({
      partitions,
      ...ports,
      listReferences: async (...asked) => blocks.list(...asked),
      isLiveStamper,
      isBehind,
      clock,
      timers,
      log,
    });
  }

  async askPartition(partition: PartitionId, request: TableRequest): Promise<TableReply> {
    if (this.outage(request)) return { kind: 'overloaded' };
    const deadlineAtMs = this.environment.clock.monotonicMs() + 30_000;
    return this.tables[partition]!.receive(request, { deadlineAtMs });
  }

  /** Sends it to the partition of its place, or of the manifest it is about. */
  ask(request: TableRequest): Promise<TableReply> {
    if ('place' in request) return this.askPartition(partitionOfPlace(request.place), request);
    if (request.kind === 'manifest-write') {
      return this.askPartition(partitionOfManifest(ownerId(request.owner)), request);
    }
    if (request.kind === 'owner-abort') {
      return this.askPartition(partitionOfPlace(request.owner), request);
    }
    throw new Error('to which partition?');
  }

  /** Rows of one table in all partitions. */
  rows(table: TableNumber): { key: Buffer; value: Buffer }[] {
    return this.tables.flatMap(({ partition }) => this.store.entries(rowRange(partition, table)));
  }

  /** A whole walk over all references and manifests. */
  async walk(): Promise<void> {
    for (;;) {
      const outcome = await this.walker.step();
      if (outcome === 'done') return;
      if (outcome === 'failed') throw new Error('a page could not be checked');
    }
  }

  /** The machine stops and starts again: a new process, with a stamper of its own, and alone. */
  async crash(liveStampers?: ReadonlySet<string>): Promise<TableWorld> {
    const survivor = this.store.crash();
    await this.worker.stop();
    return new TableWorld(survivor, this.blocks, liveStampers ?? this.#liveStampers);
  }
}
