/**
 * TLS in front of a server that speaks plain HTTP, as a proxy does it.
 *
 * Owns:          the listener and its certificate, which nobody vouches for.
 * Knows:         the openssl command.
 * Must not know: HTTP; bytes go through as they are.
 */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';

export type TlsFront = { readonly port: number; close(): void };

/** `directory`: for key and certificate. */
export async function tlsFront(directory: string, targetPort: number): Promise<TlsFront> {
  const [keyPath, certPath] = ['front.key', 'front.crt'].map(name => join(directory, name));
  const subject = ['-subj', '/CN=127.0.0.1', '-days', '1'];
  const files = ['-keyout', keyPath!, '-out', certPath!];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-batch'],
    ...[...subject, ...files],
  ]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
  const [key, cert] = await Promise.all([keyPath!, certPath!].map(path => readFile(path)));
  const server = createServer({ key, cert }, client => {
    const target = connect(targetPort, '127.0.0.1');
    const ignored = (): void => undefined;
    pipeline(client, target, client, ignored);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}
