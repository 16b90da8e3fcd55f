import test from 'ava';
import fc from 'fast-check';
import {
  dayOf,
  dayOfDate,
  dueDay,
  lifecycleCalendar,
  startOfDay,
} from '../../schemas/lifecycle-calendar.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const utc = lifecycleCalendar(DAY_MS, undefined);
const at = (text: string): number => Date.parse(text);

test('what is N days old is due at the midnight that follows', t => {
  const dueAt = (began: string, days: number): string =>
    new Date(startOfDay(utc, dueDay(utc, at(began), days))).toISOString();
  // The example of the S3 user guide.
  t.is(dueAt('2014-01-15T10:30:00Z', 3), '2014-01-19T00:00:00.000Z');
  t.is(dueAt('2014-01-15T00:00:00Z', 1), '2014-01-17T00:00:00.000Z');
  t.is(dueAt('2014-12-31T23:59:59Z', 1), '2015-01-02T00:00:00.000Z');
});

test('a date is due on its day', t => {
  t.is(dayOfDate(utc, at('2026-03-01T00:00:00Z')), dayOf(utc, at('2026-03-01T12:00:00Z')));
});

test('a local day begins at local midnight, also when the clocks change that day', t => {
  // Two hours ahead of UTC in summer, one in winter; the clocks go forward at 01:00 UTC.
  const change = at('2026-03-29T01:00:00Z');
  const local = lifecycleCalendar(DAY_MS, ms => (ms < change ? 1 : 2) * HOUR_MS);
  const start = (text: string): string =>
    new Date(startOfDay(local, dayOf(local, at(text)))).toISOString();
  t.is(start('2026-03-28T12:00:00Z'), '2026-03-27T23:00:00.000Z');
  t.is(start('2026-03-29T12:00:00Z'), '2026-03-28T23:00:00.000Z');
  t.is(start('2026-03-30T12:00:00Z'), '2026-03-29T22:00:00.000Z');
});

test('every moment lies between the beginning of its day and that of the next', t => {
  const calendars = [
    utc,
    lifecycleCalendar(DAY_MS, () => -5 * HOUR_MS),
    lifecycleCalendar(DAY_MS, () => 13 * HOUR_MS),
    lifecycleCalendar(2000, () => HOUR_MS),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...calendars), fc.nat(2 ** 40), (calendar, ms) => {
      const day = dayOf(calendar, ms);
      return startOfDay(calendar, day) <= ms && ms < startOfDay(calendar, day + 1);
    }),
  );
  t.pass();
});

test('a shortened day has no time zone', t => {
  const short = lifecycleCalendar(2000, () => HOUR_MS);
  t.is(dayOf(short, 5000), 2);
  t.is(dueDay(short, 5000, 1), 4);
});
