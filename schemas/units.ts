/**
 * Sizes and durations as operators write them.
 *
 * Owns:          the two grammars, for the configuration file and the command line alike.
 * Knows:         Garage's units: `M` and `MB` are decimal, `Mi` and `MiB` are binary.
 * Must not know: which setting is read.
 */

const SIZE = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i;
const DECIMAL_STEP = 1000;
const BINARY_STEP = 1024;
const SIZE_LETTERS = ['', 'k', 'm', 'g', 't', 'p', 'e'];

/** Bytes of `1048576`, `1M`, `256MiB`, `1.5 GB`; undefined when it is none, or not a whole number
 *  that JavaScript counts exactly. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  const unit = /^([kmgtpe]?)(i?)b?$/.exec((match[2] ?? '').toLowerCase());
  if (unit === null) return undefined;
  const [, letter = '', binary = ''] = unit;
  if (letter === '' && binary !== '') return undefined;
  const step = binary === '' ? DECIMAL_STEP : BINARY_STEP;
  const bytes = Math.round(Number(match[1]) * step ** SIZE_LETTERS.indexOf(letter));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONTH_DAYS = 30.44;
const YEAR_DAYS = 365.25;

const DURATION_UNITS: readonly (readonly [names: readonly string[], milliseconds: number])[] = [
  [['ms', 'msec', 'millisecond', 'milliseconds'], 1],
  [['', 's', 'sec', 'secs', 'second', 'seconds'], SECOND_MS],
  [['m', 'min', 'mins', 'minute', 'minutes'], MINUTE_MS],
  [['h', 'hr', 'hrs', 'hour', 'hours'], HOUR_MS],
  [['d', 'day', 'days'], DAY_MS],
  [['w', 'week', 'weeks'], 7 * DAY_MS],
  [['month', 'months'], MONTH_DAYS * DAY_MS],
  [['y', 'year', 'years'], YEAR_DAYS * DAY_MS],
];
const UNIT_MS = new Map(
  DURATION_UNITS.flatMap(([names, ms]) => names.map(name => [name, ms] as const)),
);

/** One number with its unit, where the last one ended. */
const DURATION_PART = /\s*(\d+(?:\.\d+)?)\s*([a-z]*)/y;

/** Milliseconds of `1d`, `2h 30min`, `90` (seconds); undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const lower = text.trim().toLowerCase();
  const part = new RegExp(DURATION_PART);
  let totalMs = 0;
  do {
    const match = part.exec(lower);
    const unitMs = UNIT_MS.get(match?.[2] ?? '');
    if (match === null || unitMs === undefined) return undefined;
    totalMs += Number(match[1]) * unitMs;
  } while (part.lastIndex < lower.length);
  const rounded = Math.round(totalMs);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** Bytes as `93.1 GiB`; below 1 KiB exact. */
export function binarySize(bytes: number): string {
  return scaled(bytes, BINARY_STEP, ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
}

/** Bytes as `10.3 MB`; below 1 kB exact. */
export function decimalSize(bytes: number): string {
  return scaled(bytes, DECIMAL_STEP, ['kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
}

function scaled(bytes: number, step: number, units: readonly string[]): string {
  if (bytes < step) return `${String(bytes)} B`;
  let value = bytes / step;
  let index = 0;
  while (value >= step && index < units.length - 1) {
    value /= step;
    index += 1;
  }
  return `${value.toFixed(1)} ${units[index] ?? ''}`;
}

/** A part of a whole as `26.7%`; 0 of nothing is 0. */
export function percentage(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(1)}%`;
}
