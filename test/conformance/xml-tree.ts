/**
 * Texts of an XML answer by path.
 *
 * Owns:          the look-up.
 * Knows:         the XML parser.
 * Must not know: S3's documents.
 */
import { XMLParser } from 'fast-xml-parser';

const parser = new XMLParser({
  ...{ ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false },
  ...{ parseAttributeValue: false, trimValues: false, htmlEntities: true },
});

/**
 * All texts at `Name` or `Name.Name`, from the children of the root; an element with children
 * counts as an empty text. `@xmlns` is an attribute of the root, `root` its name.
 */
export function textsAt(xml: string, path: string): readonly string[] {
  const document = parser.parse(xml.replace(/^<\?xml[^>]*\?>\s*/, '')) as Tree;
  const [name = '', root = ''] = Object.entries(document)[0] ?? [];
  if (path === 'root') return [name];
  const found = path
    .split('.')
    .reduce<readonly Node[]>(
      (nodes, step) => nodes.flatMap(node => childrenOf(node, step)),
      [root].flat(),
    );
  return found.map(textOf);
}

type Tree = { readonly [name: string]: Node | readonly Node[] };
type Node = string | Tree;

function childrenOf(node: Node, name: string): readonly Node[] {
  if (typeof node === 'string') return [];
  const found = node[name];
  return found === undefined ? [] : [found].flat();
}

function textOf(node: Node): string {
  if (typeof node === 'string') return node;
  const text = node['#text'];
  return typeof text === 'string' ? text : '';
}
