/**
 * The object paths of a gateway on storage in memory.
 *
 * Owns:          the wiring that tests of writer, reader and handlers share.
 * Knows:         the fakes.
 * Must not know: what is tested.
 */
import type { ExecutionContext } from 'ava';
import type { Worker } from 'node:worker_threads';
import { BlockClient } from '../../bus/block-client.ts';
import type { Address, Bus } from '../../bus/bus.ts';
import { fixedView } from '../../bus/cluster-view.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { Subjects } from '../../bus/subjects.ts';
import { TableClient } from '../../bus/table-client.ts';
import { BlockBuffers } from '../../gateway/object/block-buffers.ts';
import { DigestPool } from '../../gateway/object/digest-pool.ts';
import { startDigestWorker } from '../../gateway/object/digest-thread.ts';
import { ObjectReader } from '../../gateway/object/object-reader.ts';
import { ReadBuffers } from '../../gateway/object/read-buffers.ts';
import { ObjectWriter } from '../../gateway/object/object-writer.ts';
import type { BucketId, NodeId, ObjectKey } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import type { BlockRequest } from '../../schemas/messages/block.ts';
import type { ObjectPlace, TableRequest } from '../../schemas/messages/table.ts';
import { Stamper } from '../../schemas/stamper.ts';
import type { Kinded } from '../../schemas/wire.ts';
import { FakeBlocks } from './fake-blocks.ts';
import { FakeTables } from './fake-tables.ts';
import { manualEnvironment, type ManualEnvironment } from './manual-environment.ts';
import { QuietLog } from './quiet-log.ts';

const NODE = 'a'.repeat(64) as NodeId;
export const BUCKET = 'b'.repeat(64) as BucketId;

export type ObjectWorld = {
  readonly environment: ManualEnvironment;
  readonly tables: FakeTables;
  readonly blocks: FakeBlocks;
  readonly clients: { readonly tables: TableClient; readonly blocks: BlockClient };
  readonly stamper: Stamper;
  readonly buffers: BlockBuffers;
  readonly readBuffers: ReadBuffers;
  readonly digests: DigestPool;
  /** The hash threads that were started. */
  readonly workers: readonly Worker[];
  readonly writer: ObjectWriter;
  readonly reader: ObjectReader;
  readonly log: QuietLog;
};

export type ObjectWorldOptions = {
  readonly blockBytes?: number;
  readonly slabs?: number;
  readonly threads?: number;
};

export function placeNamed(key: string): ObjectPlace {
  return { bucket: BUCKET, shard: 0, key: key as ObjectKey };
}

/** The hash threads end with the test. */
export function objectWorld(t: ExecutionContext, options: ObjectWorldOptions = {}): ObjectWorld {
  const world = makeObjectWorld(options);
  t.teardown(() => world.digests.close());
  return world;
}

export function makeObjectWorld(options: ObjectWorldOptions = {}): ObjectWorld {
  const { blockBytes = 1024 * 1024, slabs = 8, threads = 2 } = options;
  const environment = manualEnvironment();
  const tables = new FakeTables();
  const blocks = new FakeBlocks();
  const stamper = new Stamper(environment.clock, environment.random);
  const clients = clientsOf({ tables, blocks, stamper, environment });
  const buffers = new BlockBuffers({ blockBytes, bytesMax: slabs * blockBytes });
  const workers: Worker[] = [];
  const startWorker = (): Worker => {
    const worker = startDigestWorker();
    workers.push(worker);
    return worker;
  };
  const digests = new DigestPool({ threads, startWorker });
  const log = new QuietLog();
  const { timers, clock, random } = environment;
  const writer = new ObjectWriter({ ...clients, stamper, timers, random, log, buffers, digests });
  const readBuffers = new ReadBuffers({ blockBytes, countMax: 4 });
  const reader = new ObjectReader({ ...clients, buffers: readBuffers, clock });
  const parts = { environment, tables, blocks, clients, stamper };
  return { ...parts, buffers, readBuffers, digests, workers, writer, reader, log };
}

function clientsOf({
  tables,
  blocks,
  stamper,
  environment,
}: Pick<ObjectWorld, 'tables' | 'blocks' | 'stamper' | 'environment'>): ObjectWorld['clients'] {
  const subjects = new Subjects('test');
  const bus = new FakeBus(tables, blocks);
  const replicas = Array.from({ length: PARTITION_COUNT }, () => [NODE]);
  const shape = { version: 1, replicationFactor: 1, zoneRedundancy: 1, partitionBytes: 1 };
  const layout = { current: { ...shape, roles: new Map(), replicas } };
  const common = { ...environment, bus, view: fixedView(layout) };
  const tableCalls = new ReplicaCalls({ ...common, address: subjects.table.bind(subjects) });
  const blockCalls = new ReplicaCalls({ ...common, address: subjects.block.bind(subjects) });
  return {
    tables: new TableClient(tableCalls, stamper),
    blocks: new BlockClient(blockCalls),
  };
}

/** Carries every request to the fakes, whatever its subject. */
class FakeBus implements Bus {
  readonly #tables: FakeTables;
  readonly #blocks: FakeBlocks;

  constructor(tables: FakeTables, blocks: FakeBlocks) {
    this.#tables = tables;
    this.#blocks = blocks;
  }

  async request<Request extends Kinded, Reply extends Kinded>(
    { subject }: Address<Request, Reply>,
    request: Request,
  ): Promise<Reply> {
    const reply: Kinded = subject.includes('.table.')
      ? this.#tables.receive(request as Kinded as TableRequest)
      : await this.#blocks.receive(request as Kinded as BlockRequest);
    return reply as Reply;
  }

  serve(): never {
    throw new Error('the fakes serve');
  }

  publish(): void {
    // Nobody listens.
  }

  listen(): never {
    throw new Error('there are no events');
  }
}
