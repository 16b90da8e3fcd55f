/**
 * The pieces that settings are stored in: optional numbers and texts, lists of texts.
 *
 * Owns:          their packing and checked reading.
 * Knows:         the codec.
 * Must not know: which setting they belong to.
 */
import type { FieldReader } from '../../codec.ts';
import { CodecError } from '../../codec.ts';

export function readOptionalInteger(fields: FieldReader): number | undefined {
  return fields.skipNull() ? undefined : fields.integer();
}

export function readOptionalText(fields: FieldReader): string | undefined {
  return fields.skipNull() ? undefined : fields.text();
}

export function readTexts(fields: FieldReader): string[] {
  const inner = fields.nested();
  const texts: string[] = [];
  while (inner.hasMore) texts.push(inner.text());
  return texts;
}

/** One of a fixed list of words, stored as its place in the list; undefined is stored as null. */
export function packWord<Word extends string>(
  words: readonly Word[],
  word: Word | undefined,
): number | null {
  return word === undefined ? null : words.indexOf(word);
}

/** Throws CodecError for a word of a later release. */
export function readWord<Word extends string>(
  fields: FieldReader,
  words: readonly Word[],
): Word | undefined {
  if (fields.skipNull()) return undefined;
  const word = words[fields.integer()];
  if (word === undefined) throw new CodecError('a word that this release does not know');
  return word;
}
