/**
 * Clients at three sites write, delete, read and list a few keys of one partition with three
 * replicas, while messages are late, doubled and lost, nodes go away and come back, and processes
 * die. A register checker holds it to the promises of reads and writes; at the end all heals and
 * every key is read once more.
 *
 * Meanwhile the nodes release what was superseded, and owners that are not known to live are
 * marked: what stands in the end must have all that it references.
 *
 * A seed replays a run. `SEED` begins elsewhere, `SEEDS` runs more of them.
 */
import test from 'ava';
import type { TableClient } from '../../bus/table-client.ts';
import {
  attemptIdOf,
  partitionOfShard,
  uploadIdOf,
  versionIdOf,
  type VersionId,
} from '../../schemas/ids.ts';
import type { ListedEntry } from '../../schemas/messages/table.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import { unpackBlocks } from '../../schemas/records/block-list.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { at, blocksOf, bucket, etag, refOf } from '../actors/partition/partition-fixture.ts';
import { ToldBlocks } from '../actors/partition/table-world.ts';
import { RegisterChecker, type Value } from '../support/register-checker.ts';
import { TableCluster, type TableClusterOptions } from '../support/table-cluster.ts';

const KEYS = ['a', 'b', 'c/1', 'c/2'];
const CLIENTS = 3;
const STEPS_OF_CLIENT = 12;
const FAULTS = 8;
const SEEDS_DEFAULT = 25;
/** So long what is to be released is waited for. */
const RELEASES_MS = 20_000;

const partition = partitionOfShard(bucket, 0);

type Gateway = { readonly tables: TableClient; readonly stamper: Stamper };

class Run {
  readonly cluster: TableCluster;
  readonly checker = new RegisterChecker();
  /** What the block side would hold: of every version with blocks, and of every part. */
  readonly blocks = new ToldBlocks();
  #values = 0;
  #failure: string | undefined;

  constructor(seed: number, options: Partial<TableClusterOptions> = {}) {
    this.cluster = new TableCluster({ partition, blocks: this.blocks, ...options, seed });
    const { random, bus } = this.cluster;
    bus.weather = {
      ...{ delayMsMin: 1, delayMsMax: 1 + random.below(60) },
      ...{ lostOfThousand: random.below(30), doubledOfThousand: random.below(50) },
    };
  }

  get #nowMs(): number {
    return this.cluster.time.nowMs;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.cluster.random.below(items.length)] as Item;
  }

  #rest(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.cluster.time.timers.after(ms, resolve);
    });
  }

  async #write(gateway: Gateway, key: string): Promise<void> {
    const { tables, stamper } = gateway;
    this.#values += 1;
    const value = this.#values;
    const how = this.pick(['inline', 'inline', 'blocks', 'delete']);
    const end = this.checker.begin(key, how === 'delete' ? 'deleted' : value, this.#nowMs);
    const begun = stamper.now();
    const stamp = how === 'blocks' ? await tables.stampAbove(at(key)) : begun;
    if (typeof stamp !== 'string') return;
    const content =
      how === 'blocks'
        ? ({ kind: 'blocks', blocks: blocksOf(value) } as const)
        : ({ kind: 'inline' } as const);
    const version: ObjectRow = {
      ...{ kind: 'version', timestamp: stamp, versionId: begun as VersionId, headers: [] },
      ...{ sizeBytes: 4, etag: etag(value), content },
    };
    const owner = { kind: 'version', ...at(key), versionId: versionIdOf(begun) } as const;
    if (content.kind === 'blocks') this.blocks.refer(owner, content.blocks);
    const row: ObjectRow = how === 'delete' ? { kind: 'tombstone', timestamp: stamp } : version;
    const inline = how === 'inline' ? Buffer.alloc(4, value) : undefined;
    const answer = await tables.writeObject(
      { kind: 'object-write', place: at(key), row, inline },
      how === 'blocks' ? 'above-quorum' : 'unknown',
    );
    if (answer.kind === 'written' || answer.kind === 'superseded') end(this.#nowMs);
  }

  async read({ tables }: Gateway, key: string): Promise<'answered' | 'failed'> {
    const beganMs = this.#nowMs;
    const answer = await tables.askPlace({ kind: 'object-read', place: at(key), want: 'content' });
    if (answer.kind !== 'object') return 'failed';
    const { row, inline } = answer;
    const value: Value = row?.kind === 'version' ? Number.parseInt(row.etag, 16) : 'deleted';
    this.checker.saw(key, value, beganMs);
    if (row?.kind === 'version' && row.content.kind === 'inline' && inline?.[0] !== Number(value)) {
      this.#failure ??= `${key}: the bytes of another version`;
    }
    return 'answered';
  }

  /** As a gateway does it: the upload, two parts, the list of them, and the Complete. */
  async #upload(gateway: Gateway, key: string): Promise<void> {
    const { tables, stamper } = gateway;
    const place = at(key);
    this.#values += 1;
    const value = this.#values;
    const end = this.checker.begin(key, value, this.#nowMs);
    const id = uploadIdOf(stamper.now());
    const upload: UploadRow = {
      ...{ uploadId: id, timestamp: id, state: { kind: 'open' }, headers: [], initiator: 'GK' },
    };
    const created = await tables.askPlace({ kind: 'upload-create', place, upload });
    if (created.kind !== 'written') return;
    for (const partNumber of [1, 2]) {
      const stamp = stamper.now();
      const part: PartRow = {
        ...{ uploadId: id, partNumber, attemptId: attemptIdOf(stamp), timestamp: stamp },
        ...{
          sizeBytes: 8,
          etag: etag(value),
          content: { kind: 'blocks', blocks: blocksOf(value) },
        },
      };
      const { attemptId } = part;
      const owner = { kind: 'part', ...place, uploadId: id, partNumber, attemptId } as const;
      this.blocks.refer(owner, blocksOf(value));
      const answer = await tables.askPlace({ kind: 'part-write', place, part });
      if (answer.kind !== 'written') return;
    }
    const listing = { kind: 'part-list', place, uploadId: id, after: 0, limit: 10 } as const;
    const listed = await tables.askPlace(listing);
    if (listed.kind !== 'parts') return;
    if (listed.parts.length !== 2) {
      this.#failure ??= `${key}: an acknowledged part is not listed`;
      return;
    }
    const stamp = stamper.now();
    const row: ObjectRow = {
      ...{ kind: 'version', timestamp: stamp, versionId: versionIdOf(stamp), headers: [] },
      ...{ sizeBytes: 16, etag: etag(value) },
      content: { kind: 'parts', uploadId: id, partCount: 2 },
    };
    const completes = { uploadId: id, parts: listed.parts.map(refOf) };
    const answer = await tables.writeObject({ kind: 'object-write', place, row, completes });
    if (answer.kind === 'written' || answer.kind === 'completed-before') end(this.#nowMs);
  }

  async #list({ tables }: Gateway): Promise<void> {
    const beganMs = this.#nowMs;
    const isFolded = this.cluster.random.below(2) === 0;
    const all = { bucket, shard: 0, prefix: '', delimiter: isFolded ? '/' : '', limit: 10 };
    const answer = await tables.ask(partition, { kind: 'object-list', ...all });
    if (answer.kind !== 'object-page' || answer.next !== undefined) return;
    if (isFolded) {
      this.#sawFolder(answer.entries, beganMs);
      return;
    }
    const shown = new Map<string, Value>(
      answer.entries.map(entry =>
        entry.kind === 'object'
          ? [entry.key, Number.parseInt(entry.etag, 16)]
          : [entry.prefix, 'deleted'],
      ),
    );
    for (const key of KEYS) this.checker.saw(key, shown.get(key) ?? 'deleted', beganMs);
  }

  /** A folder that is shown holds something; one that is not shown holds nothing. */
  #sawFolder(entries: readonly ListedEntry[], beganMs: number): void {
    if (entries.some(entry => entry.kind === 'prefix' && entry.prefix === 'c/')) return;
    for (const key of KEYS) if (key.startsWith('c/')) this.checker.saw(key, 'deleted', beganMs);
  }

  async #client(gateway: Gateway): Promise<void> {
    for (let step = 0; step < STEPS_OF_CLIENT; step += 1) {
      const key = this.pick(KEYS);
      const what = this.pick(['write', 'write', 'upload', 'read', 'read', 'list']);
      if (what === 'write') await this.#write(gateway, key);
      else if (what === 'upload') await this.#upload(gateway, key);
      else if (what === 'read') await this.read(gateway, key);
      else await this.#list(gateway);
      await this.#rest(this.cluster.random.below(40));
    }
  }

  async #faults(): Promise<void> {
    const { cluster } = this;
    for (let fault = 0; fault < FAULTS; fault += 1) {
      await this.#rest(cluster.random.below(400));
      const index = cluster.random.below(cluster.nodes.length);
      switch (this.pick(['freeze', 'down', 'back', 'back', 'restart', 'walk'])) {
        case 'walk':
          void this.#walk(cluster.gateway(index));
          break;
        case 'freeze':
          cluster.bus.away.add(cluster.node(index).id);
          break;
        case 'down':
          cluster.takeAway(index);
          break;
        case 'restart':
          cluster.node(index).restart();
          break;
        default:
          cluster.bringBack(index);
      }
    }
    for (const index of cluster.nodes.keys()) cluster.bringBack(index);
  }

  /** Whoever is not known to live is marked, and what it references goes. */
  async #walk({ tables }: Gateway): Promise<void> {
    const held = [...this.blocks.references.values()];
    const owners = held.map(({ owner }) => ({ owner, mayBeUnderWay: false }));
    if (owners.length === 0) return;
    const reply = await tables.ask(partition, { kind: 'owners-check', owners });
    if (reply.kind !== 'owners') return;
    for (const [index, state] of reply.states.entries()) {
      const reference = held[index];
      if (state !== 'dead' || reference === undefined) continue;
      await this.blocks.releaseReferences(reference.owner, [reference.hash]);
    }
  }

  /** What stands in the end has all that it references. */
  async #checkBlocks({ tables }: Gateway, key: string): Promise<void> {
    const answer = await tables.askPlace({ kind: 'object-read', place: at(key), want: 'row' });
    if (answer.kind !== 'object' || answer.row?.kind !== 'version') return;
    const { content, versionId, etag: value } = answer.row;
    const ids: string[] = [];
    if (content.kind === 'blocks') ids.push(versionId);
    if (content.kind === 'parts') ids.push(...(content.parts ?? []).map(part => part.attemptId));
    for (const { hash } of unpackBlocks(blocksOf(Number.parseInt(value, 16)))) {
      const lost = ids.find(id => !this.blocks.references.has(`${hash} ${id}`));
      if (lost !== undefined) this.#failure ??= `${key}: ${content.kind} lost a reference`;
    }
  }

  /** Undefined: all promises were kept. */
  async run(): Promise<string | undefined> {
    const { cluster } = this;
    const gateways = Array.from({ length: CLIENTS }, (_, index) => cluster.gateway(index));
    const work = [...gateways.map(gateway => this.#client(gateway)), this.#faults()];
    await cluster.until(Promise.all(work));
    cluster.bus.weather = { ...cluster.bus.weather, lostOfThousand: 0 };
    for (const gateway of gateways) {
      for (const key of KEYS) {
        const outcome = await cluster.until(this.read(gateway, key));
        if (outcome === 'failed') return `${key} cannot be read after all has healed`;
      }
    }
    await cluster.time.pass(RELEASES_MS);
    for (const [index, key] of KEYS.entries()) {
      const gateway = gateways[index % gateways.length];
      if (gateway !== undefined) await cluster.until(this.#checkBlocks(gateway, key));
    }
    if (this.#failure !== undefined) return this.#failure;
    const [stale] = this.checker.stale;
    return stale && `${stale.key}: saw ${String(stale.saw)}, which hides ${String(stale.hides)}`;
  }
}

function seeds(count: number): number[] {
  const first = Number(process.env['SEED'] ?? 1);
  return Array.from({ length: count }, (_, index) => first + index);
}

test('no acknowledged write is lost or hidden, whatever becomes of messages and nodes', async t => {
  t.timeout(600_000);
  let acknowledged = 0;
  let reads = 0;
  for (const seed of seeds(Number(process.env['SEEDS'] ?? SEEDS_DEFAULT))) {
    const run = new Run(seed);
    const failure = await run.run();
    t.is(failure, undefined, `SEED=${String(seed)}`);
    acknowledged += run.checker.acknowledged;
    reads += run.checker.reads;
  }
  t.log(`acknowledged writes ${String(acknowledged)}, checked reads ${String(reads)}`);
});

test('the checker finds what a write quorum of one loses', async t => {
  t.timeout(600_000);
  for (const seed of seeds(40)) {
    if ((await new Run(seed, { mode: 'dangerous' }).run()) !== undefined) return t.pass();
  }
  return t.fail('no seed shows it');
});
