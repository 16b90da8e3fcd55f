/**
 * `npm start`: from a fresh clone to a running development server.
 *
 * Owns:          the order: Node version, packages, compiled code, server.
 * Knows:         where the compiled server lies.
 * Must not know: configuration, keys, ports.
 *
 * The server runs in this very process, so a signal reaches it without anyone in between.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, install, isBuilt, isInstalled, nodeProblem } from './prepare.mjs';

const clone = dirname(dirname(fileURLToPath(import.meta.url)));
const server = join(clone, 'dist', 'deploy', 'development.js');

const problem = await prepare();
if (problem === undefined) {
  const { startDevelopment } = await import(pathToFileURL(server).href);
  process.exitCode = await startDevelopment(clone);
} else {
  console.error(problem);
  process.exitCode = 1;
}

/** Installs and builds what is missing; the sentence to end with if that failed. */
async function prepare() {
  const tooOld = nodeProblem(process.version);
  if (tooOld !== undefined) return tooOld;
  // Compiling needs the types of the packages that only tests use; running does not.
  const built = isBuilt(clone);
  if (!isInstalled(clone, built ? 'production' : 'development')) {
    console.log('Installing packages (npm ci) …');
    if ((await install(clone)) !== 0) return 'The packages could not be installed: see above.';
  }
  if (!built) {
    console.log('Compiling (tsc) …');
    if ((await build(clone)) !== 0) return 'The sources could not be compiled: see above.';
  }
  if (!existsSync(server)) return `The compiled server is missing at ${server}: run npm run build.`;
  return undefined;
}
