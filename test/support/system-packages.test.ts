import test from 'ava';
import { ensureSystemPackages } from './system-packages.ts';
import type { Machine } from './system-packages.ts';

const wanted = [
  { package: 'nats-server', program: 'nats-server' },
  { package: 'awscli', program: 'aws' },
];

/** A machine on which `apt-get` brings the programs of `archive`, in that many tries. */
function machine(setup: {
  has: readonly string[];
  mayInstall: boolean;
  archive?: readonly string[];
  failures?: number;
}): { machine: Machine; ran: string[] } {
  const programs = new Set(setup.has);
  const ran: string[] = [];
  let failures = setup.failures ?? 0;
  return {
    ran,
    machine: {
      has: program => programs.has(program),
      mayInstall: setup.mayInstall,
      run(command, parameters) {
        ran.push([command, ...parameters].join(' '));
        if (parameters[0] !== 'install') return 0;
        if (failures > 0) {
          failures -= 1;
          return 100;
        }
        for (const program of setup.archive ?? []) programs.add(program);
        return 0;
      },
    },
  };
}

test('nothing is run when everything is there', t => {
  const { machine: present, ran } = machine({ has: ['aws', 'nats-server'], mayInstall: true });
  t.deepEqual(ensureSystemPackages(wanted, present), { kind: 'present' });
  t.deepEqual(ran, []);
});

test('what is missing is installed where that is allowed', t => {
  const { machine: debian, ran } = machine({
    has: ['aws'],
    mayInstall: true,
    archive: ['nats-server'],
  });
  t.deepEqual(ensureSystemPackages(wanted, debian), {
    kind: 'installed',
    packages: ['nats-server'],
  });
  t.deepEqual(ran, ['apt-get install --yes --no-install-recommends nats-server']);
});

test('a failed installation is tried again with fresh package lists', t => {
  const { machine: stale, ran } = machine({
    has: ['aws'],
    mayInstall: true,
    archive: ['nats-server'],
    failures: 1,
  });
  t.is(ensureSystemPackages(wanted, stale).kind, 'installed');
  t.deepEqual(
    ran.map(line => line.split(' ')[1]),
    ['install', 'update', 'install'],
  );
});

test('a package that did not bring its program is reported missing', t => {
  const { machine: empty } = machine({ has: ['aws'], mayInstall: true });
  t.is(ensureSystemPackages(wanted, empty).kind, 'missing');
});

test('elsewhere nothing is run and the command is named', t => {
  const { machine: other, ran } = machine({ has: [], mayInstall: false });
  t.deepEqual(ensureSystemPackages(wanted, other), {
    kind: 'missing',
    explanation:
      'Missing: nats-server, aws. On Debian run: sudo apt-get install nats-server awscli',
  });
  t.deepEqual(ran, []);
});
