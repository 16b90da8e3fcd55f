/**
 * What answers say of the lifecycle rules that will take an object or an upload away.
 *
 * Owns:          `x-amz-expiration`, `x-amz-abort-date` and `x-amz-abort-rule-id`.
 * Knows:         "PutObject" and "CreateMultipartUpload" of the S3 API reference; the rules.
 * Must not know: who carries the rules out.
 */
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import { startOfDay } from '../../schemas/lifecycle-calendar.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import { abortOf, expirationOf } from '../../schemas/records/bucket-settings/lifecycle-due.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import { httpDate } from '../http/http-date.ts';

const NO_HEADERS: ReplyHeaders = [];

type Subject = {
  readonly key: string;
  readonly sizeBytes: number;
  readonly createdMs: number;
  /** Absent: none. */
  readonly tags?: readonly Tag[] | undefined;
};

/** The last day that the form of dates has room for; rules may say millions of years. */
const LAST_MS = Date.UTC(9999, 11, 31);

function dateOf(calendar: LifecycleCalendar, day: number): string {
  return httpDate(Math.min(LAST_MS, startOfDay(calendar, day)));
}

/** Of an object as it stands now. */
export function expirationHeaders(
  { lifecycle }: BucketRow,
  calendar: LifecycleCalendar,
  subject: Subject,
): ReplyHeaders {
  if (lifecycle === undefined) return NO_HEADERS;
  const due = expirationOf(lifecycle, calendar, { ...subject, tags: subject.tags ?? [] });
  if (due === undefined) return NO_HEADERS;
  const date = dateOf(calendar, due.day);
  const ruleId = encodeURIComponent(due.ruleId);
  return [['x-amz-expiration', `expiry-date="${date}", rule-id="${ruleId}"`]];
}

/** Of an upload that is not finished. */
export function abortHeaders(
  { lifecycle }: BucketRow,
  calendar: LifecycleCalendar,
  upload: { readonly key: string; readonly createdMs: number },
): ReplyHeaders {
  if (lifecycle === undefined) return NO_HEADERS;
  const due = abortOf(lifecycle, calendar, upload);
  if (due === undefined) return NO_HEADERS;
  return [
    ['x-amz-abort-date', dateOf(calendar, due.day)],
    ['x-amz-abort-rule-id', encodeURIComponent(due.ruleId)],
  ];
}
