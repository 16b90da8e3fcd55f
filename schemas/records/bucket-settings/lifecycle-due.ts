/**
 * Which rule of a bucket takes an object, a version or an upload away, and on which day.
 *
 * Owns:          whether a filter matches, and the earliest day of several rules.
 * Knows:         the rules, the calendar.
 * Must not know: what day it is, how anything is deleted.
 *
 * One answer for two askers: the worker that deletes, and the headers that announce it.
 */
import type { LifecycleCalendar } from '../../lifecycle-calendar.ts';
import { dayOf, dayOfDate, dueDay } from '../../lifecycle-calendar.ts';
import type { Tag } from './bucket-tags.ts';
import type { LifecycleFilter, LifecycleRule } from './lifecycle-rules.ts';

export type LifecycleSubject = {
  readonly key: string;
  readonly sizeBytes: number;
  readonly createdMs: number;
  /** `any`: not known yet; a filter by tags is taken to match. */
  readonly tags: readonly Tag[] | 'any';
};

export type Due = { readonly ruleId: string; readonly day: number };

/** When the object expires; undefined: no rule says so. */
export function expirationOf(
  rules: readonly LifecycleRule[],
  calendar: LifecycleCalendar,
  subject: LifecycleSubject,
): Due | undefined {
  return earliest(rules, rule => {
    const { expiration } = rule;
    if (expiration === undefined || expiration.kind === 'delete-marker') return undefined;
    if (!matches(rule.filter, subject)) return undefined;
    return expiration.kind === 'days'
      ? dueDay(calendar, subject.createdMs, expiration.days)
      : dayOfDate(calendar, expiration.dateMs);
  });
}

export type NoncurrentSubject = {
  readonly key: string;
  /** A delete marker has neither size nor tags: no filter by them matches it. */
  readonly content: 'marker' | { readonly sizeBytes: number; readonly tags: readonly Tag[] };
  /** Since when it is not the current one. */
  readonly noncurrentMs: number;
  /** How many noncurrent versions of the key are newer. */
  readonly newerVersions: number;
};

/** When a version that is not the current one expires; undefined: no rule says so. */
export function noncurrentExpirationOf(
  rules: readonly LifecycleRule[],
  calendar: LifecycleCalendar,
  { key, content, noncurrentMs, newerVersions }: NoncurrentSubject,
): Due | undefined {
  return earliest(rules, ({ noncurrent, filter }) => {
    if (noncurrent === undefined || newerVersions < (noncurrent.newerVersions ?? 0)) {
      return undefined;
    }
    const isMeant =
      content === 'marker'
        ? matchesMarker(filter, key)
        : matches(filter, { key, ...content, createdMs: noncurrentMs });
    return isMeant ? dueDay(calendar, noncurrentMs, noncurrent.days) : undefined;
  });
}

/**
 * When a delete marker that has nothing below it goes; undefined: no rule says so. It goes at once
 * where a rule asks for it, else by the age at which objects expire.
 */
export function markerExpirationOf(
  rules: readonly LifecycleRule[],
  calendar: LifecycleCalendar,
  { key, createdMs }: { readonly key: string; readonly createdMs: number },
): Due | undefined {
  return earliest(rules, ({ expiration, filter }) => {
    if (expiration === undefined || !matchesMarker(filter, key)) return undefined;
    switch (expiration.kind) {
      case 'delete-marker':
        return expiration.enabled ? dayOf(calendar, createdMs) : undefined;
      case 'days':
        return dueDay(calendar, createdMs, expiration.days);
      case 'date':
        return dayOfDate(calendar, expiration.dateMs);
    }
  });
}

/** When an upload that is not finished is given up; undefined: no rule says so. */
export function abortOf(
  rules: readonly LifecycleRule[],
  calendar: LifecycleCalendar,
  upload: { readonly key: string; readonly createdMs: number },
): Due | undefined {
  return earliest(rules, ({ abortUploadsDays, filter }) => {
    const isMeant = abortUploadsDays !== undefined && upload.key.startsWith(filter.prefix ?? '');
    return isMeant ? dueDay(calendar, upload.createdMs, abortUploadsDays) : undefined;
  });
}

function earliest(
  rules: readonly LifecycleRule[],
  dayOfRule: (rule: LifecycleRule) => number | undefined,
): Due | undefined {
  let due: Due | undefined;
  for (const rule of rules) {
    const day = rule.enabled ? dayOfRule(rule) : undefined;
    if (day !== undefined && (due === undefined || day < due.day)) due = { ruleId: rule.id, day };
  }
  return due;
}

function matchesMarker(filter: LifecycleFilter, key: string): boolean {
  const { prefix = '', tags, sizeGreaterThan, sizeLessThan } = filter;
  const isAboutContent = tags.length > 0 || (sizeGreaterThan ?? sizeLessThan) !== undefined;
  return !isAboutContent && key.startsWith(prefix);
}

function matches(filter: LifecycleFilter, subject: LifecycleSubject): boolean {
  const { prefix, tags, sizeGreaterThan, sizeLessThan } = filter;
  if (prefix !== undefined && !subject.key.startsWith(prefix)) return false;
  if (sizeGreaterThan !== undefined && subject.sizeBytes <= sizeGreaterThan) return false;
  if (sizeLessThan !== undefined && subject.sizeBytes >= sizeLessThan) return false;
  const has = subject.tags;
  if (has === 'any') return true;
  return tags.every(({ key, value }) => has.some(tag => tag.key === key && tag.value === value));
}
