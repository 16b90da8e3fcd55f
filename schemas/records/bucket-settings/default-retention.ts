/**
 * The retention that every new version of a bucket gets unless it asks for another.
 *
 * Owns:          when it ends; what S3 refuses of it.
 * Knows:         "PutObjectLockConfiguration" of the S3 API reference.
 * Must not know: versions, what time it is.
 */
import type { Retention } from '../object-lock.ts';
import type { ObjectLockConfiguration } from './access-settings.ts';
import type { SettingFault } from './setting-fault.ts';

type DefaultRetention = NonNullable<ObjectLockConfiguration['defaultRetention']>;

const DAY_MS = 86_400_000;
/** A hundred years. */
const LONGEST = { days: 36_500, years: 100 } as const;

/** Of a version that is made now; years are those of the calendar. */
export function retentionFrom({ mode, unit, count }: DefaultRetention, nowMs: number): Retention {
  if (unit === 'days') return { mode, untilMs: nowMs + count * DAY_MS };
  const until = new Date(nowMs);
  until.setUTCFullYear(until.getUTCFullYear() + count);
  return { mode, untilMs: until.getTime() };
}

/** undefined: it may be stored. */
export function faultOfRetention({ unit, count }: DefaultRetention): SettingFault | undefined {
  const longest = LONGEST[unit];
  if (count >= 1 && count <= longest) return undefined;
  return {
    code: 'InvalidRetentionPeriod',
    message: `The default retention is from 1 to ${String(longest)} ${unit}.`,
  };
}
