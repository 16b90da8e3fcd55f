import test from 'ava';
import {
  faultOfRetention,
  retentionFrom,
} from '../../../../schemas/records/bucket-settings/default-retention.ts';

const mode = 'COMPLIANCE';

test('days have 24 hours, years are those of the calendar', t => {
  const until = (unit: 'days' | 'years', count: number, from: string): string =>
    new Date(retentionFrom({ mode, unit, count }, Date.parse(from)).untilMs).toISOString();
  t.is(until('days', 2, '2024-02-28T10:00:00.123Z'), '2024-03-01T10:00:00.123Z');
  t.is(until('years', 1, '2023-11-14T22:13:20.678Z'), '2024-11-14T22:13:20.678Z');
  t.is(until('years', 1, '2024-02-29T00:00:00.000Z'), '2025-03-01T00:00:00.000Z');
  t.is(until('years', 100, '2023-01-01T00:00:00.000Z'), '2123-01-01T00:00:00.000Z');
});

test('a default is at least a day and at most a hundred years', t => {
  const code = (unit: 'days' | 'years', count: number) =>
    faultOfRetention({ mode, unit, count })?.code;
  for (const [unit, most] of [
    ['days', 36_500],
    ['years', 100],
  ] as const) {
    t.is(code(unit, 1), undefined);
    t.is(code(unit, most), undefined);
    for (const count of [0, -1, most + 1]) t.is(code(unit, count), 'InvalidRetentionPeriod');
  }
});
