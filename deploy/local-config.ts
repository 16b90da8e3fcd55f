/**
 * The `garage.toml` of a node that nobody has configured: everything in one directory, on loopback.
 *
 * Owns:          its text, and that it is written once.
 * Knows:         the keys of the configuration, the documented ports.
 * Must not know: how a node is started.
 *
 * The file holds a secret, so it is made 0600 in a directory of 0700, and appears whole or not at
 * all.
 */
import { linkSync, mkdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Randomness } from '../schemas/environment.ts';
import { CONFIG_FILE_NAME } from './config-file.ts';

/** The path of the file in `directory`; it is made if it is missing. */
export function ensureLocalConfig(directory: string, random: Randomness): string {
  const home = resolve(directory);
  const path = join(home, CONFIG_FILE_NAME);
  if (existsSync(path)) return path;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const draft = `${path}.${String(process.pid)}.tmp`;
  writeFileSync(draft, localConfig(home, random.bytes(32).toString('hex')), { mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    // Another process made it in the meantime: that one counts.
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return path;
}

function localConfig(home: string, rpcSecret: string): string {
  return `# Made at the first start. All keys: see the README.
metadata_dir = ${JSON.stringify(join(home, 'meta'))}
data_dir = ${JSON.stringify(join(home, 'data'))}
replication_factor = 1

# The garage command proves with this secret that it may talk to the node. Keep it to yourself.
rpc_secret = "${rpcSecret}"
rpc_bind_addr = "127.0.0.1:3901"

[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:3900"

[s3_web]
bind_addr = "127.0.0.1:3902"
root_domain = ".web.localhost"

[admin]
api_bind_addr = "127.0.0.1:3903"
`;
}
