/**
 * The names of things, each a brand of its own so that one is never taken for another.
 *
 * Owns:          the brands and the only functions that make them.
 * Knows:         the lengths and alphabets.
 * Must not know: what the named things hold.
 */
import { createHash } from 'node:crypto';
import type { Timestamp } from './timestamp.ts';

/** 64 hex digits: an Ed25519 public key. */
export type NodeId = string & { readonly __brand: 'NodeId' };
/** 64 hex digits, random. */
export type BucketId = string & { readonly __brand: 'BucketId' };
export type AccessKeyId = string & { readonly __brand: 'AccessKeyId' };
/** Any valid UTF-8 of 1 to 1024 bytes, never normalised. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' };
/** 64 hex digits: the SHA-256 of the block's bytes. */
export type BlockHash = string & { readonly __brand: 'BlockHash' };
/** 0 to 255: a slice of the hash space. */
export type PartitionId = number & { readonly __brand: 'PartitionId' };
/** The stamp at which the version was begun; 32 hex digits. */
export type VersionId = Timestamp & { readonly __id: 'VersionId' };
/** The stamp at which the upload was begun; 32 hex digits. */
export type UploadId = Timestamp & { readonly __id: 'UploadId' };
/** One try at uploading one part; 32 hex digits. */
export type AttemptId = Timestamp & { readonly __id: 'AttemptId' };

export const PARTITION_COUNT = 256;
const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_32 = /^[0-9a-f]{32}$/;

function parser<Brand extends string>(pattern: RegExp): (text: string) => Brand | undefined {
  return text => (pattern.test(text) ? (text as Brand) : undefined);
}

export const parseNodeId = parser<NodeId>(HEX_64);
export const parseBucketId = parser<BucketId>(HEX_64);
export const parseBlockHash = parser<BlockHash>(HEX_64);
export const parseUploadId = parser<UploadId>(HEX_32);
export const parseVersionId = parser<VersionId>(HEX_32);

/** Garage's rule since 2.3: at least 8 of `[A-Za-z0-9._-]`. */
export const parseAccessKeyId = parser<AccessKeyId>(/^[A-Za-z0-9._-]{8,128}$/);

export function versionIdOf(timestamp: Timestamp): VersionId {
  return timestamp as VersionId;
}

export function uploadIdOf(timestamp: Timestamp): UploadId {
  return timestamp as UploadId;
}

export function attemptIdOf(timestamp: Timestamp): AttemptId {
  return timestamp as AttemptId;
}

export function partitionId(index: number): PartitionId {
  return (index & 0xff) as PartitionId;
}

export const PARTITIONS: readonly PartitionId[] = Array.from(
  { length: PARTITION_COUNT },
  (_, index) => partitionId(index),
);

/** Where a block, and the references to it, live: the first byte of its hash. */
export function partitionOfBlock(hash: BlockHash): PartitionId {
  return Number.parseInt(hash.slice(0, 2), 16) as PartitionId;
}

/** Where rows live: the first byte of SHA-256(partition key). */
export function partitionOfKey(partitionKey: string): PartitionId {
  return createHash('sha256').update(partitionKey).digest()[0] as PartitionId;
}

/** The partition of one index shard of a bucket: all object rows of that shard are there. */
export function partitionOfShard(bucket: BucketId, shard: number): PartitionId {
  return partitionOfKey(shard === 0 ? bucket : `${bucket}/${String(shard)}`);
}

/** Which index shard of a bucket holds an object key. */
export function shardOfKey(key: ObjectKey, shardCount: number): number {
  if (shardCount === 1) return 0;
  return createHash('sha256').update(key).digest().readUInt16BE(0) % shardCount;
}
