import fc from 'fast-check';
import test from 'ava';
import { httpDate } from '../../../gateway/http/http-date.ts';

test('a time is written as the platform writes it', t => {
  t.is(httpDate(1_369_353_600_000), 'Fri, 24 May 2013 00:00:00 GMT');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), ms => {
      t.is(httpDate(ms), new Date(ms).toUTCString());
    }),
  );
});
