/**
 * Blocks in memory, with answers that a test may replace: the block actors of a whole cluster.
 *
 * Owns:          the blocks and the references to them; which requests came.
 * Knows:         the block messages.
 * Must not know: what is tested.
 *
 * A block is taken a turn of the event loop after its request, and its bytes are checked then: a
 * sender that changes bytes it handed over is found out.
 */
import { crc32c } from '@node-rs/crc32';
import { hash } from 'node:crypto';
import { CHECKSUM_CHUNK_BYTES } from '../../schemas/limits.ts';
import type { BlockReply, BlockRequest, BlockStore } from '../../schemas/messages/block.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';

export class FakeBlocks {
  readonly blocks = new Map<string, Buffer>();
  /** `hash owner`. */
  readonly references = new Set<string>();
  readonly requests: BlockRequest[] = [];
  /** A reply instead of the right one. With `after`, what was asked is done all the same. */
  interfere: (request: BlockRequest) => BlockReply | { readonly after: BlockReply } | undefined =
    () => undefined;
  /** Blocks are only counted, not kept: for measuring. */
  isBottomless = false;
  underWay = 0;
  underWayMax = 0;

  async receive(request: BlockRequest): Promise<BlockReply> {
    this.requests.push(request);
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    await new Promise(resolve => setImmediate(resolve));
    this.underWay -= 1;
    const other = this.interfere(request);
    if (other !== undefined && 'kind' in other) return other;
    const reply = this.#carryOut(request);
    return other === undefined ? reply : other.after;
  }

  count(kind: BlockRequest['kind']): number {
    return this.requests.filter(request => request.kind === kind).length;
  }

  #carryOut(request: BlockRequest): BlockReply {
    switch (request.kind) {
      case 'block-store':
        return this.#store(request);
      case 'reference-add':
        if (!this.blocks.has(request.hash)) return { kind: 'send-it' };
        this.references.add(nameOf(request.hash, request.owner));
        return { kind: 'referenced' };
      case 'references-release':
        for (const name of request.hashes) this.references.delete(nameOf(name, request.owner));
        return { kind: 'released' };
      case 'block-read': {
        const block = this.blocks.get(request.hash);
        if (block === undefined) return { kind: 'absent' };
        const { first, length, into } = request;
        const bytes = block.subarray(first, first + length);
        if (into === undefined || into.length < bytes.length)
          return { kind: 'bytes', bytes: Buffer.from(bytes) };
        into.set(bytes);
        return { kind: 'bytes', bytes: into.subarray(0, bytes.length) };
      }
      default:
        return { kind: 'not-understood' };
    }
  }

  #store({ hash: name, bytes, checksums, owner }: BlockStore): BlockReply {
    if (this.isBottomless) return { kind: 'stored', added: true };
    const copy = Buffer.from(bytes);
    if (hash('sha256', copy) !== name || !areRight(copy, checksums)) return { kind: 'garbled' };
    const added = !this.blocks.has(name);
    this.blocks.set(name, copy);
    this.references.add(nameOf(name, owner));
    return { kind: 'stored', added };
  }
}

function nameOf(block: string, owner: BlockOwner): string {
  return `${block} ${ownerId(owner)}`;
}

function areRight(bytes: Buffer, checksums: Uint8Array): boolean {
  const expected = Buffer.alloc(Math.ceil(bytes.length / CHECKSUM_CHUNK_BYTES) * 4);
  for (let index = 0; index * 4 < expected.length; index += 1) {
    const first = index * CHECKSUM_CHUNK_BYTES;
    const value = crc32c(bytes.subarray(first, first + CHECKSUM_CHUNK_BYTES));
    expected.writeUInt32BE(value, index * 4);
  }
  return expected.equals(checksums);
}
