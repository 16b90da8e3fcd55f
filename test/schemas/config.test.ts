import test from 'ava';
import {
  checkConfig,
  problemsOfServer,
  type Config,
  type ConfigSecrets,
} from '../../schemas/config.ts';

type Raw = Readonly<Record<string, unknown>>;

const SECRET = 'a'.repeat(64);
const none: ConfigSecrets = { rpcSecret: SECRET, adminToken: undefined, metricsToken: undefined };
const small: Raw = {
  metadata_dir: '/meta',
  data_dir: '/data',
  replication_factor: 1,
  rpc_bind_addr: '[::]:3901',
};

function valid(raw: Raw, secrets = none): Config {
  const result = checkConfig(raw, secrets);
  if (result.kind === 'valid') return result.config;
  throw new Error(JSON.stringify(result.problems));
}

/** Paths of what is wrong, in the order found. */
function wrong(raw: Raw, secrets = none): readonly string[] {
  const result = checkConfig(raw, secrets);
  return result.kind === 'valid' ? [] : result.problems.map(({ path }) => path);
}

test('the smallest configuration has both fsyncs on and no doors but the control door', t => {
  const config = valid(small);
  t.true(config.metadataFsync);
  t.true(config.dataFsync);
  t.is(config.blockSizeBytes, 1_048_576);
  t.is(config.s3.bind, undefined);
  t.is(config.s3.region, 'garage');
  t.is(config.web, undefined);
  t.is(config.admin.bind, undefined);
  t.deepEqual(config.roles, ['gateway', 'storage']);
  t.deepEqual(config.dataDirs, [{ path: '/data', capacityBytes: undefined, isReadOnly: false }]);
  t.deepEqual(config.withoutEffect, []);
});

test('of rpc_bind_addr only the port is used, and control_bind_addr goes before it', t => {
  t.deepEqual(valid(small).controlBind, { kind: 'tcp', host: '127.0.0.1', port: 3901 });
  const told = { ...small, admin: { control_bind_addr: '10.0.0.1:4000' } };
  t.deepEqual(valid(told).controlBind, { kind: 'tcp', host: '10.0.0.1', port: 4000 });
});

test('a file with which Garage runs a single node works, and names what has no effect', t => {
  const config = valid({
    ...small,
    db_engine: 'lmdb',
    lmdb_map_size: '1T',
    compression_level: 2,
    metadata_auto_snapshot_interval: '6h',
    rpc_public_addr: '127.0.0.1:3901',
    bootstrap_peers: [],
    rpc_secret: SECRET,
    s3_api: {
      s3_region: 'eu',
      api_bind_addr: '0.0.0.0:3900',
      root_domain: '.s3.garage.localhost',
    },
    s3_web: {
      bind_addr: '[::]:3902',
      root_domain: '.web.garage.localhost',
      index: 'index.html',
      add_host_to_metrics: true,
    },
    k2v_api: { api_bind_addr: '[::]:3904' },
    admin: { api_bind_addr: '0.0.0.0:3903', admin_token: 'x', trace_sink: 'http://localhost' },
    consul_discovery: { consul_http_addr: 'http://127.0.0.1:8500', service_name: 'garage' },
  });
  t.is(config.s3.rootDomain, 's3.garage.localhost');
  t.deepEqual(config.s3.bind, { kind: 'tcp', host: '0.0.0.0', port: 3900 });
  t.deepEqual(config.web?.bind, { kind: 'tcp', host: '::', port: 3902 });
  t.true(config.web?.addHostToMetrics);
  t.deepEqual(
    config.withoutEffect.toSorted(),
    [
      's3_web.index',
      'admin.trace_sink',
      'compression_level',
      'db_engine',
      'metadata_auto_snapshot_interval',
      'bootstrap_peers',
      'lmdb_map_size',
      'k2v_api',
      'consul_discovery',
    ].sort(),
  );
});

test('keys of older samples are taken', t => {
  const old = { sled_cache_capacity: 134_217_728, sled_flush_every_ms: 2000, consul_host: 'x' };
  t.deepEqual(valid({ ...small, ...old, compression_level: 'none' }).withoutEffect, [
    'consul_host',
    'sled_cache_capacity',
    'sled_flush_every_ms',
  ]);
});

test('all problems are reported at once, each with the path of its key', t => {
  const paths = wrong({
    metadata_dir: 3,
    data_dir: [{ path: '/a' }, { path: '/b', capacity: '1G', read_only: true, colour: 'red' }],
    block_size: 'large',
    metadata_fsnyc: true,
    replication_factor: 0,
    rpc_bind_addr: 'localhost:3901',
    roles: ['gateway', 'cook'],
    s3_api: { api_bind_addr: '127.0.0.1', default_index_shards: 257, trusted_proxies: ['10/8'] },
    s3_web: {},
    admin: [],
  });
  t.deepEqual(
    paths.toSorted(),
    [
      'metadata_dir',
      'data_dir[0].capacity',
      'data_dir[1].capacity',
      'data_dir[1].colour',
      'block_size',
      'metadata_fsnyc',
      'replication_factor',
      'rpc_bind_addr',
      'roles',
      's3_api.api_bind_addr',
      's3_api.default_index_shards',
      's3_api.trusted_proxies',
      's3_web.bind_addr',
      's3_web.root_domain',
      'admin',
    ].sort(),
  );
  t.is(paths.length, new Set(paths).size, 'each problem is said once');
});

test('what is required is asked for', t => {
  t.deepEqual(wrong({}).toSorted(), Object.keys(small).sort());
});

test('replication_mode is refused with a hint of its successor', t => {
  const result = checkConfig({ ...small, replication_mode: '3' }, none);
  t.is(result.kind, 'invalid');
  if (result.kind === 'invalid') t.regex(result.problems[0]?.problem ?? '', /replication_factor/);
});

test('data directories have capacities, and one of them can be written', t => {
  const config = valid({
    ...small,
    data_dir: [
      { path: '/a', capacity: '1T' },
      { path: '/b', read_only: true },
    ],
  });
  t.deepEqual(config.dataDirs, [
    { path: '/a', capacityBytes: 1e12, isReadOnly: false },
    { path: '/b', capacityBytes: undefined, isReadOnly: true },
  ]);
  t.deepEqual(wrong({ ...small, data_dir: [{ path: '/b', read_only: true }] }), ['data_dir']);
  const twice = { path: '/a', capacity: 1 };
  t.deepEqual(wrong({ ...small, data_dir: [twice, twice] }), ['data_dir']);
  for (const value of ['', [], 3, ['x']])
    t.deepEqual(wrong({ ...small, data_dir: value }), ['data_dir']);
});

test('our own keys are read', t => {
  const config = valid({
    ...small,
    min_free: '2GiB',
    reuse_port: true,
    roles: ['storage'],
    use_local_tz: true,
    s3_api: {
      bucket_namespace: 'per_key',
      default_object_ownership: 'ObjectWriter',
      default_index_shards: 16,
      trusted_proxies: ['10.0.0.0/8', '::1'],
    },
    nats: { cluster_name: 'c', urls: ['nats://a'], bulk_urls: ['nats://b'] },
    debug: { lifecycle_day_seconds: 10, block_delete_delay_seconds: 0 },
  });
  t.is(config.minFreeBytes, 2 * 1024 ** 3);
  t.deepEqual(config.debug, { lifecycleDaySeconds: 10, blockDeleteDelaySeconds: 0 });
  t.true(config.useLocalTimeZone);
  t.is(config.s3.bucketNamespace, 'per_key');
  t.deepEqual(config.nats?.bulkUrls, ['nats://b']);
});

test('with [nats] a missing rpc_secret is a problem, and alone it is not', t => {
  const without = { ...none, rpcSecret: undefined };
  t.is(valid(small, without).rpcSecret, undefined);
  t.deepEqual(wrong({ ...small, nats: { urls: ['nats://a'] } }, without), ['rpc_secret']);
});

test('where the nats-servers are, and who we are to them, is checked', t => {
  const nats = (keys: Raw): readonly string[] =>
    wrong({ ...small, nats: { urls: ['nats://a:4222'], ...keys } });
  const { nats: config } = valid({ ...small, nats: { urls: ['nats://a', 'tls://[::1]:4222'] } });
  t.like(config, { clusterName: 'main', bulkUrls: [], credentialsFile: undefined });
  t.deepEqual(nats({ cluster_name: 'paris-1_b' }), []);
  t.deepEqual(nats({ cluster_name: 'a.b' }), ['nats.cluster_name']);
  t.deepEqual(nats({ cluster_name: 'a b' }), ['nats.cluster_name']);
  t.deepEqual(nats({ cluster_name: '*' }), ['nats.cluster_name']);
  t.deepEqual(nats({ urls: [] }), ['nats.urls']);
  t.deepEqual(nats({ urls: ['nats://user:secret@a:4222'] }), ['nats.urls']);
  t.deepEqual(nats({ urls: ['http://a'] }), ['nats.urls']);
  t.deepEqual(nats({ bulk_urls: ['a:4222'] }), ['nats.bulk_urls']);
  t.deepEqual(nats({ tls_cert: 'c' }), ['nats.tls_key']);
  t.deepEqual(nats({ tls_key: 'k' }), ['nats.tls_cert']);
  t.deepEqual(nats({ tls_ca: 'a', tls_cert: 'c', tls_key: 'k', credentials_file: 'f' }), []);
  t.deepEqual(nats({ token: 'x' }), ['nats.token']);
});

test('a server that runs by itself has one replica, and says so of anything else', t => {
  t.deepEqual(problemsOfServer(valid(small)), []);
  const paths = (raw: Raw): readonly string[] =>
    problemsOfServer(valid(raw)).map(({ path }) => path);
  t.deepEqual(paths({ ...small, replication_factor: 3 }), ['replication_factor']);
  t.deepEqual(paths({ ...small, roles: ['storage'] }), ['roles']);
  const nats = { urls: ['nats://a'] };
  for (const roles of [['storage'], ['gateway'], ['gateway', 'storage']]) {
    t.deepEqual(paths({ ...small, nats, roles, replication_factor: 3 }), []);
  }
});

test('a gateway without storage needs no data directory', t => {
  const gateway = { ...small, roles: ['gateway'], data_dir: undefined };
  t.deepEqual(valid(gateway).dataDirs, []);
  t.deepEqual(wrong({ ...gateway, roles: ['storage'] }), ['data_dir']);
});

test('secrets, modes and levels are checked', t => {
  t.deepEqual(wrong(small, { ...none, rpcSecret: 'short' }), ['rpc_secret']);
  t.deepEqual(wrong({ ...small, consistency_mode: 'sloppy' }), ['consistency_mode']);
  t.deepEqual(wrong({ ...small, compression_level: 23 }), ['compression_level']);
  t.deepEqual(wrong({ ...small, db_engine: 'oracle' }), ['db_engine']);
  const interval = { ...small, metadata_auto_snapshot_interval: '5min' };
  t.deepEqual(wrong(interval), ['metadata_auto_snapshot_interval']);
});

test('nobody changes the settings of a running process', t => {
  const config = valid({ ...small, s3_api: { trusted_proxies: ['::1'] } });
  t.true(Object.isFrozen(config));
  t.true(Object.isFrozen(config.s3));
  t.true(Object.isFrozen(config.s3.trustedProxies));
  t.true(Object.isFrozen(config.dataDirs[0]));
});
