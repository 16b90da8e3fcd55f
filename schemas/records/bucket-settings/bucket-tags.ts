/**
 * Tags: names and values that people attach to buckets and objects.
 *
 * Owns:          their bytes, and what S3 refuses of them.
 * Knows:         "PutBucketTagging", "PutObjectTagging" and "User-defined tag restrictions" of the
 *                AWS documentation.
 * Must not know: what tags are used for.
 */
import type { FieldReader, Packed } from '../../codec.ts';
import type { SettingFault } from './setting-fault.ts';
import { firstFault } from './setting-fault.ts';

export type Tag = { readonly key: string; readonly value: string };

export const BUCKET_TAGS_MAX = 50;
export const OBJECT_TAGS_MAX = 10;
const KEY_CHARACTERS_MAX = 128;
const VALUE_CHARACTERS_MAX = 256;
const CHARACTERS = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;
const SYSTEM_PREFIX = 'aws:';

export function packTags(tags: readonly Tag[]): Packed {
  return tags.map(({ key, value }) => [key, value]);
}

export function readTags(fields: FieldReader): Tag[] {
  return fields.list(tag => ({ key: tag.text(), value: tag.text() }));
}

/** undefined: they may be stored. `max`: how many of them what they are attached to may have. */
export function faultOfTags(tags: readonly Tag[], max: number): SettingFault | undefined {
  if (tags.length > max) return tooMany(max);
  const seen = new Set<string>();
  for (const { key } of tags) {
    if (seen.has(key)) return invalidTag('Cannot provide multiple Tags with the same key', key);
    seen.add(key);
  }
  return firstFault(tags, faultOfTag);
}

function tooMany(max: number): SettingFault {
  const whose = max === OBJECT_TAGS_MAX ? 'Object tags' : 'Bucket tag count';
  return { code: 'BadRequest', message: `${whose} cannot be greater than ${String(max)}` };
}

function faultOfTag({ key, value }: Tag): SettingFault | undefined {
  if (key.toLowerCase().startsWith(SYSTEM_PREFIX)) {
    return invalidTag('Keys that begin with aws: are not for users.', key);
  }
  if (key === '' || characters(key) > KEY_CHARACTERS_MAX || !CHARACTERS.test(key)) {
    return invalidTag('The TagKey you have provided is invalid', key);
  }
  if (characters(value) > VALUE_CHARACTERS_MAX || !CHARACTERS.test(value)) {
    return invalidTag('The TagValue you have provided is invalid', key);
  }
  return undefined;
}

/** Unicode characters, as AWS counts them. */
function characters(text: string): number {
  return Array.from(text).length;
}

function invalidTag(message: string, key?: string): SettingFault {
  const fault = { code: 'InvalidTag', message } as const;
  return key === undefined ? fault : { ...fault, argument: { name: 'TagKey', value: key } };
}
