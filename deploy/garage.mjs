#!/usr/bin/env node
/**
 * The `garage` command: runs the compiled one, or says how to compile it.
 *
 * Owns:          nothing.
 * Knows:         where the compiled command lies.
 * Must not know: any command's meaning.
 *
 * Its path may stand wherever Garage's binary stood, so it must work from any working directory and
 * through a symbolic link: the compiled code is found beside this file, not beside the caller.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const compiled = new URL('../dist/deploy/cli/main.js', import.meta.url);

if (existsSync(compiled)) {
  const { main } = await import(compiled.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const clone = fileURLToPath(new URL('..', import.meta.url));
  console.error(`garage is not compiled yet: run \`npm run build\` in ${clone}`);
  process.exitCode = 1;
}
