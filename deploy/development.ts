/**
 * What `npm start` runs: a node of its own in the clone, with a key and a bucket to try.
 *
 * Owns:          where it keeps its data; the default key; what it prints once it serves.
 * Knows:         the configuration file, the node.
 * Must not know: doors, how keys are kept.
 *
 * The key is drawn from the secret in the configuration file: every start finds the same one
 * without a second file that could get lost, and whoever has the key learns nothing about the
 * secret.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { ListenAddress } from '../schemas/config-reader.ts';
import type { Config } from '../schemas/config.ts';
import { explainUnloaded, loadConfig, LOCAL_DIRECTORY } from './config-file.ts';
import { ensureLocalConfig } from './local-config.ts';
import { realEnvironment } from './real-environment.ts';
import type { Variables } from './secrets.ts';
import { defaultBucketOf, defaultKeyOf, serve } from './serve.ts';
import type { DefaultKey } from './single-node.ts';
import { StartRefusedError } from './start-refused.ts';

const BUCKET = 'default-bucket';

/** Serves until it is told to stop; answers the exit code of the process. */
export async function startDevelopment(cloneDirectory: string): Promise<number> {
  try {
    return await start(cloneDirectory, process.env);
  } catch (error) {
    console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function start(cloneDirectory: string, variables: Variables): Promise<number> {
  const named = variables['GARAGE_DATA'];
  const home = named === undefined || named === '' ? join(cloneDirectory, LOCAL_DIRECTORY) : named;
  const configPath = ensureLocalConfig(home, realEnvironment.random);
  const loaded = loadConfig({ configPath, flags: {}, variables, directories: [] });
  if (loaded.kind !== 'loaded') throw new StartRefusedError(explainUnloaded(loaded));
  const { config } = loaded;
  const defaultKey = defaultKeyOf(variables) ?? developmentKey(config);
  const defaultBucket = defaultBucketOf(variables) ?? BUCKET;
  const command = join(cloneDirectory, 'deploy', 'garage.mjs');
  const ready = (): void => {
    const lines = announcement({ config, configPath, key: defaultKey, bucket: defaultBucket });
    for (const line of [...lines, `  ${command} -c ${configPath} status`, '']) console.log(line);
  };
  const options = { singleNode: true, defaultKey, defaultBucket, acceptEmpty: [], ready };
  return serve(config, options);
}

export function developmentKey({ rpcSecret }: Config): DefaultKey {
  if (rpcSecret === undefined) {
    throw new StartRefusedError(
      'The configuration file has no rpc_secret: add one (openssl rand -hex 32), or set ' +
        'GARAGE_DEFAULT_ACCESS_KEY and GARAGE_DEFAULT_SECRET_KEY.',
    );
  }
  const drawn = (purpose: string): string =>
    createHmac('sha256', Buffer.from(rpcSecret, 'hex')).update(purpose).digest('hex');
  return {
    id: `GK${drawn('development access key').slice(0, 24)}`,
    secret: drawn('development secret key'),
  };
}

/** What a newcomer needs to talk to the node, and commands to paste; the caller adds the last. */
export function announcement(node: {
  readonly config: Config;
  readonly configPath: string;
  readonly key: DefaultKey;
  readonly bucket: string;
}): string[] {
  const { config, configPath, key, bucket } = node;
  const { region } = config.s3;
  const endpoint = endpointOf(config.s3.bind);
  // Not every curl says by itself what it has signed of the body.
  const sign =
    `curl --aws-sigv4 aws:amz:${region}:s3 --user ${key.id}:${key.secret} ` +
    '-H "x-amz-content-sha256: UNSIGNED-PAYLOAD"';
  return [
    '',
    'Garage is ready.',
    '',
    `  Endpoint    ${endpoint}`,
    `  Region      ${region}`,
    `  Key id      ${key.id}`,
    `  Secret key  ${key.secret}`,
    `  Bucket      ${bucket}`,
    `  Settings    ${configPath}`,
    '',
    'Commands to try:',
    '',
    `  ${sign} -T README.md ${endpoint}/${bucket}/README.md`,
    `  ${sign} "${endpoint}/${bucket}?list-type=2"`,
  ];
}

function endpointOf(bind: ListenAddress | undefined): string {
  if (bind === undefined) return '(no S3 door: set s3_api.api_bind_addr)';
  if (bind.kind === 'unix') return bind.path;
  const host = bind.host === '0.0.0.0' ? '127.0.0.1' : bind.host === '::' ? '::1' : bind.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(bind.port)}`;
}
