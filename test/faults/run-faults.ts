/**
 * `npm run test:faults`: the fault tests of `npm test`, for longer and with more clients.
 *
 * Owns:          how much longer.
 * Knows:         the variables that the tests read.
 * Must not know: any fault.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureSystemPackages } from '../support/system-packages.ts';

// Clocks that are wrong; without it those rows are skipped, and say so.
const faketime = ensureSystemPackages([{ package: 'faketime', program: 'faketime' }]);
if (faketime.kind === 'missing') console.log(faketime.explanation);

const run = fileURLToPath(new URL('../../../test/run.mjs', import.meta.url));
const longer = { FAULT_ROUNDS: '50', FAULT_CLIENTS: '10000' };
const child = spawn(process.execPath, [run, 'test/faults', 'test/integration/slow-clients'], {
  env: { ...longer, ...process.env },
  stdio: 'inherit',
});
child.on('exit', code => {
  process.exitCode = code ?? 1;
});
