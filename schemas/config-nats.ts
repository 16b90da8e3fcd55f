/**
 * The section `[nats]`: where the nats-servers are, and who this process is to them.
 *
 * Owns:          its keys and their checks.
 * Knows:         what may stand in a subject, and in the address of a nats-server.
 * Must not know: files: their contents are read in deploy/.
 */
import { configDefaults } from './config-defaults.ts';
import type { ConfigReader } from './config-reader.ts';

export type NatsConfig = {
  /** One token of every subject: clusters that share nats-servers differ in it. */
  readonly clusterName: string;
  readonly urls: readonly string[];
  /** Nats-servers for blocks alone; none: `urls` carry them, too. */
  readonly bulkUrls: readonly string[];
  /** An nkey's seed, or a credentials file; undefined: user `garage` and a password made of
   *  rpc_secret. */
  readonly credentialsFile: string | undefined;
  readonly tlsCa: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
};

/** One token of a subject. */
const CLUSTER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Without user and password: those would stand in logs. */
const SERVER_URL = /^(?:nats|tls):\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/;

/** undefined: the process runs by itself, on the embedded bus. */
export function readNats(top: ConfigReader): NatsConfig | undefined {
  if (!top.has('nats')) return undefined;
  const section = top.section('nats');
  const urls = readUrls(section, 'urls');
  if (urls.length === 0) section.problem('urls', 'is required: at least one nats-server');
  const config = {
    clusterName: readClusterName(section),
    urls,
    bulkUrls: readUrls(section, 'bulk_urls'),
    credentialsFile: section.text('credentials_file'),
    tlsCa: section.text('tls_ca'),
    tlsCert: section.text('tls_cert'),
    tlsKey: section.text('tls_key'),
  };
  for (const [one, other] of [
    ['tls_cert', 'tls_key'],
    ['tls_key', 'tls_cert'],
  ] as const) {
    if (section.has(one) && !section.has(other)) section.problem(other, `is required with ${one}`);
  }
  section.refuseUnknownKeys();
  return config;
}

function readClusterName(section: ConfigReader): string {
  const name = section.text('cluster_name') ?? configDefaults.natsClusterName;
  if (!CLUSTER_NAME.test(name)) {
    section.problem('cluster_name', 'may have letters, digits, "-" and "_", 64 at most');
  }
  return name;
}

function readUrls(section: ConfigReader, key: string): readonly string[] {
  const urls = section.textList(key) ?? [];
  if (!urls.every(url => SERVER_URL.test(url))) {
    section.problem(key, 'must be a list of addresses like "nats://10.0.0.1:4222" or "tls://…"');
  }
  return urls;
}
