/**
 * The configuration files of a trial cluster: garage.toml of each process, one of each nats-server.
 *
 * Owns:          their text.
 * Knows:         garage.toml, the configuration of nats-servers, the limits that are shipped.
 * Must not know: processes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NATS_USER, natsPassword } from '../../bus/nats-password.ts';
import { REGION } from '../support/garage-process.ts';
import type { SitePorts, TrialSettings } from './trial-settings.ts';

export const CLUSTER_NAME = 'trial';
export const SYSTEM_USER = 'system';
const LIMITS = fileURLToPath(new URL('../../../deploy/nats/limits.conf', import.meta.url));

export type Place = {
  readonly directory: string;
  readonly names: readonly string[];
  readonly settings: TrialSettings;
  /** False: nats-servers of different sites reach each other directly. */
  readonly hasProxies: boolean;
  /** Further lines at the top of every garage.toml, and behind its last section. */
  readonly top: readonly string[];
  readonly end: readonly string[];
  /** Where the storage process of a site keeps its data; undefined: with everything else. */
  readonly storageHome?: ((site: string) => string | undefined) | undefined;
};

export type SiteFiles = {
  readonly name: string;
  readonly ports: SitePorts;
  readonly home: string;
  readonly gatewayConfig: string;
  readonly storageConfig: string;
  readonly spareConfig: string;
  readonly natsConfigs: readonly string[];
  readonly storageDirs: Directories;
  readonly spareDirs: Directories;
};

/** Metadata, then data. */
export type Directories = readonly [string, string];

/** Writes all files of one site. */
export function writeSite(place: Place, index: number): SiteFiles {
  const name = place.names[index] ?? '';
  const ports = place.settings.ports[index];
  if (ports === undefined) throw new Error(`there are no ports for site ${index}`);
  const home = join(place.directory, name);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const storageHome = place.storageHome?.(name) ?? home;
  const files = {
    ...{ name, ports, home },
    storageDirs: [join(storageHome, 'storage-meta'), join(storageHome, 'storage-data')] as const,
    spareDirs: [join(home, 'spare-meta'), join(home, 'spare-data')] as const,
    gatewayConfig: join(home, 'gateway.toml'),
    storageConfig: join(home, 'storage.toml'),
    spareConfig: join(home, 'spare.toml'),
    natsConfigs: ports.nats.map((_, which) => join(home, `nats-${which + 1}.conf`)),
  };
  write(files.gatewayConfig, gatewayConfig(place, files));
  const { storageAdmin, storageControl, spareAdmin, spareControl } = ports;
  const storage = { ports, adminPort: storageAdmin, controlPort: storageControl };
  const spare = { ports, adminPort: spareAdmin, controlPort: spareControl };
  write(files.storageConfig, storageConfig(place, files.storageDirs, storage));
  write(files.spareConfig, storageConfig(place, files.spareDirs, spare));
  files.natsConfigs.forEach((path, which) => write(path, natsConfig(place, index, which)));
  return files;
}

function write(path: string, lines: readonly string[]): void {
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
}

type Doors = {
  readonly ports: SitePorts;
  readonly adminPort: number;
  readonly controlPort: number;
};

function storageConfig(
  place: Place,
  [metadata, data]: Directories,
  doors: Doors,
): readonly string[] {
  return [
    'roles = ["storage"]',
    `metadata_dir = "${metadata}"`,
    `data_dir = "${data}"`,
    ...commonTop(place, doors),
    '[s3_api]',
    `s3_region = "${REGION}"`,
    ...commonEnd(place, doors),
  ];
}

function gatewayConfig(
  place: Place,
  { ports, home }: Pick<SiteFiles, 'ports' | 'home'>,
): readonly string[] {
  const { gatewayAdmin, gatewayControl } = ports;
  const doors = { ports, adminPort: gatewayAdmin, controlPort: gatewayControl };
  return [
    'roles = ["gateway"]',
    `metadata_dir = "${join(home, 'gateway-meta')}"`,
    ...commonTop(place, doors),
    '[s3_api]',
    `s3_region = "${REGION}"`,
    `api_bind_addr = "127.0.0.1:${ports.s3}"`,
    '[s3_web]',
    `bind_addr = "127.0.0.1:${ports.web}"`,
    'root_domain = ".web.localhost"',
    ...commonEnd(place, doors),
  ];
}

function commonTop({ top, settings, names }: Place, { controlPort }: Doors): readonly string[] {
  return [
    `replication_factor = ${Math.min(3, names.length)}`,
    `rpc_bind_addr = "127.0.0.1:${controlPort}"`,
    `rpc_secret = "${settings.rpcSecret}"`,
    ...top,
  ];
}

function commonEnd({ end, settings }: Place, { ports, adminPort }: Doors): readonly string[] {
  return [
    '[admin]',
    `api_bind_addr = "127.0.0.1:${adminPort}"`,
    `admin_token = "${settings.adminToken}"`,
    '[nats]',
    `cluster_name = "${CLUSTER_NAME}"`,
    `urls = [${ports.nats.map(({ client }) => `"${natsUrl(client)}"`).join(', ')}]`,
    ...end,
  ];
}

export function natsUrl(port: number): string {
  return `nats://127.0.0.1:${port}`;
}

/** As deploy/nats/three-sites.conf has it, with ports in the place of machines. */
function natsConfig(place: Place, site: number, which: number): readonly string[] {
  const { names, settings, hasProxies } = place;
  const own = settings.ports[site]?.nats ?? [];
  const ports = own[which];
  if (ports === undefined) throw new Error('there are no ports for this nats-server');
  const name = names[site] ?? '';
  const login = 'gateway:between-sites@';
  const outside = (port: { readonly gateway: number; readonly proxy: number }): number =>
    hasProxies ? port.proxy : port.gateway;
  const gateways = names.map((other, index) => {
    const urls = (settings.ports[index]?.nats ?? []).map(
      port => `"nats://${login}127.0.0.1:${outside(port)}"`,
    );
    return `    { name: ${other}, urls: [${urls.join(', ')}] }`;
  });
  return [
    `server_name: ${name}-${which + 1}`,
    `listen: "127.0.0.1:${ports.client}"`,
    readFileSync(LIMITS, 'utf8'),
    'accounts {',
    `  GARAGE { users: [${user(NATS_USER, natsPassword(settings.rpcSecret))}] }`,
    `  SYS { users: [${user(SYSTEM_USER, settings.systemPassword)}] }`,
    '}',
    'system_account: SYS',
    'cluster {',
    `  name: ${name}`,
    `  listen: "127.0.0.1:${ports.route}"`,
    `  routes: [${own.map(({ route }) => `"${natsUrl(route)}"`).join(', ')}]`,
    '}',
    'gateway {',
    `  name: ${name}`,
    `  listen: "127.0.0.1:${ports.gateway}"`,
    `  advertise: "127.0.0.1:${outside(ports)}"`,
    '  authorization { user: gateway, password: "between-sites", timeout: 5 }',
    '  reject_unknown_cluster: true',
    '  gateways: [',
    ...gateways,
    '  ]',
    '}',
  ];
}

function user(name: string, password: string): string {
  return `{ user: ${name}, password: "${password}" }`;
}
