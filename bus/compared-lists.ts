/**
 * Lists that several replicas must give alike: objects, uploads, parts.
 *
 * Owns:          which rows lie behind pages that differ.
 * Knows:         how pages fold keys into common prefixes.
 * Must not know: how rows are repaired.
 *
 * Where two pages show the same for a key, that is what both replicas hold together: a deletion
 * that one of them has alone would hide the key there. So only what pages show differently is read
 * row by row. Behind a common prefix may lie a million keys: they are compared from the first on
 * that differs, a page at a time.
 */
import type { NodeId, ObjectKey, PartitionId, UploadId } from '../schemas/ids.ts';
import { LIST_ENTRIES_MAX } from '../schemas/limits.ts';
import type {
  ListedUpload,
  ObjectList,
  PartList,
  TableReply,
  UploadList,
  VersionList,
} from '../schemas/messages/table.ts';
import { keyOfObjectName, objectRowKey, partRowKey } from '../schemas/place-keys.ts';
import type { PartRow } from '../schemas/records/upload-row.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import { mayHaveVersions, namesOfKey, namesOfVersions } from './key-names.ts';
import type { ObjectPage } from './page-differences.ts';
import { differencesOf, settledPage } from './page-differences.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import type { Unavailable } from './replica-calls.ts';
import type { Repaired } from './row-repair.ts';
import { holds, holdersOfBoth } from './row-repair.ts';
import type { Mended, TableComparison } from './table-comparison.ts';
import { NAMELESS, uploadNames } from './table-comparison.ts';
import {
  behindPrefix,
  differingVersions,
  isVersionPage,
  leastReach,
  settledVersions,
} from './version-differences.ts';

type Answer = TableReply | Unavailable;
type UploadPage = Extract<TableReply, { kind: 'upload-page' }>;
type ListPlace = Pick<ObjectList, 'bucket' | 'shard'>;
type PartsReply = Extract<TableReply, { kind: 'parts' | 'no-such-upload' }>;

/** After so many, differences are those of writes under way. */
const VERSION_REPAIRS = 3;
/** Keys with versions that are looked into at a time. */
const VERSIONED_KEYS_AT_ONCE = 64;
/** Folders of one page that are looked into at a time. */
const PREFIXES_AT_ONCE = 16;

export class ComparedLists {
  readonly #comparison: TableComparison;

  constructor(comparison: TableComparison) {
    this.#comparison = comparison;
  }

  objects(partition: PartitionId, list: ObjectList): Promise<Answer> {
    const request = list.delimiter === '' ? list : { ...list, firsts: true };
    return this.#comparison.untilAnswered(partition, request, (nodes, repairs) =>
      this.#mendObjects(partition, { request, repairs }, nodes),
    );
  }

  /** The page of a replica that holds all that these hold; or one more comparison is needed. */
  async #mendObjects(
    partition: PartitionId,
    { request, repairs }: { readonly request: ObjectList; readonly repairs: number },
    nodes: readonly NodeId[],
  ): Promise<Mended> {
    const { repair } = this.#comparison;
    const pages = await this.#comparison.answersOf(nodes, [partition, request], isObjectPage);
    const [first] = pages ?? [];
    if (pages === undefined || first === undefined) return UNAVAILABLE;
    const { keys, prefixes } = differencesOf(pages);
    if (keys.length + prefixes.length === 0) return settledPage(first, pages);
    const folded = await Promise.all(
      prefixes
        .slice(0, PREFIXES_AT_ONCE)
        .map(prefix => this.#keysBehind(partition, { ...request, prefix }, nodes)),
    );
    const names = [...keys, ...folded.flat()].map(key =>
      nameOfKey(objectRowKey(NAMELESS, { ...request, key: key as ObjectKey })),
    );
    const repaired = await repair.run(partition, nodes, names);
    if (repaired === undefined) return UNAVAILABLE;
    const versioned = versionedKeys(repaired);
    const below = await this.#namesOfKeys(partition, { list: request, keys: versioned }, nodes);
    const alsoBelow = below && (await repair.run(partition, nodes, below));
    if (alsoBelow === undefined) return UNAVAILABLE;
    const holders = holdersOfBoth(repaired.holders, alsoBelow.holders);
    const again = { kind: 'again', holders } as const;
    if (prefixes.length > 0 || versioned.size > VERSIONED_KEYS_AT_ONCE) return again;
    if (versioned.size > 0 && repairs < VERSION_REPAIRS) return again;
    const witness = nodes.find(node => holds(holders, node));
    if (witness === undefined) return again;
    const own = await this.#comparison.answersOf([witness], [partition, request], isObjectPage);
    return own?.[0] === undefined ? UNAVAILABLE : settledPage(own[0], pages);
  }

  /** Keys below a common prefix that the nodes do not show alike: those of the first page. */
  async #keysBehind(
    partition: PartitionId,
    { bucket, shard, prefix, from }: ObjectList,
    nodes: readonly NodeId[],
  ): Promise<readonly string[]> {
    const all = { bucket, shard, prefix, delimiter: '', limit: LIST_ENTRIES_MAX };
    const list: ObjectList = { kind: 'object-list', ...all };
    const isInside = from?.key.startsWith(prefix) === true && from.key !== prefix;
    const request = isInside ? { ...list, from } : list;
    const pages = await this.#comparison.answersOf(nodes, [partition, request], isObjectPage);
    return pages === undefined ? [] : differencesOf(pages).keys;
  }

  /** Under which the versions of these keys may lie, of some keys at a time. */
  async #namesOfKeys(
    partition: PartitionId,
    { list, keys }: { readonly list: ListPlace; readonly keys: Iterable<string> },
    nodes: readonly NodeId[],
  ): Promise<readonly Uint8Array[] | undefined> {
    const { bucket, shard } = list;
    const some = Array.from(keys).slice(0, VERSIONED_KEYS_AT_ONCE);
    const names = await Promise.all(
      some.map(key => {
        const place = { bucket, shard, key: key as ObjectKey };
        return namesOfKey(this.#comparison, [partition, place], nodes);
      }),
    );
    const known = names.filter(each => each !== undefined);
    return known.length === names.length ? known.flat() : undefined;
  }

  /** Versions and delete markers. Where writes never cease, what one replica that holds all of it
   *  shows of them after so many repairs is the answer. */
  versions(partition: PartitionId, list: VersionList): Promise<Answer> {
    return this.#comparison.untilAnswered(partition, list, (nodes, repairs) =>
      this.#mendVersions(partition, { list, repairs }, nodes),
    );
  }

  async #mendVersions(
    partition: PartitionId,
    { list, repairs }: { readonly list: VersionList; readonly repairs: number },
    nodes: readonly NodeId[],
  ): Promise<Mended> {
    const pages = await this.#comparison.answersOf(nodes, [partition, list], isVersionPage);
    if (pages === undefined) return UNAVAILABLE;
    const { keys, prefixes } = differingVersions(pages);
    if (keys.size + prefixes.length === 0) return leastReach(pages) ?? UNAVAILABLE;
    const found = new Map(keys);
    for (const prefix of prefixes.slice(0, PREFIXES_AT_ONCE)) {
      const below = behindPrefix({ ...list, limit: LIST_ENTRIES_MAX }, prefix);
      const folded = await this.#comparison.answersOf(nodes, [partition, below], isVersionPage);
      if (folded === undefined) return UNAVAILABLE;
      for (const [key, stamps] of differingVersions(folded).keys) found.set(key, stamps);
    }
    const { bucket, shard } = list;
    const shown = [...found].flatMap(([key, stamps]) =>
      namesOfVersions({ bucket, shard, key: key as ObjectKey }, stamps),
    );
    const names = await this.#namesOfKeys(partition, { list, keys: found.keys() }, nodes);
    if (names === undefined) return UNAVAILABLE;
    const repaired = await this.#comparison.repair.run(partition, nodes, [...shown, ...names]);
    if (repaired === undefined) return UNAVAILABLE;
    const { holders } = repaired;
    const again = { kind: 'again', holders } as const;
    if (prefixes.length > 0 || found.size > VERSIONED_KEYS_AT_ONCE) return again;
    const witness = nodes.find(node => holds(holders, node));
    if (repairs < VERSION_REPAIRS || witness === undefined) return again;
    const own = await this.#comparison.answersOf([witness], [partition, list], isVersionPage);
    return own?.[0] === undefined ? UNAVAILABLE : settledVersions(own[0], pages);
  }

  async uploads(partition: PartitionId, list: UploadList): Promise<Answer> {
    const request = list.delimiter === '' ? list : { ...list, firsts: true };
    return this.#comparison.untilSame(partition, request, async nodes => {
      const pages = await this.#comparison.answersOf(nodes, [partition, request], isUploadPage);
      if (pages === undefined) return undefined;
      const names: Uint8Array[] = [];
      for (const { key, uploadId } of differingUploads(pages)) {
        names.push(...uploadNames({ place: { ...request, key }, uploadId }));
      }
      for (const prefix of differingPrefixes(pages).slice(0, PREFIXES_AT_ONCE)) {
        const below: UploadList = { ...list, prefix, delimiter: '', limit: LIST_ENTRIES_MAX };
        const { after, ...fromStart } = below;
        const inside = after?.key.startsWith(prefix) === true ? below : fromStart;
        const folded = await this.#comparison.answersOf(nodes, [partition, inside], isUploadPage);
        for (const { key, uploadId } of differingUploads(folded ?? [])) {
          names.push(...uploadNames({ place: { ...request, key }, uploadId }));
        }
      }
      return names;
    });
  }

  async parts(partition: PartitionId, request: PartList): Promise<Answer> {
    const { place, uploadId } = request;
    return this.#comparison.untilSame(partition, request, async nodes => {
      const replies = await this.#comparison.answersOf(nodes, [partition, request], isPartsReply);
      if (replies === undefined) return undefined;
      const lists = replies.map(reply => (reply.kind === 'parts' ? reply.parts : []));
      const idOf = (part: PartRow): string => part.attemptId;
      const parts = notOnAll(lists, idOf).map(part => nameOfKey(partRowKey(NAMELESS, place, part)));
      return [...uploadNames({ place, uploadId }), ...parts];
    });
  }
}

/** Of rows that were repaired: keys that may have more than one version. */
function versionedKeys({ stored }: Repaired): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const rows of stored.values()) {
    for (const row of rows.values()) if (mayHaveVersions(row)) keys.add(keyOfObjectName(row.name));
  }
  return keys;
}

function isObjectPage(reply: TableReply): reply is ObjectPage {
  return reply.kind === 'object-page';
}

function isUploadPage(reply: TableReply): reply is UploadPage {
  return reply.kind === 'upload-page';
}

function isPartsReply(reply: TableReply): reply is PartsReply {
  return reply.kind === 'parts' || reply.kind === 'no-such-upload';
}

type UploadOfKey = { readonly key: ObjectKey; readonly uploadId: UploadId };

function differingUploads(pages: readonly UploadPage[]): UploadOfKey[] {
  const lists = pages.map(({ entries }) =>
    entries.filter((entry): entry is ListedUpload => entry.kind === 'upload'),
  );
  const idOf = ({ upload }: ListedUpload): string => `${upload.uploadId} ${upload.timestamp}`;
  return notOnAll(lists, idOf).map(({ key, upload }) => ({ key, uploadId: upload.uploadId }));
}

function differingPrefixes(pages: readonly UploadPage[]): string[] {
  const lists = pages.map(({ entries }) => entries.filter(entry => entry.kind === 'prefix'));
  const unlike = notOnAll(lists, ({ prefix, first }) =>
    [prefix, first?.key ?? '', first?.mark ?? ''].join('\0'),
  );
  return [...new Set(unlike.map(({ prefix }) => prefix))];
}

/** Items that some of the lists lack; each once. */
function notOnAll<Item>(lists: readonly (readonly Item[])[], idOf: (item: Item) => string): Item[] {
  const items = new Map<string, { readonly item: Item; count: number }>();
  for (const list of lists) {
    for (const item of list) {
      const known = items.get(idOf(item));
      if (known === undefined) items.set(idOf(item), { item, count: 1 });
      else known.count += 1;
    }
  }
  return [...items.values()].filter(({ count }) => count < lists.length).map(({ item }) => item);
}
