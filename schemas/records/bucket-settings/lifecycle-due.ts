/**
 * Which rule of a bucket takes an object or an upload away, and on which day.
 *
 * Owns:          whether a filter matches, and the earliest day of several rules.
 * Knows:         the rules, the calendar.
 * Must not know: what day it is, how anything is deleted.
 *
 * One answer for two askers: the worker that deletes, and the headers that announce it.
 */
import type { LifecycleCalendar } from '../../lifecycle-calendar.ts';
import { dayOfDate, dueDay } from '../../lifecycle-calendar.ts';
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

function matches(filter: LifecycleFilter, subject: LifecycleSubject): boolean {
  const { prefix, tags, sizeGreaterThan, sizeLessThan } = filter;
  if (prefix !== undefined && !subject.key.startsWith(prefix)) return false;
  if (sizeGreaterThan !== undefined && subject.sizeBytes <= sizeGreaterThan) return false;
  if (sizeLessThan !== undefined && subject.sizeBytes >= sizeLessThan) return false;
  const has = subject.tags;
  if (has === 'any') return true;
  return tags.every(({ key, value }) => has.some(tag => tag.key === key && tag.value === value));
}
