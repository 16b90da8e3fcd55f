/**
 * Times as HTTP writes them: `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110 5.6.7).
 *
 * Owns:          that form.
 * Knows:         the calendar, through the platform; the day is remembered.
 * Must not know: which header says it.
 *
 * Every GET says when its object was written, and the platform takes longer to write a date than to
 * find the object's row in a cache.
 */
const DAY_MS = 86_400_000;
const TWO_DIGITS: readonly string[] = Array.from({ length: 60 }, (_, n) =>
  String(n).padStart(2, '0'),
);
/** `Fri, 24 May 2013 ` is this long. */
const DAY_TEXT_LENGTH = 17;
const DAYS_MAX = 1000;

const days = new Map<number, string>();

export function httpDate(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  const second = Math.floor((ms - day * DAY_MS) / 1000);
  const hours = Math.floor(second / 3600);
  const minutes = Math.floor(second / 60) % 60;
  const time = `${two(hours)}:${two(minutes)}:${two(second % 60)}`;
  return `${dayText(day)}${time} GMT`;
}

function two(value: number): string {
  return TWO_DIGITS[value] ?? '';
}

function dayText(day: number): string {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= DAYS_MAX) days.clear();
  const text = new Date(day * DAY_MS).toUTCString().slice(0, DAY_TEXT_LENGTH);
  days.set(day, text);
  return text;
}
