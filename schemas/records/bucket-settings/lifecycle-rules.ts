/**
 * When objects of a bucket expire, and unfinished uploads are given up.
 *
 * Owns:          the rules: fields, bytes, and what S3 refuses of them.
 * Knows:         "PutBucketLifecycleConfiguration" of the S3 API reference.
 * Must not know: days and clocks; what is due is lifecycle-due.ts.
 *
 * A rule remembers in which of S3's forms its filter was written, because that is how it is given
 * back: the old `Prefix` of the rule itself, one condition, or several under `And`.
 */
import { createHash } from 'node:crypto';
import type { FieldReader, Packed } from '../../codec.ts';
import { CodecError } from '../../codec.ts';
import type { Tag } from './bucket-tags.ts';
import { faultOfTags, packTags, readTags } from './bucket-tags.ts';
import { packWord, readOptionalInteger, readOptionalText, readWord } from './setting-fields.ts';
import type { SettingFault } from './setting-fault.ts';
import {
  firstFault,
  invalidSetting,
  invalidSettingArgument,
  malformedSetting,
} from './setting-fault.ts';

export type LifecycleFilter = {
  readonly form: 'legacy' | 'single' | 'and';
  readonly prefix: string | undefined;
  readonly tags: readonly Tag[];
  /** Exclusive bounds, in bytes. */
  readonly sizeGreaterThan: number | undefined;
  readonly sizeLessThan: number | undefined;
};

export type LifecycleExpiration =
  | { readonly kind: 'days'; readonly days: number }
  /** Midnight of UTC. */
  | { readonly kind: 'date'; readonly dateMs: number }
  /** Delete markers without versions below them; nothing to do where no versions are kept. */
  | { readonly kind: 'delete-marker'; readonly enabled: boolean };

export type LifecycleRule = {
  readonly id: string;
  readonly enabled: boolean;
  readonly filter: LifecycleFilter;
  readonly expiration: LifecycleExpiration | undefined;
  readonly abortUploadsDays: number | undefined;
  /** Of versions that were superseded; nothing to do where no versions are kept. */
  readonly noncurrent:
    { readonly days: number; readonly newerVersions: number | undefined } | undefined;
};

export const LIFECYCLE_RULES_MAX = 1000;
const FORMS = ['legacy', 'single', 'and'] as const;
const ID_CHARACTERS_MAX = 255;
const PREFIX_BYTES_MAX = 1024;
const DAYS_MAX = 2 ** 31 - 1;
const DAY_MS = 86_400_000;
const GENERATED_ID_CHARACTERS = 32;
/** Tags of one object at most, so more of them in a filter match nothing. */
const FILTER_TAGS_MAX = 50;
const NEWER_VERSIONS_MAX = 100;

export function packLifecycle(rules: readonly LifecycleRule[]): Packed {
  return rules.map(rule => [
    rule.id,
    rule.enabled,
    packFilter(rule.filter),
    packExpiration(rule.expiration),
    rule.abortUploadsDays ?? null,
    rule.noncurrent === undefined
      ? null
      : [rule.noncurrent.days, rule.noncurrent.newerVersions ?? null],
  ]);
}

function packFilter(filter: LifecycleFilter): Packed {
  return [
    packWord(FORMS, filter.form),
    filter.prefix ?? null,
    packTags(filter.tags),
    filter.sizeGreaterThan ?? null,
    filter.sizeLessThan ?? null,
  ];
}

function packExpiration(expiration: LifecycleExpiration | undefined): Packed {
  switch (expiration?.kind) {
    case undefined:
      return null;
    case 'days':
      return [0, expiration.days];
    case 'date':
      return [1, expiration.dateMs];
    case 'delete-marker':
      return [2, expiration.enabled];
  }
}

export function readLifecycle(fields: FieldReader): LifecycleRule[] {
  return fields.list(rule => ({
    id: rule.text(),
    enabled: rule.flag(),
    filter: readFilter(rule.nested()),
    expiration: readExpiration(rule),
    abortUploadsDays: readOptionalInteger(rule),
    noncurrent: readNoncurrent(rule),
  }));
}

function readFilter(fields: FieldReader): LifecycleFilter {
  return {
    form: readWord(fields, FORMS) ?? 'single',
    prefix: readOptionalText(fields),
    tags: readTags(fields),
    sizeGreaterThan: readOptionalInteger(fields),
    sizeLessThan: readOptionalInteger(fields),
  };
}

function readExpiration(fields: FieldReader): LifecycleExpiration | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const kind = parts.integer();
  if (kind === 0) return { kind: 'days', days: parts.integer() };
  if (kind === 1) return { kind: 'date', dateMs: parts.integer() };
  if (kind === 2) return { kind: 'delete-marker', enabled: parts.flag() };
  throw new CodecError('unknown kind of expiration');
}

function readNoncurrent(fields: FieldReader): LifecycleRule['noncurrent'] {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  return { days: parts.integer(), newerVersions: readOptionalInteger(parts) };
}

/**
 * The id of a rule that was given none: the same for the same rule at the same place, so that two
 * equal rules have two, and a document that is put again changes nothing.
 */
export function generatedRuleId(index: number, rule: unknown): string {
  const digest = createHash('sha256').update(JSON.stringify([index, rule]));
  return digest.digest('base64url').slice(0, GENERATED_ID_CHARACTERS);
}

/** undefined: they may be stored. */
export function faultOfLifecycle(rules: readonly LifecycleRule[]): SettingFault | undefined {
  if (rules.length === 0 || rules.length > LIFECYCLE_RULES_MAX) {
    return malformedSetting(`Between 1 and ${String(LIFECYCLE_RULES_MAX)} rules are needed.`);
  }
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) {
      return invalidSettingArgument('ID', id, 'Two rules have the same ID.');
    }
    ids.add(id);
  }
  return firstFault(rules, faultOfRule);
}

function faultOfRule(rule: LifecycleRule): SettingFault | undefined {
  const { id, expiration, abortUploadsDays, noncurrent } = rule;
  if (id.length > ID_CHARACTERS_MAX) {
    const limit = String(ID_CHARACTERS_MAX);
    return invalidSettingArgument('ID', id, `The ID of a rule has at most ${limit} characters.`);
  }
  if (expiration === undefined && abortUploadsDays === undefined && noncurrent === undefined) {
    return invalidSetting('A rule needs an action.');
  }
  return faultOfFilter(rule.filter) ?? faultOfActions(rule);
}

function faultOfFilter(filter: LifecycleFilter): SettingFault | undefined {
  const { prefix = '', tags, sizeGreaterThan, sizeLessThan } = filter;
  if (Buffer.byteLength(prefix) > PREFIX_BYTES_MAX) {
    return invalidSetting('The prefix of a rule is longer than any key.');
  }
  if (sizeLessThan !== undefined && sizeLessThan <= (sizeGreaterThan ?? 0)) {
    return invalidSetting('ObjectSizeLessThan must be greater than ObjectSizeGreaterThan.');
  }
  return faultOfTags(tags, FILTER_TAGS_MAX);
}

function faultOfActions(rule: LifecycleRule): SettingFault | undefined {
  const { expiration, abortUploadsDays, noncurrent, filter } = rule;
  const faults = [
    expiration?.kind === 'days' ? faultOfDays('Days', 'Expiration', expiration.days) : undefined,
    expiration?.kind === 'date' && expiration.dateMs % DAY_MS !== 0
      ? invalidSettingArgument('Date', '', 'Date must be midnight of UTC.')
      : undefined,
    abortUploadsDays === undefined
      ? undefined
      : faultOfDays('DaysAfterInitiation', 'AbortIncompleteMultipartUpload', abortUploadsDays),
    noncurrent === undefined
      ? undefined
      : faultOfDays('NoncurrentDays', 'NoncurrentVersionExpiration', noncurrent.days),
    faultOfNewerVersions(noncurrent?.newerVersions, filter),
    faultOfForeignFilter(rule, filter),
  ];
  return faults.find(fault => fault !== undefined);
}

function faultOfDays(element: string, action: string, days: number): SettingFault | undefined {
  if (days >= 1 && days <= DAYS_MAX) return undefined;
  const message = `'${element}' for ${action} action must be a positive integer`;
  return invalidSettingArgument(element, String(days), message);
}

function faultOfNewerVersions(
  count: number | undefined,
  { form }: LifecycleFilter,
): SettingFault | undefined {
  if (count === undefined) return undefined;
  if (form === 'legacy') {
    return invalidSetting('NewerNoncurrentVersions goes with a Filter, not with a Prefix.');
  }
  if (count >= 1 && count <= NEWER_VERSIONS_MAX) return undefined;
  const message = `NewerNoncurrentVersions is from 1 to ${String(NEWER_VERSIONS_MAX)}.`;
  return invalidSettingArgument('NewerNoncurrentVersions', String(count), message);
}

/** Uploads and delete markers have neither tags nor a size. */
function faultOfForeignFilter(
  { expiration, abortUploadsDays }: LifecycleRule,
  { tags, sizeGreaterThan, sizeLessThan }: LifecycleFilter,
): SettingFault | undefined {
  const hasSize = sizeGreaterThan !== undefined || sizeLessThan !== undefined;
  if (tags.length === 0 && !hasSize) return undefined;
  const by = tags.length > 0 ? 'tags' : 'object size';
  if (abortUploadsDays !== undefined) {
    return invalidSetting(`AbortIncompleteMultipartUpload does not go with a filter by ${by}.`);
  }
  if (expiration?.kind !== 'delete-marker' || tags.length === 0) return undefined;
  return invalidSetting('ExpiredObjectDeleteMarker does not go with a filter by tags.');
}
