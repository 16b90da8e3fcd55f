/**
 * Rows in memory, with answers that a test may replace: the table actors of a whole cluster.
 *
 * Owns:          the rows; which requests came.
 * Knows:         the table messages as far as objects, parts and manifests go.
 * Must not know: what is tested.
 */
import { lockAfter } from '../../actors/partition/version-locks.ts';
import { failedCondition } from '../../actors/partition/write-condition.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import type { BlockList } from '../../schemas/records/block-list.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { ObjectRow, PartRef } from '../../schemas/records/object-row.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';

type Place = { readonly bucket: string; readonly key: string };
type Stored = { readonly row: ObjectRow; readonly inline: Uint8Array | undefined };

/** When the clock of a test begins; retentions that end while a test runs are the partition's. */
const FROZEN = { wallMs: () => 1_700_000_000_000, monotonicMs: () => 0 };

export class FakeTables {
  readonly objects = new Map<string, Stored>();
  readonly manifests = new Map<string, BlockList>();
  readonly uploads = new Map<string, UploadRow>();
  readonly parts = new Map<string, PartRow>();
  readonly partLists = new Map<string, readonly PartRef[]>();
  readonly aborted = new Set<string>();
  readonly requests: TableRequest[] = [];
  /** A reply instead of the right one. With `after`, what was asked is done all the same. */
  interfere: (request: TableRequest) => TableReply | { readonly after: TableReply } | undefined =
    () => undefined;

  receive(request: TableRequest): TableReply {
    this.requests.push(request);
    const other = this.interfere(request);
    if (other !== undefined && 'kind' in other) return other;
    const reply = this.#carryOut(request);
    return other === undefined ? reply : other.after;
  }

  count(kind: TableRequest['kind']): number {
    return this.requests.filter(request => request.kind === kind).length;
  }

  #carryOut(request: TableRequest): TableReply {
    switch (request.kind) {
      case 'object-write':
        return this.#write(request);
      case 'object-change':
        return this.#change(request);
      case 'object-read':
        return this.#read(request.place);
      case 'manifest-write':
        this.manifests.set(`${ownerId(request.owner)}/${String(request.index)}`, request.blocks);
        return { kind: 'written' };
      case 'manifest-read': {
        const blocks = this.manifests.get(`${request.id}/${String(request.index)}`);
        return blocks === undefined ? { kind: 'manifest' } : { kind: 'manifest', blocks };
      }
      case 'manifest-drop':
        for (const name of this.manifests.keys()) {
          if (name.startsWith(request.id)) this.manifests.delete(name);
        }
        return { kind: 'written' };
      case 'upload-create':
        this.uploads.set(request.upload.uploadId, request.upload);
        return { kind: 'written' };
      case 'upload-read': {
        const upload = this.uploads.get(request.uploadId);
        return upload === undefined ? { kind: 'no-such-upload' } : { kind: 'upload', upload };
      }
      default:
        return this.#carryOutParts(request);
    }
  }

  #carryOutParts(request: TableRequest): TableReply {
    switch (request.kind) {
      case 'part-write': {
        const { part } = request;
        if (this.uploads.get(part.uploadId)?.state.kind !== 'open')
          return { kind: 'no-such-upload' };
        if (this.aborted.has(part.attemptId)) return { kind: 'aborted' };
        this.parts.set(part.attemptId, part);
        return { kind: 'written' };
      }
      case 'part-read': {
        const part = this.parts.get(request.attemptId);
        return part === undefined ? { kind: 'part' } : { kind: 'part', part };
      }
      case 'version-parts-read': {
        const name = `${request.versionId}/${String(request.index)}`;
        return { kind: 'version-parts', parts: this.partLists.get(name) ?? [] };
      }
      case 'owner-abort': {
        const id = ownerId(request.owner);
        if (this.#isLive(id)) return { kind: 'owners', states: ['live'] };
        this.aborted.add(id);
        return { kind: 'aborted' };
      }
      default:
        return { kind: 'not-understood' };
    }
  }

  #isLive(id: string): boolean {
    if (this.parts.has(id)) return true;
    return [...this.objects.values()].some(
      ({ row }) => row.kind === 'version' && row.versionId === id,
    );
  }

  #read(place: Place): TableReply {
    const stored = this.objects.get(nameOf(place));
    if (stored === undefined) return { kind: 'object' };
    const { row, inline } = stored;
    return inline === undefined ? { kind: 'object', row } : { kind: 'object', row, inline };
  }

  #change(change: Extract<TableRequest, { kind: 'object-change' }>): TableReply {
    const { place, tagging, acl } = change;
    const stored = this.objects.get(nameOf(place));
    if (stored?.row.kind !== 'version') return { kind: 'no-such-version', because: 'absent' };
    const decided = lockAfter(FROZEN, stored.row.lock, change);
    if (decided.kind !== 'lock') return decided;
    const locked = decided.lock === undefined ? stored.row : { ...stored.row, lock: decided.lock };
    const tagged = tagging === undefined ? locked : { ...locked, tagging };
    const row = acl === undefined ? tagged : { ...tagged, acl };
    this.objects.set(nameOf(place), { ...stored, row });
    return { kind: 'written', version: 'null' };
  }

  #write(request: Extract<TableRequest, { kind: 'object-write' }>): TableReply {
    const { place, row, inline, condition } = request;
    const current = this.objects.get(nameOf(place))?.row;
    if (row.kind === 'version' && this.aborted.has(row.versionId)) return { kind: 'aborted' };
    if (current !== undefined && current.timestamp > row.timestamp) {
      return { kind: 'older', newest: current.timestamp };
    }
    const failed = condition && failedCondition(condition, current);
    if (failed !== undefined) return failed;
    this.objects.set(nameOf(place), { row, inline: inline && Buffer.from(inline) });
    return { kind: 'written' };
  }
}

function nameOf({ bucket, key }: Place): string {
  return `${bucket}/${key}`;
}
