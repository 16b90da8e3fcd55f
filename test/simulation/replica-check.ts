/**
 * Whether the replicas of each partition hold the same, and all the blocks that they should.
 *
 * Owns:          the comparison.
 * Knows:         what lies on the simulated disks; which rows are the same on all replicas.
 * Must not know: how replicas are kept the same.
 */
import {
  decodeReference,
  hashInReferenceKey,
  hashInResyncKey,
  resyncsOfPartition,
} from '../../actors/block/block-rows.ts';
import { COMPARED_TABLES, itemOf } from '../../actors/partition/row-items.ts';
import { blockPath } from '../../actors/storage/block-tree.ts';
import { openValue } from '../../actors/storage/row-checksum.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import { nameOfKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { DATA_DIRECTORY } from './simulated-disk.ts';
import { PARTITIONS_IN_USE } from './simulated-layout.ts';
import type { SimulatedNode } from './simulated-node.ts';

const NO_KEY = Buffer.alloc(0);
const SHOWN = 24;

/** The first difference that is found, in a sentence; undefined: there is none. */
export function differenceIn(cluster: SimulatedCluster): string | undefined {
  for (const partition of PARTITIONS_IN_USE) {
    const ids = replicasOf(cluster.rest.view.current, partition);
    const nodes = cluster.nodes.filter(({ id }) => ids.includes(id));
    const found = differenceOf(nodes, partition);
    if (found !== undefined) return `partition ${String(partition)}: ${found}`;
  }
  return undefined;
}

function differenceOf(nodes: readonly SimulatedNode[], partition: PartitionId): string | undefined {
  const [first, ...others] = nodes;
  if (first === undefined) return 'nobody holds it';
  const rows = heldBy(first, partition);
  for (const other of others) {
    const theirs = heldBy(other, partition);
    for (const name of new Set([...rows.keys(), ...theirs.keys()])) {
      if (rows.get(name) === theirs.get(name)) continue;
      return `${first.name} and ${other.name} differ in ${name.slice(0, SHOWN)}`;
    }
  }
  for (const node of nodes) {
    const missing = missingBlock(node, partition);
    if (missing !== undefined) return `${node.name} lacks the block ${missing.slice(0, SHOWN)}`;
  }
  return undefined;
}

/** By name: what it holds of the rows that are compared, and of live references. */
function heldBy(node: SimulatedNode, partition: PartitionId): ReadonlyMap<string, string> {
  const held = new Map<string, string>();
  for (const table of COMPARED_TABLES) {
    for (const [key, sealed] of node.disk.rows(rowRange(partition, table))) {
      const value = openValue(key, sealed);
      const name = nameOfKey(key);
      const item = value === undefined ? 'damaged' : itemOf(NO_KEY, name, value).toString('hex');
      held.set(name.toString('hex'), item);
    }
  }
  for (const key of liveReferences(node, partition)) held.set(key.toString('hex'), 'live');
  return held;
}

function* liveReferences(node: SimulatedNode, partition: PartitionId): Generator<Buffer> {
  for (const [key, sealed] of node.disk.rows(rowRange(partition, TABLE.blockReference))) {
    const value = openValue(key, sealed);
    if (value !== undefined && decodeReference(value).kind === 'live') yield key;
  }
}

/** One that the node does not know to be missing. Where a gateway died, nobody may have the block
 *  of a reference that is left: it is looked for until its owner is found to be dead. */
function missingBlock(node: SimulatedNode, partition: PartitionId): string | undefined {
  const paths = new Set(node.disk.paths());
  const queued = new Set(
    node.disk.rows(resyncsOfPartition(partition)).map(([key]) => hashInResyncKey(key)),
  );
  for (const key of liveReferences(node, partition)) {
    const hash = hashInReferenceKey(key);
    if (!paths.has(blockPath(DATA_DIRECTORY, hash)) && !queued.has(hash)) return hash;
  }
  return undefined;
}
