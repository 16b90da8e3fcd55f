/**
 * One real server for all tests of a file.
 *
 * Owns:          its directory, its start at the first use and its end after the last test.
 * Knows:         ava's hooks.
 * Must not know: what is tested.
 *
 * A server costs half a second and some fsyncs to start, so the tests of a file share one and keep
 * apart by buckets and keys.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startGarage, type GarageOptions, type GarageProcess } from './garage-process.ts';

/** Answers the server, which the first call starts. To be called at the top of a test file. */
export function sharedGarage(
  options: Omit<GarageOptions, 'directory'> = {},
): () => Promise<GarageProcess> {
  let started: Promise<GarageProcess> | undefined;
  const directory = mkdtemp(join(tmpdir(), 'garage-test-'));
  test.after.always('the shared server ends', async t => {
    const exit = await started?.then(
      server => server.end(),
      () => 0,
    );
    await rm(await directory, { recursive: true, force: true });
    t.is(exit ?? 0, 0, 'a server that was used by all these tests ends cleanly');
  });
  return () => {
    started ??= directory.then(path => startGarage({ ...options, directory: path }));
    return started;
  };
}

/** A directory that is removed when the test ends. */
export async function scratchDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'garage-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A server of the test's own, ended when the test ends. */
export async function ownGarage(
  t: ExecutionContext,
  options: GarageOptions,
): Promise<GarageProcess> {
  const server = await startGarage(options);
  t.teardown(async () => {
    await server.end('SIGKILL');
  });
  return server;
}
