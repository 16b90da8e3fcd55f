/**
 * Bugs that the simulation must find: each is one rule of the protocol that is not kept.
 *
 * Owns:          how each is planted; by which workload it is looked for.
 * Knows:         the places for bugs, and what they are made of.
 * Must not know: how a run is judged.
 */
import type { ClusterView } from '../../bus/cluster-view.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { answering, askingItself, fromAnyRound, ofAnyLayout } from './planted-messages.ts';
import {
  forgettingTombstones,
  neverReopened,
  onDatabase,
  onFiles,
  unlinkingLate,
  withoutSync,
} from './planted-disks.ts';
import type { Plants } from './plants.ts';
import type { WorkloadName } from './simulation.ts';

export type PlantedBug = {
  readonly name: string;
  readonly workload: WorkloadName;
  /** One of those that find it. */
  readonly foundBySeed: number;
  readonly plants: Plants;
};

/** Stamps with the machine's own clock, whatever stands there already. */
function ofOwnClock(stamper: Stamper): Stamper {
  return Object.assign(Object.create(stamper) as Stamper, {
    now: () => stamper.now(),
    above: () => stamper.now(),
  });
}

/** Writes go by the version that is read by alone, whatever else is live. */
function onlyOldest(view: ClusterView): ClusterView {
  return {
    get current() {
      return view.current;
    },
    get live() {
      return [view.read];
    },
    get read() {
      return view.read;
    },
    get liveIds() {
      return view.liveIds;
    },
    isUp: node => view.isUp(node),
    nearest: nodes => view.nearest(nodes),
    onDown: listener => view.onDown(listener),
    takeOver: state => {
      view.takeOver(state);
    },
  };
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    ...{ name: 'write quorum 1', workload: 'objects', foundBySeed: 1 },
    plants: { mode: 'dangerous' },
  },
  {
    ...{ name: 'acknowledge before sync', workload: 'objects', foundBySeed: 6 },
    plants: onDatabase(withoutSync),
  },
  {
    ...{ name: 'forget a tombstone', workload: 'objects', foundBySeed: 1 },
    plants: onDatabase(forgettingTombstones),
  },
  {
    ...{ name: 'use after a write error', workload: 'disks', foundBySeed: 4 },
    plants: onDatabase(neverReopened),
  },
  {
    ...{ name: 'no deadline check', workload: 'buckets', foundBySeed: 1 },
    // Counted from the arrival, a request never comes too late.
    plants: { peerClocks: () => ({ sentAtHere: () => undefined }) },
  },
  {
    ...{ name: 'quorum of the wrong layout', workload: 'layout', foundBySeed: 2 },
    plants: { view: onlyOldest },
  },
  {
    ...{ name: 'no fence on acknowledgement', workload: 'layout', foundBySeed: 5 },
    plants: { nodeBus: ofAnyLayout },
  },
  {
    ...{ name: 'collect too early', workload: 'collection', foundBySeed: 11 },
    plants: {
      nodeBus: bus =>
        answering(bus, 'round-check', ({ list }) => ({
          kind: 'round-held',
          held: list.map(() => true),
        })),
    },
  },
  {
    ...{ name: 'repair from an earlier round', workload: 'collection', foundBySeed: 6 },
    plants: { nodeBus: fromAnyRound },
  },
  {
    ...{ name: 'list without quorum', workload: 'lists', foundBySeed: 1 },
    plants: { mode: 'degraded' },
  },
  {
    ...{ name: 'local clock as timestamp', workload: 'objects', foundBySeed: 4 },
    plants: { stamper: ofOwnClock },
  },
  {
    ...{ name: 'references released before the superseding row is at quorum' },
    ...{ workload: 'objects', foundBySeed: 2 },
    plants: { nodeBus: askingItself },
  },
  {
    ...{ name: 'a wiped store that votes', workload: 'disks', foundBySeed: 12 },
    plants: { nodeBus: bus => answering(bus, 'mark-recall', () => ({ kind: 'mark' })) },
  },
  {
    ...{ name: 'block unlinked between check and reference' },
    ...{ workload: 'objects', foundBySeed: 14 },
    plants: onFiles(unlinkingLate),
  },
  {
    ...{ name: 'no fsync of the directory', workload: 'objects', foundBySeed: 3 },
    plants: onFiles(() => ({ syncDirectory: () => Promise.resolve() })),
  },
];
