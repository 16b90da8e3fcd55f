/**
 * Gives back what one entry of the release queue names: references, manifests, part rows.
 *
 * Owns:          the order of those steps.
 * Knows:         the rows of its own partition; manifests and blocks through ports.
 * Must not know: when it is called, and how often.
 *
 * The order makes every step repeatable after a crash: references end before the rows that tell of
 * them go, and the entry goes last. What is not there any more was done before. Where there are
 * other replicas, each works off its own queue, and the checks say when an entry's time has come.
 * What cannot be read tells nothing: the walk over all references finds those later.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { partitionOfManifest } from '../../bus/table-client.ts';
import type { BlockHash, UploadId } from '../../schemas/ids.ts';
import { MANIFEST_ROW_BLOCKS, PART_LIST_ROW_PARTS, PART_NUMBER_MAX } from '../../schemas/limits.ts';
import type { BlockList } from '../../schemas/records/block-list.ts';
import { unpackBlocks } from '../../schemas/records/block-list.ts';
import type { BlockOwner, PartOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { ObjectVersion, PartRef } from '../../schemas/records/object-row.ts';
import type { ReleaseEntry } from '../../schemas/records/release-entry.ts';
import type { PartRow, UploadState } from '../../schemas/records/upload-row.ts';
import { decodePartRow } from '../../schemas/records/upload-row.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import { findVersionById } from './history-rows.ts';
import type { ReplicaQuestions } from './release-checks.ts';
import { ReleaseChecks } from './release-checks.ts';
import { attemptsOfVersion, partListRowCount, readPartListRow } from './part-lists.ts';
import {
  partListRowKey,
  partOfRowKey,
  partRowKey,
  partRowRange,
  releaseRowKey,
} from './row-keys.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';
import { readEndedUpload } from './stored-rows.ts';
import type { TablePartition } from './table-partition.ts';
import { versionsOfUpload } from './version-checks.ts';
import type { WriteStep } from './write-step.ts';

export type ReleasePorts = {
  readonly tables: Pick<TableClient, 'ask'> & ReplicaQuestions;
  readonly blocks: Pick<BlockClient, 'releaseReferences'>;
};

export type ReleaseOutcome = 'released' | 'failed';

type VersionEntry = Extract<ReleaseEntry, { kind: 'version' }>;
type UploadEntry = Exclude<ReleaseEntry, VersionEntry>;
/** One attempt at a part: its row's key, and the row unless that is damaged. */
type Attempt = { readonly key: Buffer; readonly row: PartRow | 'damaged' };

/** Part rows that are worked on at a time. */
const PARTS_AT_ONCE = 16;

export class Release {
  readonly #partition: TablePartition;
  readonly #ports: ReleasePorts;
  readonly #checks: ReleaseChecks;

  constructor(partition: TablePartition, ports: ReleasePorts) {
    this.#partition = partition;
    this.#ports = ports;
    this.#checks = new ReleaseChecks(partition, ports.tables);
  }

  /** `failed`: some of it is not done; to be called again. Throws what the store throws. */
  async run(asked: ReleaseEntry): Promise<ReleaseOutcome> {
    const entry = asked.kind === 'upload' ? this.#asItEnded(asked) : asked;
    const verdict = await this.#checks.verdict(entry);
    if (verdict === 'wait') return 'failed';
    if (verdict === 'lives') {
      return this.#end(step => step.batch.delete(releaseRowKey(step.partition, entry)));
    }
    if (entry.kind === 'version') return this.#version(entry);
    return this.#upload(entry, verdict);
  }

  async #version(entry: VersionEntry): Promise<ReleaseOutcome> {
    const { place, versionId, content } = entry;
    const owner: BlockOwner = { kind: 'version', ...place, versionId };
    const outcome =
      content.kind === 'parts'
        ? await this.#partsOfVersion(entry)
        : await this.#content(owner, content);
    if (outcome === 'failed') return 'failed';
    return this.#end(step => endVersion(step, entry));
  }

  async #content(
    owner: BlockOwner,
    content: PartRow['content'] | { readonly kind: 'inline' },
  ): Promise<ReleaseOutcome> {
    switch (content.kind) {
      case 'inline':
        return 'released';
      case 'blocks':
        return this.#ports.blocks.releaseReferences(owner, hashesOf(content.blocks));
      case 'manifest':
        return this.#manifest(owner, content.blockCount);
    }
  }

  async #manifest(owner: BlockOwner, blockCount: number): Promise<ReleaseOutcome> {
    const id = ownerId(owner);
    const partition = partitionOfManifest(id);
    for (let index = 0; index * MANIFEST_ROW_BLOCKS < blockCount; index += 1) {
      const reply = await this.#ports.tables.ask(partition, { kind: 'manifest-read', id, index });
      if (reply.kind === 'damaged') continue;
      if (reply.kind !== 'manifest') return 'failed';
      if (reply.blocks === undefined) continue;
      const hashes = hashesOf(reply.blocks);
      const outcome = await this.#ports.blocks.releaseReferences(owner, hashes);
      if (outcome === 'failed') return 'failed';
    }
    const dropped = await this.#ports.tables.ask(partition, { kind: 'manifest-drop', id });
    return dropped.kind === 'written' ? 'released' : 'failed';
  }

  /** The parts that a version names: from the entry, or from the rows of its part list. */
  async #partsOfVersion(entry: VersionEntry): Promise<ReleaseOutcome> {
    const { store, partition } = this.#partition;
    const { versionId, content } = entry;
    if (content.kind !== 'parts') return 'released';
    const kept = await this.#keptBy(entry.place, content.uploadId, undefined);
    if (content.parts !== undefined) return this.#listedParts(entry, content.parts, kept);
    for (let index = 0; index < partListRowCount(content); index += 1) {
      const row = { versionId, index };
      const listed = orDamage(() => readPartListRow(store, partition, row));
      if (listed === 'damaged') return this.#allParts(entry.place, content.uploadId, kept);
      if ((await this.#listedParts(entry, listed, kept)) === 'failed') return 'failed';
    }
    return 'released';
  }

  async #listedParts(
    entry: VersionEntry,
    listed: readonly PartRef[],
    kept: ReadonlySet<string>,
  ): Promise<ReleaseOutcome> {
    const parts = listed.filter(part => !kept.has(part.attemptId));
    const { store, partition } = this.#partition;
    const { place, content } = entry;
    if (content.kind !== 'parts') return 'released';
    const { uploadId } = content;
    for (let first = 0; first < parts.length; first += PARTS_AT_ONCE) {
      const attempts: Attempt[] = [];
      for (const part of parts.slice(first, first + PARTS_AT_ONCE)) {
        const key = partRowKey(partition, place, { uploadId, ...part });
        const row = orDamage(() => readRow(store, key, decodePartRow));
        if (row !== undefined) attempts.push({ key, row });
      }
      if ((await this.#attempts(place, attempts)) === 'failed') return 'failed';
    }
    return 'released';
  }

  async #upload(entry: UploadEntry, verdict: 'release' | 'all-but-named'): Promise<ReleaseOutcome> {
    const own = this.#becomeOf(entry);
    // It ended since that was said: whether it is over everywhere is to be asked.
    if (verdict === 'all-but-named' && own === undefined) return 'failed';
    const kept = await this.#keptBy(entry.place, entry.uploadId, own);
    const outcome = await this.#allParts(entry.place, entry.uploadId, kept);
    if (outcome === 'failed') return 'failed';
    return this.#end(step => endUpload(step, entry));
  }

  /** An upload whose version nobody knew here may have been completed all the same: the version is
   *  another replica's, and has come since. */
  #asItEnded(entry: UploadEntry): UploadEntry {
    if (this.#partition.isSoleReplica || entry.kind === 'leftovers') return entry;
    const { store, partition } = this.#partition;
    const { place, uploadId } = entry;
    const state = readEndedUpload(store, { partition, place, uploadId })?.state;
    if (state?.kind !== 'completed') return entry;
    return { kind: 'leftovers', place, uploadId, versionId: state.versionId };
  }

  /** The version that the upload became, while it is there. */
  #becomeOf({ place, ...entry }: UploadEntry): ObjectVersion | undefined {
    if (entry.kind !== 'leftovers') return undefined;
    const { store, partition } = this.#partition;
    return findVersionById({ rows: store, partition, place }, entry.versionId);
  }

  /**
   * The attempts that stay: those of this version, and with several replicas those of every version
   * that a Complete which was repeated made of this upload too.
   */
  async #keptBy(
    place: ReleaseEntry['place'],
    uploadId: UploadId,
    own: ObjectVersion | undefined,
  ): Promise<ReadonlySet<string>> {
    const { store, partition, isSoleReplica } = this.#partition;
    const kept = own === undefined ? [] : [...attemptsOfVersion(store, partition, own)];
    if (isSoleReplica) return new Set(kept);
    const named = await versionsOfUpload(this.#partition, place, uploadId);
    const others = named.flatMap(version => [...attemptsOfVersion(store, partition, version)]);
    return new Set([...kept, ...others]);
  }

  async #allParts(
    place: ReleaseEntry['place'],
    uploadId: UploadEntry['uploadId'],
    kept: ReadonlySet<string>,
  ): Promise<ReleaseOutcome> {
    const { store, partition } = this.#partition;
    let range = partRowRange(partition, place, { uploadId, after: 0 });
    for (;;) {
      const rows = await rowsOfRange(store, range, PARTS_AT_ONCE);
      const last = rows[rows.length - 1];
      if (last === undefined) return 'released';
      const attempts = rows
        .filter(({ key }) => !kept.has(partOfRowKey(key).attemptId))
        .map((row): Attempt => ({
          key: row.key,
          row: row.kind === 'row' ? orDamage(() => decodePartRow(row.value)) : 'damaged',
        }));
      if ((await this.#attempts(place, attempts)) === 'failed') return 'failed';
      range = behindKey(range, last.key);
    }
  }

  /** Ends their references, then deletes their rows. */
  async #attempts(
    place: ReleaseEntry['place'],
    attempts: readonly Attempt[],
  ): Promise<ReleaseOutcome> {
    const outcomes = await Promise.all(
      attempts.map(async ({ row }): Promise<ReleaseOutcome> => {
        if (row === 'damaged') return 'released';
        return this.#content(ownerOf(place, row), row.content);
      }),
    );
    if (outcomes.includes('failed')) return 'failed';
    if (attempts.length === 0) return 'released';
    return this.#end(step => {
      for (const { key } of attempts) step.batch.delete(key);
    });
  }

  async #end(apply: (step: WriteStep) => void): Promise<ReleaseOutcome> {
    return (await this.#partition.change(apply)) === 'done' ? 'released' : 'failed';
  }
}

function ownerOf(place: ReleaseEntry['place'], row: PartRow): PartOwner {
  const { uploadId, partNumber, attemptId } = row;
  return { kind: 'part', ...place, uploadId, partNumber, attemptId };
}

/** Each hash once: a reference counts once however often its block stands in the list. */
function hashesOf(blocks: BlockList): BlockHash[] {
  return [...new Set(unpackBlocks(blocks).map(block => block.hash))];
}

function endVersion(step: WriteStep, entry: VersionEntry): void {
  const { place, versionId, content } = entry;
  step.batch.delete(releaseRowKey(step.partition, entry));
  if (content.kind !== 'parts') return;
  deletePartList(step, versionId, partListRowCount(content));
  forgetUpload(step, place, content.uploadId);
}

function endUpload(step: WriteStep, entry: UploadEntry): void {
  const { place, uploadId } = entry;
  step.batch.delete(releaseRowKey(step.partition, entry));
  if (entry.kind === 'leftovers') return;
  const ended = forgetUpload(step, place, uploadId);
  // Of a completed one, whose version was lost to damage.
  if (ended?.kind === 'completed') {
    deletePartList(step, ended.versionId, PART_LIST_ROWS_MAX);
  }
}

const PART_LIST_ROWS_MAX = Math.ceil(PART_NUMBER_MAX / PART_LIST_ROW_PARTS);

function deletePartList(step: WriteStep, versionId: VersionEntry['versionId'], rows: number): void {
  for (let index = 0; index < rows; index += 1) {
    step.batch.delete(partListRowKey(step.partition, versionId, index));
  }
}

/** The ended upload stays for a while, so that what was sent before it ended finds it ended. */
function forgetUpload(
  step: WriteStep,
  place: ReleaseEntry['place'],
  uploadId: UploadEntry['uploadId'],
): UploadState | undefined {
  const name = { partition: step.partition, place, uploadId };
  const ended = orDamage(() => readEndedUpload(step.batch, name));
  if (ended === undefined) return undefined;
  step.forgetLater({ kind: 'ended-upload', ...place, uploadId });
  return ended === 'damaged' ? undefined : ended.state;
}
