import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { natsAccess } from '../../deploy/nats-access.ts';
import { StartRefusedError } from '../../deploy/start-refused.ts';
import type { NatsConfig } from '../../schemas/config-nats.ts';

const SECRET = 'ab'.repeat(32);
const PLAIN: NatsConfig = {
  clusterName: 'c',
  urls: ['nats://a:4222'],
  bulkUrls: [],
  credentialsFile: undefined,
  tlsCa: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
};

function file(t: ExecutionContext, text: string, mode = 0o600): string {
  const directory = mkdtempSync(join(tmpdir(), 'garage-access-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 'file');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function refused(t: ExecutionContext, nats: NatsConfig, sentence: RegExp): void {
  const error = t.throws(() => natsAccess(nats, SECRET), { instanceOf: StartRefusedError });
  t.regex(error?.message ?? '', sentence);
}

test('without credentials the password is made of rpc_secret, which it does not tell', t => {
  const password = createHmac('sha256', Buffer.from(SECRET, 'hex'))
    .update('garage nats')
    .digest('hex');
  t.deepEqual(natsAccess(PLAIN, SECRET), {
    urls: ['nats://a:4222'],
    login: { kind: 'password', user: 'garage', password },
  });
});

test('a file with the seed of an nkey is who the process is', t => {
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  const credentialsFile = file(t, `# of gateway 1\n${seed}\n`);
  const { login } = natsAccess({ ...PLAIN, credentialsFile }, SECRET);
  t.deepEqual(login, { kind: 'credentials', text: `# of gateway 1\n${seed}\n` });
});

test('the files of TLS are read', t => {
  const tlsCa = file(t, 'the authority', 0o644);
  const tlsCert = file(t, 'the certificate');
  const tlsKey = file(t, 'the key');
  const access = natsAccess({ ...PLAIN, tlsCa, tlsCert, tlsKey }, SECRET);
  t.deepEqual(access.tls, { ca: 'the authority', cert: 'the certificate', key: 'the key' });
  t.deepEqual(natsAccess({ ...PLAIN, tlsCa }, SECRET).tls, { ca: 'the authority' });
});

test('what is missing, wrong, or open to others refuses the start with a sentence', t => {
  refused(t, { ...PLAIN, credentialsFile: '/nowhere' }, /credentials_file.*cannot be read/);
  refused(t, { ...PLAIN, tlsCa: '/nowhere' }, /tls_ca.*cannot be read/);
  refused(t, { ...PLAIN, credentialsFile: file(t, 'SUnothing') }, /holds no key of a user/);
  refused(t, { ...PLAIN, credentialsFile: file(t, `SU${'A'.repeat(56)}`) }, /holds no key/);
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  refused(t, { ...PLAIN, credentialsFile: file(t, seed, 0o644) }, /chmod 600/);
});
