/**
 * AWS's URI encoding: every byte but the unreserved ones is `%XX` in upper case.
 *
 * Owns:          bringing a query component or a path into that one form.
 * Knows:         "Create a signed AWS API request", UriEncode().
 * Must not know: which request it is.
 *
 * What arrives already in this form is the rule, so it is recognised without building anything. A
 * slash that was sent as %2F stays %2F: were it turned into `/`, the signature for `/bucket/key`
 * would also hold for `/bucket%2Fkey`, which names another bucket.
 */
const PERCENT = 0x25;
const PLUS = 0x2b;
const SLASH = 0x2f;
const SPACE = 0x20;
const ASCII_END = 0x80;
const HEX = '0123456789ABCDEF';

/** 1 for A-Z a-z 0-9 - . _ ~ */
const UNRESERVED = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  UNRESERVED[character.charCodeAt(0)] = 1;
}

/** How each byte is written. */
const WRITTEN: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  UNRESERVED[byte] === 1
    ? String.fromCharCode(byte)
    : `%${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`,
);

/**
 * The one form of a query's name or value; `+` is a blank, as in every S3 query.
 * Undefined when a `%` is not followed by two hex digits.
 */
export function canonicalComponent(text: string): string | undefined {
  return isPlain(text) ? text : reencode(text, 'component');
}

/** The one form of a path; undefined when a `%` is not followed by two hex digits. */
export function canonicalPath(rawPath: string): string | undefined {
  return reencode(rawPath, 'path');
}

/** A path encoded once more, as every AWS service but S3 signs it. */
export function encodedPath(path: string): string {
  let out = '';
  for (const character of path) out += character === '/' ? '/' : encodedCharacter(character);
  return out;
}

/** True when no character needs a second look. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (UNRESERVED[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

function reencode(text: string, role: 'component' | 'path'): string | undefined {
  let out = '';
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === PERCENT) {
      const byte = (hexValue(text, index + 1) << 4) | hexValue(text, index + 2);
      if (byte < 0) return undefined;
      out += WRITTEN[byte]!;
      index += 2;
    } else if (code === SLASH && role === 'path') {
      out += '/';
    } else if (code === PLUS && role === 'component') {
      out += WRITTEN[SPACE]!;
    } else if (code < ASCII_END) {
      out += WRITTEN[code]!;
    } else {
      const character = String.fromCodePoint(text.codePointAt(index) ?? code);
      out += encodedCharacter(character);
      index += character.length - 1;
    }
  }
  return out;
}

/** Any character as the `%XX` of its UTF-8 bytes. */
function encodedCharacter(character: string): string {
  let out = '';
  for (const byte of Buffer.from(character)) out += WRITTEN[byte]!;
  return out;
}

/** The value of a hex digit; negative when it is none, also past the end. */
function hexValue(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return code < ASCII_END && letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
