/**
 * Requests for the tests of signatures: built in process, signed by the independent signer.
 *
 * Owns:          the shape of a test request and the credentials of AWS's published examples.
 * Knows:         exchange.ts.
 * Must not know: how a signature is verified.
 */
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import type { HttpRequest } from '../../../gateway/http/exchange.ts';
import {
  authenticate,
  type Authenticated,
  type AuthenticateOptions,
} from '../../../gateway/auth/signature-v4.ts';
import { SigningKeys } from '../../../gateway/auth/signing-keys.ts';
import { EMPTY_SHA256, SigV4Signer, type HeaderPair } from '../../support/sigv4-signer.ts';

export const awsExample = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  host: 'examplebucket.s3.amazonaws.com',
  /** 2013-05-24T00:00:00Z */
  timeMs: 1_369_353_600_000,
  timestamp: '20130524T000000Z',
} as const;

export type TestRequest = {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers: readonly HeaderPair[];
};

export function requestOf({ method = 'GET', path = '/', query = '', headers }: TestRequest) {
  const list = new HeaderList();
  for (const [name, value] of headers) list.add(name.toLowerCase(), value);
  const request: HttpRequest = {
    method,
    rawPath: path,
    rawQuery: query,
    headers: list,
    peerAddress: '127.0.0.1',
    isSecure: false,
    body: {
      declaredBytes: undefined,
      isChunked: false,
      start: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    },
    onAborted: () => undefined,
  };
  return request;
}

/** A request whose target is `path?query`. */
export function requestAt(target: string, { method, headers }: TestRequest): HttpRequest {
  const [path = '', query = ''] = target.split('?', 2);
  return requestOf({ path, query, headers, ...(method === undefined ? {} : { method }) });
}

export function exampleSigner(): SigV4Signer {
  return new SigV4Signer(awsExample);
}

export function exampleOptions(override: Partial<AuthenticateOptions> = {}): AuthenticateOptions {
  return {
    region: awsExample.region,
    service: 's3',
    nowMs: awsExample.timeMs,
    signingKeys: new SigningKeys(),
    findSecret: id => (id === awsExample.accessKeyId ? awsExample.secretKey : undefined),
    ...override,
  };
}

/** Authenticates as AWS's example account, at once. */
export function authenticateNow(
  request: HttpRequest,
  override: Partial<AuthenticateOptions> = {},
): Authenticated {
  const answer = authenticate(request, exampleOptions(override));
  if (answer instanceof Promise) throw new Error('a known secret must be answered at once');
  return answer;
}

/** Like `authenticateNow`, for requests that must be accepted. */
export function acceptedNow(
  request: HttpRequest,
  override: Partial<AuthenticateOptions> = {},
): Extract<Authenticated, { kind: 'signed' }> {
  const answer = authenticateNow(request, override);
  if (answer.kind !== 'signed') throw new Error('the request was taken as anonymous');
  return answer;
}

const { host, timeMs } = awsExample;

export const base = {
  method: 'PUT',
  path: '/bucket/key.txt',
  headers: [
    ['Host', host],
    ['x-amz-meta-color', 'blue'],
  ] as readonly HeaderPair[],
  payload: EMPTY_SHA256,
  timeMs,
};

export function signed(override: Partial<Parameters<SigV4Signer['sign']>[0]> = {}): TestRequest {
  const request = { ...base, ...override };
  return { ...request, headers: exampleSigner().sign(request).headers };
}

export function withHeader(request: TestRequest, name: string, value: string): TestRequest {
  const others = request.headers.filter(([other]) => other.toLowerCase() !== name);
  return { ...request, headers: [...others, [name, value]] };
}

export function without(request: TestRequest, name: string): TestRequest {
  return { ...request, headers: request.headers.filter(([other]) => other !== name) };
}

export function header(request: TestRequest, name: string): string {
  return request.headers.find(([other]) => other === name)?.[1] ?? '';
}

export const minuteMs = 60_000;
export const good = signed();
export const goodUrl = presigned({});

export function presigned(
  override: Partial<Parameters<SigV4Signer['presign']>[0]>,
  signer = exampleSigner(),
): string {
  return signer.presign({
    method: 'GET',
    path: '/bucket/key.txt',
    headers: [['Host', host]],
    expiresSeconds: 3600,
    timeMs,
    ...override,
  }).target;
}
