/**
 * The entries of a block of a LevelDB table, and the block made anew from those that can be read.
 *
 * Owns:          reading entries one by one, strictly or as far as it goes; writing them again.
 * Knows:         the format of LevelDB's blocks and of the keys in them; the checksum of our rows.
 * Must not know: files, tables.
 *
 *   entry:  shared (varint) · rest (varint) · value (varint) lengths, rest of the key, value
 *   block:  entry … entry, offsets of entries that share nothing (4 each), their number (4)
 *   key:    the row's key, then 8 bytes: sequence number and kind
 *
 * LevelDB ends the process when a merge of tables meets keys out of order. So what cannot be put
 * right must at least be in order: an entry whose row checksum is wrong stays where its key fits,
 * for then a read of it is an error and not an absence; one whose key fits nowhere goes. It must
 * fit between the blocks around it as well: the list of blocks says up to which key each goes.
 */
import { readVarint, varint } from './level-varint.ts';
import { openValue } from './row-checksum.ts';

export type BlockEntry = { readonly key: Buffer; readonly value: Buffer };

/** Which keys a block may hold. */
export type KeyBounds = {
  /** Only what comes behind it; undefined: the table begins here. */
  readonly after: Buffer | undefined;
  readonly upTo: Buffer;
};

const OFFSET_BYTES = 4;
const KEY_SUFFIX_BYTES = 8;
const KIND_VALUE = 1;
const KIND_DELETION = 0;
const NO_KEY: Buffer = Buffer.alloc(0);

type Read = BlockEntry & { readonly end: number };

/** All entries of a block that is as it should be; undefined when it is not. */
export function entriesOf(block: Buffer): BlockEntry[] | undefined {
  const offsets = offsetsOf(block);
  if (offsets === undefined) return undefined;
  const entries: BlockEntry[] = [];
  let previous = NO_KEY;
  for (let at = 0; at < offsets.entriesEnd;) {
    const entry = readEntry(block.subarray(0, offsets.entriesEnd), at, previous);
    if (entry === undefined) return undefined;
    entries.push(entry);
    previous = entry.key;
    at = entry.end;
  }
  return entries;
}

/** Can LevelDB walk this block of rows without harm? */
export function isOrderedBlock(block: Buffer, bounds: KeyBounds): boolean {
  const entries = entriesOf(block);
  if (entries === undefined) return false;
  return entries.every((entry, index) => {
    const before = entries[index - 1];
    if (!isRowKey(entry.key) || !isWithin(entry, bounds)) return false;
    return before === undefined || compareKeys(before.key, entry.key) < 0;
  });
}

/** Replaces the content by what can be read of it. */
export function rebuildBlock(block: Buffer, bounds: KeyBounds): void {
  const readable = readableEntries(block).filter(
    entry => isRowKey(entry.key) && isWithin(entry, bounds),
  );
  const kept = inOrder(readable);
  for (;;) {
    const encoded = encodeBlock(kept, block.length);
    if (encoded !== undefined) {
      encoded.copy(block);
      return;
    }
    kept.pop();
  }
}

function offsetsOf(block: Buffer): { entriesEnd: number; offsets: number[] } | undefined {
  if (block.length < OFFSET_BYTES) return undefined;
  const count = block.readUInt32LE(block.length - OFFSET_BYTES);
  const entriesEnd = block.length - OFFSET_BYTES * (count + 1);
  if (entriesEnd < 0 || (count === 0 && entriesEnd > 0)) return undefined;
  const offsets = Array.from({ length: count }, (_, index) =>
    block.readUInt32LE(entriesEnd + index * OFFSET_BYTES),
  );
  return offsets.every(offset => offset <= entriesEnd) ? { entriesEnd, offsets } : undefined;
}

function readEntry(entries: Buffer, at: number, previous: Buffer): Read | undefined {
  const shared = readVarint(entries, at);
  const rest = shared && readVarint(entries, shared.end);
  const size = rest && readVarint(entries, rest.end);
  if (shared === undefined || rest === undefined || size === undefined) return undefined;
  const keyEnd = size.end + rest.value;
  const end = keyEnd + size.value;
  if (shared.value > previous.length || end > entries.length) return undefined;
  const key = Buffer.concat([
    previous.subarray(0, shared.value),
    entries.subarray(size.end, keyEnd),
  ]);
  return { key, value: entries.subarray(keyEnd, end), end };
}

/** Goes on at the next entry that shares nothing where one cannot be read, or reaches over it. */
function readableEntries(block: Buffer): BlockEntry[] {
  const { entriesEnd, offsets } = offsetsOf(block) ?? {
    entriesEnd: block.length - OFFSET_BYTES,
    offsets: [],
  };
  const area = block.subarray(0, entriesEnd);
  const starts = [...new Set(offsets)].sort((a, b) => a - b);
  const found: BlockEntry[] = [];
  let previous = NO_KEY;
  for (let at = 0; at < entriesEnd;) {
    const from = at;
    const next = starts.find(start => start > from);
    const entry = readEntry(area, at, previous);
    if (entry !== undefined && entry.end <= (next ?? entriesEnd)) {
      found.push(entry);
      previous = entry.key;
      at = entry.end;
    } else {
      previous = NO_KEY;
      at = next ?? entriesEnd;
    }
  }
  return found;
}

/** Entries with a right row checksum are right; the others must fit between them. */
function inOrder(entries: readonly BlockEntry[]): BlockEntry[] {
  const kept: BlockEntry[] = [];
  const isBehindKept = ({ key }: BlockEntry): boolean => {
    const last = kept.at(-1);
    return last === undefined || compareKeys(last.key, key) < 0;
  };
  const right = entries.map(isRight);
  for (const [index, entry] of entries.entries()) {
    if (!isBehindKept(entry)) continue;
    const nextRight = entries.find((_, other) => other > index && right[other]);
    const isBeforeNext = nextRight === undefined || compareKeys(entry.key, nextRight.key) < 0;
    if (right[index] === true || isBeforeNext) kept.push(entry);
  }
  return kept;
}

function isRight({ key, value }: BlockEntry): boolean {
  if (key.at(-KEY_SUFFIX_BYTES) !== KIND_VALUE) return false;
  return openValue(key.subarray(0, -KEY_SUFFIX_BYTES), value) !== undefined;
}

function isRowKey(key: Buffer): boolean {
  if (key.length < KEY_SUFFIX_BYTES) return false;
  const kind = key.at(-KEY_SUFFIX_BYTES);
  return kind === KIND_VALUE || kind === KIND_DELETION;
}

function isWithin({ key }: BlockEntry, { after, upTo }: KeyBounds): boolean {
  return (after === undefined || compareKeys(after, key) < 0) && compareKeys(key, upTo) <= 0;
}

/** As LevelDB orders them: by row, of one row the newest first. */
function compareKeys(left: Buffer, right: Buffer): number {
  const rows = Buffer.compare(
    left.subarray(0, -KEY_SUFFIX_BYTES),
    right.subarray(0, -KEY_SUFFIX_BYTES),
  );
  if (rows !== 0) return rows;
  const newer = right.readBigUInt64LE(right.length - KEY_SUFFIX_BYTES);
  const older = left.readBigUInt64LE(left.length - KEY_SUFFIX_BYTES);
  return newer < older ? -1 : Number(newer > older);
}

/** Of exactly this size; undefined when that is too small. What is left over is filled with offsets
 *  of the first entry, and with longer ways to write its zero. */
function encodeBlock(entries: readonly BlockEntry[], sizeBytes: number): Buffer | undefined {
  const block = Buffer.alloc(sizeBytes);
  // No entries and no offsets: zeros.
  if (entries.length === 0) return block;
  const pieces = entries.map((entry, index) => encodeEntry(entry, entries[index - 1]?.key));
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const left = sizeBytes - bytes - OFFSET_BYTES;
  if (left < OFFSET_BYTES) return undefined;
  const padding = left % OFFSET_BYTES;
  const offsets = (left - padding) / OFFSET_BYTES;
  const area = Buffer.concat([Buffer.alloc(padding, 0x80), ...pieces]);
  area.copy(block);
  block.writeUInt32LE(offsets, sizeBytes - OFFSET_BYTES);
  return block;
}

function encodeEntry({ key, value }: BlockEntry, previous = NO_KEY): Buffer {
  let shared = 0;
  while (shared < previous.length && previous[shared] === key[shared]) shared += 1;
  return Buffer.concat([
    varint(shared),
    varint(key.length - shared),
    varint(value.length),
    key.subarray(shared),
    value,
  ]);
}
