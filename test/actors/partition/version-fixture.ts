/**
 * Short ways to write, delete and list versions of one partition.
 *
 * Owns:          the requests, as gateways make them for each status of a bucket.
 * Knows:         the partition's messages.
 * Must not know: what is tested.
 */
import type {
  ListedVersion,
  ObjectWrite,
  VersionDelete,
  VersionStart,
} from '../../../schemas/messages/table.ts';
import type { VersionRef } from '../../../schemas/records/object-row.ts';
import { makeTimestamp, type Timestamp } from '../../../schemas/timestamp.ts';
import { at, bucket, LIVE_STAMPER, remove, stamp, type Fixture } from './partition-fixture.ts';

export type { Fixture } from './partition-fixture.ts';

export type Status = 'never' | 'enabled' | 'suspended';

export function stampOf(tick: number, counter: number): Timestamp {
  return makeTimestamp(1_700_000_000_000 + tick, counter, LIVE_STAMPER);
}

export function writeOf(write: ObjectWrite, status: Status): ObjectWrite {
  if (status !== 'enabled' || write.row.kind === 'tombstone') return write;
  return { ...write, row: { ...write.row, versioned: true } };
}

export function deleteOf(key: string, tick: number, status: Status): ObjectWrite {
  if (status === 'never') return remove(key, tick);
  const marker = { kind: 'marker', timestamp: stamp(tick) } as const;
  const row = status === 'enabled' ? { ...marker, versioned: true as const } : marker;
  return { kind: 'object-write', place: at(key), row };
}

export function versionDelete(key: string, version: VersionRef, tick: number): VersionDelete {
  return { kind: 'version-delete', place: at(key), version, timestamp: stamp(tick) };
}

type Wanted = { readonly limit: number; readonly prefix?: string; readonly delimiter?: string };

/** All pages; a common prefix is shown as a key. */
export async function listAll(f: Fixture, wanted: Wanted): Promise<ListedVersion[]> {
  const { limit, prefix = '', delimiter = '' } = wanted;
  const all: ListedVersion[] = [];
  let after: VersionStart | undefined;
  do {
    const request = { kind: 'version-list', bucket, shard: 0, prefix, delimiter, limit } as const;
    const reply = await f.ask(after === undefined ? request : { ...request, after });
    if (reply.kind !== 'version-page') throw new Error(reply.kind);
    if (reply.entries.length > limit) throw new Error('a page that is too long');
    for (const entry of reply.entries) {
      all.push(entry.kind === 'version' ? entry : ({ key: entry.prefix } as ListedVersion));
    }
    after = reply.next;
  } while (after !== undefined);
  return all;
}
