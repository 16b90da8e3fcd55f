import test from 'ava';
import { SettingsUnavailableError } from '../../../bus/settings-unavailable.ts';
import { readFailure } from '../../../gateway/object/read-failure.ts';
import { asS3Error } from '../../../gateway/s3/s3-error-reply.ts';
import { S3Error, s3Errors, type S3ErrorCode } from '../../../gateway/s3/s3-error.ts';

test('every code has an error status of HTTP, or a redirect, and a sentence', t => {
  for (const [code, [status, message]] of Object.entries(s3Errors)) {
    t.true(status === 301 || (status >= 400 && status < 600), code);
    t.regex(code, /^[A-Z][A-Za-z0-9]+$/);
    t.regex(message, /^[A-Z]/, code);
  }
});

test('codes that clients branch on have the status S3 documents', t => {
  const documented: readonly (readonly [S3ErrorCode, number])[] = [
    ['AccessDenied', 403],
    ['BadDigest', 400],
    ['BucketAlreadyOwnedByYou', 409],
    ['BucketNotEmpty', 409],
    ['ConditionalRequestConflict', 409],
    ['EntityTooLarge', 400],
    ['InternalError', 500],
    ['InvalidAccessKeyId', 403],
    ['InvalidRange', 416],
    ['MethodNotAllowed', 405],
    ['MissingContentLength', 411],
    ['NoSuchBucket', 404],
    ['NoSuchKey', 404],
    ['NoSuchUpload', 404],
    ['NotImplemented', 501],
    ['PreconditionFailed', 412],
    ['RequestTimeTooSkewed', 403],
    ['RequestTimeout', 400],
    ['SignatureDoesNotMatch', 403],
    ['SlowDown', 503],
  ];
  for (const [code, status] of documented) t.is(new S3Error(code).status, status, code);
});

test('a thrower may say more than the catalogue', t => {
  const cause = new Error('why');
  const error = new S3Error('InvalidArgument', {
    message: 'partNumber is no number.',
    fields: { ArgumentName: 'partNumber' },
    headers: [['retry-after', '1']],
    cause,
  });
  t.is(error.code, 'InvalidArgument');
  t.is(error.message, 'partNumber is no number.');
  t.deepEqual(error.fields, { ArgumentName: 'partNumber' });
  t.deepEqual(error.headers, [['retry-after', '1']]);
  t.is(error.cause, cause);
  t.is(new S3Error('NoSuchKey').message, s3Errors.NoSuchKey[1]);
});

test('keys and buckets that nobody can be asked for are a matter of trying again', t => {
  const away = new SettingsUnavailableError('settings: no-responders');
  t.is(asS3Error(away).code, 'ServiceUnavailable');
  t.is(readFailure(away)?.status, 503);
  t.is(asS3Error(new Error('a bug')).code, 'InternalError');
  t.is(readFailure(new Error('a bug')), undefined);
});
