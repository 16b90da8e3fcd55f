// Method: requests of the independent signer, each wrong in one way; the code and the status are
// those that S3 documents.
import { createHash } from 'node:crypto';
import test from 'ava';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { SigV4Signer, type HeaderPair } from '../../support/sigv4-signer.ts';
import {
  acceptedNow,
  authenticateNow,
  awsExample,
  base,
  good,
  goodUrl,
  header,
  minuteMs,
  presigned,
  requestAt,
  requestOf,
  signed,
  withHeader,
  without,
  type TestRequest,
} from './signed-request.ts';

const { accessKeyId, host, timeMs } = awsExample;
const welcome = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';
const goodAuthorization = header(good, 'authorization');

type Refusal = {
  readonly title: string;
  readonly request: TestRequest | string;
  readonly code: string;
  readonly status: number;
  readonly nowMs?: number;
};

function authorized(change: (text: string) => string): TestRequest {
  return withHeader(good, 'authorization', change(goodAuthorization));
}

const refusals: readonly Refusal[] = [
  {
    title: 'an unknown scheme',
    request: authorized(() => 'garbage'),
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'no Credential',
    request: authorized(text => text.replace(/Credential=[^,]*,/, '')),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'no SignedHeaders',
    request: authorized(text => text.replace(/SignedHeaders=[^,]*,/, '')),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'no Signature',
    request: authorized(text => text.replace(/,Signature=.*/, '')),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'nothing behind the scheme',
    request: authorized(() => 'AWS4-HMAC-SHA256'),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'two Signatures in the header',
    request: authorized(text => `${text},Signature=${'0'.repeat(64)}`),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'a Credential of four parts',
    request: authorized(text => text.replace('/aws4_request', '')),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'a Credential of six parts',
    request: authorized(text => text.replace('/aws4_request', '/aws4_request/x')),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'two Authorization headers',
    request: { ...good, headers: [...good.headers, ['authorization', goodAuthorization]] },
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'signature version 2 in the header',
    request: authorized(() => `AWS ${accessKeyId}:frJIUN8DYpKDtOLCwo//yllqDzg=`),
    code: 'InvalidRequest',
    status: 400,
  },
  {
    title: 'signature version 2 in the query',
    request: `/bucket/key?AWSAccessKeyId=${accessKeyId}&Expires=1369357200&Signature=abc`,
    code: 'InvalidRequest',
    status: 400,
  },
  {
    title: 'an unknown access key',
    request: authorized(text => text.replace(accessKeyId, 'AKIAUNKNOWN')),
    code: 'InvalidAccessKeyId',
    status: 403,
  },
  {
    title: 'the wrong secret',
    request: {
      ...base,
      headers: new SigV4Signer({ ...awsExample, secretKey: 'guess' }).sign(base).headers,
    },
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'another region',
    request: signed({ scope: { region: 'eu-west-1' } }),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'another service',
    request: signed({ scope: { service: 'ec2' } }),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'another day in the scope',
    request: signed({ scope: { date: '20130523' } }),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'a scope date that is a prefix of the day',
    request: signed({ scope: { date: '2013' } }),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'another terminator',
    request: signed({ scope: { terminator: 'aws5_request' } }),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'a request of 16 minutes ago',
    request: good,
    nowMs: timeMs + 16 * minuteMs,
    code: 'RequestTimeTooSkewed',
    status: 403,
  },
  {
    title: 'a request from 16 minutes ahead',
    request: good,
    nowMs: timeMs - 16 * minuteMs,
    code: 'RequestTimeTooSkewed',
    status: 403,
  },
  {
    title: 'no date at all',
    request: signed({ dateHeader: 'none' }),
    code: 'AccessDenied',
    status: 403,
  },
  {
    title: 'a date that is none',
    request: withHeader(good, 'x-amz-date', '20130230T000000Z'),
    code: 'AccessDenied',
    status: 403,
  },
  {
    title: 'host left unsigned',
    request: signed({ signedNames: ['x-amz-content-sha256', 'x-amz-date', 'x-amz-meta-color'] }),
    code: 'AccessDenied',
    status: 403,
  },
  {
    title: 'an x-amz- header left unsigned',
    request: withHeader(good, 'x-amz-acl', 'public-read'),
    code: 'AccessDenied',
    status: 403,
  },
  {
    title: 'a signed header that did not arrive',
    request: without(good, 'x-amz-meta-color'),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a signed header that did not arrive and was signed as empty',
    request: without(
      signed({ headers: [...base.headers, ['x-amz-meta-void', '']] }),
      'x-amz-meta-void',
    ),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a changed header value',
    request: withHeader(good, 'x-amz-meta-color', 'red'),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'another key than the signed one',
    request: { ...good, path: '/bucket/other.txt' },
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a parameter that was not signed',
    request: { ...good, query: 'acl' },
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a slash of the path sent as %2F, which would name another bucket',
    request: { ...good, path: '/bucket%2Fkey.txt' },
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'no x-amz-content-sha256',
    request: without(good, 'x-amz-content-sha256'),
    code: 'InvalidRequest',
    status: 400,
  },
  {
    title: 'an x-amz-content-sha256 that is nothing',
    request: signed({ payload: 'zzz' }),
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'a streaming mode without trailer that S3 does not have',
    request: signed({ payload: 'STREAMING-UNSIGNED-PAYLOAD' }),
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'another payload hash than the signed one',
    request: withHeader(good, 'x-amz-content-sha256', welcome),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a signed payload turned into an unsigned one',
    request: withHeader(good, 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD'),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'an unsigned trailer body with a bad header signature',
    request: withHeader(
      signed({ payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }),
      'authorization',
      goodAuthorization,
    ),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'an unsigned trailer body with a bad signature in the query',
    request: `${goodUrl}0&X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER`,
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a signature in capitals',
    request: authorized(text => text.replace(/Signature=(.*)/, found => found.toUpperCase())),
    code: 'AuthorizationHeaderMalformed',
    status: 400,
  },
  {
    title: 'a signature that is too short',
    request: authorized(text => text.slice(0, -1)),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'signatures in the header and in the query',
    request: { ...good, query: goodUrl.split('?')[1] ?? '' },
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'a signature in the header and a disguised one in the query',
    request: { ...good, query: 'X-Amz-%53ignature=abc' },
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'an expired URL',
    request: goodUrl,
    nowMs: timeMs + 3601 * 1000,
    code: 'AccessDenied',
    status: 403,
  },
  {
    title: 'a URL from more than 15 minutes ahead',
    request: goodUrl,
    nowMs: timeMs - 16 * minuteMs,
    code: 'AccessDenied',
    status: 403,
  },
  ...[604_801, -1, 0, 'abc', '', '1e3', '99999999999999999999'].map(expiresSeconds => ({
    title: `X-Amz-Expires=${expiresSeconds}`,
    request: presigned({ expiresSeconds }),
    code: 'AuthorizationQueryParametersError',
    status: 400,
  })),
  ...['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map(name => ({
    title: `a URL without X-Amz-${name}`,
    request: goodUrl.replace(new RegExp(`X-Amz-${name}=[^&]*&?`), ''),
    code: 'AuthorizationQueryParametersError',
    status: 400,
  })),
  {
    title: 'a URL of another algorithm',
    request: goodUrl.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA512'),
    code: 'AuthorizationQueryParametersError',
    status: 400,
  },
  {
    title: 'a URL of another region',
    request: presigned({ scope: { region: 'eu-west-1' } }),
    code: 'AuthorizationQueryParametersError',
    status: 400,
  },
  {
    title: 'a URL with a date that is none',
    request: goodUrl.replace('T000000Z', 'T250000Z'),
    code: 'AuthorizationQueryParametersError',
    status: 400,
  },
  {
    title: 'a URL with two signatures',
    request: `${goodUrl}&X-Amz-Signature=${'0'.repeat(64)}`,
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a URL with two lifetimes',
    request: `${goodUrl}&X-Amz-Expires=7200`,
    code: 'AuthorizationQueryParametersError',
    status: 400,
  },
  {
    title: 'a URL with one more parameter',
    request: `${goodUrl}&acl`,
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a URL with one more hoisted header',
    request: `${goodUrl}&x-amz-acl=public-read`,
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a URL used for another key',
    request: goodUrl.replace('key.txt', 'other.txt'),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a URL of a wrong secret',
    request: presigned({}, new SigV4Signer({ ...awsExample, secretKey: 'guess' })),
    code: 'SignatureDoesNotMatch',
    status: 403,
  },
  {
    title: 'a hoisted header that would split an answer',
    request: presigned({ query: 'x-amz-meta-a=b%0D%0ASet-Cookie:%20c' }),
    code: 'InvalidArgument',
    status: 400,
  },
  {
    title: 'a hoisted header that is not UTF-8',
    request: presigned({}).replace('?', '?x-amz-meta-a=%ff&'),
    code: 'InvalidURI',
    status: 400,
  },
  {
    title: 'a query that cannot be decoded',
    request: { ...good, query: 'prefix=%zz' },
    code: 'InvalidURI',
    status: 400,
  },
];

for (const { title, request, code, status, nowMs = timeMs } of refusals) {
  test(`${title}: ${code}`, t => {
    const sent =
      typeof request === 'string'
        ? requestAt(request, { method: 'GET', headers: [['Host', host]] })
        : requestOf(request);
    const error = t.throws(() => authenticateNow(sent, { nowMs }), { instanceOf: S3Error });
    t.is(error.code, code as S3Error['code']);
    t.is(error.status, status);
    const told = JSON.stringify([error.message, error.fields]);
    t.false(told.includes(awsExample.secretKey), 'a refusal never tells the secret');
  });
}

test('the requests that the refusals are made from verify', t => {
  t.is(authenticateNow(requestOf(good)).kind, 'signed');
  t.true(acceptedNow(requestAt(goodUrl, { headers: [['Host', host]] })).presigned);
});

test('a presigned GET is refused for PUT and DELETE', t => {
  for (const method of ['PUT', 'DELETE', 'HEAD']) {
    const request = requestAt(goodUrl, { method, headers: [['Host', host]] });
    const error = t.throws(() => authenticateNow(request), { instanceOf: S3Error });
    t.is(error.code, 'SignatureDoesNotMatch', method);
  }
});

test('an x-amz- header sent with a URL that does not sign it is refused by name', t => {
  const headers: HeaderPair[] = [
    ['Host', host],
    ['x-amz-acl', 'public-read'],
  ];
  const error = t.throws(() => authenticateNow(requestAt(goodUrl, { headers })), {
    instanceOf: S3Error,
  });
  t.is(error.code, 'AccessDenied');
  t.deepEqual(error.fields, { HeadersNotSigned: 'x-amz-acl' });
});

test('a payload header sent with a URL that does not sign it does not change the mode', t => {
  const payload = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const headers: HeaderPair[] = [
    ['Host', host],
    ['x-amz-content-sha256', payload],
  ];
  const error = t.throws(() => authenticateNow(requestAt(goodUrl, { headers })), {
    instanceOf: S3Error,
  });
  t.is(error.code, 'SignatureDoesNotMatch');
});

test('a wrong region is answered with the right one', t => {
  for (const request of [
    requestOf(signed({ scope: { region: 'eu-west-1' } })),
    requestAt(presigned({ scope: { region: 'eu-west-1' } }), { headers: [['Host', host]] }),
  ]) {
    const error = t.throws(() => authenticateNow(request), { instanceOf: S3Error });
    t.deepEqual(error.fields, { Region: 'us-east-1' });
  }
});

test('a wrong signature is answered with what would have been signed', t => {
  const request = signed();
  const error = t.throws(() => authenticateNow(requestOf({ ...request, path: '/bucket/b' })), {
    instanceOf: S3Error,
  });
  const canonical = error.fields?.['CanonicalRequest'] ?? '';
  t.true(canonical.startsWith('PUT\n/bucket/b\n\nhost:examplebucket.s3.amazonaws.com\n'));
  const digest = createHash('sha256').update(canonical).digest('hex');
  t.true(error.fields?.['StringToSign']?.endsWith(`\n${digest}`));
  t.is(error.fields?.['AWSAccessKeyId'], accessKeyId);
});
