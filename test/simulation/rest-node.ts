/**
 * The node that holds the partitions that no workload uses: it takes part in the layout alone.
 *
 * Owns:          its start.
 * Knows:         the keeper of the layout, which follows its versions; the simulated ports.
 * Must not know: rows, blocks: nobody asks it for any.
 */
import type { NodeFacts } from '../../actors/cluster/cluster-actor.ts';
import { ClusterClock } from '../../bus/cluster-clock.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import { serveGuarded } from '../../bus/guarded.ts';
import { PeerOffsets } from '../../bus/peer-offsets.ts';
import { ClusterKnowledge } from '../../deploy/cluster-knowledge.ts';
import { makeLayoutRole } from '../../deploy/layout-role.ts';
import { serveSettings } from '../../deploy/settings-keeper.ts';
import { Stamper } from '../../schemas/stamper.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { SimulatedLog } from './simulated-log.ts';
import { configOf, type Place, type SimulatedWorld } from './simulated-node.ts';
import { MachineClock, SimulatedProcess } from './simulated-process.ts';

const NO_FACTS: NodeFacts = {
  hostname: 'rest',
  address: 'rest',
  info: () => {
    throw new Error('nobody asks');
  },
  statistics: () => Promise.reject(new Error('nobody asks')),
  space: () => Promise.resolve(undefined),
};

const NOTHING_TO_RESYNC = {
  isBusy: false,
  queueLength: 0,
  bytesLeft: 0,
  erroredBlocks: 0,
  etaMs: undefined,
};

export class RestNode {
  readonly place: Place;
  readonly view: ClusterView;

  constructor(world: SimulatedWorld, place: Place) {
    const { time, random, trace, network, subjects, nameOf, onBug } = world;
    this.place = place;
    const { id: nodeId, name, zone } = place;
    const clock = new MachineClock(random, 0);
    const process = new SimulatedProcess({ name, zone, time, clock, seed: random.below(2 ** 31) });
    const own = process.environment;
    const clusterClock = new ClusterClock(own.clock);
    const environment = { ...own, clock: clusterClock };
    const offsets = new PeerOffsets(own.clock);
    const bus = new SimulatedBus({
      ...{ process, trace, nameOf, link: network.link(process), peerClocks: offsets },
      onServerFailure: (subject, error) => onBug(`${name} at ${subject}`, error),
    });
    const config = configOf(world, ['storage']);
    const knowledge = new ClusterKnowledge({
      ...{ config, nodeId, bus, subjects, offsets, clusterClock, environment: own },
      ...{ process: bus.processNumber, server: () => undefined },
    });
    this.view = knowledge.view;
    const stamper = new Stamper(clusterClock, process.random);
    const log = new SimulatedLog(name, trace, onBug);
    const store = Object.assign(new MemoryStore(), { batchCount: 0 });
    const common = { config, nodeId, environment, stamper, log, bus, subjects, knowledge };
    const { cluster, begin } = makeLayoutRole(common, store, NO_FACTS);
    serveGuarded(bus, subjects.cluster(nodeId), cluster.receive.bind(cluster));
    // It decides nothing, but who brings in a version asks all who hold a partition by it.
    serveSettings({ store, nodeId, environment, bus, subjects, log });
    begin({
      transfer: {
        pullRows: () => Promise.resolve('done'),
        noteEmpty: () => Promise.resolve(),
        setAside: () => Promise.resolve('nothing'),
        meetRound: () => Promise.resolve('met'),
        pullReferences: () => Promise.resolve(),
        blocksInStep: () => new Map(),
      },
      resync: { status: NOTHING_TO_RESYNC },
      settings: { bringIn: () => Promise.resolve('done') },
    });
    knowledge.start();
  }
}
