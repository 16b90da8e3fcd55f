/**
 * Whole numbers as LevelDB writes them: seven bits a byte, the low ones first.
 *
 * Owns:          reading and writing them.
 * Knows:         nothing.
 * Must not know: what is counted.
 */

/** Room for every size in a file of LevelDB. */
const BYTES_MAX = 7;

/** `end`: where the next thing begins. Undefined: no number stands there. */
export function readVarint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < BYTES_MAX; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return undefined;
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 0x80)) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 0x80) + 0x80);
  }
}
