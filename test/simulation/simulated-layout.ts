/**
 * The layouts of the simulation: a few partitions are spread over the nodes, all others lie idle.
 *
 * Owns:          which partitions are in use; the next version.
 * Knows:         layout states.
 * Must not know: how a version is taken up.
 *
 * Nodes look after each of their partitions all the time, and 256 of them would cost a run more
 * than everything that it is about. So those that are not in use are all held by one node, the
 * keeper of the rest, which has nobody to compare them with. Names and contents are chosen so that
 * they fall into those in use.
 */
import { createHash } from 'node:crypto';
import { partitionOfSettings } from '../../bus/settings-rounds.ts';
import type { LayoutRole, LayoutVersion } from '../../schemas/cluster-layout.ts';
import {
  PARTITION_COUNT,
  partitionId,
  partitionOfKey,
  partitionOfShard,
  type BucketId,
  type NodeId,
  type PartitionId,
} from '../../schemas/ids.ts';
import type { NamedVersion } from '../../schemas/layout-state.ts';
import { nameVersion } from '../../schemas/records/layout-state-row.ts';
import { TIMESTAMP_ZERO } from '../../schemas/timestamp.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

export const REPLICATION_FACTOR = 3;

/** Every thirty-second: block hashes and row keys hit one after a few tries. */
const IN_USE_EACH = 32;
const CAPACITY_BYTES = 1e12;
const PARTITION_BYTES = 1e9;

export const PARTITIONS_IN_USE: readonly PartitionId[] = Array.from(
  { length: PARTITION_COUNT / IN_USE_EACH },
  (_, index) => partitionId(index * IN_USE_EACH + 7),
);

export function isInUse(partition: number): boolean {
  return partition % IN_USE_EACH === 7;
}

export type Seat = { readonly id: NodeId; readonly zone: string };

export type Spread = {
  /** They hold the partitions in use. */
  readonly members: readonly Seat[];
  /** All others that have a role. */
  readonly others: readonly Seat[];
  readonly rest: Seat;
};

/** Each partition has one replica in each of three zones, as `random` will. */
export function nextVersion(
  { members, others, rest }: Spread,
  before: NamedVersion | undefined,
  random: SeededRandom,
): NamedVersion {
  const roles = new Map<NodeId, LayoutRole>();
  const role = (zone: string, capacityBytes: number | null): LayoutRole => {
    return { zone, tags: [], capacityBytes };
  };
  for (const { id, zone } of [...members, ...others]) roles.set(id, role(zone, CAPACITY_BYTES));
  // Not a copy of the settings: it is there for nothing but to hold the rest.
  roles.set(rest.id, role(rest.zone, null));
  const idle = Array.from({ length: REPLICATION_FACTOR }, () => rest.id);
  const layout: LayoutVersion = {
    version: (before?.layout.version ?? 0) + 1,
    replicationFactor: REPLICATION_FACTOR,
    zoneRedundancy: 'maximum',
    roles,
    replicas: Array.from({ length: PARTITION_COUNT }, (_, index) =>
      isInUse(index) ? onePerZone(members, random) : idle,
    ),
    partitionBytes: PARTITION_BYTES,
  };
  return nameVersion({
    layout,
    parents: before === undefined ? [] : [before.name],
    roleStamps: new Map(),
    redundancyStamp: TIMESTAMP_ZERO,
    factorStamp: TIMESTAMP_ZERO,
  });
}

function onePerZone(members: readonly Seat[], random: SeededRandom): NodeId[] {
  const zones = [...new Set(members.map(({ zone }) => zone))];
  const chosen = zones.map(zone => {
    const there = members.filter(member => member.zone === zone);
    return there[random.below(there.length)]!.id;
  });
  // Who is the first of a partition's replicas has more to do than the others.
  const turn = random.below(chosen.length);
  return [...chosen.slice(turn), ...chosen.slice(0, turn)].slice(0, REPLICATION_FACTOR);
}

/** The first of `name`, `name-1`, `name-2`, … whose rows lie in a partition in use. */
export function nameInUse(name: string, keyOf: (name: string) => string = same => same): string {
  for (let tries = 0; ; tries += 1) {
    const candidate = tries === 0 ? name : `${name}-${String(tries)}`;
    if (isInUse(partitionOfKey(keyOf(candidate)))) return candidate;
  }
}

/** `text` and some filling, `sizeBytes` in all, whose hash as a block falls into one in use. */
export function blockInUse(text: string, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes, '.');
  bytes.write(text);
  for (let tries = 0; ; tries += 1) {
    bytes.writeUInt32BE(tries, sizeBytes - 4);
    if (isInUse(createHash('sha256').update(bytes).digest()[0]!)) return bytes;
  }
}

const bucketIds: BucketId[] = [];
let bucketIdsTried = 0;

/** Ids of buckets whose objects, and whose own rows, lie in partitions in use. They are the same
 *  ones in each run, and are sought once: they are rare. */
export function bucketIdInUse(index: number): BucketId {
  for (let tries = bucketIdsTried; bucketIds.length <= index; tries += 1) {
    bucketIdsTried = tries + 1;
    const id = createHash('sha256')
      .update(`bucket ${String(tries)}`)
      .digest('hex') as BucketId;
    const isOfUse = isInUse(partitionOfShard(id, 0)) && isInUse(partitionOfSettings('bucket', id));
    if (isOfUse) bucketIds.push(id);
  }
  return bucketIds[index]!;
}
