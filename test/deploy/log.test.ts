import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { logOptions, openLog, type LogFormat, type OpenLog } from '../../deploy/log.ts';

type Written = { readonly opened: OpenLog; readonly text: () => string };

function logTo(t: ExecutionContext, format: LogFormat, level: 'debug' | 'warn' = 'debug'): Written {
  const home = mkdtempSync(join(tmpdir(), 'garage-log-'));
  const path = join(home, 'log');
  const output = openSync(path, 'w');
  t.teardown(() => {
    // The descriptor stays open: what is written behind the test's back may come later than this.
    rmSync(home, { recursive: true, force: true });
  });
  const opened = openLog({ format, level, output });
  return { opened, text: () => readFileSync(path, 'utf8') };
}

test('the form is that of the reader, unless it is said', t => {
  t.is(logOptions({}, true).format, 'text');
  t.is(logOptions({}, false).format, 'json');
  t.is(logOptions({ GARAGE_LOG_FORMAT: 'json' }, true).format, 'json');
  t.is(logOptions({ GARAGE_LOG_FORMAT: 'TEXT' }, false).format, 'text');
  t.is(logOptions({ GARAGE_LOG_FORMAT: 'poem' }, false).format, 'json');
});

test("the level is read from Garage's variable", t => {
  const level = (directives: string | undefined): string =>
    logOptions({ RUST_LOG: directives }, false).level;
  t.is(level(undefined), 'info');
  t.is(level('warn'), 'warn');
  t.is(level('garage=debug'), 'debug');
  t.is(level('netapp=trace,garage=info'), 'info');
  t.is(level('netapp=info,garage_api_s3=DEBUG, warn'), 'debug');
  t.is(level('off'), 'silent');
  t.is(level('nonsense'), 'info');
});

test('JSON has one object a line, with level, time, fields and cause', async t => {
  const { opened, text } = logTo(t, 'json');
  const error = new Error('outer', { cause: new Error('inner') });
  opened.log.child({ door: 'S3' }).error({ error }, 'it failed');
  opened.log.info({ status: 200 }, 'request');
  await opened.flush();
  const lines = text().trimEnd().split('\n');
  t.is(lines.length, 2);
  const [first, second] = lines.map(line => JSON.parse(line) as Record<string, unknown>);
  t.like(first, { level: 'error', door: 'S3', msg: 'it failed' });
  t.like(first?.['error'], { message: 'outer', cause: { message: 'inner' } });
  t.like(second, { level: 'info', status: 200, msg: 'request' });
  t.regex(String(second?.['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
  t.false('pid' in (second ?? {}));
});

test('text has the message and the fields on one line', async t => {
  const { opened, text } = logTo(t, 'text');
  opened.log.info({ bucket: 'b' }, 'hello');
  await opened.flush();
  t.regex(text(), /INFO.*hello.*"bucket":"b"/);
  t.is(text().trimEnd().split('\n').length, 1);
});

test('what is below the level is not written', async t => {
  const { opened, text } = logTo(t, 'json', 'warn');
  opened.log.debug({}, 'detail');
  opened.log.info({}, 'request');
  opened.log.warn({}, 'trouble');
  await opened.flush();
  t.deepEqual(text().match(/"msg":"\w+"/g), ['"msg":"trouble"']);
});
