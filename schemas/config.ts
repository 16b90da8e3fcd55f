/**
 * The settings of one process: every key of `garage.toml`, its meaning, its default, its checks.
 *
 * Owns:          the shape of the settings, the rules within and across keys.
 * Knows:         Garage's keys, so that its files work unchanged, and our own.
 * Must not know: files, TOML, the environment: deploy/config-file.ts reads those.
 *
 * A Garage file may set keys whose matter does not exist here (engines, discovery). They are taken
 * and named in `withoutEffect`, never silently dropped; a key that neither of us knows refuses the
 * start, because it is most often a misspelt one that someone relies on.
 */
import { configDefaults } from './config-defaults.ts';
import {
  ConfigReader,
  type ConfigFindings,
  type ConfigProblem,
  type ListenAddress,
} from './config-reader.ts';
import { readNats, type NatsConfig } from './config-nats.ts';
import { readStorage } from './config-storage.ts';
import { INDEX_SHARDS_MAX } from './limits.ts';

export type DataDirectory = {
  readonly path: string;
  /** Its share of new blocks; undefined for a read-only one and where it is the only one. */
  readonly capacityBytes: number | undefined;
  readonly isReadOnly: boolean;
};

export type Role = 'gateway' | 'storage';
export type ObjectOwnership = 'BucketOwnerEnforced' | 'BucketOwnerPreferred' | 'ObjectWriter';

export type S3Config = {
  /** Undefined: no S3 door. */
  readonly bind: ListenAddress | undefined;
  readonly region: string;
  /** `.example.com` of `bucket.example.com`, without the leading dot; undefined: paths only. */
  readonly rootDomain: string | undefined;
  readonly bucketNamespace: 'global' | 'per_key';
  readonly defaultObjectOwnership: ObjectOwnership;
  readonly defaultIndexShards: number;
  readonly trustedProxies: readonly string[];
};

export type WebConfig = {
  readonly bind: ListenAddress;
  readonly rootDomain: string;
  /** Counts visits by host: as many series as there are websites. */
  readonly addHostToMetrics: boolean;
  readonly trustedProxies: readonly string[];
};

export type AdminConfig = {
  /** Undefined: no admin door. */
  readonly bind: ListenAddress | undefined;
  readonly adminToken: string | undefined;
  readonly metricsToken: string | undefined;
  readonly metricsRequireToken: boolean;
  readonly trustedProxies: readonly string[];
};

export type Config = {
  readonly metadataDir: string;
  readonly dataDirs: readonly DataDirectory[];
  readonly metadataFsync: boolean;
  readonly dataFsync: boolean;
  readonly blockSizeBytes: number;
  readonly blockRamBufferBytesMax: number;
  readonly blockConcurrentReadsMax: number;
  readonly blockConcurrentWritesPerRequestMax: number;
  /** Undefined: the smaller of 1 GiB and 1 % of the disk. */
  readonly minFreeBytes: number | undefined;
  readonly replicationFactor: number;
  readonly consistencyMode: 'consistent' | 'degraded' | 'dangerous';
  readonly roles: readonly Role[];
  readonly reusePort: boolean;
  readonly allowPunycode: boolean;
  /** Lifecycle days begin at local midnight instead of that of UTC. */
  readonly useLocalTimeZone: boolean;
  /** 64 hex digits. Undefined: made at the first start, on the embedded bus only. */
  readonly rpcSecret: string | undefined;
  /** Where the control door listens. */
  readonly controlBind: ListenAddress;
  /** The address that `garage node id` prints. */
  readonly rpcPublicAddress: string | undefined;
  readonly s3: S3Config;
  /** Undefined: no website door. */
  readonly web: WebConfig | undefined;
  readonly admin: AdminConfig;
  /** Undefined: the embedded bus. */
  readonly nats: NatsConfig | undefined;
  readonly debug: {
    readonly lifecycleDaySeconds: number;
    readonly blockDeleteDelaySeconds: number;
  };
  /** Paths of the keys that are set and change nothing here. */
  readonly withoutEffect: readonly string[];
};

/** Secrets after flags, environment, files and the configuration file were weighed. */
export type ConfigSecrets = {
  readonly rpcSecret: string | undefined;
  readonly adminToken: string | undefined;
  readonly metricsToken: string | undefined;
};

export type ConfigResult =
  | { readonly kind: 'valid'; readonly config: Config }
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] };

const SNAPSHOT_INTERVAL_MS_MIN = 10 * 60 * 1000;
const ANY_COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };
const AT_LEAST_ONE = { min: 1, max: Number.MAX_SAFE_INTEGER };

/** Keys of Garage (and of its older releases) whose matter does not exist here. */
const TOP_KEYS_WITHOUT_EFFECT = [
  'disable_scrub',
  'metadata_snapshots_dir',
  'rpc_bind_outgoing',
  'rpc_public_addr_subnet',
  'rpc_ping_timeout_msec',
  'rpc_timeout_msec',
  'bootstrap_peers',
  'consul_host',
  'consul_service_name',
  'max_concurrent_rpc_requests',
  'block_manager_background_tranquility',
];
const ENGINE_KEYS = /^(?:sled|lmdb|fjall|sqlite)_/;
const OLD_DISCOVERY_KEYS = /^kubernetes_(?:namespace|service_name|skip_crd)$/;
const ENGINES = ['lmdb', 'heed', 'sqlite', 'sqlite3', 'rusqlite', 'fjall', 'sled'] as const;

/**
 * Checks a decoded file. `raw` is what the TOML says; `secrets` are the final ones, since a file of
 * its own, a flag or a variable may hold them.
 */
export function checkConfig(
  raw: Readonly<Record<string, unknown>>,
  secrets: ConfigSecrets,
): ConfigResult {
  const findings: ConfigFindings = { problems: [], withoutEffect: [] };
  const top = new ConfigReader(raw, '', findings);
  refuseReplicationMode(top);
  const roles = readRoles(top);
  const config: Config = {
    ...readStorage(top, roles),
    ...readCluster(top, secrets),
    roles,
    s3: readS3(top),
    web: readWeb(top),
    admin: readAdmin(top, secrets),
    debug: readDebug(top),
    withoutEffect: findings.withoutEffect,
  };
  ignoreForeignKeys(top);
  top.refuseUnknownKeys();
  if (findings.problems.length > 0) return { kind: 'invalid', problems: findings.problems };
  return { kind: 'valid', config: deepFreeze(config) };
}

/**
 * Rules that only a starting server has to keep; the commands may use such a file. Answers one
 * sentence each.
 */
export function problemsOfServer(config: Config): readonly ConfigProblem[] {
  if (config.nats !== undefined) return [];
  const problems: ConfigProblem[] = [];
  if (config.replicationFactor !== 1) {
    const problem = 'must be 1 on a node that runs by itself; [nats] joins it to others';
    problems.push({ path: 'replication_factor', problem });
  }
  if (config.roles.length === 1) {
    const problem = 'must be both on a node that runs by itself; [nats] joins it to others';
    problems.push({ path: 'roles', problem });
  }
  return problems;
}

function refuseReplicationMode(top: ConfigReader): void {
  if (top.raw('replication_mode') === undefined) return;
  top.problem(
    'replication_mode',
    'is no longer used: set replication_factor (1, 2, 3) and, if need be, consistency_mode instead',
  );
}

type ClusterKeys =
  | 'replicationFactor'
  | 'consistencyMode'
  | 'reusePort'
  | 'allowPunycode'
  | 'useLocalTimeZone'
  | 'rpcSecret'
  | 'controlBind'
  | 'rpcPublicAddress'
  | 'nats';

function readCluster(top: ConfigReader, secrets: ConfigSecrets): Pick<Config, ClusterKeys> {
  const nats = readNats(top);
  if (nats !== undefined && secrets.rpcSecret === undefined) {
    top.problem('rpc_secret', 'is required with [nats]: 64 hex digits (openssl rand -hex 32)');
  }
  if (!top.has('replication_factor') && !top.has('replication_mode')) {
    top.problem('replication_factor', 'is required: 1 for a node that runs by itself');
  }
  return {
    replicationFactor: top.integer('replication_factor', AT_LEAST_ONE) ?? 1,
    consistencyMode:
      top.choice('consistency_mode', ['consistent', 'degraded', 'dangerous']) ??
      configDefaults.consistencyMode,
    reusePort: top.flag('reuse_port', false),
    allowPunycode: top.flag('allow_punycode', false),
    useLocalTimeZone: top.flag('use_local_tz', false),
    rpcSecret: readRpcSecret(top, secrets.rpcSecret),
    controlBind: readControlBind(top),
    rpcPublicAddress: readPublicAddress(top),
    nats,
  };
}

function readRoles(top: ConfigReader): readonly Role[] {
  const words = top.textList('roles') ?? configDefaults.roles;
  const roles = words.filter(word => word === 'gateway' || word === 'storage');
  if (roles.length !== words.length || new Set(roles).size !== roles.length || roles.length === 0) {
    top.problem('roles', 'must be a list of "gateway" and "storage"');
  }
  return roles;
}

function readRpcSecret(top: ConfigReader, secret: string | undefined): string | undefined {
  for (const key of ['rpc_secret', 'rpc_secret_file', 'allow_world_readable_secrets']) top.raw(key);
  if (secret !== undefined && !/^[0-9a-f]{64}$/i.test(secret)) {
    top.problem('rpc_secret', 'must be 64 hex digits (openssl rand -hex 32)');
  }
  return secret?.toLowerCase();
}

/** Of `rpc_bind_addr` only the port is used: the control door stays on loopback unless told. */
function readControlBind(top: ConfigReader): ListenAddress {
  const rpcBind = top.address('rpc_bind_addr');
  const explicit = top.section('admin').address('control_bind_addr');
  if (explicit !== undefined) return explicit;
  if (!top.has('rpc_bind_addr')) {
    top.problem('rpc_bind_addr', 'is required: the garage command finds the node on its port');
  }
  if (rpcBind?.kind === 'unix') {
    top.problem('rpc_bind_addr', 'must be an address with a port, like "127.0.0.1:3901"');
  }
  const port = rpcBind?.kind === 'tcp' ? rpcBind.port : 0;
  return { kind: 'tcp', host: configDefaults.controlHost, port };
}

function readPublicAddress(top: ConfigReader): string | undefined {
  const address = top.text('rpc_public_addr');
  if (address !== undefined && !/^\S+:\d{1,5}$/.test(address)) {
    top.problem('rpc_public_addr', 'must be a host with a port, like "node1.example.com:3901"');
  }
  return address;
}

function readS3(top: ConfigReader): S3Config {
  const section = top.section('s3_api');
  const config: S3Config = {
    bind: section.address('api_bind_addr'),
    region: section.text('s3_region') ?? configDefaults.region,
    rootDomain: readRootDomain(section),
    bucketNamespace:
      section.choice('bucket_namespace', ['global', 'per_key']) ?? configDefaults.bucketNamespace,
    defaultObjectOwnership:
      section.choice('default_object_ownership', [
        'BucketOwnerEnforced',
        'BucketOwnerPreferred',
        'ObjectWriter',
      ]) ?? configDefaults.defaultObjectOwnership,
    defaultIndexShards:
      section.integer('default_index_shards', { min: 1, max: INDEX_SHARDS_MAX }) ??
      configDefaults.defaultIndexShards,
    trustedProxies: section.networks('trusted_proxies'),
  };
  section.refuseUnknownKeys();
  return config;
}

/** With or without the dot in front, as Garage takes both. */
function readRootDomain(section: ConfigReader): string | undefined {
  return section.text('root_domain')?.replace(/^\./, '').toLowerCase();
}

function readWeb(top: ConfigReader): WebConfig | undefined {
  if (!top.has('s3_web')) return undefined;
  const section = top.section('s3_web');
  const bind = section.address('bind_addr');
  for (const key of ['bind_addr', 'root_domain']) {
    if (!section.has(key)) section.problem(key, 'is required in this section');
  }
  const rootDomain = readRootDomain(section) ?? '';
  const trustedProxies = section.networks('trusted_proxies');
  const addHostToMetrics = section.flag('add_host_to_metrics', false);
  section.ignore(['index']);
  section.refuseUnknownKeys();
  return bind === undefined ? undefined : { bind, rootDomain, addHostToMetrics, trustedProxies };
}

function readAdmin(top: ConfigReader, secrets: ConfigSecrets): AdminConfig {
  const section = top.section('admin');
  const config = {
    bind: section.address('api_bind_addr'),
    adminToken: secrets.adminToken,
    metricsToken: secrets.metricsToken,
    metricsRequireToken: section.flag('metrics_require_token', false),
    trustedProxies: section.networks('trusted_proxies'),
  };
  for (const key of ['admin_token', 'admin_token_file', 'metrics_token', 'metrics_token_file']) {
    section.raw(key);
  }
  section.ignore(['trace_sink']);
  section.refuseUnknownKeys();
  return config;
}

function readDebug(top: ConfigReader): Config['debug'] {
  const section = top.section('debug');
  const config = {
    lifecycleDaySeconds:
      section.integer('lifecycle_day_seconds', AT_LEAST_ONE) ?? configDefaults.lifecycleDaySeconds,
    blockDeleteDelaySeconds:
      section.integer('block_delete_delay_seconds', ANY_COUNT) ??
      configDefaults.blockDeleteDelaySeconds,
  };
  section.refuseUnknownKeys();
  return config;
}

/** Checked where a wrong value would mislead its author, and named as without effect. */
function ignoreForeignKeys(top: ConfigReader): void {
  top.choice('db_engine', ENGINES);
  checkCompression(top);
  const intervalMs = top.durationMs('metadata_auto_snapshot_interval');
  if (intervalMs !== undefined && intervalMs < SNAPSHOT_INTERVAL_MS_MIN) {
    top.problem('metadata_auto_snapshot_interval', 'must be at least 10 minutes');
  }
  top.ignore(['db_engine', 'metadata_auto_snapshot_interval']);
  const hasReplicas = top.raw('replication_factor') !== 1;
  if (!hasReplicas && top.raw('consistency_mode') !== 'consistent')
    top.ignore(['consistency_mode']);
  top.ignore(TOP_KEYS_WITHOUT_EFFECT);
  top.ignoreMatching(ENGINE_KEYS);
  top.ignoreMatching(OLD_DISCOVERY_KEYS);
  for (const section of ['k2v_api', 'consul_discovery', 'kubernetes_discovery']) {
    if (!top.has(section)) continue;
    top.section(section);
    top.withoutEffect(section);
  }
}

function checkCompression(top: ConfigReader): void {
  const value = top.raw('compression_level');
  if (value === undefined || value === 'none') return;
  const isLevel = typeof value === 'number' && Number.isInteger(value);
  if (isLevel && value >= -99 && value <= 22) top.withoutEffect('compression_level');
  else top.problem('compression_level', 'must be "none" or a whole number from -99 to 22');
}

function deepFreeze<Value extends object>(value: Value): Value {
  const inners: readonly unknown[] = Object.values(value);
  for (const inner of inners) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
