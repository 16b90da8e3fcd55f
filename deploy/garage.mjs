#!/usr/bin/env -S UV_THREADPOOL_SIZE=8 node
/**
 * The `garage` command: runs the compiled one, or says how to compile it.
 *
 * Owns:          nothing.
 * Knows:         where the compiled command lies.
 * Must not know: any command's meaning.
 *
 * Its path may stand wherever Garage's binary stood, so it must work from any working directory and
 * through a symbolic link: the compiled code is found beside this file, not beside the caller.
 *
 * Node's thread pool is made before the first line of any module runs, so its size stands above.
 * Its threads wait for the disk: with eight of them 64 KiB PUTs are a quarter to a half faster than
 * with Node's four; sixteen are slower again for small ones.
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
