/**
 * Reads a log of LevelDB as LevelDB will, before it does, and puts single flipped bits right.
 *
 * Owns:          what damage is, and what is merely the torn end that a crash leaves.
 * Knows:         the format of LevelDB's logs, which the MANIFEST has too.
 * Must not know: what the records say.
 *
 * LevelDB drops a record whose checksum is wrong, and all that stands behind it in the same 32 KiB,
 * and says nothing: acknowledged rows would be gone without an error. A log is small, so it is read
 * at each opening. A record that is not right at the very end was never acknowledged.
 *
 *   block of 32 KiB:  record … record, then fewer bytes than a header
 *   record:           checksum (4, of type and data) · length (2) · type (1) · data
 */
import { flipBit, flippedBit, isFlippedChecksum, maskedChecksum } from './level-checksum.ts';

export type LogFinding = {
  /** Bits put right in the bytes that were given. */
  readonly corrected: number;
  /** Bytes that cannot be read although later ones can. */
  readonly lostBytes: number;
};

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const LENGTH_AT = 4;
const LENGTH_BITS = 16;
/** The checksum covers the record from here on. */
const TYPE_AT = 6;

type Reading = 'right' | 'corrected' | 'blank' | 'damaged';

/** Changes the bytes where it can put them right. */
export function checkLevelLog(bytes: Buffer): LogFinding {
  let corrected = 0;
  let lostBytes = 0;
  /** Damage behind which nothing good has been read yet: perhaps just the torn end. */
  let doubtful = 0;
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, from + BLOCK_BYTES);
    let at = 0;
    while (at + HEADER_BYTES <= block.length) {
      const record = block.subarray(at);
      const reading = readRecord(record);
      if (reading === 'damaged') doubtful += record.length;
      // LevelDB gives up the rest of the block in both cases.
      if (reading === 'damaged' || reading === 'blank') break;
      if (reading === 'corrected') corrected += 1;
      lostBytes += doubtful;
      doubtful = 0;
      at += HEADER_BYTES + record.readUInt16LE(LENGTH_AT);
    }
  }
  return { corrected, lostBytes };
}

/** `rest`: from a record's header to the end of its block. */
function readRecord(rest: Buffer): Reading {
  if (isRight(rest)) return 'right';
  if (rest.subarray(0, HEADER_BYTES).every(byte => byte === 0)) return 'blank';
  return correctContent(rest) || correctLength(rest) ? 'corrected' : 'damaged';
}

/** What the checksum covers, by the length that the header says; undefined: it reaches too far. */
function covered(rest: Buffer): Buffer | undefined {
  const end = HEADER_BYTES + rest.readUInt16LE(LENGTH_AT);
  return end <= rest.length ? rest.subarray(TYPE_AT, end) : undefined;
}

function isRight(rest: Buffer): boolean {
  const content = covered(rest);
  return content !== undefined && maskedChecksum(content) === rest.readUInt32LE();
}

function correctContent(rest: Buffer): boolean {
  const content = covered(rest);
  if (content === undefined) return false;
  if (isFlippedChecksum(content, rest.readUInt32LE())) {
    rest.writeUInt32LE(maskedChecksum(content));
    return true;
  }
  const bit = flippedBit(content, rest.readUInt32LE());
  if (bit === undefined) return false;
  flipBit(content, bit);
  return true;
}

function correctLength(rest: Buffer): boolean {
  for (let bit = 0; bit < LENGTH_BITS; bit += 1) {
    flipBit(rest, LENGTH_AT * 8 + bit);
    if (isRight(rest)) return true;
    flipBit(rest, LENGTH_AT * 8 + bit);
  }
  return false;
}
