/**
 * A table partition the simple way: maps, copied for every request.
 *
 * Owns:          what each write is to be answered with, and the state it leaves.
 * Knows:         the messages and the promises of the protocol.
 * Must not know: rows, batches, stores.
 *
 * Only what the random sequences of the model test send is handled.
 */
import type { ObjectWrite, TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import type { ObjectRow, PartRef } from '../../../schemas/records/object-row.ts';

type Head = {
  readonly kind: ObjectRow['kind'];
  readonly timestamp: string;
  readonly versionId: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly content: string;
};
type Upload = { readonly key: string; readonly parts: Record<string, number> };
type Ended = {
  readonly key: string;
  readonly kind: 'aborted' | 'completed';
  readonly timestamp: string;
  readonly versionId: string;
  readonly etag: string;
};

export type NaiveState = {
  readonly heads: Record<string, Head>;
  readonly open: Record<string, Upload>;
  readonly ended: Record<string, Ended>;
  /** What the release queue must hold: `version <id>`, `upload <id>`, `leftovers <id>`. */
  readonly releases: Record<string, true>;
  readonly marks: Record<string, true>;
  readonly fence: string | null;
  /** The newest deletion. */
  readonly forgotten: string | null;
};

export const EMPTY_STATE: NaiveState = {
  heads: {},
  open: {},
  ended: {},
  releases: {},
  marks: {},
  fence: null,
  forgotten: null,
};

export type NaiveCounters = readonly [
  objects: number,
  bytes: number,
  uploads: number,
  parts: number,
  partBytes: number,
];

export function countNaively(state: NaiveState): NaiveCounters {
  const versions = Object.values(state.heads).filter(head => head.kind === 'version');
  const uploads = Object.values(state.open);
  const parts = uploads.flatMap(upload => Object.values(upload.parts));
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
  const bytes = sum(versions.map(version => version.sizeBytes));
  return [versions.length, bytes, uploads.length, parts.length, sum(parts)];
}

type Outcome = { readonly reply: TableReply; readonly state: NaiveState };
type Draft = { -readonly [Field in keyof NaiveState]: NaiveState[Field] };

const WRITTEN: TableReply = { kind: 'written' };

/** What the request is answered with, and what is true then. */
export function applyNaively(before: NaiveState, request: TableRequest): Outcome {
  const state: Draft = structuredClone(before);
  const reply = answer(state, request);
  return { reply, state };
}

function answer(state: Draft, request: TableRequest): TableReply {
  switch (request.kind) {
    case 'object-write':
      return write(state, request);
    case 'upload-create':
      return create(state, request);
    case 'part-write':
      return part(state, request);
    case 'upload-abort': {
      const ended = state.ended[request.uploadId];
      if (state.open[request.uploadId] === undefined) {
        const isSame = ended?.kind === 'aborted' && ended.timestamp === request.timestamp;
        return isSame ? WRITTEN : { kind: 'no-such-upload' };
      }
      Reflect.deleteProperty(state.open, request.uploadId);
      const { key } = request.place;
      const nothing = { versionId: '', etag: '' };
      state.ended[request.uploadId] = {
        key,
        kind: 'aborted',
        timestamp: request.timestamp,
        ...nothing,
      };
      state.releases[`upload ${request.uploadId}`] = true;
      return WRITTEN;
    }
    case 'owner-abort': {
      const { owner } = request;
      if (owner.kind !== 'version') throw new Error('not modelled');
      if (state.heads[owner.key]?.versionId === owner.versionId) {
        return { kind: 'owners', states: ['live'] };
      }
      state.marks[owner.versionId] = true;
      return { kind: 'aborted' };
    }
    case 'bucket-fence':
      if (state.fence === null || request.token > state.fence) state.fence = request.token;
      return { kind: 'fenced', token: state.fence };
    case 'bucket-unfence':
      if (state.fence !== null && state.fence > request.token) {
        return { kind: 'fenced', token: state.fence };
      }
      state.fence = null;
      return WRITTEN;
    default:
      throw new Error('not modelled');
  }
}

function create(
  state: Draft,
  { place, upload }: Extract<TableRequest, { kind: 'upload-create' }>,
): TableReply {
  if (state.fence !== null) return { kind: 'bucket-closed' };
  if (state.ended[upload.uploadId] !== undefined) return { kind: 'no-such-upload' };
  state.open[upload.uploadId] ??= { key: place.key, parts: {} };
  return WRITTEN;
}

function part(
  state: Draft,
  { part: row }: Extract<TableRequest, { kind: 'part-write' }>,
): TableReply {
  if (state.fence !== null) return { kind: 'bucket-closed' };
  const upload = state.open[row.uploadId];
  if (upload === undefined) return { kind: 'no-such-upload' };
  upload.parts[`${String(row.partNumber)} ${row.attemptId}`] = row.sizeBytes;
  return WRITTEN;
}

function write(state: Draft, request: ObjectWrite): TableReply {
  const { place, row, completes } = request;
  const head = state.heads[place.key];
  const current = head?.kind === 'version' ? head : undefined;
  if (state.fence !== null) return { kind: 'bucket-closed' };
  if (head?.timestamp === row.timestamp) return WRITTEN;
  const isInline = row.kind !== 'version' || row.content.kind === 'inline';
  if (!isInline && state.marks[row.versionId]) return { kind: 'aborted' };
  const refused = completes && refusedCompletion(state, request, current);
  if (refused !== undefined) return refused;
  if (head !== undefined && head.timestamp > row.timestamp) {
    return { kind: 'older', newest: head.timestamp as never };
  }
  if (head === undefined && state.forgotten !== null && row.timestamp <= state.forgotten) {
    return { kind: 'older', newest: state.forgotten as never, isForgotten: true };
  }
  const because = failed(request, current);
  if (because !== undefined) return { kind: 'condition-failed', because };
  if (row.kind === 'tombstone' && current === undefined) return WRITTEN;
  if (completes !== undefined) end(state, request, completes);
  if (row.kind === 'tombstone') forget(state, place.key, row.timestamp);
  else state.heads[place.key] = headOf(row);
  // One version with two contents is told apart: nobody sends it, but its bytes must not stay.
  const keepsBytes = isInline || current?.content !== 'inline';
  const isSame = row.kind === 'version' && row.versionId === current?.versionId && keepsBytes;
  if (current === undefined || isSame) return WRITTEN;
  if (current.content !== 'inline') state.releases[`version ${current.versionId}`] = true;
  return { kind: 'written', replaced: { sizeBytes: current.sizeBytes } };
}

function forget(state: Draft, key: string, timestamp: string): void {
  Reflect.deleteProperty(state.heads, key);
  if (state.forgotten === null || timestamp > state.forgotten) state.forgotten = timestamp;
}

function headOf(row: ObjectRow): Head {
  if (row.kind !== 'version') {
    const nothing = { versionId: '', sizeBytes: 0, etag: '', content: '' };
    return { kind: row.kind, timestamp: row.timestamp, ...nothing };
  }
  const { kind, timestamp, versionId, sizeBytes, etag, content } = row;
  return { kind, timestamp, versionId, sizeBytes, etag, content: content.kind };
}

function refusedCompletion(
  state: Draft,
  { row, completes }: ObjectWrite,
  head: Head | undefined,
): TableReply | undefined {
  const id = completes!.uploadId;
  const upload = state.open[id];
  if (upload !== undefined) return undefined;
  const ended = state.ended[id];
  const etag = row.kind === 'version' ? row.etag : '';
  const isRepeated = ended?.kind === 'completed' && ended.etag === etag;
  if (!isRepeated || head?.versionId !== ended.versionId) return { kind: 'no-such-upload' };
  return { kind: 'completed-before', versionId: ended.versionId as never, etag };
}

function end(
  state: Draft,
  { place, row }: ObjectWrite,
  { uploadId, parts }: { uploadId: string; parts: readonly PartRef[] },
): void {
  if (row.kind !== 'version') return;
  const { timestamp, versionId, etag } = row;
  const attempts = Object.keys(state.open[uploadId]!.parts).length;
  Reflect.deleteProperty(state.open, uploadId);
  state.ended[uploadId] = { key: place.key, kind: 'completed', timestamp, versionId, etag };
  if (attempts > parts.length) state.releases[`leftovers ${uploadId}`] = true;
}

function failed(
  { condition }: ObjectWrite,
  current: Head | undefined,
): 'absent' | 'mismatch' | undefined {
  const names = (tags: readonly string[] | 'any', etag: string): boolean =>
    tags === 'any' || tags.includes(etag);
  const { ifMatch, ifNoneMatch } = condition ?? {};
  if (ifMatch !== undefined && current === undefined) return 'absent';
  if (ifMatch !== undefined && !names(ifMatch, current!.etag)) return 'mismatch';
  const isThere = current !== undefined && ifNoneMatch !== undefined;
  return isThere && names(ifNoneMatch, current.etag) ? 'mismatch' : undefined;
}
