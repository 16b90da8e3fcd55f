/**
 * The times of signatures: `20130524T000000Z`, and HTTP's `Fri, 24 May 2013 00:00:00 GMT`.
 *
 * Owns:          parsing both and writing the first, in milliseconds since 1970.
 * Knows:         the Gregorian calendar (the day count is Howard Hinnant's `days_from_civil`).
 * Must not know: what time it is.
 *
 * Stricter than the platform's own parser, which accepts a 30th of February and a dozen formats: a
 * date that two programs read differently must not be what a signature's life is measured from.
 */
const DAY_MS = 86_400_000;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const BASIC_CHARACTERS = 16;
const HTTP_CHARACTERS = 29;

export type RequestTime = {
  readonly ms: number;
  /** YYYYMMDDTHHMMSSZ, as it stands in the string to sign. */
  readonly timestamp: string;
};

/** Parses YYYYMMDDTHHMMSSZ; undefined for anything else. */
export function parseBasicTime(text: string): RequestTime | undefined {
  if (text.length !== BASIC_CHARACTERS || text[8] !== 'T' || text[15] !== 'Z') return undefined;
  const ms = msFromParts({
    year: digits(text, 0, 4),
    month: digits(text, 4, 6),
    day: digits(text, 6, 8),
    hour: digits(text, 9, 11),
    minute: digits(text, 11, 13),
    second: digits(text, 13, 15),
  });
  return ms === undefined ? undefined : { ms, timestamp: text };
}

/** Parses an IMF-fixdate (RFC 9110 5.6.7), the only HTTP date that clients may send. */
export function parseHttpTime(text: string): RequestTime | undefined {
  if (text.length !== HTTP_CHARACTERS || !text.endsWith(' GMT')) return undefined;
  const monthIndex = MONTHS.indexOf(text.slice(8, 11));
  if (monthIndex < 0 || monthIndex % 3 !== 0) return undefined;
  if (text[3] !== ',' || text[19] !== ':' || text[22] !== ':') return undefined;
  const ms = msFromParts({
    year: digits(text, 12, 16),
    month: monthIndex / 3 + 1,
    day: digits(text, 5, 7),
    hour: digits(text, 17, 19),
    minute: digits(text, 20, 22),
    second: digits(text, 23, 25),
  });
  return ms === undefined ? undefined : { ms, timestamp: basicTime(ms) };
}

/** Writes YYYYMMDDTHHMMSSZ. */
export function basicTime(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  const { year, month, day } = civilFromDays(days);
  const seconds = Math.floor((ms - days * DAY_MS) / 1000);
  const hour = Math.floor(seconds / 3600);
  const minute = Math.floor(seconds / 60) % 60;
  const date = `${pad(year, 4)}${pad(month, 2)}${pad(day, 2)}`;
  return `${date}T${pad(hour, 2)}${pad(minute, 2)}${pad(seconds % 60, 2)}Z`;
}

/** Writes YYYY-MM-DDTHH:MM:SSZ, as the fields of S3's errors have it. */
export function extendedTime(ms: number): string {
  const basic = basicTime(ms);
  const date = `${basic.slice(0, 4)}-${basic.slice(4, 6)}-${basic.slice(6, 8)}`;
  return `${date}T${basic.slice(9, 11)}:${basic.slice(11, 13)}:${basic.slice(13, 15)}Z`;
}

type Parts = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

function msFromParts({ year, month, day, hour, minute, second }: Parts): number | undefined {
  const isTime = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
  if (!isTime || year < 0 || month < 1 || month > 12) return undefined;
  if (day < 1 || day > daysOfMonth(year, month)) return undefined;
  const days = daysFromCivil(year, month, day);
  return days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** The number in `text[from, to)`; -1 when a character is no digit. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let index = from; index < to; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Years begin in March here, so that the leap day is the last of its year; an era is 400 years. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leapDays + dayOfYear - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapCorrected =
    dayOfEra -
    Math.floor(dayOfEra / 1460) +
    Math.floor(dayOfEra / 36_524) -
    Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(leapCorrected / 365);
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - (365 * yearOfEra + leapDays);
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
