/**
 * Times as the command prints them: in the zone of whoever reads them.
 *
 * Owns:          the forms.
 * Knows:         the machine's zone.
 * Must not know: what time it is now.
 */

/** `2026-11-23 09:34:05.995 +00:00` of a time of the admin API. */
export function localTime(rfc3339: string): string {
  const time = new Date(rfc3339);
  const offsetMinutes = -time.getTimezoneOffset();
  const sign = offsetMinutes < 0 ? '-' : '+';
  const offset = Math.abs(offsetMinutes);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(':');
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0');
  const zone = `${sign}${twoDigits(Math.floor(offset / 60))}:${twoDigits(offset % 60)}`;
  return `${localDate(rfc3339)} ${clock}.${milliseconds} ${zone}`;
}

/** `2026-11-23` */
export function localDate(rfc3339: string): string {
  const time = new Date(rfc3339);
  const year = String(time.getFullYear()).padStart(4, '0');
  return `${year}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())}`;
}

/** `2026-11-23 09:34:04.233 UTC` */
export function utcTime(rfc3339: string): string {
  return new Date(rfc3339).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
