/**
 * The settings of directories and blocks.
 *
 * Owns:          the rules of these keys.
 * Knows:         the reader, the limits.
 * Must not know: doors, the cluster.
 */
import type { Config, DataDirectory, Role } from './config.ts';
import { configDefaults } from './config-defaults.ts';
import { isTable, type ConfigReader } from './config-reader.ts';
import { BLOCK_BYTES_MAX } from './limits.ts';

/** Smaller blocks drown in rows. */
const BLOCK_BYTES_MIN = 4096;
const AT_LEAST_ONE = { min: 1, max: Number.MAX_SAFE_INTEGER };

type StorageKeys =
  | 'metadataDir'
  | 'dataDirs'
  | 'metadataFsync'
  | 'dataFsync'
  | 'blockSizeBytes'
  | 'blockRamBufferBytesMax'
  | 'blockConcurrentReadsMax'
  | 'blockConcurrentWritesPerRequestMax'
  | 'minFreeBytes';

/** The keys of directories and blocks. */
export function readStorage(top: ConfigReader, roles: readonly Role[]): Pick<Config, StorageKeys> {
  return {
    metadataDir: top.requiredText('metadata_dir'),
    dataDirs: readDataDirectories(top, roles),
    metadataFsync: top.flag('metadata_fsync', configDefaults.metadataFsync),
    dataFsync: top.flag('data_fsync', configDefaults.dataFsync),
    blockSizeBytes: readBlockSize(top),
    blockRamBufferBytesMax: readRamBuffer(top),
    blockConcurrentReadsMax:
      top.integer('block_max_concurrent_reads', AT_LEAST_ONE) ??
      configDefaults.blockConcurrentReadsMax,
    blockConcurrentWritesPerRequestMax:
      top.integer('block_max_concurrent_writes_per_request', AT_LEAST_ONE) ??
      configDefaults.blockConcurrentWritesPerRequestMax,
    minFreeBytes: top.sizeBytes('min_free'),
  };
}

function readBlockSize(top: ConfigReader): number {
  const sizeBytes = top.sizeBytes('block_size') ?? configDefaults.blockSizeBytes;
  if (sizeBytes < BLOCK_BYTES_MIN || sizeBytes > BLOCK_BYTES_MAX) {
    const [min, max] = [BLOCK_BYTES_MIN, BLOCK_BYTES_MAX].map(String);
    top.problem('block_size', `must lie between ${min} and ${max} bytes`);
  }
  return sizeBytes;
}

function readRamBuffer(top: ConfigReader): number {
  const sizeBytes = top.sizeBytes('block_ram_buffer_max') ?? configDefaults.blockRamBufferBytesMax;
  if (sizeBytes < BLOCK_BYTES_MAX) {
    const min = String(BLOCK_BYTES_MAX);
    top.problem('block_ram_buffer_max', `must be at least ${min} bytes: a block has to fit`);
  }
  return sizeBytes;
}

/** A gateway without storage needs none. */
function readDataDirectories(top: ConfigReader, roles: readonly Role[]): readonly DataDirectory[] {
  const value = top.raw('data_dir');
  if (value === undefined) {
    if (roles.includes('storage')) top.problem('data_dir', 'is required');
    return [];
  }
  if (typeof value === 'string' && value !== '') {
    return [{ path: value, capacityBytes: undefined, isReadOnly: false }];
  }
  if (!Array.isArray(value) || value.length === 0 || !value.every(isTable)) {
    top.problem('data_dir', 'must be a path, or a list of tables with path and capacity');
    return [];
  }
  return readDirectoryList(top, value);
}

function readDirectoryList(
  top: ConfigReader,
  tables: readonly Readonly<Record<string, unknown>>[],
): readonly DataDirectory[] {
  const directories = tables.map((table, index) =>
    readDirectory(top.inner(`data_dir[${String(index)}]`, table)),
  );
  if (directories.every(directory => directory.isReadOnly)) {
    top.problem('data_dir', 'has no directory that can be written: one needs a capacity');
  }
  const paths = directories.map(directory => directory.path);
  if (new Set(paths).size !== paths.length) top.problem('data_dir', 'names a path twice');
  return directories;
}

function readDirectory(reader: ConfigReader): DataDirectory {
  const directory = {
    path: reader.requiredText('path'),
    capacityBytes: reader.sizeBytes('capacity'),
    isReadOnly: reader.flag('read_only', false),
  };
  if (directory.isReadOnly && reader.has('capacity')) {
    reader.problem('capacity', 'must not be set on a read-only directory');
  }
  if (!directory.isReadOnly && !reader.has('capacity')) {
    reader.problem('capacity', 'is required, or read_only = true');
  }
  if (directory.capacityBytes === 0) reader.problem('capacity', 'must be more than 0');
  reader.refuseUnknownKeys();
  return directory;
}
