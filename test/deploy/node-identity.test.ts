import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createPublicKey, verify, createPrivateKey, sign } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import {
  ensureNodeId,
  ensureRpcSecret,
  explainLocked,
  IdentityError,
  readNodeId,
  readRpcSecret,
  removePidFile,
  writePidFile,
} from '../../deploy/node-identity.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';

const { random } = realEnvironment;

function metadataDir(t: ExecutionContext): string {
  const home = mkdtempSync(join(tmpdir(), 'garage-identity-'));
  t.teardown(() => {
    rmSync(home, { recursive: true, force: true });
  });
  return join(home, 'meta');
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a node is made once and keeps its name', t => {
  const directory = metadataDir(t);
  t.is(readNodeId(directory), undefined);
  const id = ensureNodeId(directory, random);
  t.regex(id, /^[0-9a-f]{64}$/);
  t.is(ensureNodeId(directory, random), id);
  t.is(readNodeId(directory), id);
  t.is(modeOf(directory), 0o700);
  t.is(modeOf(join(directory, 'node_key')), 0o600);
  t.is(readFileSync(join(directory, 'node_key.pub')).toString('hex'), id);
  t.not(ensureNodeId(metadataDir(t), random), id);
});

test('the id is the public half of the key', t => {
  const directory = metadataDir(t);
  const id = ensureNodeId(directory, random);
  const seed = readFileSync(join(directory, 'node_key')).subarray(0, 32);
  const jwk = {
    kty: 'OKP',
    crv: 'Ed25519',
    x: Buffer.from(id, 'hex').toString('base64url'),
  };
  const secret = createPrivateKey({
    key: { ...jwk, d: seed.toString('base64url') },
    format: 'jwk',
  });
  const signature = sign(null, Buffer.from('said'), secret);
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  t.true(verify(null, Buffer.from('said'), publicKey, signature));
});

test('a start that was cut off between the two files is finished by the next one', t => {
  const directory = metadataDir(t);
  const id = ensureNodeId(directory, random);
  rmSync(join(directory, 'node_key.pub'));
  t.is(ensureNodeId(directory, random), id);
  t.is(readNodeId(directory), id);
});

test('a damaged or foreign identity is refused, never replaced', t => {
  const directory = metadataDir(t);
  ensureNodeId(directory, random);
  const key = join(directory, 'node_key');
  const pub = join(directory, 'node_key.pub');
  const good = { key: readFileSync(key), pub: readFileSync(pub) };
  const refused = (): void => {
    t.throws(() => ensureNodeId(directory, random), { instanceOf: IdentityError });
  };
  writeFileSync(key, good.key.subarray(0, 63));
  refused();
  const flipped = Buffer.from(good.key);
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  writeFileSync(key, flipped);
  refused();
  writeFileSync(key, good.key);
  writeFileSync(pub, Buffer.alloc(32));
  refused();
  writeFileSync(pub, good.pub);
  rmSync(key);
  refused();
  t.deepEqual(readFileSync(pub), good.pub, 'left as it was');
  writeFileSync(pub, 'short');
  t.throws(() => readNodeId(directory), { instanceOf: IdentityError });
});

test('a secret is made where none is configured, for its owner alone', t => {
  const directory = metadataDir(t);
  ensureNodeId(directory, random);
  t.is(readRpcSecret(directory), undefined);
  const secret = ensureRpcSecret(directory, random);
  t.regex(secret, /^[0-9a-f]{64}$/);
  t.is(ensureRpcSecret(directory, random), secret);
  t.is(readRpcSecret(directory), secret);
  t.is(modeOf(join(directory, 'rpc_secret')), 0o600);
  writeFileSync(join(directory, 'rpc_secret'), 'damaged');
  t.throws(() => readRpcSecret(directory), { instanceOf: IdentityError });
});

test('a directory in use names the process that has it', t => {
  const directory = metadataDir(t);
  ensureNodeId(directory, random);
  t.regex(explainLocked(directory), /another process/);
  writePidFile(directory, 4711);
  t.regex(explainLocked(directory), /process 4711/);
  removePidFile(directory);
  removePidFile(directory);
  t.regex(explainLocked(directory), /another process/);
});
