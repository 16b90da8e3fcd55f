/**
 * Who this process is to the nats-servers, from the files that its configuration names.
 *
 * Owns:          reading those files, and the sentence about one that is missing or wrong.
 * Knows:         the section `[nats]`.
 * Must not know: how a connection is made.
 */
import { readFileSync, statSync } from 'node:fs';
import { NatsCredentialsError, publicKeyOf, type NatsAccess } from '../bus/nats-client.ts';
import { NATS_USER, natsPassword } from '../bus/nats-password.ts';
import type { NatsConfig } from '../schemas/config-nats.ts';
import { StartRefusedError } from './start-refused.ts';

const OTHERS_BITS = 0o077;

/** Throws StartRefusedError. */
export function natsAccess(nats: NatsConfig, rpcSecret: string): NatsAccess {
  const tls = tlsFiles(nats);
  const { urls, credentialsFile } = nats;
  const access: NatsAccess = {
    urls,
    login:
      credentialsFile === undefined
        ? { kind: 'password', user: NATS_USER, password: natsPassword(rpcSecret) }
        : { kind: 'credentials', text: readSecret(credentialsFile) },
    ...(tls === undefined ? {} : { tls }),
  };
  checkCredentials(access, credentialsFile);
  return access;
}

function checkCredentials(access: NatsAccess, path = ''): void {
  try {
    publicKeyOf(access.login);
  } catch (error) {
    if (!(error instanceof NatsCredentialsError)) throw error;
    throw new StartRefusedError(
      `${path} (nats.credentials_file) holds no key of a user: it should be the seed, SU…, that ` +
        '`nats auth nkey gen user` prints, or a credentials file',
    );
  }
}

function tlsFiles({ tlsCa, tlsCert, tlsKey }: NatsConfig): NatsAccess['tls'] {
  if (tlsCa === undefined && tlsCert === undefined) return undefined;
  return {
    ...(tlsCa === undefined ? {} : { ca: readText(tlsCa, 'tls_ca') }),
    ...(tlsCert === undefined ? {} : { cert: readText(tlsCert, 'tls_cert') }),
    ...(tlsKey === undefined ? {} : { key: readText(tlsKey, 'tls_key') }),
  };
}

function readSecret(path: string): string {
  const text = readText(path, 'credentials_file');
  const { mode } = statSync(path);
  if ((mode & OTHERS_BITS) === 0) return text;
  throw new StartRefusedError(
    `${path} (nats.credentials_file) may be read by others: \`chmod 600 ${path}\``,
  );
}

function readText(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartRefusedError(`${path} (nats.${key}) cannot be read: ${reason}`);
  }
}
