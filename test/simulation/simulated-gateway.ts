/**
 * A gateway of the simulation: what the doors of a gateway process use, without the doors.
 *
 * Owns:          its start and its end.
 * Knows:         the gateway's parts; the simulated ports.
 * Must not know: who uses it.
 */
import type { Bus } from '../../bus/bus.ts';
import { ClusterClock } from '../../bus/cluster-clock.ts';
import { PeerOffsets } from '../../bus/peer-offsets.ts';
import { makeClients, type Clients } from '../../deploy/clients.ts';
import { ClusterKnowledge } from '../../deploy/cluster-knowledge.ts';
import { AdminDirectory } from '../../gateway/directory/admin-directory.ts';
import { BucketLife } from '../../gateway/directory/bucket-life.ts';
import { BucketNames } from '../../gateway/directory/bucket-names.ts';
import { DirectoryCache } from '../../gateway/directory/directory-cache.ts';
import { Lookup } from '../../gateway/directory/directory-lookup.ts';
import { BlockBuffers } from '../../gateway/object/block-buffers.ts';
import { DigestPool } from '../../gateway/object/digest-pool.ts';
import { ObjectReader } from '../../gateway/object/object-reader.ts';
import { ObjectWriter } from '../../gateway/object/object-writer.ts';
import { ReadBuffers } from '../../gateway/object/read-buffers.ts';
import type { Environment } from '../../schemas/environment.ts';
import type { BucketId } from '../../schemas/ids.ts';
import { Stamper } from '../../schemas/stamper.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { SimulatedLog } from './simulated-log.ts';
import { configOf, type Place, type SimulatedWorld } from './simulated-node.ts';
import { MachineClock, SimulatedProcess } from './simulated-process.ts';

/** What a running gateway offers. */
export type GatewayServices = {
  readonly process: SimulatedProcess;
  readonly environment: Environment;
  readonly stamper: Stamper;
  readonly clients: Clients;
  readonly writer: ObjectWriter;
  readonly reader: ObjectReader;
  readonly life: BucketLife;
  readonly directory: AdminDirectory;
  readonly lookup: Lookup;
  /** Resolves when the process was killed: what it was asked is answered by nobody. */
  readonly ended: Promise<void>;
};

const BLOCK_BYTES = 64 * 1024;
const BUFFERS = 4;
const SEEDS = 2 ** 31;

export class SimulatedGateway {
  readonly place: Place;
  readonly clock: MachineClock;
  readonly #world: SimulatedWorld;
  #services: GatewayServices;
  #end: () => void = () => undefined;
  readonly #bucketIds: () => BucketId;
  #freezesAt: string | undefined;

  /** `bucketIds`: of the buckets that are created here. */
  constructor(
    world: SimulatedWorld,
    place: Place,
    { wallOffsetMs, bucketIds }: { wallOffsetMs: number; bucketIds: () => BucketId },
  ) {
    this.#world = world;
    this.place = place;
    this.#bucketIds = bucketIds;
    this.clock = new MachineClock(world.random, wallOffsetMs);
    this.#services = this.#start();
  }

  get services(): GatewayServices {
    return this.#services;
  }

  /** The process stands still as soon as it has asked that; undefined: it does not any more. */
  freezeAt(kind: string | undefined): void {
    this.#freezesAt = kind;
  }

  #asked(kind: string, process: SimulatedProcess): void {
    if (kind !== this.#freezesAt) return;
    this.#freezesAt = undefined;
    this.#world.trace.tell(`${this.place.name} is frozen`);
    process.freeze();
  }

  /** The process dies with all that it had under way; another one starts. */
  restart(): void {
    const { process } = this.#services;
    this.#world.trace.tell(`${this.place.name} is killed and starts`);
    process.kill();
    this.#world.network.leave(process);
    this.#end();
    this.#services = this.#start();
  }

  #start(): GatewayServices {
    const { time, random, trace, network, plants, subjects, nameOf, onBug } = this.#world;
    const { name, zone, id: nodeId } = this.place;
    const { clock } = this;
    const process = new SimulatedProcess({ name, zone, time, clock, seed: random.below(SEEDS) });
    const { clock: ownClock } = process.environment;
    const config = configOf(this.#world, ['gateway']);
    const clusterClock = new ClusterClock(ownClock);
    const environment = { ...process.environment, clock: clusterClock };
    const offsets = new PeerOffsets(ownClock);
    const simulated = new SimulatedBus({
      ...{ process, trace, nameOf, link: network.link(process), peerClocks: offsets },
      onServerFailure: (subject, error) => onBug(`${name} at ${subject}`, error),
      onRequest: kind => {
        this.#asked(kind, process);
      },
    });
    const bus = plants.gatewayBus?.(simulated) ?? simulated;
    const knowledge = new ClusterKnowledge({
      ...{ config, nodeId, bus, subjects, offsets, clusterClock },
      ...{ process: simulated.processNumber, server: () => undefined },
      environment: process.environment,
    });
    const honest = new Stamper(clusterClock, process.random);
    const stamper = plants.stamper?.(honest, process.environment) ?? honest;
    const view = plants.view?.(knowledge.view) ?? knowledge.view;
    const clients = makeClients({
      bus,
      subjects,
      stamper,
      config,
      environment,
      view,
      node: nodeId,
    });
    knowledge.start();
    const log = new SimulatedLog(name, trace, onBug);
    const ended = new Promise<void>(resolve => {
      this.#end = resolve;
    });
    return {
      ...{ process, environment, stamper, clients, ended },
      ...objectParts({ clients, environment, stamper, log }),
      ...directoryParts(clients, environment, [bus, this.#world, this.#bucketIds]),
    };
  }
}

function objectParts(parts: {
  readonly clients: Clients;
  readonly environment: Environment;
  readonly stamper: Stamper;
  readonly log: SimulatedLog;
}): Pick<GatewayServices, 'writer' | 'reader'> {
  const { clients, environment, stamper, log } = parts;
  const { tables, blocks } = clients;
  const { timers, clock, random } = environment;
  const digests = new DigestPool({
    startWorker: () => {
      throw new Error('threads are not simulated');
    },
  });
  const buffers = new BlockBuffers({ blockBytes: BLOCK_BYTES, bytesMax: BUFFERS * BLOCK_BYTES });
  const readBuffers = new ReadBuffers({ blockBytes: BLOCK_BYTES, countMax: BUFFERS });
  return {
    writer: new ObjectWriter({
      ...{ tables, blocks, stamper, timers, random, log, buffers, digests },
    }),
    reader: new ObjectReader({ tables, blocks, buffers: readBuffers, clock }),
  };
}

function directoryParts(
  { settings, tables, view }: Clients,
  { clock, random }: Environment,
  [bus, { subjects }, bucketIds]: readonly [Bus, SimulatedWorld, () => BucketId],
): Pick<GatewayServices, 'life' | 'directory' | 'lookup'> {
  const names = new BucketNames(settings);
  const life = new BucketLife({
    ...{ settings, tables, names, clock },
    random: { bytes: () => Buffer.from(bucketIds(), 'hex'), fraction: () => random.fraction() },
    ...{ indexShards: 1, ownership: 'BucketOwnerEnforced', layouts: () => view.liveIds },
  });
  const cache = new DirectoryCache(settings, clock, bus, subjects);
  return {
    life,
    directory: new AdminDirectory({ settings, names, life, clock, random }),
    lookup: new Lookup({ settings, cache, names, life, namespace: 'global' }),
  };
}
