/**
 * Writes the times of listings: `2009-10-12T17:50:30.000Z`.
 *
 * Owns:          the format, and remembering the day that was written last.
 * Knows:         S3's precision, which is one second in every answer.
 * Must not know: what happened at that time.
 *
 * The fraction is cut off, not kept: a client compares the time of a listing with Last-Modified,
 * which has no fraction, and would find every object changed.
 */
const DAY_MS = 86_400_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

export class TimeWriter {
  #day = -1;
  #date = '';

  /** Milliseconds since 1970. */
  write(ms: number): string {
    const day = Math.floor(ms / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#date = new Date(day * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length);
    }
    const seconds = Math.floor((ms - day * DAY_MS) / 1000);
    const hours = TWO_DIGITS[Math.floor(seconds / 3600)] ?? '';
    const minutes = TWO_DIGITS[Math.floor(seconds / 60) % 60] ?? '';
    return `${this.#date}${hours}:${minutes}:${TWO_DIGITS[seconds % 60] ?? ''}.000Z`;
  }
}

/** One time alone. */
export function writeTime(ms: number): string {
  return new TimeWriter().write(ms);
}
