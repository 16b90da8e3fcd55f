// Method: three sites as real processes, with delays between them. Clients write unique values and
// read each other's at every site; something breaks and is mended; everything is read back from
// each site. A few rows run in `npm test`, all of them in `npm run test:faults`.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Child } from '../cluster/child.ts';
import { sharedTrial, startTrial, type FixtureOptions } from '../cluster/cluster-fixture.ts';
import type { RoleStep } from '../cluster/trial-admin.ts';
import { roleOf, type TrialSite } from '../cluster/trial-cluster.ts';
import { runFault, type ClusterFault, type FaultWorld } from '../support/cluster-fault.ts';
import { faultRounds, isLongRun } from '../support/fault-verdict.ts';
import { runGarage } from '../support/garage-process.ts';
import { LOOP_FILE_SYSTEM_NEEDS, LoopFileSystem } from '../support/loop-file-system.ts';
import { testWithNeeds, type Need } from '../support/needs.ts';
import { scratchDirectory } from '../support/shared-garage.ts';
import { SmallDisk } from '../support/small-disk.ts';

const ROUND_TRIP_MS = 20;
const ROW_TIMEOUT_MS = 600_000;
const DOWN_MS = 1500;
const DISK_MIB = 768;
const CUT = { isCut: true };
const CLOCK_MS = 8000;
/** How long a change of the layout may take, with what is dropped and waited for before. */
const SETTLED_MS = 240_000;

const trial = sharedTrial({ roundTrips: () => ROUND_TRIP_MS });

/** `npm test` has time for some rows. */
function row(title: string, when: 'always' | 'long run', fault: ClusterFault): void {
  if (when === 'long run' && !isLongRun()) return;
  test.serial(title, async t => {
    t.timeout(ROW_TIMEOUT_MS + faultRounds(1) * 20_000);
    await runFault(t, await trial(), fault);
  });
}

function anySite({ cluster, choices }: FaultWorld): TrialSite {
  return choices.of(cluster.sites);
}

/** All at once, as when the power goes; started again after a while. */
async function killFor(world: FaultWorld, children: readonly Child[], ms: number): Promise<void> {
  await Promise.all(children.map(child => child.end('SIGKILL')));
  await pause(ms);
  for (const child of children) world.cluster.startAgain(child);
}

async function freezeFor(children: readonly Child[], ms: number): Promise<void> {
  for (const child of children) child.signal('SIGSTOP');
  await pause(ms);
  for (const child of children) child.signal('SIGCONT');
}

row('kill -9 of storage nodes at random', 'always', {
  disturb: async world => {
    const rounds = faultRounds(2);
    for (let round = 0; round < rounds; round += 1) {
      await killFor(world, [anySite(world).storage], world.choices.below(DOWN_MS));
      await world.cluster.untilHealthy();
    }
    world.t.log(`kills ${rounds}`);
  },
});

row('kill -9 of a whole site: the others go on', 'always', {
  disturb: async world => {
    const site = anySite(world);
    const before = world.model.acknowledgedWrites;
    await Promise.all(site.children.map(child => child.end('SIGKILL')));
    await pause(DOWN_MS * 2);
    world.t.log(`written meanwhile: ${world.model.acknowledgedWrites - before}`);
    world.t.true(world.model.acknowledgedWrites > before, 'the other sites went on');
    for (const child of site.children) world.cluster.startAgain(child);
    await world.cluster.untilHealthy();
  },
});

row('SIGSTOP of a storage node', 'always', {
  disturb: async world => {
    await freezeFor([anySite(world).storage], isLongRun() ? 10_000 : 3000);
    await world.cluster.untilHealthy();
  },
});

row('kill -9 of everything at once', 'long run', {
  disturb: async world => {
    await killFor(
      world,
      world.cluster.sites.flatMap(site => site.children),
      DOWN_MS,
    );
    await world.cluster.untilHealthy();
  },
});

row('kill -9 of gateways in the middle of PUTs', 'long run', {
  mix: { 'put-blocks': 5, multipart: 2, 'put-inline': 3 },
  disturb: async world => {
    for (let round = 0; round < faultRounds(3); round += 1) {
      await killFor(world, [anySite(world).gateway], world.choices.below(300));
      await pause(world.choices.below(1000));
    }
    await world.cluster.untilHealthy();
  },
});

row('kill -9 of one nats-server', 'long run', {
  disturb: async world => {
    await killFor(world, [world.choices.of(anySite(world).nats)], DOWN_MS * 2);
  },
});

row('kill -9 of both nats-servers of a site', 'long run', {
  disturb: async world => {
    await killFor(world, anySite(world).nats, DOWN_MS * 2);
    await world.cluster.untilHealthy();
  },
});

row('kill -9 of all nats-servers', 'long run', {
  disturb: async world => {
    await killFor(
      world,
      world.cluster.sites.flatMap(({ nats }) => nats),
      DOWN_MS * 2,
    );
    await world.cluster.untilHealthy();
  },
});

row('SIGSTOP of a nats-server', 'long run', {
  disturb: async world => {
    await freezeFor([world.choices.of(anySite(world).nats)], 10_000);
    await world.cluster.untilHealthy();
  },
});

for (const seconds of [10, 60]) {
  row(`a site cut off for ${seconds} s`, 'long run', {
    disturb: async world => {
      world.cluster.links.around(anySite(world).name, { isCut: true });
      await pause(seconds * 1000);
      world.cluster.links.heal();
      await world.cluster.untilHealthy();
    },
  });
}

row('a site cut off in one direction', 'long run', {
  disturb: async world => {
    const { links, sites } = world.cluster;
    const { name } = anySite(world);
    for (const other of sites) if (other.name !== name) links.oneWay(name, other.name, CUT);
    await pause(10_000);
    links.heal();
    await world.cluster.untilHealthy();
  },
});

row('a flapping link', 'long run', {
  disturb: async world => {
    const { links } = world.cluster;
    const { name } = anySite(world);
    for (let round = 0; round < 10; round += 1) {
      links.around(name, CUT);
      await pause(world.choices.below(3000));
      links.heal();
      await pause(world.choices.below(3000));
    }
    await world.cluster.untilHealthy();
  },
});

row('a three-way split: nobody acknowledges, and all is well afterwards', 'long run', {
  disturb: async world => {
    world.cluster.links.everywhere(CUT);
    await pause(10_000);
    world.cluster.links.heal();
    await world.cluster.untilHealthy();
  },
});

row('a slow storage node: stopped for 80 ms of every 100', 'long run', {
  disturb: async world => {
    const { storage } = anySite(world);
    for (let round = 0; round < 100; round += 1) {
      await freezeFor([storage], 80);
      await pause(20);
    }
  },
});

row('a wiped disk', 'long run', {
  disturb: async world => {
    const { storage, files } = anySite(world);
    const [metadata, data] = files.storageDirs;
    await storage.end('SIGKILL');
    await rm(join(metadata, 'store-0'), { recursive: true, force: true });
    await rm(data, { recursive: true, force: true });
    const accept = files.storageDirs.flatMap(path => ['--accept-empty', path]);
    world.cluster.startAgain(storage, accept);
    await world.cluster.untilHealthy();
  },
});

/** Applies it, and prints how long it takes until everyone has what it says. */
async function settles(
  { cluster, t }: FaultWorld,
  steps: () => readonly RoleStep[],
): Promise<void> {
  await cluster.changeLayout(steps);
  const startedMs = performance.now();
  await cluster.untilSettled(SETTLED_MS);
  t.log(`settled after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

row('a node is added, and removed again', 'long run', {
  disturb: async world => {
    const { cluster, choices } = world;
    const site = choices.of(cluster.sites);
    cluster.startAgain(site.spare);
    await settles(world, () => [roleOf(site.spareId, site.name)]);
    await cluster.untilHealthy();
    await settles(world, () => [{ id: site.spareId ?? '', remove: true }]);
    await cluster.untilHealthy();
    await site.spare.end('SIGTERM');
  },
});

row('a dead machine is replaced', 'long run', {
  disturb: async world => {
    const { cluster, choices, t } = world;
    const site = choices.of(cluster.sites);
    await site.storage.end('SIGKILL');
    cluster.startAgain(site.spare);
    await cluster.untilKnown(() => site.spareId);
    const other = cluster.sites.find(({ name }) => name !== site.name);
    const config = other?.files.storageConfig ?? '';
    const [old, replacement] = [site.nodeId ?? '', site.spareId ?? ''];
    const done = await runGarage(['-c', config, 'node', 'replace', old, replacement]);
    t.is(done.exitCode, 0, done.stderr);
    await cluster.untilSettled(SETTLED_MS);
    // Back to how it was, for the rows that follow.
    cluster.startAgain(site.storage);
    await cluster.untilKnown(() => site.nodeId);
    await settles(world, () => [roleOf(old, site.name), { id: replacement, remove: true }]);
    await cluster.untilHealthy();
    await site.spare.end('SIGTERM');
  },
});

/** Deletions are forgotten meanwhile, in rounds. */
const FORGOTTEN_MS = 150_000;

row('a whole site is added, and another one goes', 'long run', {
  disturb: async world => {
    const { cluster, choices } = world;
    const site = choices.of(cluster.sites);
    cluster.startAgain(site.spare);
    await settles(world, () => [roleOf(site.spareId, 'nice')]);
    const [old, next] = [site.nodeId ?? '', site.spareId ?? ''];
    await settles(world, () => [{ id: old, remove: true }]);
    await site.storage.end('SIGTERM');
    await pause(DOWN_MS * 2);
    // Back to how it was, for the rows that follow.
    cluster.startAgain(site.storage);
    await cluster.untilKnown(() => site.nodeId);
    await settles(world, () => [roleOf(old, site.name), { id: next, remove: true }]);
    await cluster.untilHealthy();
    await site.spare.end('SIGTERM');
  },
});

row('a node that was removed comes back, long after: what was deleted stays so', 'long run', {
  disturb: async world => {
    const { cluster, choices } = world;
    const site = choices.of(cluster.sites);
    cluster.startAgain(site.spare);
    await cluster.untilKnown(() => site.spareId);
    const [old, next] = [site.nodeId ?? '', site.spareId ?? ''];
    await settles(world, () => [roleOf(next, site.name), { id: old, remove: true }]);
    await site.storage.end('SIGTERM');
    await pause(FORGOTTEN_MS);
    cluster.startAgain(site.storage);
    await cluster.untilKnown(() => site.nodeId);
    await settles(world, () => [roleOf(old, site.name), { id: next, remove: true }]);
    await cluster.untilHealthy();
    await site.spare.end('SIGTERM');
  },
});

// ---- rows that need a cluster of their own ------------------------------------------------------

type OwnCluster = {
  readonly options: Partial<FixtureOptions>;
  readonly fault: ClusterFault;
};

function ownRow(
  title: string,
  needs: readonly Need[],
  prepare: (t: ExecutionContext, directory: string) => OwnCluster,
): void {
  if (!isLongRun()) return;
  testWithNeeds.serial(needs, title, async t => {
    t.timeout(ROW_TIMEOUT_MS);
    const { options, fault } = prepare(t, await scratchDirectory(t));
    const cluster = await startTrial(t, { roundTrips: () => ROUND_TRIP_MS, ...options });
    await runFault(t, cluster, fault);
  });
}

ownRow('a full disk', ['tmpfs'], (t, directory) => {
  const disk = SmallDisk.mount(t, join(directory, 'disk'), 256);
  return {
    options: { storageHome: site => (site === 'lille' ? disk.path : undefined) },
    fault: {
      disturb: async () => {
        await disk.fill();
        await pause(5000);
        await disk.free();
      },
    },
  };
});

ownRow('a power cut of two sites at once', LOOP_FILE_SYSTEM_NEEDS, (t, directory) => {
  const dark = ['lille', 'lyon'];
  const disks = new Map(
    dark.map(site => [site, LoopFileSystem.make(t, join(directory, site), DISK_MIB)] as const),
  );
  return {
    options: { storageHome: site => disks.get(site)?.path },
    fault: {
      disturb: async ({ cluster, model }) => {
        const cuts = await Promise.all([...disks.values()].map(disk => disk.prepareCut()));
        await model.duringCut(async () => {
          await Promise.all(cuts.map(cut => cut()));
        });
        await pause(150);
        const sites = cluster.sites.filter(({ name }) => dark.includes(name));
        await Promise.all(sites.map(({ storage }) => storage.end('SIGKILL')));
        for (const disk of disks.values()) disk.restorePower();
        for (const { storage } of sites) cluster.startAgain(storage);
        await cluster.untilHealthy();
      },
    },
  };
});

for (const offset of ['+1h', '-1h', '+1d', '-1d']) {
  const title = `the clock of a site at ${offset}, and right again`;
  ownRow(title, ['command:faketime'], (_, directory) => {
    const clock = join(directory, 'clock');
    writeFileSync(clock, '+0');
    return {
      options: { env: site => (site === 'lyon' ? wallClockOf(clock) : {}) },
      fault: {
        disturb: async () => {
          for (const time of [offset, '+0']) {
            writeFileSync(clock, time);
            await pause(CLOCK_MS);
          }
        },
      },
    };
  });
}

/** Wall time alone, as a file says it is now: clocks that only count go on as they are. */
function wallClockOf(file: string): Readonly<Record<string, string>> {
  const printed = spawnSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD']).stdout;
  return {
    LD_PRELOAD: printed.toString().trim(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}
