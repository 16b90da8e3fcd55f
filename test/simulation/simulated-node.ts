/**
 * A storage node of the simulation: a machine, and the process that runs on it now.
 *
 * Owns:          its start and its end, in any of the ways in which a process ends.
 * Knows:         how the composition root makes a storage process; the simulated ports.
 * Must not know: who uses it.
 */
import { ClusterClock } from '../../bus/cluster-clock.ts';
import { PeerOffsets } from '../../bus/peer-offsets.ts';
import type { Subjects } from '../../bus/subjects.ts';
import { ClusterKnowledge } from '../../deploy/cluster-knowledge.ts';
import { startStorage, type StorageRole } from '../../deploy/storage-role.ts';
import { checkConfig, type Config } from '../../schemas/config.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { lifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import { Stamper } from '../../schemas/stamper.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedTime } from '../support/simulated-time.ts';
import type { Plants } from './plants.ts';
import { SimulatedBus } from './simulated-bus.ts';
import { DATA_DIRECTORY, METADATA_DIRECTORY, SimulatedDisk } from './simulated-disk.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import { MachineClock, SimulatedProcess } from './simulated-process.ts';
import { SimulatedLog } from './simulated-log.ts';
import type { Trace } from './trace.ts';

/** What all processes of one run share. */
export type SimulatedWorld = {
  readonly time: SimulatedTime;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly subjects: Subjects;
  readonly plants: Plants;
  readonly replicationFactor: number;
  readonly nameOf: (node: NodeId) => string;
  /** A process threw what nobody expects. */
  readonly onBug: (what: string, error: unknown) => void;
};

export type Place = {
  readonly id: NodeId;
  readonly name: string;
  readonly zone: string;
};

const DAY_MS = 86_400_000;
export const RPC_SECRET = '5ec4e7'.padEnd(64, '0');
const SEEDS = 2 ** 31;
/** A file to which nothing refers any more stays so long. */
export const DELETE_DELAY_MS = 1000;

export class SimulatedNode {
  readonly id: NodeId;
  readonly name: string;
  readonly zone: string;
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  readonly #world: SimulatedWorld;
  #process: SimulatedProcess | undefined;
  #role: StorageRole | undefined;

  constructor(world: SimulatedWorld, { id, name, zone }: Place, wallOffsetMs: number) {
    this.#world = world;
    this.id = id;
    this.name = name;
    this.zone = zone;
    this.clock = new MachineClock(world.random, wallOffsetMs);
    this.disk = new SimulatedDisk(world.random);
  }

  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  get isRunning(): boolean {
    return this.#process?.isAlive === true;
  }

  /** Undefined while it starts. */
  get role(): StorageRole | undefined {
    return this.isRunning ? this.#role : undefined;
  }

  start(): void {
    const { time, random, trace } = this.#world;
    const { name, zone, clock } = this;
    const process = new SimulatedProcess({ name, zone, time, clock, seed: random.below(SEEDS) });
    this.#process = process;
    this.#role = undefined;
    trace.tell(`${name} starts`);
    this.#run(process).catch((error: unknown) => {
      if (process.isAlive) this.#world.onBug(`${name} does not start`, error);
    });
  }

  async #run(process: SimulatedProcess): Promise<void> {
    const { network, plants, subjects, trace, nameOf, onBug } = this.#world;
    const { clock: ownClock } = process.environment;
    const nodeId = this.id;
    const config = configOf(this.#world, ['storage']);
    const clusterClock = new ClusterClock(ownClock);
    const environment = { ...process.environment, clock: clusterClock };
    const offsets = new PeerOffsets(ownClock);
    const simulated = new SimulatedBus({
      ...{ process, trace, nameOf, link: network.link(process) },
      peerClocks: plants.peerClocks?.(offsets, environment) ?? offsets,
      honestClocks: offsets,
      onServerFailure: (subject, error) => onBug(`${this.name} at ${subject}`, error),
    });
    const common = { config, nodeId, subjects, offsets, clusterClock };
    const late: { knowledge?: ClusterKnowledge } = {};
    const known = () => late.knowledge!.known;
    const bus =
      plants.nodeBus?.(simulated, {
        nodeId,
        process,
        get known() {
          return known();
        },
      }) ?? simulated;
    const knowledge = new ClusterKnowledge({
      ...{ ...common, bus, process: simulated.processNumber, server: () => undefined },
      environment: process.environment,
    });
    late.knowledge = knowledge;
    const disk = this.disk.open(process);
    const role = await startStorage({
      ...{ config, nodeId, subjects, environment, bus, knowledge, rpcSecret: RPC_SECRET },
      stamper: new Stamper(clusterClock, process.random),
      log: new SimulatedLog(this.name, trace, onBug),
      calendar: lifecycleCalendar(DAY_MS, undefined),
      disk: plants.disk?.(disk, process) ?? disk,
    });
    this.#role = role;
    knowledge.start();
    trace.tell(`${this.name} serves`);
  }

  /** kill -9: what the kernel has taken stays. */
  kill(): void {
    if (this.#process?.isAlive !== true) return;
    this.#world.trace.tell(`${this.name} is killed`);
    this.#process.kill();
    this.#world.network.leave(this.#process);
  }

  /** The machine goes dark: what was not synced is gone. */
  cutPower(): void {
    this.kill();
    this.#world.trace.tell(`${this.name} loses power`);
    this.disk.cutPower();
  }
}

/** The configuration of every simulated process. */
export function configOf(world: SimulatedWorld, roles: Config['roles']): Config {
  const checked = checkConfig(
    {
      metadata_dir: METADATA_DIRECTORY,
      ...(roles.includes('storage') ? { data_dir: DATA_DIRECTORY } : {}),
      replication_factor: world.replicationFactor,
      consistency_mode: world.plants.mode ?? 'consistent',
      roles,
      rpc_bind_addr: '127.0.0.1:3901',
      nats: { urls: ['nats://127.0.0.1:4222'], cluster_name: 'simulated' },
      s3_api: { s3_region: 'garage', api_bind_addr: '127.0.0.1:3900' },
      debug: { block_delete_delay_seconds: DELETE_DELAY_MS / 1000 },
    },
    { rpcSecret: RPC_SECRET, adminToken: undefined, metricsToken: undefined },
  );
  if (checked.kind === 'valid') return checked.config;
  throw new Error(checked.problems.map(({ path, problem }) => `${path} ${problem}`).join('; '));
}
