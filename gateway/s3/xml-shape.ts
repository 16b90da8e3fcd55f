/**
 * Is a document well formed, and small enough to be worth reading?
 *
 * Owns:          the walk over its tags, before a parser sees it.
 * Knows:         XML 1.0, as far as documents of S3 use it: names are ASCII.
 * Must not know: elements by name, references in texts.
 *
 * Every `<` must begin a tag that is whole, a comment or CDATA: no DOCTYPE, no entity and no
 * instruction passes, whatever a parser would make of one. Linear in the length of the document.
 */
import { XML_DEPTH_MAX } from '../../schemas/limits.ts';

export type XmlFault =
  'declaration' | 'depth' | 'mismatch' | 'tag' | 'text-outside' | 'too-many' | 'unclosed';

/** A completion of 10,000 parts with checksums has some 80,000. */
const TAGS_MAX = 96 * 1024;
const OPENING =
  /<([A-Za-z_][\w.:-]*)(?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>/y;
const CLOSING = /<\/([A-Za-z_][\w.:-]*)\s*>/y;
const BLANK = /^[ \t\r\n]*$/;

/** What is wrong with it; undefined when it may be parsed. The declaration is taken off already. */
export function faultOf(source: string): XmlFault | undefined {
  const open: string[] = [];
  let hasRoot = false;
  let tags = 0;
  let at = 0;
  for (;;) {
    const next = source.indexOf('<', at);
    const end = next < 0 ? source.length : next;
    if (open.length === 0 && !BLANK.test(source.slice(at, end))) return 'text-outside';
    if (next < 0) return hasRoot && open.length === 0 ? undefined : 'unclosed';
    tags += 1;
    if (tags > TAGS_MAX) return 'too-many';
    const isComment = source.startsWith('<!--', next);
    if (isComment || (open.length > 0 && source.startsWith('<![CDATA[', next))) {
      const mark = isComment ? '-->' : ']]>';
      const close = source.indexOf(mark, next + (isComment ? 4 : 9));
      if (close < 0) return 'unclosed';
      at = close + mark.length;
      continue;
    }
    const second = source[next + 1];
    if (second === '!' || second === '?') return 'declaration';
    const pattern = second === '/' ? CLOSING : OPENING;
    pattern.lastIndex = next;
    const tag = pattern.exec(source);
    if (tag === null) return 'tag';
    at = pattern.lastIndex;
    const fault = pattern === CLOSING ? closeTag(open, tag) : openTag(open, tag, hasRoot);
    if (fault !== undefined) return fault;
    hasRoot = true;
  }
}

function closeTag(open: string[], [, name]: RegExpExecArray): XmlFault | undefined {
  return open.pop() === name ? undefined : 'mismatch';
}

function openTag(
  open: string[],
  [, name = '', slash]: RegExpExecArray,
  hasRoot: boolean,
): XmlFault | undefined {
  if (open.length === 0 && hasRoot) return 'text-outside';
  if (open.length >= XML_DEPTH_MAX) return 'depth';
  if (slash === '') open.push(name);
  return undefined;
}
