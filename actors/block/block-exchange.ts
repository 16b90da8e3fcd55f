/**
 * What a replica of a block partition tells its peers.
 *
 * Owns:          the answers: whole blocks, what is held, the digest of references, their pages.
 * Knows:         rows and files of its partition.
 * Must not know: who asks, and what becomes of the answers.
 *
 * Nothing is changed here. A block goes out with the checksums that it was stored with, and every
 * byte of it verified; who takes it checks its name.
 */
import { unreachable } from '../../schemas/assert.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import type {
  BlockFetch,
  BlockHolding,
  BlockReply,
  PeerRequest,
  ReferencesList,
} from '../../schemas/messages/block.ts';
import type { BlockParts } from './block-parts.ts';
import { LEAF_COUNT, rootOf } from './reference-digest.ts';

const PAGE_REFERENCES = 512;
const LEAVES_ALONE_MAX = 16;
/** More in one request is not answered. */
const HASHES_MAX = 1024;

export class BlockExchange {
  readonly #parts: BlockParts;

  constructor(parts: BlockParts) {
    this.#parts = parts;
  }

  answer(request: PeerRequest): Promise<BlockReply> {
    switch (request.kind) {
      case 'block-fetch':
        return this.#fetch(request);
      case 'references-compare':
        return this.#compare(request.root);
      case 'references-list':
        return this.#list(request);
      case 'blocks-have':
        return this.#holdings(request.hashes);
      default:
        return unreachable(request);
    }
  }

  get isCounted(): boolean {
    return this.#parts.digest.unknown <= LEAVES_ALONE_MAX;
  }

  /** The digests of all leaves; undefined while they cannot be had: commits are under way. */
  async leaves(): Promise<Buffer | undefined> {
    const { digest, ledger } = this.#parts;
    // One walk over all rows costs less than many that begin somewhere.
    if (!this.isCounted) {
      await digest.count('all', () => ledger.liveMembers(undefined));
    }
    for (let leaf = 0; digest.unknown > 0 && leaf < LEAF_COUNT; leaf += 1) {
      if (!digest.isKnown(leaf)) await digest.count(leaf, () => ledger.liveMembers(leaf));
    }
    return digest.leaves();
  }

  async holding(hash: BlockHash): Promise<BlockHolding> {
    const { ledger, files } = this.#parts;
    const block = await ledger.block(hash);
    if (block === undefined || block.liveCount === 0) return 'unknown';
    return (await files.look(hash)).kind === 'whole' ? 'kept' : 'wanted';
  }

  async #fetch({ hash }: BlockFetch): Promise<BlockReply> {
    const { load, stats } = this.#parts;
    const reading = load.reads.run(() => this.#readWhole(hash));
    const reply = reading === undefined ? undefined : await reading;
    if (reply?.kind === 'whole') stats.readBytes += reply.bytes.length;
    return reply ?? { kind: 'overloaded' };
  }

  async #readWhole(hash: BlockHash): Promise<BlockReply> {
    const { files } = this.#parts;
    const found = await files.look(hash);
    if (found.kind !== 'whole') return { kind: found.kind };
    const { lengthBytes, checksums } = found;
    const wanted = { blockBytes: lengthBytes, first: 0, length: lengthBytes };
    const content = await files.read(hash, wanted);
    if (content.kind !== 'bytes') return { kind: content.kind };
    return { kind: 'whole', bytes: content.bytes, checksums };
  }

  async #compare(root: Uint8Array): Promise<BlockReply> {
    // This replica counts at its own pace, when it compares by itself.
    const leaves = this.isCounted ? await this.leaves() : undefined;
    if (leaves === undefined) return { kind: 'overloaded' };
    return rootOf(leaves).equals(root) ? { kind: 'compared' } : { kind: 'compared', leaves };
  }

  async #list({ leaf, after }: ReferencesList): Promise<BlockReply> {
    const { ledger } = this.#parts;
    const from = after === undefined ? undefined : Buffer.from(after);
    const page = await ledger.listReferences(from, PAGE_REFERENCES, leaf % LEAF_COUNT);
    return { kind: 'references', ...page };
  }

  async #holdings(hashes: readonly BlockHash[]): Promise<BlockReply> {
    if (hashes.length > HASHES_MAX) return { kind: 'not-understood' };
    const { load } = this.#parts;
    const looks = hashes.map(async hash => load.looks.run(() => this.holding(hash)));
    // All of them at once: of one that fails nobody would hear while another is waited for.
    const holdings = await Promise.all(looks);
    if (!holdings.every(holding => holding !== undefined)) return { kind: 'overloaded' };
    return { kind: 'holdings', holdings };
  }
}
