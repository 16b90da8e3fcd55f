/**
 * Disks and databases that break a rule, for planted bugs.
 *
 * Owns:          what each does otherwise.
 * Knows:         the ports of files and databases.
 * Must not know: which bug that is.
 */
import { openValue } from '../../actors/storage/row-checksum.ts';
import type { RawDatabase } from '../../actors/storage/level-store.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import { TABLE } from '../../schemas/row-tables.ts';
import type { Files } from '../../schemas/environment.ts';
import type { Plants } from './plants.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { DATA_DIRECTORY } from './simulated-disk.ts';

export function onDatabase(change: (database: RawDatabase) => RawDatabase): Plants {
  return {
    disk: disk => {
      const { makeDatabase } = disk;
      if (makeDatabase === undefined) throw new Error('the database is simulated');
      return { ...disk, makeDatabase: (...made) => change(makeDatabase(...made)) };
    },
  };
}

export function onFiles(
  change: (files: Files, process: SimulatedProcess) => Partial<Files>,
): Plants {
  return {
    disk: (disk, process) => {
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
      return { ...disk, files: { ...all, ...change(files, process) } };
    },
  };
}

function changed(database: RawDatabase, parts: Partial<RawDatabase>): RawDatabase {
  return {
    get status() {
      return database.status;
    },
    open: () => database.open(),
    close: () => database.close(),
    batch: () => database.batch(),
    getSync: key => database.getSync(key),
    iterator: range => database.iterator(range),
    ...parts,
  };
}

/** It says that a batch is durable as soon as the kernel has it. */
export function withoutSync(database: RawDatabase): RawDatabase {
  return changed(database, {
    batch: () => {
      const batch = database.batch();
      return { ...batch, write: () => batch.write({ sync: false }) };
    },
  });
}

/** Closing and opening again after a failure changes nothing: the old log is written on. */
export function neverReopened(database: RawDatabase): RawDatabase {
  let isFirst = true;
  return changed(database, {
    open: async () => {
      if (isFirst) await database.open();
      isFirst = false;
    },
    close: () => Promise.resolve(),
  });
}

/** Where an object is deleted nothing stands any more. */
export function forgettingTombstones(database: RawDatabase): RawDatabase {
  return changed(database, {
    batch: () => {
      const batch = database.batch();
      return {
        ...batch,
        put: (key: Buffer, value: Buffer) =>
          isTombstone(key, value) ? batch.del(key) : batch.put(key, value),
      };
    },
  });
}

function isTombstone(key: Buffer, sealed: Buffer): boolean {
  if (key[1] !== TABLE.object) return false;
  const value = openValue(key, sealed);
  return value !== undefined && decodeObjectRow(value).kind === 'tombstone';
}

const LATE_MS = 600;

/** A block's file goes some time after the step in which its references were counted. */
export function unlinkingLate(files: Files, process: SimulatedProcess): Partial<Files> {
  return {
    unlink: path => {
      if (!path.startsWith(DATA_DIRECTORY)) return files.unlink(path);
      process.environment.timers.after(LATE_MS, () => {
        files.unlink(path).catch(() => undefined);
      });
      return Promise.resolve();
    },
  };
}
