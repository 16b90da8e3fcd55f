// Method: a bucket with rules behind a whole door; the headers of every answer that has them.
import test from 'ava';
import type { LifecycleRule } from '../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import { s3World, type S3World } from './s3-world.ts';

// The clock of the world stands at 2023-11-14T22:13:20Z.
const rules: readonly LifecycleRule[] = [
  {
    ...{ id: 'short & sweet', enabled: true, abortUploadsDays: 7, noncurrent: undefined },
    expiration: { kind: 'days', days: 3 },
    filter: {
      ...{ form: 'single', prefix: 'logs/', tags: [], sizeGreaterThan: undefined },
      sizeLessThan: undefined,
    },
  },
];
const EXPIRATION = 'expiry-date="Sat, 18 Nov 2023 00:00:00 GMT", rule-id="short%20%26%20sweet"';

function world(): S3World {
  const made = s3World();
  const row = made.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('the bucket is there');
  made.directory.set('pictures', { ...row, lifecycle: rules });
  return made;
}

test('answers about an object say when it expires, and by which rule', async t => {
  const { ask } = world();
  const put = await ask({ method: 'PUT', target: '/pictures/logs/a', body: 'x' });
  t.is(put.header('x-amz-expiration'), EXPIRATION);
  for (const method of ['GET', 'HEAD']) {
    const answer = await ask({ method, target: '/pictures/logs/a' });
    t.is(answer.header('x-amz-expiration'), EXPIRATION);
  }
  const range = await ask({ target: '/pictures/logs/a', headers: [['range', 'bytes=0-0']] });
  t.is(range.header('x-amz-expiration'), EXPIRATION);
  const copy = await ask({
    ...{ method: 'PUT', target: '/pictures/logs/b' },
    headers: [['x-amz-copy-source', '/pictures/logs/a']],
  });
  t.is(copy.header('x-amz-expiration'), EXPIRATION);
});

test('objects that no rule means say nothing', async t => {
  const { ask } = world();
  const put = await ask({ method: 'PUT', target: '/pictures/other', body: 'x' });
  t.is(put.header('x-amz-expiration'), undefined);
  t.is((await ask({ target: '/pictures/other' })).header('x-amz-expiration'), undefined);
  const upload = await ask({ method: 'POST', target: '/pictures/other?uploads' });
  t.is(upload.header('x-amz-abort-date'), undefined);
});

test('an upload says when it will be given up', async t => {
  const { ask } = world();
  const upload = await ask({ method: 'POST', target: '/pictures/logs/big?uploads' });
  t.is(upload.header('x-amz-abort-date'), 'Wed, 22 Nov 2023 00:00:00 GMT');
  t.is(upload.header('x-amz-abort-rule-id'), 'short%20%26%20sweet');
});

test('a rule of millions of years has a date all the same', async t => {
  const made = world();
  const row = made.directory.buckets.get('pictures');
  if (row === undefined) return t.fail();
  const [rule] = rules;
  if (rule === undefined) return t.fail();
  const far = { ...rule, expiration: { kind: 'days', days: 2 ** 31 - 1 } } as const;
  made.directory.set('pictures', { ...row, lifecycle: [far] });
  const put = await made.ask({ method: 'PUT', target: '/pictures/logs/a', body: 'x' });
  return t.regex(put.header('x-amz-expiration') ?? '', /31 Dec 9999/);
});
