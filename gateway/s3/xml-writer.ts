/**
 * Writes XML: text escaped exactly, elements as strings.
 *
 * Owns:          what is escaped, and how.
 * Knows:         XML 1.0; the namespace of S3's documents.
 * Must not know: what a document says.
 *
 * A carriage return is written as a reference, because a parser turns a raw one into a line feed
 * and the client would ask for another key. The other controls have no legal form in XML 1.0; they
 * are written as references too, as S3 does, which many parsers read; a client that must be sure
 * asks for `encoding-type=url`.
 */

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Enough to pay for a buffer, few enough to stay in the fastest cache. */
const ADDITIONS_PER_PIECE = 50;

// eslint-disable-next-line no-control-regex -- controls are what this is about
const SPECIAL = /[&<>"'\0-\x1f\x7f\ufffe\uffff]/;
// eslint-disable-next-line no-control-regex -- controls are what this is about
const EVERY_SPECIAL = /[&<>"'\0-\x1f\x7f\ufffe\uffff]/g;

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text as it stands between tags or in an attribute. */
export function escapeXml(text: string): string {
  return SPECIAL.test(text) ? text.replace(EVERY_SPECIAL, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  return NAMED[character] ?? `&#${String(character.charCodeAt(0))};`;
}

/** `<name>text</name>`, escaped. */
export function element(name: string, text: string | number | boolean): string {
  const content = typeof text === 'string' ? escapeXml(text) : String(text);
  return `<${name}>${content}</${name}>`;
}

/** The same, or nothing at all. */
export function optionalElement(name: string, text: string | number | undefined): string {
  return text === undefined ? '' : element(name, text);
}

/** `content` is XML already. */
export function wrap(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

/** A whole document in S3's namespace; `content` is XML already. */
export function s3Document(root: string, content: string): string {
  const [opening, closing] = s3Root(root);
  return opening + content + closing;
}

/** What stands before and behind the content of such a document. */
export function s3Root(root: string): readonly [opening: string, closing: string] {
  return [`${XML_DECLARATION}<${root} xmlns="${S3_NAMESPACE}">`, `</${root}>`];
}

/**
 * A large document, made bytes while it is written: one long text of thousands of pieces would be
 * put together once more for that, at twice the time.
 */
export class XmlBytes {
  readonly #pieces: Buffer[] = [];
  #text: string;
  #added = 0;

  /** `text` is XML already, here and below. */
  constructor(text: string) {
    this.#text = text;
  }

  add(text: string): void {
    this.#text += text;
    this.#added += 1;
    if (this.#added % ADDITIONS_PER_PIECE === 0) this.#flush();
  }

  end(text: string): Uint8Array {
    this.#text += text;
    this.#flush();
    const [only] = this.#pieces;
    return this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
  }

  #flush(): void {
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
