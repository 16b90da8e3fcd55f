/**
 * The doors of a process: S3, website, admin, control.
 *
 * Owns:          the wiring of the gateway role.
 * Knows:         all of gateway/.
 * Must not know: actors, files, the store.
 */
import type { Bus } from '../bus/bus.ts';
import type { Subjects } from '../bus/subjects.ts';
import { adminDoor, adminEndpointOf } from '../gateway/admin/admin-door.ts';
import type { AdminPorts } from '../gateway/admin/admin-ports.ts';
import { controlDoor } from '../gateway/admin/control-door.ts';
import { AdminDirectory } from '../gateway/directory/admin-directory.ts';
import { BucketLife } from '../gateway/directory/bucket-life.ts';
import { BucketNames } from '../gateway/directory/bucket-names.ts';
import { LocalClusterControl } from '../gateway/directory/cluster-control.ts';
import { DirectoryCache } from '../gateway/directory/directory-cache.ts';
import { Lookup } from '../gateway/directory/directory-lookup.ts';
import { TableInspector } from '../gateway/directory/object-inspector.ts';
import { SiteNames } from '../gateway/directory/site-names.ts';
import type { Metrics } from '../gateway/metrics/metrics.ts';
import { BlockBuffers } from '../gateway/object/block-buffers.ts';
import { DigestPool } from '../gateway/object/digest-pool.ts';
import { ObjectReader } from '../gateway/object/object-reader.ts';
import { ReadBuffers } from '../gateway/object/read-buffers.ts';
import { ObjectWriter } from '../gateway/object/object-writer.ts';
import { numberedDoor, type NumberedDoorOptions } from '../gateway/http/numbered-door.ts';
import { RequestIds } from '../gateway/http/request-ids.ts';
import { makeS3Door, type S3Door } from '../gateway/s3/s3-door.ts';
import { websiteDoor, type WebsiteDoor } from '../gateway/web/website-door.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { READ_BUFFERS_MAX } from '../schemas/limits.ts';
import type { LifecycleCalendar } from '../schemas/lifecycle-calendar.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { Clients } from './clients.ts';
import type { Listeners } from './listeners.ts';

export type GatewayRoleOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly clients: Clients;
  readonly metrics: Metrics;
  readonly listeners: Listeners;
  readonly log: Log;
  readonly calendar: LifecycleCalendar;
};

export type GatewayRole = {
  readonly ports: AdminPorts;
  openDoors(): Promise<void>;
  stop(): Promise<void>;
};

/** Slabs for bodies under way: with 64 uploads at once each has two. */
const SLAB_BYTES_MAX = 128 * 1024 * 1024;

export function makeGateway(options: GatewayRoleOptions): GatewayRole {
  const { config, clients, environment, bus, subjects, stamper, nodeId, log } = options;
  const { settings, tables, blocks } = clients;
  const { clock, random, timers } = environment;
  const names = new BucketNames(settings);
  const indexShards = config.s3.defaultIndexShards;
  const life = new BucketLife({ settings, tables, names, clock, random, indexShards });
  const cache = new DirectoryCache(settings, clock, bus, subjects);
  const namespace = config.s3.bucketNamespace;
  const punycode = config.allowPunycode ? 'allowed' : 'refused';
  const lookup = new Lookup({ settings, cache, names, life, namespace });
  const sites = new SiteNames({
    findBucket: name => lookup.resolveBucket(name, undefined),
    webRootDomain: config.web?.rootDomain,
    s3RootDomain: config.s3.rootDomain,
    punycode,
  });
  const ports: AdminPorts = {
    directory: new AdminDirectory({ settings, names, life, clock, random }),
    cluster: new LocalClusterControl(nodeId, clients.cluster),
    objects: new TableInspector({ settings, tables, clock, stamper, layout: clients.layout }),
    domains: sites,
    nowMs: () => clock.wallMs(),
    region: config.s3.region,
    punycode,
  };
  const digests = new DigestPool({
    onThreadDeath: error => {
      log.error({ error }, 'a hashing thread died; another takes its place');
    },
  });
  const buffers = new BlockBuffers({
    blockBytes: config.blockSizeBytes,
    bytesMax: Math.min(SLAB_BYTES_MAX, config.blockRamBufferBytesMax),
  });
  const writer = new ObjectWriter({ tables, blocks, stamper, timers, log, buffers, digests });
  const readBuffers = new ReadBuffers({
    blockBytes: config.blockSizeBytes,
    countMax: READ_BUFFERS_MAX,
  });
  const reader = new ObjectReader({ tables, blocks, buffers: readBuffers, clock });
  const s3 = makeS3Door({
    ...{ region: config.s3.region, rootDomain: config.s3.rootDomain, directory: lookup },
    ...{ tables, blocks, writer, reader, stamper, clock, random, log, punycode },
    calendar: options.calendar,
    answered: request => {
      options.metrics.answered('s3', request);
    },
  });
  const countsHosts = config.web?.addHostToMetrics ?? false;
  const web = websiteDoor({ sites, reader, log, countsHosts });
  return {
    ports,
    openDoors: () => openDoors(options, { ports, s3, web }),
    stop: async () => {
      await digests.close();
    },
  };
}

type Doors = { readonly ports: AdminPorts; readonly s3: S3Door; readonly web: WebsiteDoor };

async function openDoors(options: GatewayRoleOptions, doors: Doors): Promise<void> {
  const { config, environment, listeners, log, rpcSecret } = options;
  const { clock, random } = environment;
  const { ports, s3 } = doors;
  const common = { ids: new RequestIds(random), clock, log };
  // The control door first: it tells an operator why the others do not open.
  const control = numberedDoor({
    ...{ ...common, door: 'control', endpointOf: () => 'Control' },
    handler: controlDoor({ ports, rpcSecret, clock, random, log }),
  });
  await listeners.open({ name: 'control', bind: config.controlBind, ...control });
  const { reusePort } = config;
  if (config.s3.bind !== undefined) {
    const { bind, trustedProxies } = config.s3;
    const { handler, refuse } = s3;
    await listeners.open({ name: 'S3', bind, handler, refuse, reusePort, trustedProxies });
  }
  if (config.web !== undefined) {
    const { bind, trustedProxies } = config.web;
    const website = numberedDoor({
      ...{ ...common, door: 'website', ...doors.web },
      answered: request => {
        options.metrics.answered('web', request);
      },
    });
    await listeners.open({ name: 'website', bind, ...website, reusePort, trustedProxies });
  }
  await openAdminDoor(options, ports, common);
}

async function openAdminDoor(
  { config, listeners, log, metrics }: GatewayRoleOptions,
  ports: AdminPorts,
  common: Pick<NumberedDoorOptions, 'ids' | 'clock' | 'log'>,
): Promise<void> {
  if (config.admin.bind === undefined) return;
  const { bind, trustedProxies, adminToken, metricsToken, metricsRequireToken } = config.admin;
  const admin = numberedDoor({
    ...{ ...common, door: 'admin', endpointOf: adminEndpointOf },
    handler: adminDoor({
      ...{ ports, adminToken, metricsToken, metricsRequireToken, log },
      metrics: () => metrics.page(),
    }),
    answered: request => {
      metrics.answered('admin', request);
    },
  });
  const { reusePort } = config;
  await listeners.open({ name: 'admin', bind, ...admin, reusePort, trustedProxies });
}
