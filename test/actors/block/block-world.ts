/**
 * One node's block partition on a file system and a store in memory, which can stop and start
 * again.
 *
 * Owns:          the parts of one life of the process, and what is handed to the next.
 * Knows:         the actors under test.
 * Must not know: what is tested.
 */
import { createHash } from 'node:crypto';
import { BlockCollector } from '../../../actors/block/block-collector.ts';
import { BlockLoad } from '../../../actors/block/block-load.ts';
import { BlockPartition } from '../../../actors/block/block-partition.ts';
import type { BlockRepair } from '../../../actors/block/block-repair.ts';
import type { BlockStats } from '../../../actors/block/block-stats.ts';
import { newBlockStats } from '../../../actors/block/block-stats.ts';
import { FileWalker } from '../../../actors/block/file-walker.ts';
import { ResyncQueue } from '../../../actors/block/resync-queue.ts';
import { BlockFiles } from '../../../actors/storage/block-files.ts';
import { checksumsOf } from '../../../actors/storage/block-format.ts';
import { DataDirectories } from '../../../actors/storage/data-directories.ts';
import type { DataDirectory } from '../../../schemas/config.ts';
import type {
  BlockHash,
  BucketId,
  ObjectKey,
  PartitionId,
  VersionId,
} from '../../../schemas/ids.ts';
import type { BlockReply, BlockStore, PeerRequest } from '../../../schemas/messages/block.ts';
import type { BlockOwner } from '../../../schemas/records/block-owner.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import type { Loss } from '../../support/faulty-files.ts';
import type { ManualEnvironment } from '../../support/manual-environment.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';

export const DELETE_DELAY_MS = 600_000;
export const NO_DEADLINE = { deadlineAtMs: Number.POSITIVE_INFINITY };

export type WorldOptions = {
  readonly files?: FaultyFiles;
  /** Seeds how long operations on files take. */
  readonly delaySeed?: number;
  readonly store?: MemoryStore;
  readonly environment?: ManualEnvironment;
  readonly directories?: readonly DataDirectory[];
  readonly minFreeBytes?: number;
  readonly sync?: boolean;
  readonly bufferedBytesMax?: number;
  /** It has peers to fetch blocks from. */
  readonly isReplicated?: boolean;
};

export class BlockWorld {
  readonly files: FaultyFiles;
  readonly store: MemoryStore;
  readonly environment: ManualEnvironment;
  readonly log = new QuietLog();
  readonly stats: BlockStats = newBlockStats();
  readonly directories: DataDirectories;
  readonly blockFiles: BlockFiles;
  readonly partitions: readonly BlockPartition[];
  readonly collector: BlockCollector;
  readonly walker: FileWalker;
  readonly queue: ResyncQueue;
  /** The store may have forgotten something. */
  isBehind = false;
  readonly #options: WorldOptions;
  static #lives = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    BlockWorld.#lives += 1;
    this.files = options.files ?? newFiles(options.delaySeed);
    this.store = options.store ?? new MemoryStore();
    this.environment = options.environment ?? manualEnvironment(BlockWorld.#lives);
    const { clock, timers, random } = this.environment;
    const directories = options.directories ?? [
      { path: '/data', capacityBytes: undefined, isReadOnly: false },
    ];
    if (options.files === undefined) {
      // The directories themselves were made durable when they were marked.
      for (const { path } of directories) this.files.plant(`${path}/marker`, Buffer.of());
    }
    const minFreeBytes = options.minFreeBytes ?? 0;
    this.directories = new DataDirectories({
      files: this.files,
      clock,
      directories,
      minFreeBytes,
      log: this.log,
    });
    this.blockFiles = new BlockFiles({
      files: this.files,
      random,
      directories: this.directories,
      sync: options.sync ?? true,
    });
    const load = new BlockLoad({
      concurrentReadsMax: 16,
      bufferedBytesMax: options.bufferedBytesMax ?? 256 * 1024 * 1024,
    });
    this.queue = new ResyncQueue(this.store);
    const resync = { queue: this.queue, isReplicated: () => options.isReplicated ?? false };
    const shared = { store: this.store, files: this.blockFiles, load, stats: this.stats };
    this.partitions = Array.from(
      { length: 256 },
      (_, partition) =>
        new BlockPartition({
          ...{ ...shared, resync },
          partition: partition as PartitionId,
          clock,
          log: this.log,
          deleteDelayMs: DELETE_DELAY_MS,
        }),
    );
    const isBehind = (): boolean => this.isBehind;
    const common = { partitions: this.partitions, clock, timers, log: this.log, isBehind };
    this.collector = new BlockCollector(common);
    this.walker = new FileWalker({
      ...common,
      files: this.files,
      directories: this.directories,
      tag: this.blockFiles.tag,
      stats: this.stats,
    });
  }

  /** The process or the machine stops; the next one finds what survived. */
  restart(loss: Loss): BlockWorld {
    const store = this.store.crash();
    const { environment } = this;
    return new BlockWorld({
      ...this.#options,
      environment,
      files: this.files.restart(loss),
      store,
    });
  }

  storeBlock(block: Block, owner: BlockOwner): Promise<BlockReply> {
    return this.#partition(block.hash).receive(storeMessage(block, owner), NO_DEADLINE);
  }

  addReference(hash: BlockHash, owner: BlockOwner): Promise<BlockReply> {
    return this.#partition(hash).receive({ kind: 'reference-add', hash, owner }, NO_DEADLINE);
  }

  release(hash: BlockHash, owner: BlockOwner): Promise<BlockReply> {
    const request = { kind: 'references-release', owner, hashes: [hash] } as const;
    return this.#partition(hash).receive(request, NO_DEADLINE);
  }

  /** What a peer asks about the blocks of this hash's partition. */
  ask(hash: BlockHash, request: PeerRequest): Promise<BlockReply> {
    return this.#partition(hash).receive(request, NO_DEADLINE);
  }

  partitionOf(hash: BlockHash): BlockPartition {
    return this.#partition(hash);
  }

  repairOf(hash: BlockHash): BlockRepair {
    return this.#partition(hash).repair!;
  }

  read(hash: BlockHash, first = 0, length = 16 * 1024 * 1024): Promise<BlockReply> {
    const request = { kind: 'block-read', hash, blockBytes: length, first, length } as const;
    return this.#partition(hash).receive(request, NO_DEADLINE);
  }

  /** Walks the files, lets the delays pass, and collects until nothing is left to do. */
  async collectGarbage(): Promise<void> {
    await this.walker.walk('fast');
    this.environment.advance(DELETE_DELAY_MS + 1);
    await this.collector.collect();
  }

  blockFilePaths(): string[] {
    return this.files.paths().filter(path => !path.includes('marker'));
  }

  #partition(hash: BlockHash): BlockPartition {
    return this.partitions[Number.parseInt(hash.slice(0, 2), 16)]!;
  }
}

function newFiles(delaySeed: number | undefined): FaultyFiles {
  return new FaultyFiles(delaySeed === undefined ? {} : { delaySeed });
}

export type Block = { readonly hash: BlockHash; readonly bytes: Buffer };

/** A block of this length whose bytes depend on the seed. */
export function makeBlock(length: number, seed = 1): Block {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + seed * 17 + (at >> 8)) & 0xff;
  return { hash: hashOf(bytes), bytes };
}

export function hashOf(bytes: Uint8Array): BlockHash {
  return createHash('sha256').update(bytes).digest('hex') as BlockHash;
}

export function storeMessage({ hash, bytes }: Block, owner: BlockOwner): BlockStore {
  return { kind: 'block-store', hash, bytes, checksums: checksumsOf(bytes), owner };
}

export function makeOwner(number: number): BlockOwner {
  return {
    kind: 'version',
    bucket: 'b'.repeat(64) as BucketId,
    shard: 0,
    key: `key ${String(number)}` as ObjectKey,
    versionId: number.toString(16).padStart(32, '0') as VersionId,
  };
}

export function pathOf(hash: BlockHash, root = '/data'): string {
  return `${root}/${hash.slice(0, 2)}/${hash.slice(2, 3)}0/${hash}`;
}
