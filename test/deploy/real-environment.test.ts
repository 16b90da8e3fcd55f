// Method: a process of its own that waits for a timer of the environment, as a stop does for a
// resting worker. Node ends such a process with code 13 unless something keeps it alive.
import { spawnSync } from 'node:child_process';
import test from 'ava';

const MODULE = new URL('../../deploy/real-environment.js', import.meta.url).href;

function exitCodeOf(body: string): number | null {
  const program = `import { realEnvironment, stayAlive } from '${MODULE}';
    const rest = () => new Promise(done => realEnvironment.timers.after(20, done));
    ${body}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program]).status;
}

test('what waits for a timer alone is not ended half-way while it is told to stay alive', t => {
  t.is(exitCodeOf('const alive = stayAlive(); await rest(); alive.cancel();'), 0);
  t.is(exitCodeOf('await rest();'), 13, 'timers alone do not keep a process alive');
});
