/**
 * Bugs that the simulation must find: each is one rule of the protocol that is not kept.
 *
 * Owns:          how each is planted; by which workload it is looked for.
 * Knows:         the places for bugs.
 * Must not know: how a run is judged.
 */
import type { RawDatabase } from '../../actors/storage/level-store.ts';
import type { Files } from '../../schemas/environment.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Plants } from './plants.ts';
import type { WorkloadName } from './simulation.ts';

export type PlantedBug = {
  readonly name: string;
  readonly workload: WorkloadName;
  /** One of those that find it. */
  readonly foundBySeed: number;
  readonly plants: Plants;
};

/** It says that a batch is durable as soon as the kernel has it. */
function withoutSync(database: RawDatabase): RawDatabase {
  return with_(database, {
    batch: () => {
      const batch = database.batch();
      return { ...batch, write: () => batch.write({ sync: false }) };
    },
  });
}

function with_(database: RawDatabase, changed: Partial<RawDatabase>): RawDatabase {
  return {
    get status() {
      return database.status;
    },
    open: () => database.open(),
    close: () => database.close(),
    batch: () => database.batch(),
    getSync: key => database.getSync(key),
    iterator: range => database.iterator(range),
    ...changed,
  };
}

function onDatabase(change: (database: RawDatabase) => RawDatabase): Plants {
  return {
    disk: disk => {
      const { makeDatabase } = disk;
      if (makeDatabase === undefined) throw new Error('the database is simulated');
      return { ...disk, makeDatabase: (...made) => change(makeDatabase(...made)) };
    },
  };
}

function onFiles(change: (files: Files) => Partial<Files>): Plants {
  return {
    disk: disk => {
      const { files } = disk;
      const all: Files = {
        open: files.open.bind(files),
        writeNew: files.writeNew.bind(files),
        rename: files.rename.bind(files),
        unlink: files.unlink.bind(files),
        makeDirectory: files.makeDirectory.bind(files),
        syncDirectory: files.syncDirectory.bind(files),
        list: files.list.bind(files),
        sizeBytes: files.sizeBytes.bind(files),
        space: files.space.bind(files),
      };
      return { ...disk, files: { ...all, ...change(files) } };
    },
  };
}

/** Stamps with the machine's own clock, whatever stands there already. */
function ofOwnClock(stamper: Stamper): Stamper {
  return Object.assign(Object.create(stamper) as Stamper, {
    now: () => stamper.now(),
    above: () => stamper.now(),
  });
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    ...{ name: 'write quorum 1', workload: 'objects', foundBySeed: 1 },
    plants: { mode: 'dangerous' },
  },
  {
    ...{ name: 'acknowledge before sync', workload: 'objects', foundBySeed: 2 },
    plants: onDatabase(withoutSync),
  },
  {
    ...{ name: 'no fsync of the directory', workload: 'objects', foundBySeed: 24 },
    plants: onFiles(() => ({ syncDirectory: () => Promise.resolve() })),
  },
  {
    ...{ name: 'local clock as timestamp', workload: 'objects', foundBySeed: 4 },
    plants: { stamper: ofOwnClock },
  },
];
