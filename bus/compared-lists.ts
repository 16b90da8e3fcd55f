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
} from '../schemas/messages/table.ts';
import { objectRowKey, partRowKey } from '../schemas/place-keys.ts';
import type { PartRow } from '../schemas/records/upload-row.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import type { ObjectPage } from './page-differences.ts';
import { commonReach, cutPage, differencesOf } from './page-differences.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import type { Unavailable } from './replica-calls.ts';
import type { TableComparison } from './table-comparison.ts';
import { NAMELESS, uploadNames } from './table-comparison.ts';

type Answer = TableReply | Unavailable;
type UploadPage = Extract<TableReply, { kind: 'upload-page' }>;
type PartsReply = Extract<TableReply, { kind: 'parts' | 'no-such-upload' }>;

const REPAIRS_MAX = 16;
/** Folders of one page that are looked into at a time. */
const PREFIXES_AT_ONCE = 16;

export class ComparedLists {
  readonly #comparison: TableComparison;

  constructor(comparison: TableComparison) {
    this.#comparison = comparison;
  }

  async objects(partition: PartitionId, list: ObjectList): Promise<Answer> {
    const request = list.delimiter === '' ? list : { ...list, firsts: true };
    for (let repairs = 0; repairs <= REPAIRS_MAX; repairs += 1) {
      const outcome = await this.#comparison.compare(partition, request);
      if (outcome.kind === 'same') return outcome.reply;
      if (outcome.kind === 'failed') return outcome.answer;
      const page = await this.#repairObjects(partition, request, [...outcome.heard.keys()]);
      if (page !== 'again') return page;
    }
    return UNAVAILABLE;
  }

  /** The page of a replica that holds all that these hold; or one more comparison is needed. */
  async #repairObjects(
    partition: PartitionId,
    request: ObjectList,
    nodes: readonly NodeId[],
  ): Promise<ObjectPage | Unavailable | 'again'> {
    const { repair } = this.#comparison;
    const pages = await this.#comparison.answersOf(nodes, [partition, request], isObjectPage);
    const [first] = pages ?? [];
    if (pages === undefined || first === undefined) return UNAVAILABLE;
    const reach = commonReach(pages);
    const { keys, prefixes } = differencesOf(pages);
    if (keys.length + prefixes.length === 0) return cutPage(first, reach);
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
    if (prefixes.length > 0) return 'again';
    const { witness } = repaired;
    const own = await this.#comparison.answersOf([witness], [partition, request], isObjectPage);
    return own?.[0] === undefined ? UNAVAILABLE : cutPage(own[0], reach);
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
