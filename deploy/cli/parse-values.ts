/**
 * Reads the values that commands take: sizes, durations, counts.
 *
 * Owns:          the sentence about a wrong value.
 * Knows:         the units.
 * Must not know: commands.
 */
import { parseDurationMs, parseSize } from '../../schemas/units.ts';
import { CliError } from './cli-error.ts';

export function sizeBytes(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new CliError(`${text} is no size: it looks like 10G or 512MiB.`);
}

export function durationMs(text: string): number {
  const duration = parseDurationMs(text);
  if (duration !== undefined) return duration;
  throw new CliError(`${text} is no duration: it looks like 1d or "2h 30min".`);
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new CliError(`${text} is no whole number.`);
}

/** What ends something for good is done only when it is asked for by name. */
export function requireYes(yes: true | undefined, what: string): void {
  if (yes === true) return;
  throw new CliError(`Add --yes to ${what}.`);
}

/** `A` for `--option A --option B`: commander hands over what came before. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
