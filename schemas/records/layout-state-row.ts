/**
 * The layout state as a node keeps it on disk, and as nodes send it to each other.
 *
 * Owns:          its bytes, and the hash that names a version.
 * Knows:         layout states; the row of the release before, which knew one version.
 * Must not know: when a state changes.
 *
 * Equal states have equal bytes: everything is sorted. So their digests say whether two nodes know
 * the same. A version's bytes are hashed when it is made, and its name goes along with it: a later
 * release may write them otherwise.
 */
import { createHash } from 'node:crypto';
import type { LayoutRole, LayoutVersion } from '../cluster-layout.ts';
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { NodeId } from '../ids.ts';
import { PARTITION_COUNT } from '../ids.ts';
import type {
  LayoutState,
  NamedVersion,
  RetiredVersion,
  Stamped,
  StagedRegisters,
  Tracker,
  VersionName,
} from '../layout-state.ts';
import { EMPTY_STATE } from '../layout-state.ts';
import { makeTimestamp, TIMESTAMP_ZERO } from '../timestamp.ts';
import { decodeLayout } from './layout-row.ts';
import { readTimestamp } from './timestamp-field.ts';

/** The first one is that of layout-row.ts. */
const FORMAT_ONE_VERSION = 1;
const FORMAT = 2;
const NAME_HASH_BYTES = 8;
const DIGEST_BYTES = 8;
/** Node numbers take one byte while that is enough. */
const SMALL_NUMBERS = 256;

function sorted<Key extends string, Value>(map: ReadonlyMap<Key, Value>): [Key, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** 0 stands for `maximum`. */
function packRedundancy(redundancy: number | 'maximum'): number {
  return redundancy === 'maximum' ? 0 : redundancy;
}

function readRedundancy(fields: FieldReader): number | 'maximum' {
  const value = fields.integer();
  return value === 0 ? 'maximum' : value;
}

function readTexts<Text extends string>(fields: FieldReader): Text[] {
  const items = fields.nested();
  const texts: Text[] = [];
  while (items.hasMore) texts.push(items.text() as Text);
  return texts;
}

// ---- roles and assignment -----------------------------------------------------------------------

type StampedRole = Stamped<LayoutRole | null>;

function packRole(id: NodeId, { value, stamp }: StampedRole): Packed[] {
  const packed = [hexBytes(id), hexBytes(stamp)];
  return value === null ? packed : [...packed, value.zone, value.capacityBytes, value.tags];
}

function readRole(item: FieldReader): [NodeId, StampedRole] {
  const id = item.hex(32) as NodeId;
  const stamp = readTimestamp(item);
  if (!item.hasMore) return [id, { value: null, stamp }];
  const zone = item.text();
  const capacityBytes = item.skipNull() ? null : item.integer();
  return [id, { value: { zone, capacityBytes, tags: readTexts(item) }, stamp }];
}

/** Nodes are numbered in the order of their ids. */
function packReplicas({ roles, replicas }: LayoutVersion): Buffer {
  const numbers = new Map(sorted(roles).map(([id], index) => [id, index]));
  const all = replicas.flatMap(nodes => nodes.map(id => numbers.get(id) ?? 0));
  if (numbers.size <= SMALL_NUMBERS) return Buffer.from(all);
  const bytes = Buffer.alloc(all.length * 2);
  all.forEach((number, index) => bytes.writeUInt16BE(number, index * 2));
  return bytes;
}

function readReplicas(bytes: Buffer, ids: readonly NodeId[]): NodeId[][] {
  if (bytes.length === 0) return [];
  const width = ids.length <= SMALL_NUMBERS ? 1 : 2;
  const perPartition = bytes.length / width / PARTITION_COUNT;
  if (!Number.isInteger(perPartition)) throw new CodecError('an odd assignment');
  return Array.from({ length: PARTITION_COUNT }, (_, partition) =>
    Array.from({ length: perPartition }, (__, replica) => {
      const at = (partition * perPartition + replica) * width;
      const id = ids[bytes.readUIntBE(at, width)];
      if (id === undefined) throw new CodecError('an assignment to a node without a role');
      return id;
    }),
  );
}

// ---- versions -----------------------------------------------------------------------------------

export type UnnamedVersion = Omit<NamedVersion, 'name'>;

function packVersion(version: UnnamedVersion): Packed[] {
  const { layout, parents, roleStamps, redundancyStamp, factorStamp } = version;
  const ids = new Map([...layout.roles.keys(), ...roleStamps.keys()].map(id => [id, true]));
  const roles = sorted(ids).map(([id]) =>
    packRole(id, {
      value: layout.roles.get(id) ?? null,
      stamp: roleStamps.get(id) ?? TIMESTAMP_ZERO,
    }),
  );
  return [
    layout.version,
    layout.replicationFactor,
    hexBytes(factorStamp),
    packRedundancy(layout.zoneRedundancy),
    hexBytes(redundancyStamp),
    roles,
    packReplicas(layout),
    layout.partitionBytes,
    [...parents].sort(),
  ];
}

/** Names a version that was just made. */
export function nameVersion(version: UnnamedVersion): NamedVersion {
  const hash = createHash('sha256')
    .update(pack(packVersion(version)))
    .digest('hex');
  const short = hash.slice(0, NAME_HASH_BYTES * 2);
  return { ...version, name: `${String(version.layout.version)}.${short}` as VersionName };
}

function readVersion(item: FieldReader): NamedVersion {
  const name = item.text() as VersionName;
  const version = item.integer();
  const replicationFactor = item.integer();
  const factorStamp = readTimestamp(item);
  const zoneRedundancy = readRedundancy(item);
  const redundancyStamp = readTimestamp(item);
  const stamped = item.list(readRole);
  const roles = new Map(
    stamped.flatMap(([id, { value }]) => (value === null ? [] : [[id, value] as const])),
  );
  const replicas = readReplicas(item.bytes(), [...roles.keys()]);
  const partitionBytes = item.integer();
  const layout = { version, replicationFactor, zoneRedundancy, roles, replicas, partitionBytes };
  return {
    ...{ name, layout, redundancyStamp, factorStamp },
    parents: readTexts<VersionName>(item),
    roleStamps: new Map(stamped.map(([id, { stamp }]) => [id, stamp])),
  };
}

function packRetired([name, line]: [VersionName, RetiredVersion]): Packed[] {
  return [name, [...line.parents].sort(), line.storageNodes, line.gatewayNodes];
}

function readRetired(item: FieldReader): [VersionName, RetiredVersion] {
  const name = item.text() as VersionName;
  const parents = readTexts<VersionName>(item);
  return [name, { parents, storageNodes: item.integer(), gatewayNodes: item.integer() }];
}

// ---- trackers, staged changes -------------------------------------------------------------------

function packTracker([node, tracker]: [NodeId, Tracker]): Packed[] {
  const { acked, synced, stopped, skipped } = tracker;
  return [hexBytes(node), ...[acked, synced, stopped, skipped].map(names => [...names].sort())];
}

function readTracker(item: FieldReader): [NodeId, Tracker] {
  const node = item.hex(32) as NodeId;
  const names = (): ReadonlySet<VersionName> => new Set(readTexts<VersionName>(item));
  return [node, { acked: names(), synced: names(), stopped: names(), skipped: names() }];
}

function packStaged(staged: StagedRegisters): Packed[] {
  const { roles, zoneRedundancy: redundancy, replicationFactor: factor, revertedAt } = staged;
  return [
    sorted(roles).map(([id, role]) => packRole(id, role)),
    redundancy && [packRedundancy(redundancy.value), hexBytes(redundancy.stamp)],
    factor && [factor.value, hexBytes(factor.stamp)],
    hexBytes(revertedAt),
  ].map(field => field ?? null);
}

function readStamped<Value>(
  fields: FieldReader,
  read: (fields: FieldReader) => Value,
): Stamped<Value> | undefined {
  if (fields.skipNull()) return undefined;
  const inner = fields.nested();
  return { value: read(inner), stamp: readTimestamp(inner) };
}

function readStaged(fields: FieldReader): StagedRegisters {
  const roles = new Map(fields.list(readRole));
  const zoneRedundancy = readStamped(fields, readRedundancy);
  const replicationFactor = readStamped(fields, inner => inner.integer());
  return { roles, zoneRedundancy, replicationFactor, revertedAt: readTimestamp(fields) };
}

// ---- the whole ----------------------------------------------------------------------------------

/** A state never changes, and is told to many. */
const ENCODED = new WeakMap<LayoutState, Buffer>();

/** Not to be changed: it is remembered. */
export function encodeLayoutState(state: LayoutState): Buffer {
  const known = ENCODED.get(state);
  if (known !== undefined) return known;
  const { versions, retired, trackers, staged } = state;
  const encoded = pack([
    FORMAT,
    sorted(versions).map(([name, version]) => [name, ...packVersion(version)]),
    sorted(retired).map(packRetired),
    sorted(trackers).map(packTracker),
    packStaged(staged),
  ]);
  ENCODED.set(state, encoded);
  return encoded;
}

/** Throws CodecError. */
export function decodeLayoutState(bytes: Uint8Array): LayoutState {
  const { format, fields } = FieldReader.open(bytes, [FORMAT_ONE_VERSION, FORMAT]);
  if (format === FORMAT_ONE_VERSION) return fromOneVersion(bytes);
  const versions = new Map(fields.list(readVersion).map(version => [version.name, version]));
  const retired = new Map(fields.list(readRetired));
  const trackers = new Map(fields.list(readTracker));
  return { versions, retired, trackers, staged: readStaged(fields.nested()) };
}

/** Above the stamps of the version beside it, below every stamp that is made. */
const STAGED_BEFORE_STAMPS = makeTimestamp(0, 1, '0'.repeat(16));

function fromOneVersion(bytes: Uint8Array): LayoutState {
  const { current, staged } = decodeLayout(bytes);
  const stamp = STAGED_BEFORE_STAMPS;
  const roles = new Map([...staged.roles].map(([id, value]) => [id, { value, stamp }]));
  const zoneRedundancy =
    staged.zoneRedundancy === undefined ? undefined : { value: staged.zoneRedundancy, stamp };
  const registers = { ...EMPTY_STATE.staged, roles, zoneRedundancy };
  if (current.version === 0) return { ...EMPTY_STATE, staged: registers };
  const version = nameVersion({
    ...{ layout: current, parents: [], roleStamps: new Map() },
    ...{ redundancyStamp: TIMESTAMP_ZERO, factorStamp: TIMESTAMP_ZERO },
  });
  return { ...EMPTY_STATE, versions: new Map([[version.name, version]]), staged: registers };
}

const DIGESTS = new WeakMap<LayoutState, string>();

/** 16 hex digits: equal when two nodes know the same. */
export function layoutDigest(state: LayoutState): string {
  const known = DIGESTS.get(state);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(encodeLayoutState(state)).digest('hex');
  const digest = hash.slice(0, DIGEST_BYTES * 2);
  DIGESTS.set(state, digest);
  return digest;
}
