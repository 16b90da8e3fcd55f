/**
 * What holds where `garage.toml` says nothing.
 *
 * Owns:          every default, in one object.
 * Knows:         the limits.
 * Must not know: keys, checks.
 */
import { BLOCK_BYTES_DEFAULT } from './limits.ts';

const MIB = 1024 * 1024;

/** Both fsyncs are on, unlike Garage's: a write that was acknowledged is kept. */
export const configDefaults = {
  metadataFsync: true,
  dataFsync: true,
  blockSizeBytes: BLOCK_BYTES_DEFAULT,
  blockRamBufferBytesMax: 256 * MIB,
  blockConcurrentReadsMax: 16,
  blockConcurrentWritesPerRequestMax: 3,
  consistencyMode: 'consistent',
  roles: ['gateway', 'storage'],
  region: 'garage',
  bucketNamespace: 'global',
  defaultObjectOwnership: 'BucketOwnerEnforced',
  defaultIndexShards: 1,
  controlHost: '127.0.0.1',
  natsClusterName: 'main',
  lifecycleDaySeconds: 86_400,
  blockDeleteDelaySeconds: 600,
} as const;
