// Method: the platform's Date is the naive twin of our calendar.
import test from 'ava';
import fc from 'fast-check';
import {
  basicTime,
  extendedTime,
  parseBasicTime,
  parseHttpTime,
} from '../../../gateway/auth/request-time.ts';

const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });

test('every second of the years 1 to 9999 is written and read as the platform does', t => {
  fc.assert(
    fc.property(seconds, second => {
      const ms = second * 1000;
      const extended = new Date(ms).toISOString().replace('.000', '');
      t.is(extendedTime(ms), extended);
      t.is(basicTime(ms), extended.replace(/[-:]/g, ''));
      t.deepEqual(parseBasicTime(basicTime(ms)), { ms, timestamp: basicTime(ms) });
      t.deepEqual(parseHttpTime(new Date(ms).toUTCString()), { ms, timestamp: basicTime(ms) });
    }),
    { numRuns: 3000 },
  );
});

test('milliseconds are cut, not rounded', t => {
  t.is(basicTime(1_369_353_600_999), '20130524T000000Z');
});

test('what is no date is none', t => {
  for (const text of [
    '',
    '20130524T000000',
    '20130524T000000z',
    '20130524 000000Z',
    '2013-05-24T00:00:00Z',
    '20130230T000000Z',
    '20130229T000000Z',
    '20131301T000000Z',
    '20130001T000000Z',
    '20130100T000000Z',
    '20130524T240000Z',
    '20130524T006000Z',
    '20130524T000060Z',
    '2013052xT000000Z',
    '+0130524T000000Z',
  ]) {
    t.is(parseBasicTime(text), undefined, text);
  }
  for (const text of [
    'Fri, 24 May 2013 00:00:00',
    'Fri, 24 May 2013 00:00:00 CET',
    'Fri, 24 ayJ 2013 00:00:00 GMT',
    'Fri, 31 Jun 2013 00:00:00 GMT',
    'Friday, 24-May-13 00:00:00 GMT',
    'Fri, 24 May 2013 00-00-00 GMT',
  ]) {
    t.is(parseHttpTime(text), undefined, text);
  }
});

test('the leap day exists in leap years only', t => {
  for (const [year, exists] of [
    ['2000', true],
    ['1900', false],
    ['2024', true],
    ['2023', false],
  ] as const) {
    t.is(parseBasicTime(`${year}0229T000000Z`) !== undefined, exists, year);
  }
});
