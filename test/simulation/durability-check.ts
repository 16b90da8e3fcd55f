/**
 * Whether every object outlives the loss of any one site, at any moment of a run.
 *
 * Owns:          when the disks are looked at; what of an object two of three disks must hold.
 * Knows:         what lies on the simulated disks, as processes that start now would find it.
 * Must not know: what was acknowledged; faults.
 *
 * Two nodes of three hold the newest row that anyone was told of, and a row is written only once
 * its blocks are at a write quorum. So whichever version two nodes know as the newest, each of its
 * blocks lies with one of them, from the moment at which the first of them has the row. Holds where
 * three nodes hold all partitions, and none of them loses its disk.
 */
import { blockPath } from '../../actors/storage/block-tree.ts';
import { openValue } from '../../actors/storage/row-checksum.ts';
import { objectRowKey, partRowKey } from '../../actors/partition/row-keys.ts';
import { partitionOfPlace } from '../../bus/table-client.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { unpackBlocks, type BlockList } from '../../schemas/records/block-list.ts';
import { decodeObjectRow, mergeObjectRows } from '../../schemas/records/object-row.ts';
import { decodePartRow } from '../../schemas/records/upload-row.ts';
import { DATA_DIRECTORY } from './simulated-disk.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { violate, type Run } from './workload.ts';

const EACH_MS = 200;
const SHOWN = 16;

export class DurabilityCheck {
  readonly #run: Run;
  readonly #places: readonly ObjectPlace[];
  #isOver = false;

  constructor(run: Run, places: readonly ObjectPlace[]) {
    this.#run = run;
    this.#places = places;
  }

  /** Looks again and again until it is stopped, or has found something. */
  start(): void {
    this.#run.cluster.time.timers.after(EACH_MS, () => {
      if (this.#isOver) return;
      const lost = this.#lost();
      if (lost === undefined) this.start();
      else violate(this.#run, lost);
    });
  }

  stop(): void {
    this.#isOver = true;
  }

  #lost(): string | undefined {
    const { nodes } = this.#run.cluster;
    for (const gone of nodes) {
      const left = nodes.filter(node => node !== gone);
      for (const place of this.#places) {
        const missing = missingBlock(left, place);
        if (missing === undefined) continue;
        const what = `the block ${missing.slice(0, SHOWN)} of ${place.key}`;
        return `with ${gone.name}, ${what} would be lost`;
      }
    }
    return undefined;
  }
}

/** The first block that none of these nodes holds, of the newest version that any of them knows. */
function missingBlock(nodes: readonly SimulatedNode[], place: ObjectPlace): string | undefined {
  const partition = partitionOfPlace(place);
  const rows = rowsAt(nodes, objectRowKey(partition, place)).map(decodeObjectRow);
  const [first, ...others] = rows;
  const row = first && others.reduce(mergeObjectRows, first);
  if (row?.kind !== 'version') return undefined;
  const { content } = row;
  if (content.kind === 'blocks') return firstNotOn(nodes, content.blocks);
  if (content.kind !== 'parts') return undefined;
  for (const part of content.parts ?? []) {
    const key = partRowKey(partition, place, { uploadId: content.uploadId, ...part });
    const held = rowsAt(nodes, key).map(decodePartRow)[0]?.content;
    if (held === undefined) return `${key.toString('hex')} itself`;
    const missing = held.kind === 'blocks' ? firstNotOn(nodes, held.blocks) : undefined;
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function rowsAt(nodes: readonly SimulatedNode[], key: Buffer): Buffer[] {
  return nodes.flatMap(({ disk }) => {
    const sealed = disk.row(key);
    return (sealed && openValue(key, sealed)) ?? [];
  });
}

function firstNotOn(nodes: readonly SimulatedNode[], blocks: BlockList): string | undefined {
  return unpackBlocks(blocks)
    .map(({ hash }) => hash)
    .find(hash => !nodes.some(({ disk }) => disk.hasFile(blockPath(DATA_DIRECTORY, hash))));
}
