/**
 * Days, as lifecycle rules count them.
 *
 * Owns:          which day a moment belongs to, and when a day begins.
 * Knows:         "Lifecycle configuration elements" of the S3 user guide: what is N days old is due
 *                at the midnight that follows.
 * Must not know: rules, objects; what time it is.
 *
 * Midnight is that of UTC as with AWS, or of the local time zone (`use_local_tz`). Tests shorten
 * the day; a shortened day has no time zone. A day is a number, and days only grow.
 */

export type LifecycleCalendar = {
  /** The length of a day in milliseconds. */
  readonly dayMs: number;
  /** How far local time is ahead of UTC at a moment; always 0 for UTC. */
  readonly offsetMs: (atMs: number) => number;
};

const DAY_MS = 86_400_000;

/** `localOffsetMs` undefined: UTC. */
export function lifecycleCalendar(
  dayMs: number,
  localOffsetMs: ((atMs: number) => number) | undefined,
): LifecycleCalendar {
  const isShortened = dayMs !== DAY_MS;
  return {
    dayMs: Math.max(1, dayMs),
    offsetMs: isShortened || localOffsetMs === undefined ? () => 0 : localOffsetMs,
  };
}

/** The day that a moment belongs to. */
export function dayOf({ dayMs, offsetMs }: LifecycleCalendar, atMs: number): number {
  return Math.floor((atMs + offsetMs(atMs)) / dayMs);
}

/** The first moment of a day. */
export function startOfDay(calendar: LifecycleCalendar, day: number): number {
  const { dayMs, offsetMs } = calendar;
  const asUtc = day * dayMs;
  // The offset at midnight decides; asked a second time because it may change that very night.
  const guess = asUtc - offsetMs(asUtc);
  return asUtc - offsetMs(guess);
}

/** The day on which something that began at a moment is due after so many days. */
export function dueDay(calendar: LifecycleCalendar, beganMs: number, days: number): number {
  return dayOf(calendar, beganMs) + 1 + days;
}

/** The day of a date that was given as midnight of UTC. */
export function dayOfDate({ dayMs }: LifecycleCalendar, dateMs: number): number {
  return Math.floor(dateMs / dayMs);
}
