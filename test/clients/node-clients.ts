/**
 * The clients from npm: the AWS SDK with lib-storage and presigner, and minio.
 *
 * Owns:          running their suites, which are part of `npm test` too.
 * Knows:         ava.
 * Must not know: what the suites test.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Client } from './client.ts';
import { runProgram } from './client-world.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const AVA = 'node_modules/ava/entrypoints/cli.mjs';
const FOLDER = 'dist/test/integration';

/** One check for each suite. */
export function nodeClients(): Client {
  const suites = readdirSync(`${PROJECT}${FOLDER}`).filter(name =>
    /^(?:sdk|minio).*\.test\.js$/.test(name),
  );
  return {
    name: 'npm',
    packages: [],
    checks: suites.sort().map(suite => ({
      title: suite.replace('.test.js', ''),
      run: async ({ env }) => {
        const parameters = [AVA, `${FOLDER}/${suite}`];
        await runProgram(process.execPath, parameters, { env, directory: PROJECT });
      },
    })),
  };
}
