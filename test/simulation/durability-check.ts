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
import { objectRowKey } from '../../actors/partition/row-keys.ts';
import { partitionOfPlace } from '../../bus/table-client.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { unpackBlocks } from '../../schemas/records/block-list.ts';
import { decodeObjectRow, mergeObjectRows } from '../../schemas/records/object-row.ts';
import { DATA_DIRECTORY } from './simulated-disk.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { violate, type Run } from './workload.ts';

const EACH_MS = 200;

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
      const paths = new Set(left.flatMap(({ disk }) => disk.paths()));
      for (const place of this.#places) {
        const missing = blocksOf(left, place).some(
          ({ hash }) => !paths.has(blockPath(DATA_DIRECTORY, hash)),
        );
        if (missing) return `with the loss of ${gone.name} a block of ${place.key} would be lost`;
      }
    }
    return undefined;
  }
}

/** Of the newest version that any of them knows. */
function blocksOf(nodes: readonly SimulatedNode[], place: ObjectPlace) {
  const key = objectRowKey(partitionOfPlace(place), place);
  const rows = nodes.flatMap(({ disk }) => {
    const sealed = disk.row(key);
    const value = sealed && openValue(key, sealed);
    return value === undefined ? [] : [decodeObjectRow(value)];
  });
  const [first, ...others] = rows;
  const row = first && others.reduce(mergeObjectRows, first);
  if (row?.kind !== 'version' || row.content.kind !== 'blocks') return [];
  return unpackBlocks(row.content.blocks);
}
