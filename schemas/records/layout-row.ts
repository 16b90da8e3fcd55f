/**
 * The layout as a node keeps it on disk: the current version and what is staged.
 *
 * Owns:          its bytes.
 * Knows:         layouts.
 * Must not know: when a layout is applied.
 *
 * Nodes are numbered in the order of their roles; the assignment is one byte string, a number a
 * replica, so that 256 partitions of three replicas take 768 bytes.
 */
import type { ClusterLayout, LayoutRole, LayoutVersion, StagedChanges } from '../cluster-layout.ts';
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { NodeId } from '../ids.ts';
import { PARTITION_COUNT } from '../ids.ts';

const FORMAT = 1;

/** 0 stands for `maximum`. */
function packRedundancy(redundancy: number | 'maximum'): number {
  return redundancy === 'maximum' ? 0 : redundancy;
}

function readRedundancy(fields: FieldReader): number | 'maximum' {
  const value = fields.integer();
  return value === 0 ? 'maximum' : value;
}

function packRole(id: NodeId, role: LayoutRole | null): Packed[] {
  if (role === null) return [hexBytes(id)];
  return [hexBytes(id), role.zone, role.capacityBytes, role.tags];
}

function readRole(item: FieldReader): [NodeId, LayoutRole | null] {
  const id = item.hex(32) as NodeId;
  if (!item.hasMore) return [id, null];
  const zone = item.text();
  const capacityBytes = item.skipNull() ? null : item.integer();
  const tagFields = item.nested();
  const tags: string[] = [];
  while (tagFields.hasMore) tags.push(tagFields.text());
  return [id, { zone, capacityBytes, tags }];
}

function packReplicas(version: LayoutVersion): Buffer {
  const numbers = new Map([...version.roles.keys()].map((id, index) => [id, index]));
  return Buffer.from(version.replicas.flatMap(nodes => nodes.map(id => numbers.get(id) ?? 0)));
}

function readReplicas(bytes: Buffer, ids: readonly NodeId[], factor: number): NodeId[][] {
  if (bytes.length === 0) return [];
  if (bytes.length !== PARTITION_COUNT * factor) throw new CodecError('an odd assignment');
  return Array.from({ length: PARTITION_COUNT }, (_, partition) =>
    [...bytes.subarray(partition * factor, (partition + 1) * factor)].map(number => {
      const id = ids[number];
      if (id === undefined) throw new CodecError('an assignment to a node without a role');
      return id;
    }),
  );
}

export function encodeLayout({ current, staged }: ClusterLayout): Buffer {
  return pack([
    FORMAT,
    current.version,
    current.replicationFactor,
    packRedundancy(current.zoneRedundancy),
    [...current.roles].map(([id, role]) => packRole(id, role)),
    packReplicas(current),
    current.partitionBytes,
    [...staged.roles].map(([id, role]) => packRole(id, role)),
    staged.zoneRedundancy === undefined ? null : packRedundancy(staged.zoneRedundancy),
  ]);
}

export function decodeLayout(bytes: Uint8Array): ClusterLayout {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const version = fields.integer();
  const replicationFactor = fields.integer();
  const zoneRedundancy = readRedundancy(fields);
  const roles = new Map<NodeId, LayoutRole>();
  for (const [id, role] of fields.list(readRole)) if (role !== null) roles.set(id, role);
  const replicas = readReplicas(fields.bytes(), [...roles.keys()], replicationFactor);
  const partitionBytes = fields.integer();
  const stagedRoles = new Map(fields.list(readRole));
  const staged: StagedChanges = fields.skipNull()
    ? { roles: stagedRoles }
    : { roles: stagedRoles, zoneRedundancy: readRedundancy(fields) };
  const current = { version, replicationFactor, zoneRedundancy, roles, replicas, partitionBytes };
  return { current, staged };
}
