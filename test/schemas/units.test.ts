import test from 'ava';
import fc from 'fast-check';
import {
  binarySize,
  decimalSize,
  parseDurationMs,
  parseSize,
  percentage,
} from '../../schemas/units.ts';

test('sizes are read with decimal and with binary units', t => {
  const sizes: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['1048576', 1_048_576],
    ['1M', 1_000_000],
    ['1MB', 1_000_000],
    ['1MiB', 1_048_576],
    ['1mi', 1_048_576],
    ['256MiB', 268_435_456],
    ['1G', 1_000_000_000],
    ['1.5 GB', 1_500_000_000],
    ['10 kB', 10_000],
    ['12B', 12],
    ['2TiB', 2 * 1024 ** 4],
  ];
  for (const [text, bytes] of sizes) t.is(parseSize(text), bytes, text);
});

test('what is no size is refused', t => {
  for (const text of [
    '',
    'G',
    '-1',
    '1X',
    '1 GiBB',
    '1iB',
    '1e3',
    '0x10',
    '9007199254740993',
    '9EiB',
  ]) {
    t.is(parseSize(text), undefined, text);
  }
});

test('durations are read in parts, and a bare number is seconds', t => {
  t.is(parseDurationMs('1d'), 86_400_000);
  t.is(parseDurationMs('2h 30min'), 9_000_000);
  t.is(parseDurationMs('2h30m'), 9_000_000);
  t.is(parseDurationMs('90'), 90_000);
  t.is(parseDurationMs('1.5 hours'), 5_400_000);
  t.is(parseDurationMs('250ms'), 250);
  for (const text of ['', 'd', '1 fortnight', '-1d', '1d,2h', '1d x']) {
    t.is(parseDurationMs(text), undefined, text);
  }
});

test('no text keeps the reader of durations busy', t => {
  t.is(parseDurationMs(`${'1'.repeat(200_000)}!`), undefined);
  t.is(parseDurationMs(`${'1 '.repeat(100_000)}!`), undefined);
});

test('sizes are printed as Garage prints them', t => {
  t.is(binarySize(0), '0 B');
  t.is(binarySize(1023), '1023 B');
  t.is(binarySize(1024), '1.0 KiB');
  t.is(binarySize(100_000_000_000), '93.1 GiB');
  t.is(binarySize(72_367_050_752), '67.4 GiB');
  t.is(decimalSize(1024), '1.0 kB');
  t.is(decimalSize(5_000_000), '5.0 MB');
  t.is(decimalSize(1_073_741_824), '1.1 GB');
  t.is(percentage(72_367_050_752, 270_553_174_016), '26.7%');
  t.is(percentage(0, 0), '0.0%');
});

test('every printed size is read again as about what it was', t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), bytes => {
      for (const text of [binarySize(bytes), decimalSize(bytes)]) {
        const read = parseSize(text);
        if (read === undefined || Math.abs(read - bytes) > bytes * 0.06) return false;
      }
      return true;
    }),
  );
  t.pass();
});
