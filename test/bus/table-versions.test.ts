/**
 * Clients at three sites, whose clocks do not agree, write, delete and read versions of a few keys
 * of one partition with three replicas, while messages are late, doubled and lost, nodes go away
 * and come back, and processes die. A model of single versions holds it to the promises: what was
 * acknowledged is there until its deletion was asked for, and what was deleted does not come back.
 *
 * Null versions are written and deleted in between: they must not be in the way. In the end what
 * stands must have all that it references, and what was deleted nothing any more.
 *
 * A seed replays a run. `SEED` begins elsewhere, `SEEDS` runs more of them.
 */
import test from 'ava';
import { RowPull } from '../../actors/entropy/row-pull.ts';
import type { TableClient } from '../../bus/table-client.ts';
import {
  attemptIdOf,
  partitionOfShard,
  uploadIdOf,
  versionIdOf,
  type NodeId,
  type VersionId,
} from '../../schemas/ids.ts';
import type { ListedVersion, VersionStart } from '../../schemas/messages/table.ts';
import { unpackBlocks } from '../../schemas/records/block-list.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import type { ObjectRow, ObjectVersion } from '../../schemas/records/object-row.ts';
import { deletionRow } from '../../schemas/records/object-row.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { at, blocksOf, bucket, etag, refOf } from '../actors/partition/partition-fixture.ts';
import { ToldBlocks } from '../actors/partition/table-world.ts';
import { DIGEST_KEY, TableCluster, type TableClusterOptions } from '../support/table-cluster.ts';

const KEYS = ['a', 'b', 'c/1'];
const CLIENTS = 3;
const STEPS_OF_CLIENT = 16;
const FAULTS = 8;
const SEEDS_DEFAULT = 25;
/** So long what is to be released is waited for: the longest pause of the queue, twice. */
const RELEASES_MS = 140_000;
const SKEW_MS_MAX = 2000;
const PAGE = 4;
const PAIRS = [0, 1, 2].flatMap(to =>
  [0, 1, 2].filter(from => from !== to).map(from => [to, from] as const),
);

const partition = partitionOfShard(bucket, 0);

type Gateway = { readonly tables: TableClient; readonly stamper: Stamper };

/** One version with an id, as far as its writer knows. */
type Known = {
  readonly key: string;
  readonly value: number;
  readonly owners: readonly BlockOwner[];
  id: Timestamp | undefined;
  ackedMs: number;
  /** When its deletion was asked for first, and acknowledged. */
  endBegunMs: number;
  endedMs: number;
};

class Run {
  readonly cluster: TableCluster;
  readonly blocks = new ToldBlocks();
  readonly versions: Known[] = [];
  failure: string | undefined;
  checks = 0;
  #values = 0;

  constructor(seed: number, options: Partial<TableClusterOptions> = {}) {
    const { blocks } = this;
    const skewMs = (nearest: number): number => (nearest * SKEW_MS_MAX * (seed % 3)) / 4;
    this.cluster = new TableCluster({ partition, blocks, skewMs, ...options, seed });
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

  #fail(text: string): void {
    this.failure ??= text;
  }

  #begin(key: string, value: number, owners: readonly BlockOwner[]): Known {
    const never = Number.POSITIVE_INFINITY;
    const times = { ackedMs: never, endBegunMs: never, endedMs: never };
    const known: Known = { key, value, owners, id: undefined, ...times };
    this.versions.push(known);
    return known;
  }

  #acknowledged(known: Known, id: unknown): void {
    known.id = id as Timestamp;
    known.ackedMs = this.#nowMs;
  }

  // ---- writing ----------------------------------------------------------------------------------

  async #put({ tables, stamper }: Gateway, key: string): Promise<void> {
    this.#values += 1;
    const value = this.#values;
    const isLarge = this.cluster.random.below(2) === 0;
    const begun = stamper.now();
    const stamp = isLarge ? await tables.stampAbove(at(key)) : begun;
    if (typeof stamp !== 'string') return;
    const owner = { kind: 'version', ...at(key), versionId: versionIdOf(begun) } as const;
    if (isLarge) this.blocks.refer(owner, blocksOf(value));
    const known = this.#begin(key, value, isLarge ? [owner] : []);
    const row: ObjectVersion = {
      ...{ kind: 'version', timestamp: stamp, versionId: begun as VersionId, headers: [] },
      ...{ sizeBytes: 4, etag: etag(value), versioned: true },
      content: isLarge ? { kind: 'blocks', blocks: blocksOf(value) } : { kind: 'inline' },
    };
    const inline = isLarge ? undefined : Buffer.alloc(4, value);
    const answer = await tables.writeObject(
      { kind: 'object-write', place: at(key), row, inline },
      isLarge ? 'above-quorum' : 'unknown',
    );
    if (answer.kind === 'superseded') this.#fail(`${key}: a version was written and not stored`);
    if (answer.kind === 'written') this.#acknowledged(known, answer.version);
  }

  async #delete({ tables, stamper }: Gateway, key: string): Promise<void> {
    this.#values += 1;
    const known = this.#begin(key, this.#values, []);
    const row = deletionRow({ versioning: 'enabled' }, stamper.now());
    const answer = await tables.writeObject({ kind: 'object-write', place: at(key), row });
    if (answer.kind === 'written') this.#acknowledged(known, answer.version);
  }

  /** Noise: the one version that has no id. */
  async #writeNull({ tables, stamper }: Gateway, key: string): Promise<void> {
    this.#values += 1;
    const timestamp = stamper.now();
    const version: ObjectRow = {
      ...{ kind: 'version', timestamp, versionId: timestamp as unknown as VersionId },
      ...{ sizeBytes: 4, etag: etag(this.#values), content: { kind: 'inline' }, headers: [] },
    };
    const isDeletion = this.cluster.random.below(3) === 0;
    const row = isDeletion ? deletionRow({ versioning: 'suspended' }, timestamp) : version;
    const inline = isDeletion ? undefined : Buffer.alloc(4, this.#values);
    await tables.writeObject({ kind: 'object-write', place: at(key), row, inline });
  }

  async #deleteNull({ tables, stamper }: Gateway, key: string): Promise<void> {
    const asked = { kind: 'version-delete', place: at(key), version: 'null' } as const;
    await tables.deleteVersion({ ...asked, timestamp: stamper.now() });
  }

  async #deleteVersion({ tables, stamper }: Gateway): Promise<void> {
    const candidates = this.versions.filter(
      ({ id, endBegunMs }) => id !== undefined && endBegunMs === Number.POSITIVE_INFINITY,
    );
    const known = this.pick(candidates);
    if (known?.id === undefined) return;
    known.endBegunMs = this.#nowMs;
    const asked = { kind: 'version-delete', place: at(known.key), version: known.id } as const;
    const answer = await tables.deleteVersion({ ...asked, timestamp: stamper.now() });
    if (answer.kind === 'written') known.endedMs = this.#nowMs;
  }

  async #upload({ tables, stamper }: Gateway, key: string): Promise<void> {
    this.#values += 1;
    const value = this.#values;
    const place = at(key);
    const id = uploadIdOf(stamper.now());
    const upload: UploadRow = {
      ...{ uploadId: id, timestamp: id, state: { kind: 'open' }, headers: [], initiator: 'GK' },
    };
    if ((await tables.askPlace({ kind: 'upload-create', place, upload })).kind !== 'written')
      return;
    const owners: BlockOwner[] = [];
    for (const partNumber of [1, 2, 2]) {
      const stamp = stamper.now();
      const attemptId = attemptIdOf(stamp);
      const part: PartRow = {
        ...{ uploadId: id, partNumber, attemptId, timestamp: stamp, sizeBytes: 8 },
        ...{ etag: etag(value), content: { kind: 'blocks', blocks: blocksOf(value) } },
      };
      const owner = { kind: 'part', ...place, uploadId: id, partNumber, attemptId } as const;
      this.blocks.refer(owner, blocksOf(value));
      if ((await tables.askPlace({ kind: 'part-write', place, part })).kind !== 'written') return;
      owners[partNumber - 1] = owner;
    }
    const listing = { kind: 'part-list', place, uploadId: id, after: 0, limit: 10 } as const;
    const listed = await tables.askPlace(listing);
    if (listed.kind !== 'parts' || listed.parts.length !== 2) return;
    const stamp = stamper.now();
    const row: ObjectRow = {
      ...{ kind: 'version', timestamp: stamp, versionId: versionIdOf(stamp), headers: [] },
      ...{ sizeBytes: 16, etag: etag(value), versioned: true },
      content: { kind: 'parts', uploadId: id, partCount: 2 },
    };
    const known = this.#begin(key, value, owners);
    const completes = { uploadId: id, parts: listed.parts.map(refOf) };
    const answer = await tables.writeObject({ kind: 'object-write', place, row, completes });
    if (answer.kind === 'written') this.#acknowledged(known, answer.version);
  }

  // ---- reading ----------------------------------------------------------------------------------

  /** Of a key, what a read that began then must see, and must not see. */
  #mustBeThere({ ackedMs, endBegunMs }: Known, beganMs: number): boolean {
    return ackedMs < beganMs && endBegunMs === Number.POSITIVE_INFINITY;
  }

  async #readVersion({ tables }: Gateway, known: Known): Promise<boolean> {
    const { id, key, value } = known;
    if (id === undefined) return true;
    const beganMs = this.#nowMs;
    const asked = { kind: 'object-read', place: at(key), want: 'content', version: id } as const;
    const answer = await tables.askPlace(asked);
    if (answer.kind !== 'object') return false;
    this.checks += 1;
    const { row, inline } = answer;
    const isThere = row !== undefined && row.kind !== 'tombstone';
    if (!isThere && this.#mustBeThere(known, beganMs)) this.#fail(`${key}: ${id} is lost`);
    if (isThere && known.endedMs < beganMs) this.#fail(`${key}: ${id} came back`);
    if (row?.kind !== 'version') return true;
    if (row.etag !== etag(value)) this.#fail(`${key}: ${id} is another version`);
    if (row.content.kind === 'inline' && inline?.[0] !== value % 256) {
      this.#fail(`${key}: the bytes of another version`);
    }
    return true;
  }

  async #readCurrent({ tables }: Gateway, key: string): Promise<boolean> {
    const beganMs = this.#nowMs;
    const answer = await tables.askPlace({ kind: 'object-read', place: at(key), want: 'row' });
    if (answer.kind !== 'object') return false;
    this.checks += 1;
    const { row } = answer;
    const own = this.versions.filter(known => known.key === key);
    for (const known of own) {
      if (known.id === undefined) continue;
      const isHidden = row === undefined || row.timestamp < known.id;
      if (isHidden && this.#mustBeThere(known, beganMs)) {
        this.#fail(`${key}: ${known.id} is hidden by ${row?.timestamp ?? 'nothing'}`);
      }
      const isShown = row?.timestamp === known.id && row.kind !== 'tombstone';
      if (isShown && known.endedMs < beganMs) this.#fail(`${key}: ${known.id} is current again`);
    }
    return true;
  }

  async #listVersions({ tables }: Gateway): Promise<boolean> {
    const beganMs = this.#nowMs;
    const all: ListedVersion[] = [];
    let after: VersionStart | undefined;
    do {
      const asked = { bucket, shard: 0, prefix: '', delimiter: '', limit: PAGE };
      const listing = { kind: 'version-list', ...asked } as const;
      const page = await tables.ask(
        partition,
        after === undefined ? listing : { ...listing, after },
      );
      if (page.kind !== 'version-page') return false;
      for (const entry of page.entries) if (entry.kind === 'version') all.push(entry);
      after = page.next;
    } while (after !== undefined);
    this.checks += 1;
    const shown = new Set(all.map(({ key, version }) => `${key} ${version}`));
    for (const known of this.versions) {
      if (known.id === undefined) continue;
      const isShown = shown.has(`${known.key} ${known.id}`);
      if (!isShown && this.#mustBeThere(known, beganMs)) this.#fail(`${known.id} is not listed`);
      if (isShown && known.endedMs < beganMs) this.#fail(`${known.id} is listed again`);
    }
    const ids = new Map<string, string>();
    for (const { isMarker, etag: value, version } of all) {
      if (isMarker || version === 'null') continue;
      const known = ids.get(value) ?? version;
      if (known !== version) this.#fail(`one version is listed as ${known} and ${version}`);
      ids.set(value, version);
    }
    return true;
  }

  // ---- the run ----------------------------------------------------------------------------------

  async #client(gateway: Gateway): Promise<void> {
    for (let step = 0; step < STEPS_OF_CLIENT; step += 1) {
      const key = this.pick(KEYS);
      const what = this.pick([
        ...(['put', 'put', 'put', 'delete', 'upload', 'null', 'null-delete'] as const),
        ...(['version-delete', 'version-delete', 'read', 'current', 'list'] as const),
      ]);
      if (what === 'put') await this.#put(gateway, key);
      else if (what === 'delete') await this.#delete(gateway, key);
      else if (what === 'upload') await this.#upload(gateway, key);
      else if (what === 'null') await this.#writeNull(gateway, key);
      else if (what === 'null-delete') await this.#deleteNull(gateway, key);
      else if (what === 'version-delete') await this.#deleteVersion(gateway);
      else if (what === 'current') await this.#readCurrent(gateway, key);
      else if (what === 'list') await this.#listVersions(gateway);
      else if (this.versions.length > 0) await this.#readVersion(gateway, this.pick(this.versions));
      await this.#rest(this.cluster.random.below(40));
    }
  }

  async #faults(): Promise<void> {
    const { cluster } = this;
    for (let fault = 0; fault < FAULTS; fault += 1) {
      await this.#rest(cluster.random.below(400));
      const index = cluster.random.below(cluster.nodes.length);
      const what = this.pick(['freeze', 'down', 'back', 'back', 'restart'] as const);
      if (what === 'freeze') cluster.bus.away.add(cluster.node(index).id);
      else if (what === 'down') cluster.takeAway(index);
      else if (what === 'restart') cluster.node(index).restart();
      else cluster.bringBack(index);
    }
    for (const index of cluster.nodes.keys()) cluster.bringBack(index);
  }

  /** What anti-entropy does: every node takes over what the others have. */
  async #agree(): Promise<void> {
    const { cluster } = this;
    for (const [to, from] of [...PAIRS, ...PAIRS]) {
      const node = cluster.node(to);
      const pull = new RowPull({
        ...{
          clusterKey: DIGEST_KEY,
          self: node.id,
          nowMs: () => this.#nowMs,
          rest: () => Promise.resolve(),
        },
        ask: (id, _, request) => this.#nodeOf(id).ask(request),
      });
      const outcome = await pull.run(node.table, cluster.node(from).id, 'everything');
      if (outcome.kind !== 'pulled') this.#fail(`no pull: ${JSON.stringify(outcome)}`);
    }
    const held = cluster.nodes.map(({ store }) =>
      [TABLE.object, TABLE.history, TABLE.historyBytes, TABLE.versionName].map(table =>
        store
          .entries(rowRange(partition, table))
          .map(({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`),
      ),
    );
    const [first, ...others] = held.map(rows => JSON.stringify(rows));
    if (others.some(rows => rows !== first)) this.#fail('replicas hold different versions');
  }

  #nodeOf(id: NodeId) {
    const node = this.cluster.nodes.find(each => each.id === id);
    if (node === undefined) throw new Error(id);
    return node;
  }

  #checkReferences({ key, value, owners, id, ackedMs, endBegunMs, endedMs }: Known): void {
    if (ackedMs === Number.POSITIVE_INFINITY || id === undefined) return;
    const hashes = unpackBlocks(blocksOf(value)).map(({ hash }) => hash);
    for (const owner of owners) {
      const ownId = owner.kind === 'version' ? owner.versionId : owner.attemptId;
      const isHeld = hashes.every(hash => this.blocks.references.has(`${hash} ${ownId}`));
      const stands = endBegunMs === Number.POSITIVE_INFINITY;
      if (stands && !isHeld) this.#fail(`${key}: ${id} lost a reference of its ${owner.kind}`);
      const isOver = endedMs !== Number.POSITIVE_INFINITY;
      if (isOver && isHeld) this.#fail(`${key}: ${id} is gone, and holds what it referenced`);
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
      if (!(await cluster.until(this.#listVersions(gateway))))
        return 'no list after all has healed';
      for (const key of KEYS) {
        if (!(await cluster.until(this.#readCurrent(gateway, key)))) return `${key} cannot be read`;
      }
      for (const known of this.versions) {
        if (!(await cluster.until(this.#readVersion(gateway, known)))) {
          return `a version of ${known.key} cannot be read`;
        }
      }
    }
    await this.#agree();
    await cluster.time.pass(RELEASES_MS);
    for (const known of this.versions) this.#checkReferences(known);
    return this.failure;
  }

  get acknowledged(): number {
    return this.versions.filter(({ ackedMs }) => ackedMs !== Number.POSITIVE_INFINITY).length;
  }
}

function seeds(count: number): number[] {
  const first = Number(process.env['SEED'] ?? 1);
  return Array.from({ length: count }, (_, index) => first + index);
}

test('no version is lost, hidden or back again, whatever becomes of messages and nodes', async t => {
  t.timeout(600_000);
  let acknowledged = 0;
  let checks = 0;
  for (const seed of seeds(Number(process.env['SEEDS'] ?? SEEDS_DEFAULT))) {
    const run = new Run(seed);
    t.is(await run.run(), undefined, `SEED=${String(seed)}`);
    acknowledged += run.acknowledged;
    checks += run.checks;
  }
  t.log(`acknowledged versions ${String(acknowledged)}, checked reads ${String(checks)}`);
});

test('the model finds what a write quorum of one loses', async t => {
  t.timeout(600_000);
  for (const seed of seeds(40)) {
    if ((await new Run(seed, { mode: 'dangerous' }).run()) !== undefined) return t.pass();
  }
  return t.fail('no seed shows it');
});
