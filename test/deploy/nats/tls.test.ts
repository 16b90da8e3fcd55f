// Method: an authority of the test's own making, the shipped tls.conf, and the bus with and without
// what it needs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { echo } from '../../contract/bus-contract.ts';
import { echoAddress } from '../../support/echo-conversation.ts';
import { connected, eventually, openBus } from '../../support/nats-world.ts';
import { testWithNeeds } from '../../support/needs.ts';
import {
  newRoleKeys,
  PASSWORD_LOGIN,
  startOneSite,
  type TlsFiles,
} from '../../support/shipped-nats.ts';

function openssl(directory: string, ...parameters: string[]): void {
  execFileSync('openssl', parameters, { cwd: directory, stdio: 'ignore' });
}

/** An authority, and a certificate of it for 127.0.0.1. */
function makeCertificates(t: ExecutionContext): TlsFiles {
  const directory = mkdtempSync(join(tmpdir(), 'garage-tls-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const make = (...more: string[]): void => {
    openssl(directory, 'req', ...key, ...more);
  };
  make('-x509', '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca-key.pem', '-out', 'ca.pem');
  make('-subj', '/CN=nats', '-keyout', 'key.pem', '-out', 'request.pem');
  writeFileSync(join(directory, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl(
    directory,
    ...[
      'x509',
      '-req',
      '-days',
      '2',
      '-in',
      'request.pem',
      '-out',
      'cert.pem',
      '-extfile',
      'names',
    ],
    ...['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'],
  );
  const path = (name: string): string => join(directory, name);
  return { ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') };
}

testWithNeeds(
  ['command:openssl'],
  'with TLS: who knows the authority comes in, who does not stays out',
  async t => {
    const tls = makeCertificates(t);
    const keys = newRoleKeys();
    const servers = await startOneSite(t, { accounts: 'password', keys, tls });
    const urls = servers.map(server => server.url.replace('nats://', 'tls://'));
    const open = (ca: string | undefined) =>
      openBus(t, urls, {
        access: { urls, login: PASSWORD_LOGIN, ...(ca === undefined ? {} : { tls: { ca } }) },
      });
    const one = open(readFileSync(tls.ca, 'utf8'));
    const other = open(readFileSync(tls.ca, 'utf8'));
    await connected(one.bus, other.bus);
    other.bus.serve(echoAddress('a'), echo);
    await eventually('answered', async () => {
      const reply = await one.bus.request(
        echoAddress('a'),
        { kind: 'say', text: 'x' },
        { timeoutMs: 5000 },
      );
      return reply.kind === 'said';
    });
    const foreign = open(readFileSync(makeCertificates(t).ca, 'utf8'));
    const unknowing = open(undefined);
    await eventually(
      'said so',
      () => foreign.log.count('warn') > 0 && unknowing.log.count('warn') > 0,
    );
    await delay(500);
    t.false(foreign.bus.isConnected);
    t.false(unknowing.bus.isConnected);
  },
);

testWithNeeds(
  ['command:openssl'],
  'a password never travels in the clear to a server that was to have TLS',
  async t => {
    const tls = makeCertificates(t);
    const servers = await startOneSite(t, { accounts: 'password', keys: newRoleKeys() });
    const urls = servers.map(server => server.url);
    const { bus, log } = openBus(t, urls, {
      access: { urls, login: PASSWORD_LOGIN, tls: { ca: readFileSync(tls.ca, 'utf8') } },
    });
    await eventually('said so', () => log.count('warn') > 0);
    t.false(bus.isConnected);
  },
);
