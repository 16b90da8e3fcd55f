/**
 * Reads a table of LevelDB, compares every block with its checksum, and puts right what it can.
 *
 * Owns:          what is done about which damage.
 * Knows:         the format of LevelDB's tables.
 * Must not know: files; which tables there are.
 *
 * LevelDB does not verify the checksums of tables when it reads rows. A flipped bit in a value is
 * found by the row's own checksum; one in a key hides the row, or brings an older one to light, and
 * one that puts keys out of order ends the process at the next merge of tables. One flipped bit in
 * a block is put right. Of a block with more damage what can be read is kept.
 *
 *   block … block, filter, list of filters, list of blocks, footer
 *   behind each block: 0 for "not compressed" (1), checksum of both (4)
 *   footer (48): place of the list of filters, place of the list of blocks, zeros, a constant (8)
 */
import { entriesOf, isOrderedBlock, rebuildBlock, type KeyBounds } from './level-block.ts';
import { flipBit, flippedBit, isFlippedChecksum, maskedChecksum } from './level-checksum.ts';
import { readVarint, varint } from './level-varint.ts';

export type TableFinding =
  | { readonly kind: 'whole' }
  /** The bytes that were given were changed. Of broken blocks rows are lost. */
  | { readonly kind: 'repaired'; readonly corrected: number; readonly brokenBlocks: number }
  /** Not a table, or not yet: one that is being written has no footer. */
  | { readonly kind: 'unreadable' };

type Place = { readonly offset: number; readonly size: number };
type ListedPlace = Place & { readonly key: Buffer };
type Footer = { readonly filters: Place; readonly blocks: Place };

const FOOTER_BYTES = 48;
const CONSTANT = Buffer.from('57fb808b247547db', 'hex');
const TRAILER_BYTES = 5;
const NOT_COMPRESSED = 0;
/** What stands at the end of a filter says where its parts are; LevelDB uses none that lie
 *  outside. */
const FILTER_END_BYTES = 5;

/** Changes the bytes where it can put them right. */
export function checkLevelTable(table: Buffer): TableFinding {
  const check = new TableCheck(table);
  return check.run();
}

class TableCheck {
  readonly #table: Buffer;
  #corrected = 0;
  #brokenBlocks = 0;
  #hasChanged = false;

  constructor(table: Buffer) {
    this.#table = table;
  }

  run(): TableFinding {
    const footer = this.#footer();
    if (footer === undefined) return { kind: 'unreadable' };
    const blocks = this.#places(footer.blocks);
    if (blocks === undefined) return { kind: 'unreadable' };
    this.#checkFilters(footer.filters);
    for (const [index, place] of blocks.entries()) {
      const bounds = { after: blocks[index - 1]?.key, upTo: place.key };
      if (this.#check(place) === 'damaged') this.#giveUpPart(place, bounds);
    }
    if (!this.#hasChanged) return { kind: 'whole' };
    return { kind: 'repaired', corrected: this.#corrected, brokenBlocks: this.#brokenBlocks };
  }

  #footer(): Footer | undefined {
    if (this.#table.length < FOOTER_BYTES) return undefined;
    const bytes = this.#table.subarray(-FOOTER_BYTES);
    const end = this.#table.length - FOOTER_BYTES;
    const found = readFooter(bytes, end);
    if (found !== undefined) return found;
    for (let bit = 0; bit < FOOTER_BYTES * 8; bit += 1) {
      flipBit(bytes, bit);
      const corrected = readFooter(bytes, end);
      // More than one flip makes the places fit; the checksums there know which was the one.
      if (corrected !== undefined && Object.values(corrected).every(this.#isSealed)) {
        this.#countCorrection();
        return corrected;
      }
      flipBit(bytes, bit);
    }
    return undefined;
  }

  /** The places that a list of blocks names, with the key that each stands under; undefined when it
   *  cannot be read. */
  #places(list: Place): ListedPlace[] | undefined {
    if (this.#check(list) === 'damaged') return undefined;
    const content = this.#content(list);
    const entries = content && entriesOf(content);
    if (entries === undefined) return undefined;
    const places: ListedPlace[] = [];
    for (const { key, value } of entries) {
      const place = readPlace(value, 0)?.place;
      if (place === undefined || this.#content(place) === undefined) return undefined;
      places.push({ ...place, key });
    }
    return places;
  }

  /** A table without filters is merely slower. */
  #checkFilters(list: Place): void {
    const places = this.#places(list);
    const content = this.#content(list);
    if (places === undefined && content !== undefined) {
      // Neither entries nor offsets.
      content.subarray(-4).fill(0);
      this.#sealAnew(list);
      return;
    }
    for (const place of places ?? []) {
      if (this.#check(place) !== 'damaged') continue;
      this.#content(place)?.subarray(-FILTER_END_BYTES).fill(0xff);
      this.#sealAnew(place);
    }
  }

  readonly #isSealed = (place: Place): boolean =>
    this.#content(place) !== undefined &&
    maskedChecksum(this.#covered(place)) === this.#storedChecksum(place);

  /** Compares with the checksum; one flipped bit is put right. */
  #check(place: Place): 'right' | 'damaged' {
    const covered = this.#covered(place);
    const stored = this.#storedChecksum(place);
    if (maskedChecksum(covered) === stored) return 'right';
    if (isFlippedChecksum(covered, stored)) {
      this.#sealAnew(place);
      this.#corrected += 1;
      return 'right';
    }
    const bit = flippedBit(covered, stored);
    if (bit === undefined) return 'damaged';
    flipBit(covered, bit);
    this.#countCorrection();
    return 'right';
  }

  /** More than one bit: what LevelDB can walk stays as it is, for the rows have their own
   *  checksums. */
  #giveUpPart(place: Place, bounds: KeyBounds): void {
    const content = this.#content(place);
    if (content === undefined) return;
    // Nothing is compressed here: what says so is damaged itself.
    this.#covered(place).fill(NOT_COMPRESSED, place.size);
    if (!isOrderedBlock(content, bounds)) {
      rebuildBlock(content, bounds);
      this.#brokenBlocks += 1;
    }
    this.#sealAnew(place);
  }

  #sealAnew(place: Place): void {
    const checksum = maskedChecksum(this.#covered(place));
    this.#table.writeUInt32LE(checksum, place.offset + place.size + 1);
    this.#hasChanged = true;
  }

  #countCorrection(): void {
    this.#corrected += 1;
    this.#hasChanged = true;
  }

  /** A block without what stands behind it; undefined when the place lies outside. */
  #content({ offset, size }: Place): Buffer | undefined {
    const end = offset + size;
    if (end + TRAILER_BYTES > this.#table.length - FOOTER_BYTES) return undefined;
    return this.#table.subarray(offset, end);
  }

  #covered({ offset, size }: Place): Buffer {
    return this.#table.subarray(offset, offset + size + 1);
  }

  #storedChecksum({ offset, size }: Place): number {
    return this.#table.readUInt32LE(offset + size + 1);
  }
}

/** `end`: where the footer begins. The lists lie right before it, one behind the other. */
function readFooter(bytes: Buffer, end: number): Footer | undefined {
  if (!bytes.subarray(-CONSTANT.length).equals(CONSTANT)) return undefined;
  const filters = readPlace(bytes, 0);
  const blocks = filters && readPlace(bytes, filters.end);
  if (filters === undefined || blocks === undefined) return undefined;
  const zeros = bytes.subarray(blocks.end, -CONSTANT.length);
  const numbers = [filters.place, blocks.place].flatMap(({ offset, size }) => [offset, size]);
  const isShortest = Buffer.concat(numbers.map(varint)).length === blocks.end;
  const isAdjacent = endOf(filters.place) === blocks.place.offset && endOf(blocks.place) === end;
  if (!isAdjacent || !isShortest || zeros.some(byte => byte !== 0)) return undefined;
  return { filters: filters.place, blocks: blocks.place };
}

function endOf({ offset, size }: Place): number {
  return offset + size + TRAILER_BYTES;
}

function readPlace(bytes: Buffer, at: number): { place: Place; end: number } | undefined {
  const offset = readVarint(bytes, at);
  const size = offset && readVarint(bytes, offset.end);
  if (offset === undefined || size === undefined) return undefined;
  return { place: { offset: offset.value, size: size.value }, end: size.end };
}
