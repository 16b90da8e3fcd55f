/**
 * Random messages about rows, blocks and settings, with every optional field present and absent.
 *
 * Owns:          the generators: one for each kind, which the compiler holds complete.
 * Knows:         the messages.
 * Must not know: how they are encoded.
 */
import fc from 'fast-check';
import type { BlockHash } from '../../../schemas/ids.ts';
import type { BlockReply, BlockRequest } from '../../../schemas/messages/block.ts';
import type { SettingsReply, SettingsRequest } from '../../../schemas/messages/settings.ts';
import type { ComparedRead, TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import type { SettingsRow } from '../../../schemas/records/settings-rows.ts';
import type { Kinded } from '../../../schemas/wire.ts';
import { aliasRows, bucketRows, keyRows } from '../records/arbitrary-buckets.ts';
import {
  blockLists,
  changedAcls,
  locks,
  retentions,
  bucketIds,
  objectKeys,
  objectRows,
  owners,
  partRefs,
  partRows,
  taggings,
  timestamps,
  uploadRows,
} from '../records/arbitrary-rows.ts';

/** For each kind a generator of its other fields; a kind that is forgotten does not compile. */
type Generators<Value extends Kinded> = {
  readonly [Kind in Value['kind']]: fc.Arbitrary<Omit<Extract<Value, { kind: Kind }>, 'kind'>>;
};

export function oneOfAll<Value extends Kinded>(generators: Generators<Value>): fc.Arbitrary<Value> {
  const entries = Object.entries<fc.Arbitrary<object>>(generators);
  const members = entries.map(([kind, fields]) => fields.map(inner => ({ kind, ...inner })));
  return fc.oneof(...members) as fc.Arbitrary<unknown> as fc.Arbitrary<Value>;
}

export const nothing = fc.constant({});
export const words = fc.string({ unit: 'grapheme', maxLength: 20 });
export const flags = fc.boolean();
export const counts = fc.oneof(fc.nat(300), fc.maxSafeNat());

/** All fields, or without any of those that are optional. */
export function withOptional<Required extends object, Optional extends object>(
  required: { [Key in keyof Required]: fc.Arbitrary<Required[Key]> },
  optional: { [Key in keyof Optional]: fc.Arbitrary<Optional[Key]> },
): fc.Arbitrary<Required & Partial<Optional>> {
  const requiredKeys = Object.keys(required) as never[];
  return fc.record({ ...required, ...optional }, { requiredKeys }) as fc.Arbitrary<
    Required & Partial<Optional>
  >;
}

export function hexes<Id extends string>(byteCount: number): fc.Arbitrary<Id> {
  return fc
    .uint8Array({ minLength: byteCount, maxLength: byteCount })
    .map(bytes => Buffer.from(bytes).toString('hex') as Id);
}

/** As an id: generators of stamps serve for every id that is one. */
function as<Id>(generator: fc.Arbitrary<unknown>): fc.Arbitrary<Id> {
  return generator as fc.Arbitrary<Id>;
}

const ids = as<never>(timestamps);
export const payloads = fc
  .oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ minLength: 5000, maxLength: 5000 }))
  .map(bytes => Buffer.from(bytes));
const places = fc.record({ bucket: bucketIds, shard: fc.nat(255), key: objectKeys });
const partitions = { bucket: bucketIds, shard: fc.nat(255) };
const starts = fc.record({ key: objectKeys, inclusive: flags });
const etags = fc.oneof(fc.constant('any' as const), fc.array(words, { maxLength: 3 }));
const versionRefs = fc.oneof(timestamps, fc.constant('null' as const));
const versionStarts = withOptional({ key: objectKeys }, { version: versionRefs });
const quotas = withOptional({ shards: counts }, { maxBytes: counts, maxObjects: counts });
const pages = { prefix: words, delimiter: words, limit: counts };

const roundNumbers = withOptional({ round: counts }, { collected: timestamps });
const forgotten = fc.record({ name: payloads, timestamp: timestamps });
const preparedRounds = fc.record({
  ballot: timestamps,
  round: counts,
  list: fc.array(forgotten, { maxLength: 3 }),
});
const storedRows = withOptional(
  { name: payloads, value: payloads },
  { inline: payloads, lists: fc.array(payloads, { maxLength: 3 }) },
);

const versionsAt = fc.record({ timestamp: timestamps, isNull: flags });

// ---- table --------------------------------------------------------------------------------------

export const tableRequests = oneOfAll<TableRequest>({
  'object-write': withOptional(
    { place: places, row: objectRows },
    {
      inline: payloads,
      condition: withOptional({}, { ifMatch: etags, ifNoneMatch: etags, ifVersion: ids }),
      completes: fc.record({ uploadId: ids, parts: fc.array(partRefs, { maxLength: 5 }) }),
      quota: quotas,
      isAbove: flags,
      voids: fc.array(timestamps, { maxLength: 3 }),
    },
  ),
  'object-change': withOptional(
    { place: places },
    {
      ...{ version: versionRefs, tagging: taggings, acl: changedAcls },
      retention: withOptional({ stamp: timestamps, mayBypass: flags }, { retention: retentions }),
      hold: fc.record({ stamp: timestamps, legalHold: flags }),
    },
  ),
  'object-read': withOptional(
    { place: places, want: fc.constantFrom('row', 'content') },
    { version: versionRefs },
  ),
  'version-delete': withOptional(
    { place: places, version: versionRefs, timestamp: timestamps },
    {
      condition: withOptional(
        {},
        { ifMatch: etags, ifVersion: ids, ifModifiedMs: counts, ifSizeBytes: counts },
      ),
      mayBypass: flags,
      at: versionsAt,
      lock: locks,
    },
  ),
  'version-check': withOptional({ place: places, at: versionsAt }, { uploadId: ids }),
  'version-list': withOptional({ ...partitions, ...pages }, { after: versionStarts }),
  'object-list': withOptional({ ...partitions, ...pages }, { from: starts, firsts: flags }),
  'manifest-write': fc.record({ owner: owners, index: counts, blocks: blockLists }),
  'manifest-read': fc.record({ id: ids, index: counts }),
  'manifest-drop': fc.record({ id: ids }),
  'upload-create': fc.record({ place: places, upload: uploadRows }),
  'upload-read': fc.record({ place: places, uploadId: ids }),
  'upload-abort': fc.record({ place: places, uploadId: ids, timestamp: timestamps }),
  'upload-list': withOptional(
    { ...partitions, ...pages },
    { after: withOptional({ key: words }, { uploadId: ids }), firsts: flags },
  ),
  'part-write': withOptional({ place: places, part: partRows }, { quota: quotas }),
  'part-list': fc.record({ place: places, uploadId: ids, after: counts, limit: counts }),
  'part-read': fc.record({
    place: places,
    uploadId: ids,
    partNumber: counts,
    attemptId: ids,
  }),
  'version-parts-read': fc.record({ place: places, versionId: ids, index: counts }),
  'owner-abort': fc.record({ owner: owners }),
  'owners-check': fc.record({
    owners: fc.array(fc.record({ owner: owners, mayBeUnderWay: flags }), { maxLength: 4 }),
  }),
  'counters-read': fc.record({ bucket: bucketIds }),
  'bucket-fence': fc.record({ bucket: bucketIds, token: words }),
  'bucket-unfence': fc.record({ bucket: bucketIds, token: words }),
  'bucket-probe': fc.record(partitions),
  'digest-read': nothing,
  'digest-rows': withOptional(
    { leaves: payloads, tables: fc.constantFrom('compared', 'all') },
    { after: payloads, upTo: payloads },
  ),
  'rows-read': fc.record({ names: fc.array(payloads, { maxLength: 4 }) }),
  'rows-merge': withOptional(
    { rows: fc.array(storedRows, { maxLength: 3 }) },
    { round: roundNumbers },
  ),
  'round-promise': fc.record({ ballot: timestamps }),
  'round-prepare': fc.record({ prepared: preparedRounds }),
  'round-check': fc.record({ list: fc.array(forgotten, { maxLength: 3 }) }),
  'round-enter': fc.record({ round: counts }),
  'reply-digest': fc.record({
    of: oneOfAll<ComparedRead>({
      'object-read': fc.record({ place: places, want: fc.constantFrom('row', 'content') }),
      'object-list': withOptional({ ...partitions, ...pages }, { from: starts }),
      'version-list': withOptional({ ...partitions, ...pages }, { after: versionStarts }),
      'upload-read': fc.record({ place: places, uploadId: ids }),
      'upload-list': fc.record({ ...partitions, ...pages }),
      'part-list': fc.record({ place: places, uploadId: ids, after: counts, limit: counts }),
    }),
  }),
});

const listedPrefixes = withOptional(
  { kind: fc.constant('prefix' as const), prefix: words },
  { first: fc.record({ key: objectKeys, mark: words }) },
);
const listedObjects = withOptional(
  {
    kind: fc.constant('object' as const),
    key: objectKeys,
    lastModifiedMs: counts,
    sizeBytes: counts,
    etag: words,
  },
  { checksum: fc.record({ algorithm: words, type: words }) },
);
const versionPrefixes = fc.record({ kind: fc.constant('prefix' as const), prefix: words });
const listedVersions = withOptional(
  {
    kind: fc.constant('version' as const),
    key: objectKeys,
    version: versionRefs,
    isLatest: flags,
    isMarker: flags,
    lastModifiedMs: counts,
    sizeBytes: counts,
    etag: words,
  },
  { checksum: fc.record({ algorithm: words, type: words }) },
);
const listedUploads = fc.record({
  kind: fc.constant('upload' as const),
  key: objectKeys,
  upload: uploadRows,
});

export const tableReplies = oneOfAll<TableReply>({
  written: withOptional(
    {},
    {
      replaced: fc.record({ sizeBytes: counts }),
      version: versionRefs,
      marker: fc.constant(true as const),
    },
  ),
  'no-such-version': fc.record({ because: fc.constantFrom('absent', 'marker') }),
  'version-locked': fc.record({ because: fc.constantFrom('held', 'clock') }),
  older: withOptional({ newest: timestamps }, { isForgotten: flags }),
  'condition-failed': fc.record({ because: fc.constantFrom('absent', 'mismatch') }),
  'bucket-closed': nothing,
  'no-such-upload': nothing,
  'completed-before': fc.record({ versionId: ids, etag: words }),
  aborted: nothing,
  object: withOptional({}, { row: objectRows, inline: payloads }),
  'quota-exceeded': nothing,
  'object-page': withOptional(
    { entries: fc.array(fc.oneof(listedObjects, listedPrefixes), { maxLength: 5 }) },
    { next: starts },
  ),
  'version-page': withOptional(
    { entries: fc.array(fc.oneof(listedVersions, versionPrefixes), { maxLength: 5 }) },
    { next: versionStarts },
  ),
  'version-checked': fc.record({ isOver: flags, isUploadNamed: flags }),
  manifest: withOptional({}, { blocks: blockLists }),
  upload: fc.record({ upload: uploadRows }),
  'upload-page': fc.record({
    entries: fc.array(fc.oneof(listedUploads, listedPrefixes), { maxLength: 4 }),
    truncated: flags,
  }),
  parts: fc.record({
    upload: uploadRows,
    parts: fc.array(partRows, { maxLength: 3 }),
    truncated: flags,
  }),
  part: withOptional({}, { part: partRows }),
  'version-parts': fc.record({ parts: fc.array(partRefs, { maxLength: 5 }) }),
  owners: fc.record({ states: fc.array(fc.constantFrom('live', 'under-way', 'dead')) }),
  counters: fc.record({
    counters: fc.record({
      objects: counts,
      bytes: counts,
      uploads: counts,
      uploadParts: counts,
      uploadBytes: counts,
    }),
  }),
  fenced: fc.record({ token: words }),
  probed: fc.record({ empty: flags }),
  digest: withOptional(
    { round: counts },
    { tree: fc.record({ leaves: payloads, unquiet: payloads }) },
  ),
  rows: fc.record({
    rows: fc.array(storedRows, { maxLength: 3 }),
    handled: counts,
    round: roundNumbers,
  }),
  'stale-round': fc.record({ round: counts }),
  round: withOptional({ round: counts }, { prepared: preparedRounds }),
  'round-refused': fc.record({ promised: timestamps }),
  'round-held': fc.record({ held: fc.array(flags, { maxLength: 4 }) }),
  merged: fc.record({ changed: counts }),
  'reply-digest': fc.record({ digest: payloads }),
  'stale-layout': fc.record({ state: payloads }),
  'digest-page': withOptional(
    { rows: fc.array(fc.record({ name: payloads, item: payloads }), { maxLength: 4 }) },
    { next: payloads },
  ),
  overloaded: nothing,
  'deadline-passed': nothing,
  unknown: nothing,
  'no-space': nothing,
  'stamp-ahead': nothing,
  damaged: nothing,
  'not-understood': nothing,
});

// ---- blocks -------------------------------------------------------------------------------------

const hashes = hexes<BlockHash>(32);

export const blockRequests = oneOfAll<BlockRequest>({
  'block-store': fc.record({ hash: hashes, bytes: payloads, checksums: payloads, owner: owners }),
  'reference-add': fc.record({ hash: hashes, owner: owners }),
  'references-release': fc.record({ owner: owners, hashes: fc.array(hashes, { maxLength: 5 }) }),
  'block-read': fc.record({ hash: hashes, blockBytes: counts, first: counts, length: counts }),
  'block-fetch': fc.record({ hash: hashes }),
  'references-compare': fc.record({ root: payloads }),
  'references-list': withOptional({ leaf: counts }, { after: payloads }),
  'blocks-have': fc.record({ hashes: fc.array(hashes, { maxLength: 5 }) }),
});

const references = fc.record({ hash: hashes, owner: owners });
const holdings = fc.constantFrom('kept' as const, 'wanted' as const, 'unknown' as const);

export const blockReplies = oneOfAll<BlockReply>({
  stored: fc.record({ added: flags }),
  referenced: nothing,
  'send-it': nothing,
  released: nothing,
  bytes: fc.record({ bytes: payloads }),
  absent: nothing,
  whole: fc.record({ bytes: payloads, checksums: payloads }),
  compared: withOptional({}, { leaves: payloads }),
  references: withOptional(
    { references: fc.array(references, { maxLength: 4 }) },
    { next: payloads },
  ),
  holdings: fc.record({ holdings: fc.array(holdings, { maxLength: 5 }) }),
  'stale-layout': fc.record({ state: payloads }),
  damaged: nothing,
  garbled: nothing,
  'no-space': nothing,
  unknown: nothing,
  overloaded: nothing,
  'deadline-passed': nothing,
  'not-understood': nothing,
});

// ---- settings -----------------------------------------------------------------------------------

export const settingsRows: fc.Arbitrary<SettingsRow> = fc.oneof(bucketRows, aliasRows, keyRows);

const tables = fc.constantFrom('bucket' as const, 'alias' as const, 'key' as const);

const settingsPlaces = fc.record({ table: tables, id: words });
const decidedRows = fc.record({
  row: settingsRows,
  ancestors: fc.array(timestamps, { maxLength: 4 }),
});
const undecidedRows = fc.record({ ballot: timestamps, base: timestamps, row: settingsRows });

export const settingsRequests = oneOfAll<SettingsRequest>({
  'settings-read': fc.record({ table: tables, id: words }),
  'settings-list': fc.record({ table: tables, after: words, limit: counts }),
  'settings-decide': withOptional({ row: settingsRows }, { base: timestamps }),
  'settings-promise': fc.record({ table: tables, id: words, ballot: timestamps }),
  'settings-accept': withOptional({ ballot: timestamps, row: settingsRows }, { base: decidedRows }),
  'settings-probe': fc.record({ table: tables, id: words }),
  'settings-learn': fc.record({ decided: decidedRows }),
  'settings-digest': fc.record({ root: payloads }),
  'settings-pull': withOptional({ buckets: fc.array(fc.nat(255)) }, { after: settingsPlaces }),
});

export const settingsReplies = oneOfAll<SettingsReply>({
  'settings-row': withOptional({}, { row: settingsRows }),
  'settings-rows': fc.record({ rows: fc.array(settingsRows, { maxLength: 4 }) }),
  decided: nothing,
  lost: withOptional({}, { row: settingsRows }),
  'settings-state': withOptional(
    {},
    { promised: timestamps, decided: decidedRows, accepted: undecidedRows },
  ),
  accepted: nothing,
  learned: nothing,
  'stale-layout': fc.record({ state: payloads }),
  behind: nothing,
  'settings-digests': withOptional(
    { undecided: fc.array(settingsPlaces, { maxLength: 3 }) },
    { buckets: payloads },
  ),
  'settings-page': withOptional(
    { rows: fc.array(decidedRows, { maxLength: 3 }) },
    { next: settingsPlaces },
  ),
  unknown: nothing,
  'no-space': nothing,
  damaged: nothing,
  overloaded: nothing,
  'deadline-passed': nothing,
  'not-understood': nothing,
});

export const settingsChanges = fc.record({ table: tables, id: words });
