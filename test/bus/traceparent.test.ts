import test from 'ava';
import { parseTraceparent, TraceHeaders } from '../../bus/traceparent.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const BLOCK = /^NATS\/1\.0\r\ntraceparent: (\S+)\r\n\r\n$/;

function valueOf(block: Buffer): string | undefined {
  return BLOCK.exec(block.toString('latin1'))?.[1];
}

test('a trace that is given is passed on as it is', t => {
  const headers = new TraceHeaders(manualEnvironment().random);
  t.is(valueOf(headers.blockFor(GIVEN)), GIVEN);
});

test('where there is none, or a wrong one, a new one is made each time', t => {
  const headers = new TraceHeaders(manualEnvironment().random);
  const made = [undefined, undefined, 'nonsense', GIVEN.toUpperCase()].map(given =>
    valueOf(headers.blockFor(given)),
  );
  for (const value of made) t.is(parseTraceparent(value), value);
  t.is(new Set(made.map(value => value?.slice(3, 35))).size, 4, 'traces');
  t.is(new Set(made.map(value => value?.slice(36, 52))).size, 4, 'parents');
  t.true(
    made.every(value => value?.endsWith('-00')),
    'not recorded here',
  );
});

test('two processes make different ones', t => {
  const [one, other] = [1, 2].map(seed => new TraceHeaders(manualEnvironment(seed).random));
  t.not(valueOf(one!.blockFor(undefined)), valueOf(other!.blockFor(undefined)));
});

test('what the W3C does not allow is no trace', t => {
  for (const wrong of [
    '',
    GIVEN.slice(1),
    `${GIVEN}0`,
    GIVEN.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
    GIVEN.replace('b7ad6b7169203331', '0'.repeat(16)),
    GIVEN.replace('00-', 'ff-'),
    GIVEN.replace('-01', '-0g'),
  ]) {
    t.is(parseTraceparent(wrong), undefined, wrong);
  }
});
