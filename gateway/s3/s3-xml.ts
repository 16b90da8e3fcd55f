/**
 * Reads the XML documents that clients send.
 *
 * Owns:          what is refused before parsing, the decoding of references, the plain tree.
 * Knows:         XML 1.0; fast-xml-parser, whose only importer this is.
 * Must not know: which document is expected; its schema is in the operation that reads it.
 *
 * Nothing is ever expanded: a document with a DOCTYPE is refused unread, and the only references
 * are the five predefined ones and those to characters. References to controls are decoded although
 * XML 1.0 forbids them, because a key may hold one and its owner must be able to name it; NUL is
 * not.
 */
import { XMLParser } from 'fast-xml-parser';
import { XML_BODY_BYTES_MAX, XML_DEPTH_MAX } from '../../schemas/limits.ts';
import { S3Error } from './s3-error.ts';
import { faultOf } from './xml-shape.ts';

/** An element; what stood in CDATA is part of `text`, comments and attributes are not kept. */
export type XmlElement = {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** All text directly inside, as sent, references decoded. */
  readonly text: string;
};

const DECLARATION_CHARACTERS_MAX = 256;
/** The longest reference that means something, `&#x0010FFFF;`, with some zeros to spare. */
const REFERENCE_CHARACTERS_MAX = 16;
const TEXT_NAME = '#text';
const CDATA_NAME = '#cdata';

// eslint-disable-next-line no-control-regex -- controls are what this is about
const ILLEGAL = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const DECLARATION = /^<\?xml\s[^<>]*\?>/;
const OTHER_ENCODING = /encoding\s*=\s*["'](?!utf-?8["'])/i;
const BLANK = /^[ \t\r\n]*$/;

const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

const utf8 = new TextDecoder('utf-8', { fatal: true });

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: CDATA_NAME,
  textNodeName: TEXT_NAME,
  // The package counts from the root's parent and refuses what is above the bound.
  maxNestedTags: XML_DEPTH_MAX - 1,
  jPath: false,
});

/**
 * The root element of a document.
 *
 * @throws S3Error MalformedXML for all that is not well-formed UTF-8 XML within the bounds, or
 * whose
 *   root has another name.
 */
export function parseXml(bytes: Uint8Array, rootName: string): XmlElement {
  const source = withoutDeclaration(decodeUtf8(bytes));
  const fault = faultOf(source);
  if (fault !== undefined) throw malformed();
  const roots = readNodes(parsed(source));
  const [root] = roots.elements;
  if (root === undefined || roots.elements.length > 1 || !BLANK.test(roots.text)) throw malformed();
  if (root.name !== rootName) throw malformed(`The root element must be ${rootName}.`);
  return root;
}

/** The children by name; refuses unknown ones, and text between them. */
export function childrenOf(parent: XmlElement, known: ReadonlySet<string>): readonly XmlElement[] {
  if (!BLANK.test(parent.text)) throw malformed(`There is text inside ${parent.name}.`);
  for (const { name } of parent.children) {
    if (!known.has(name)) throw malformed(`${parent.name} does not take such an element.`);
  }
  return parent.children;
}

/** The text of an element that has no elements inside. */
export function textOf(child: XmlElement): string {
  if (child.children.length > 0) throw malformed(`${child.name} takes text only.`);
  return child.text;
}

/** `true` or `false`, blanks around it allowed. */
export function booleanOf(child: XmlElement): boolean {
  const text = textOf(child).trim();
  if (text !== 'true' && text !== 'false') throw malformed(`${child.name} is true or false.`);
  return text === 'true';
}

export function malformed(message?: string): S3Error {
  return new S3Error('MalformedXML', message === undefined ? {} : { message });
}

function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length > XML_BODY_BYTES_MAX) throw malformed('The document is too large.');
  try {
    // The decoder drops a byte order mark; UTF-16 is never valid UTF-8 with letters in it, or has
    // NULs, which are refused below.
    const text = utf8.decode(bytes);
    if (ILLEGAL.test(text)) throw malformed();
    return text;
  } catch (cause) {
    throw cause instanceof S3Error ? cause : malformed('The document is not valid UTF-8.');
  }
}

/** The declaration is read here, so that the parser meets no processing instruction at all. */
function withoutDeclaration(text: string): string {
  if (!text.startsWith('<?xml')) return text;
  const declaration = DECLARATION.exec(text.slice(0, DECLARATION_CHARACTERS_MAX))?.[0];
  if (declaration === undefined) throw malformed();
  if (OTHER_ENCODING.test(declaration)) throw malformed('The document must be UTF-8.');
  return text.slice(declaration.length);
}

/** The shape was checked; the parser builds the tree, and bounds the depth once more. */
function parsed(source: string): unknown {
  try {
    return parser.parse(source) as unknown;
  } catch (cause) {
    throw new S3Error('MalformedXML', { cause });
  }
}

type Nodes = { readonly elements: readonly XmlElement[]; readonly text: string };

/**
 * The package's tree: a list of objects with one name each, its value the list of what is inside.
 */
function readNodes(list: unknown): Nodes {
  const elements: XmlElement[] = [];
  let text = '';
  if (!Array.isArray(list)) throw malformed();
  for (const node of list as readonly Readonly<Record<string, unknown>>[]) {
    for (const name of Object.keys(node)) {
      const value = node[name];
      if (name === TEXT_NAME) text += decodeReferences(String(value));
      else if (name === CDATA_NAME) text += cdataText(value);
      else {
        const { elements: children, text: inner } = readNodes(value);
        elements.push({ name, children, text: inner });
      }
    }
  }
  return { elements, text };
}

function cdataText(value: unknown): string {
  const [only] = value as readonly Readonly<Record<string, string>>[];
  return only?.[TEXT_NAME] ?? '';
}

/** Each reference once: what a reference decodes to is never read again. */
function decodeReferences(text: string): string {
  let at = text.indexOf('&');
  if (at < 0) return text;
  let decoded = '';
  let start = 0;
  while (at >= 0) {
    const end = text.indexOf(';', at);
    if (end < 0 || end - at > REFERENCE_CHARACTERS_MAX) throw malformed();
    decoded += text.slice(start, at) + decodeReference(text.slice(at + 1, end));
    start = end + 1;
    at = text.indexOf('&', start);
  }
  return decoded + text.slice(start);
}

function decodeReference(name: string): string {
  const predefined = PREDEFINED.get(name);
  if (predefined !== undefined) return predefined;
  const hex = /^#x([0-9a-fA-F]+)$/.exec(name)?.[1];
  const decimal = /^#([0-9]+)$/.exec(name)?.[1];
  const code = hex === undefined ? Number.parseInt(decimal ?? '', 10) : Number.parseInt(hex, 16);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  if (!(code > 0 && code <= 0x10ffff) || isSurrogate) throw malformed();
  return String.fromCodePoint(code);
}
