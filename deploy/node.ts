/**
 * One running process, from its configuration to its end.
 *
 * Owns:          the order of start and stop; signals; the exit code.
 * Knows:         the roles.
 * Must not know: what they are made of.
 *
 * The store is opened before any door, and closed after the last request: whoever is answered is
 * answered by a node that is whole.
 */
import { checkDirectories, markDirectories } from '../actors/storage/directory-markers.ts';
import { DiskFiles } from '../actors/storage/disk-files.ts';
import { LayoutLostError } from '../actors/cluster/layout-keeper.ts';
import { StoreLockedError } from '../actors/storage/level-store.ts';
import { minFreeOf } from '../actors/storage/space-guard.ts';
import { ClusterClock } from '../bus/cluster-clock.ts';
import { PeerOffsets } from '../bus/peer-offsets.ts';
import { clusterHealth } from '../gateway/directory/cluster-health.ts';
import { Metrics, type NodeGauge } from '../gateway/metrics/metrics.ts';
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { Config } from '../schemas/config.ts';
import type { NodeId } from '../schemas/ids.ts';
import { lifecycleCalendar } from '../schemas/lifecycle-calendar.ts';
import { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import { makeAdministration, type Administration } from './administration.ts';
import { makeClients, type Clients } from './clients.ts';
import { ClusterKnowledge } from './cluster-knowledge.ts';
import { makeGateway } from './gateway-role.ts';
import { Listeners } from './listeners.ts';
import { logOptions, openLog } from './log.ts';
import {
  ensureNodeId,
  ensureRpcSecret,
  explainLocked,
  IdentityError,
  removePidFile,
  writePidFile,
} from './node-identity.ts';
import { openBus } from './open-bus.ts';
import { localOffsetMs, realEnvironment, stayAlive } from './real-environment.ts';
import {
  ensureBucket,
  ensureKey,
  ensureLayout,
  onceAvailable,
  type DefaultKey,
} from './single-node.ts';
import { StartRefusedError } from './start-refused.ts';
import { startStorage, type StorageRole } from './storage-role.ts';
import { GARAGE_VERSION } from './version.ts';

export type ServerOptions = {
  readonly singleNode: boolean;
  /** Undefined: none is asked for. */
  readonly defaultKey: DefaultKey | undefined;
  readonly defaultBucket: string | undefined;
  /** Directories of which the operator says that they were really wiped. */
  readonly acceptEmpty: readonly string[];
  /** Called once every door is open. */
  readonly ready?: () => void;
};

/** Runs until a signal ends it; answers the exit code. */
export async function runServer(config: Config, options: ServerOptions): Promise<number> {
  // Files 0600, directories 0700, whoever makes them.
  process.umask(0o077);
  const opened = openLog(logOptions(process.env, process.stderr.isTTY));
  const { log } = opened;
  const alive = stayAlive();
  try {
    const node = await startNode(config, options, log);
    options.ready?.();
    await untilSignal(log);
    await node.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof StartRefusedError || error instanceof IdentityError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return 1;
  } finally {
    alive.cancel();
    await opened.flush();
  }
}

type RunningNode = { stop(): Promise<void> };

async function startNode(config: Config, options: ServerOptions, log: Log): Promise<RunningNode> {
  if (config.withoutEffect.length > 0) {
    log.warn({}, `these settings have no effect here: ${config.withoutEffect.join(', ')}`);
  }
  const { random } = realEnvironment;
  const nodeId = await identify(config, options.acceptEmpty);
  const rpcSecret = config.rpcSecret ?? ensureRpcSecret(config.metadataDir, random);
  const { opened, knowledge, environment } = await joinBus({ config, nodeId, rpcSecret, log });
  const { bus, subjects } = opened;
  const stamper = new Stamper(environment.clock, random);
  const calendar = lifecycleCalendar(
    config.debug.lifecycleDaySeconds * 1000,
    config.useLocalTimeZone ? localOffsetMs : undefined,
  );
  const own = { config, nodeId, rpcSecret, environment };
  const common = { ...own, bus, subjects, stamper, log, calendar, knowledge };
  const disk = { files: new DiskFiles(), directories: 'ahead' } as const;
  const storage = isStorage(config)
    ? await startStorage({ ...common, disk, isAlone: options.singleNode }).catch(
        async (error: unknown) => {
          await opened.close();
          throw asRefusal(error, config);
        },
      )
    : undefined;
  await refuseOtherFactor(config, knowledge.known.current, async () => {
    await opened.close();
    await storage?.stop();
  });
  if (storage !== undefined) writePidFile(config.metadataDir, process.pid);
  const { view } = knowledge;
  const clients = storage?.clients ?? makeClients({ ...common, node: nodeId, view });
  knowledge.start();
  const listeners = new Listeners(realEnvironment, log);
  const metrics = makeMetrics(common, storage);
  const doors = { ...common, listeners, clients, metrics };
  const administration = makeAdministration(doors);
  const gateway = isGateway(config) ? makeGateway({ ...doors, administration }) : undefined;
  if (gateway !== undefined) opened.show(gateway.service);
  const node: RunningNode = {
    stop: async () => {
      await listeners.end();
      await gateway?.stop();
      knowledge.stop();
      await opened.close();
      await storage?.stop();
      if (storage !== undefined) removePidFile(config.metadataDir);
    },
  };
  try {
    await onceAvailable(realEnvironment, () =>
      prepareSingleNode(options, administration, clients, nodeId).catch(async (error: unknown) => {
        throw (await fullDiskRefusal(config, storage)) ?? error;
      }),
    );
    await administration.openControlDoor();
    await gateway?.openDoors();
    await administration.openAdminDoor();
  } catch (error) {
    await node.stop();
    throw error;
  }
  log.info({ node: nodeId.slice(0, 16), roles: config.roles, version: GARAGE_VERSION }, 'serving');
  return node;
}

/** The bus, and what is heard on it of the cluster; times are those of the cluster's majority. */
async function joinBus(of: {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly log: Log;
}) {
  const { clock } = realEnvironment;
  const clusterClock = new ClusterClock(clock);
  const offsets = new PeerOffsets(clock);
  const environment =
    of.config.nats === undefined ? realEnvironment : { ...realEnvironment, clock: clusterClock };
  const late: { knowledge?: ClusterKnowledge } = {};
  const layout = (): LayoutVersion | undefined => late.knowledge?.known.current;
  const opened = await openBus({ ...of, environment, layout, peerClocks: offsets });
  const knowledge = new ClusterKnowledge({
    ...{ ...opened, ...of, clusterClock, offsets, environment: realEnvironment },
  });
  late.knowledge = knowledge;
  return { opened, knowledge, environment };
}

/** The layout says how many copies there are; a file that says otherwise misleads its reader. */
async function refuseOtherFactor(
  config: Config,
  { version, replicationFactor }: LayoutVersion,
  close: () => Promise<void>,
): Promise<void> {
  if (version === 0 || replicationFactor === config.replicationFactor) return;
  await close();
  throw new StartRefusedError(
    `The layout keeps ${String(replicationFactor)} copies and replication_factor says ` +
      `${String(config.replicationFactor)}: write ${String(replicationFactor)} there; ` +
      '`garage layout config --replication-factor` changes the layout.',
  );
}

function isStorage({ roles }: Config): boolean {
  return roles.includes('storage');
}

function isGateway({ roles }: Config): boolean {
  return roles.includes('gateway');
}

/** A gateway without storage keeps its name in the metadata directory, and nothing else. */
async function identify(config: Config, acceptEmpty: readonly string[]): Promise<NodeId> {
  const nodeIdOf = (): NodeId => ensureNodeId(config.metadataDir, realEnvironment.random);
  return isStorage(config) ? claimDirectories(config, acceptEmpty, nodeIdOf) : nodeIdOf();
}

/**
 * Checks that the directories are those of one node and none is missing, and marks them as this
 * node's. Garage's own databases are left alone: this program cannot read them.
 */
async function claimDirectories(
  config: Config,
  acceptEmpty: readonly string[],
  nodeIdOf: () => NodeId,
): Promise<NodeId> {
  const check = {
    files: new DiskFiles(),
    metadataDirectory: config.metadataDir,
    dataDirectories: config.dataDirs.map(directory => directory.path),
    acceptEmpty,
  };
  const verdict = await checkDirectories(check);
  if (verdict.kind === 'refused') {
    throw new StartRefusedError(`${verdict.message}; ${verdict.hint}`);
  }
  const nodeId = nodeIdOf();
  if (verdict.kind === 'known' && verdict.nodeId !== nodeId) {
    throw new StartRefusedError(
      `The directories are those of node ${verdict.nodeId.slice(0, 16)}, and node_key in ` +
        `${config.metadataDir} is that of ${nodeId.slice(0, 16)}: restore the key that was there.`,
    );
  }
  await markDirectories(check, nodeId);
  return nodeId;
}

/** What a node makes at its first start needs room; waiting gives it none. */
async function fullDiskRefusal(
  { metadataDir, minFreeBytes }: Config,
  storage: StorageRole | undefined,
): Promise<StartRefusedError | undefined> {
  const space = await storage?.facts.space();
  const { available, total } = space?.metadata ?? { available: 0, total: 0 };
  if (total === 0 || available >= minFreeOf(minFreeBytes, total)) return undefined;
  return new StartRefusedError(
    `The disk of ${metadataDir} has less free space than min_free: free some, then start again.`,
  );
}

function asRefusal(error: unknown, { metadataDir }: Config): unknown {
  if (error instanceof StoreLockedError) return new StartRefusedError(explainLocked(metadataDir));
  if (error instanceof LayoutLostError) {
    return new StartRefusedError(
      `The row of the layout in ${metadataDir} and its copy are damaged. A node that always was ` +
        'alone makes them anew when it is started with --single-node. In a cluster: move its ' +
        'metadata and data directories away, start it empty, and give it the place of the old ' +
        'node with `garage node replace OLD NEW`.',
    );
  }
  return error;
}

async function prepareSingleNode(
  { singleNode, defaultKey, defaultBucket }: ServerOptions,
  { ports: { directory } }: Administration,
  { cluster }: Clients,
  nodeId: NodeId,
): Promise<void> {
  if (!singleNode) return;
  await ensureLayout(cluster, nodeId);
  if (defaultKey === undefined) return;
  const key = await ensureKey(directory, defaultKey);
  if (defaultBucket !== undefined) await ensureBucket(directory, defaultBucket, key.id);
}

type MetricsSources = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly knowledge: ClusterKnowledge;
};

function makeMetrics(
  { config, nodeId, knowledge }: MetricsSources,
  storage: StorageRole | undefined,
): Metrics {
  const { view, members } = knowledge;
  const heard = (): Iterable<NodeId> => members.peers.keys();
  const sources = { view, mode: config.consistencyMode, localNodeId: nodeId, heard };
  return new Metrics({
    version: GARAGE_VERSION,
    replicationFactor: config.replicationFactor,
    gauges: async () => {
      const space = await storage?.facts.space();
      return {
        health: clusterHealth(sources),
        nodes: nodeGauges(knowledge, nodeId),
        dataAvailableBytes: space?.data.available ?? 0,
        dataTotalBytes: space?.data.total ?? 0,
        metadataAvailableBytes: space?.metadata.available ?? 0,
        metadataTotalBytes: space?.metadata.total ?? 0,
        blockBytesWritten: storage?.blockStats.writtenBytes ?? 0,
        blockBytesRead: storage?.blockStats.readBytes ?? 0,
        blocksRemoved: storage?.blockStats.removed ?? 0,
        blocksDamaged: storage?.blockStats.damaged ?? 0,
        blocksToResync: storage?.resync.status.queueLength ?? 0,
        blocksWithResyncErrors: storage?.resync.status.erroredBlocks ?? 0,
        storeReopenings: storage?.store.reopenings ?? 0,
        storeCorrectedBits: storage?.store.correctedBits ?? 0,
        storeBrokenBlocks: storage?.store.brokenBlocks ?? 0,
      };
    },
  });
}

/** The nodes of the current layout. */
function nodeGauges({ view, members, clock }: ClusterKnowledge, nodeId: NodeId): NodeGauge[] {
  return [...view.current.roles].map(([id, { zone, capacityBytes }]) => {
    const isConnected = id === nodeId || view.isUp(id);
    const heardAtMs = members.peers.get(id)?.heardAtMs;
    const silentMs = heardAtMs === undefined ? undefined : clock.monotonicMs() - heardAtMs;
    const silentSecs = isConnected || silentMs === undefined ? undefined : silentMs / 1000;
    return { id, zone, capacityBytes, isConnected, silentSecs };
  });
}

/** SIGINT and SIGTERM end the process; SIGHUP is said not to reload anything. */
function untilSignal(log: Log): Promise<void> {
  return new Promise(resolve => {
    const end = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'stopping: what is in flight is finished first');
      resolve();
    };
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    process.on('SIGHUP', () => {
      log.warn({}, 'the configuration is read at the start only: restart to change it');
    });
  });
}
