/**
 * What every process offers its operator, whatever its roles: the control door and the admin door.
 *
 * Owns:          the wiring of both, and of the directory that they and the gateway role look into.
 * Knows:         gateway/admin, gateway/directory.
 * Must not know: actors, files, the store; S3, websites.
 */
import type { Bus } from '../bus/bus.ts';
import type { Subjects } from '../bus/subjects.ts';
import { adminDoor, adminEndpointOf } from '../gateway/admin/admin-door.ts';
import type { AdminPorts } from '../gateway/admin/admin-ports.ts';
import { controlDoor } from '../gateway/admin/control-door.ts';
import { AdminDirectory } from '../gateway/directory/admin-directory.ts';
import { BucketLife } from '../gateway/directory/bucket-life.ts';
import { BucketNames } from '../gateway/directory/bucket-names.ts';
import { BusClusterControl } from '../gateway/directory/cluster-control.ts';
import { DirectoryCache } from '../gateway/directory/directory-cache.ts';
import { Lookup } from '../gateway/directory/directory-lookup.ts';
import { TableInspector } from '../gateway/directory/object-inspector.ts';
import { SiteNames } from '../gateway/directory/site-names.ts';
import { numberedDoor } from '../gateway/http/numbered-door.ts';
import { RequestIds } from '../gateway/http/request-ids.ts';
import type { Metrics } from '../gateway/metrics/metrics.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { Clients } from './clients.ts';
import type { ClusterKnowledge } from './cluster-knowledge.ts';
import type { Listeners } from './listeners.ts';

export type AdministrationOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly clients: Clients;
  readonly knowledge: Pick<ClusterKnowledge, 'members'>;
  readonly metrics: Metrics;
  readonly listeners: Listeners;
  readonly log: Log;
};

export type Administration = {
  readonly ports: AdminPorts;
  readonly lookup: Lookup;
  readonly sites: SiteNames;
  /** Opened first: it tells an operator why the others do not open. */
  openControlDoor(): Promise<void>;
  openAdminDoor(): Promise<void>;
};

export function makeAdministration(options: AdministrationOptions): Administration {
  const { config, clients, environment, bus, subjects, stamper, nodeId } = options;
  const { settings, tables } = clients;
  const { clock, random } = environment;
  const names = new BucketNames(settings);
  const indexShards = config.s3.defaultIndexShards;
  const ownership = config.s3.defaultObjectOwnership;
  const life = new BucketLife({
    ...{ settings, tables, names, clock, random },
    ...{ indexShards, ownership, layouts: () => clients.view.liveIds },
  });
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
    cluster: new BusClusterControl({
      ...{ localNodeId: nodeId, keepsLayout: config.roles.includes('storage') },
      ...{ mode: config.consistencyMode, client: clients.cluster, view: clients.view },
      heard: () => options.knowledge.members.peers.keys(),
    }),
    objects: new TableInspector({ settings, tables, clock, stamper, layout: clients.layout }),
    domains: sites,
    nowMs: () => clock.wallMs(),
    region: config.s3.region,
    punycode,
  };
  return {
    ...{ ports, lookup, sites },
    openControlDoor: () => openControlDoor(options, ports),
    openAdminDoor: () => openAdminDoor(options, ports),
  };
}

async function openControlDoor(
  { config, environment, listeners, log, rpcSecret }: AdministrationOptions,
  ports: AdminPorts,
): Promise<void> {
  const { clock, random } = environment;
  const control = numberedDoor({
    ...{ ids: new RequestIds(random), clock, log, door: 'control' },
    endpointOf: () => 'Control',
    handler: controlDoor({ ports, rpcSecret, clock, random, log }),
  });
  await listeners.open({
    name: 'control',
    bind: config.controlBind,
    socketUsers: 'group',
    ...control,
  });
}

async function openAdminDoor(
  { config, environment, listeners, log, metrics }: AdministrationOptions,
  ports: AdminPorts,
): Promise<void> {
  if (config.admin.bind === undefined) return;
  const { bind, trustedProxies, adminToken, metricsToken, metricsRequireToken } = config.admin;
  const { clock, random } = environment;
  const admin = numberedDoor({
    ...{ ids: new RequestIds(random), clock, log, door: 'admin', endpointOf: adminEndpointOf },
    handler: adminDoor({
      ...{ ports, adminToken, metricsToken, metricsRequireToken, log },
      metrics: () => metrics.page(),
    }),
    answered: request => {
      metrics.answered('admin', request);
    },
  });
  const { reusePort } = config;
  await listeners.open({
    name: 'admin',
    bind,
    socketUsers: 'group',
    ...admin,
    reusePort,
    trustedProxies,
  });
}
