/**
 * Listings and uploads as simple as they can be, for a cluster of fake tables.
 *
 * Owns:          the naive twin of the table actors' listings; the life of uploads.
 * Knows:         the table messages.
 * Must not know: the code under test.
 */
import { shardOfKey, type ObjectKey } from '../../../schemas/ids.ts';
import type {
  ListedEntry,
  ListedUpload,
  TableReply,
  TableRequest,
} from '../../../schemas/messages/table.ts';
import type { PartRow } from '../../../schemas/records/upload-row.ts';
import { timestampMs } from '../../../schemas/timestamp.ts';
import type { FakeTables } from '../../support/fake-tables.ts';

export type NaiveListsOptions = {
  readonly shards: number;
  /** An actor may answer with fewer entries than asked for, and say where to go on. */
  readonly entriesPerAnswer?: number;
};

/** Answers what FakeTables does not; to be used as its `interfere`. */
export class NaiveLists {
  readonly #tables: FakeTables;
  readonly #options: NaiveListsOptions;
  /** The key of each upload. */
  readonly uploadKeys = new Map<string, ObjectKey>();
  partRequests = 0;

  constructor(tables: FakeTables, options: NaiveListsOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  answer(request: TableRequest): TableReply | { readonly after: TableReply } | undefined {
    switch (request.kind) {
      case 'object-list':
        return this.#objectPage(request);
      case 'upload-list':
        return this.#uploadPage(request);
      case 'upload-create':
        this.uploadKeys.set(request.upload.uploadId, request.place.key);
        return undefined;
      case 'upload-abort':
        return this.#abort(request);
      case 'upload-read':
      case 'part-write':
        return this.#isOfKey(request) ? undefined : { kind: 'no-such-upload' };
      case 'part-list':
        return this.#partPage(request);
      case 'object-write':
        return this.#complete(request);
      default:
        return undefined;
    }
  }

  #isOfKey(
    request: Extract<TableRequest, { kind: 'upload-read' | 'part-write' | 'part-list' }>,
  ): boolean {
    const uploadId = request.kind === 'part-write' ? request.part.uploadId : request.uploadId;
    return this.uploadKeys.get(uploadId) === request.place.key;
  }

  #objectPage(request: Extract<TableRequest, { kind: 'object-list' }>): TableReply {
    const { bucket, shard, prefix, delimiter, from, limit } = request;
    const keys: ObjectKey[] = [];
    for (const [name, { row }] of this.#tables.objects) {
      const key = name.slice(bucket.length + 1) as ObjectKey;
      const isHere = name.startsWith(`${bucket}/`) && this.#shardOf(key) === shard;
      if (isHere && row.kind === 'version' && key.startsWith(prefix)) keys.push(key);
    }
    const entries = new Map<string, ListedEntry>();
    for (const key of keys.sort(byBytes)) {
      if (from !== undefined && !isBehind(key, from, { prefix, delimiter })) continue;
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const common = at < 0 ? undefined : key.slice(0, at + delimiter.length);
      entries.set(common ?? key, common === undefined ? this.#listed(bucket, key) : folded(common));
    }
    const all = [...entries];
    const page = all.slice(0, Math.min(limit, this.#options.entriesPerAnswer ?? limit));
    const last = page.at(-1);
    const found = page.map(([, entry]) => entry);
    if (page.length === all.length || last === undefined)
      return { kind: 'object-page', entries: found };
    const next = { key: last[0] as ObjectKey, inclusive: false };
    return { kind: 'object-page', entries: found, next };
  }

  #shardOf(key: ObjectKey): number {
    return shardOfKey(key, this.#options.shards);
  }

  #listed(bucket: string, key: ObjectKey): ListedEntry {
    const row = this.#tables.objects.get(`${bucket}/${key}`)?.row;
    if (row?.kind !== 'version') throw new Error('only versions are listed');
    const { sizeBytes, etag, checksum, timestamp } = row;
    const lastModifiedMs = timestampMs(timestamp);
    const listed = { kind: 'object', key, lastModifiedMs, sizeBytes, etag } as const;
    return checksum === undefined ? listed : { ...listed, checksum };
  }

  #uploadPage(request: Extract<TableRequest, { kind: 'upload-list' }>): TableReply {
    const { shard, prefix, delimiter, after, limit } = request;
    const uploads = [...this.#tables.uploads.values()]
      .filter(({ state }) => state.kind === 'open')
      .map((upload): ListedUpload => {
        const key = this.uploadKeys.get(upload.uploadId) ?? ('' as ObjectKey);
        return { kind: 'upload', key, upload };
      })
      .filter(({ key }) => this.#shardOf(key) === shard && key.startsWith(prefix))
      .sort((a, b) => byBytes(a.key, b.key) || (a.upload.uploadId < b.upload.uploadId ? -1 : 1));
    const entries = new Map<string, ListedUpload | { kind: 'prefix'; prefix: string }>();
    for (const entry of uploads) {
      const { key } = entry;
      const isSameKey = after?.uploadId !== undefined && key === after.key;
      const isListed =
        after === undefined ||
        (isSameKey
          ? entry.upload.uploadId > (after.uploadId ?? '')
          : isBehind(key, { key: after.key, inclusive: false }, { prefix, delimiter }));
      if (!isListed) continue;
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const common = key.slice(0, at + delimiter.length);
      if (at < 0) entries.set(`${key}\0${entry.upload.uploadId}`, entry);
      else entries.set(common, folded(common));
    }
    const all = [...entries.values()];
    return {
      kind: 'upload-page',
      entries: all.slice(0, limit),
      truncated: all.length > limit,
    };
  }

  #abort(request: Extract<TableRequest, { kind: 'upload-abort' }>): TableReply {
    const { uploadId, place, timestamp } = request;
    const upload = this.#tables.uploads.get(uploadId);
    const isOpen = upload?.state.kind === 'open' && this.uploadKeys.get(uploadId) === place.key;
    if (!isOpen) return { kind: 'no-such-upload' };
    this.#tables.uploads.set(uploadId, { ...upload, timestamp, state: { kind: 'aborted' } });
    return { kind: 'written' };
  }

  #partPage(request: Extract<TableRequest, { kind: 'part-list' }>): TableReply {
    this.partRequests += 1;
    const upload = this.#tables.uploads.get(request.uploadId);
    if (upload?.state.kind !== 'open' || !this.#isOfKey(request)) return { kind: 'no-such-upload' };
    const newest = new Map<number, PartRow>();
    for (const part of this.#tables.parts.values()) {
      const isNewer = (newest.get(part.partNumber)?.timestamp ?? '') < part.timestamp;
      const isWanted = part.uploadId === request.uploadId && part.partNumber > request.after;
      if (isWanted && isNewer) newest.set(part.partNumber, part);
    }
    const parts = [...newest.values()].sort((a, b) => a.partNumber - b.partNumber);
    const page = parts.slice(0, request.limit);
    return { kind: 'parts', upload, parts: page, truncated: page.length < parts.length };
  }

  #complete(
    request: Extract<TableRequest, { kind: 'object-write' }>,
  ): TableReply | { readonly after: TableReply } | undefined {
    const { completes, row } = request;
    if (completes === undefined || row.kind !== 'version') return undefined;
    const { uploadId } = completes;
    const upload = this.#tables.uploads.get(uploadId);
    if (upload?.state.kind !== 'open') return { kind: 'no-such-upload' };
    const { versionId, etag } = row;
    const failed = this.#failedCondition(request);
    if (failed !== undefined) return failed;
    const state = { kind: 'completed', versionId, etag } as const;
    this.#tables.uploads.set(uploadId, { ...upload, state });
    return undefined;
  }

  #failedCondition({
    place,
    condition,
  }: Extract<TableRequest, { kind: 'object-write' }>): TableReply | undefined {
    const row = this.#tables.objects.get(`${place.bucket}/${place.key}`)?.row;
    const isThere = row?.kind === 'version';
    if (condition?.ifNoneMatch === 'any' && isThere) {
      return { kind: 'condition-failed', because: 'mismatch' };
    }
    if (condition?.ifMatch === undefined) return undefined;
    if (!isThere) return { kind: 'condition-failed', because: 'absent' };
    const isMatch = condition.ifMatch === 'any' || condition.ifMatch.includes(row.etag);
    return isMatch ? undefined : { kind: 'condition-failed', because: 'mismatch' };
  }
}

function folded(prefix: string): { kind: 'prefix'; prefix: string } {
  return { kind: 'prefix', prefix };
}

/** Behind a key; behind all keys of it when it is a common prefix. */
function isBehind(
  key: string,
  from: { readonly key: string; readonly inclusive: boolean },
  { prefix, delimiter }: { readonly prefix: string; readonly delimiter: string },
): boolean {
  if (from.inclusive) return byBytes(key, from.key) >= 0;
  const at = delimiter === '' ? -1 : from.key.indexOf(delimiter, prefix.length);
  const isCommon =
    at >= 0 && from.key.startsWith(prefix) && at + delimiter.length === from.key.length;
  return byBytes(key, from.key) > 0 && !(isCommon && key.startsWith(from.key));
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export type Twin = { readonly keys: readonly string[]; readonly prefixes: readonly string[] };

/** All that a listing has, as S3 documents it. */
export function twin(keys: readonly string[], prefix: string, delimiter: string): Twin {
  const matching = [...new Set(keys)].filter(key => key.startsWith(prefix)).sort(byBytes);
  const plain: string[] = [];
  const prefixes = new Set<string>();
  for (const key of matching) {
    const rest = key.slice(prefix.length);
    const at = delimiter === '' ? -1 : rest.indexOf(delimiter);
    if (at < 0) plain.push(key);
    else prefixes.add(prefix + rest.slice(0, at) + delimiter);
  }
  return { keys: plain, prefixes: [...prefixes] };
}
