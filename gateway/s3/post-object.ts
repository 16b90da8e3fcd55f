/**
 * PostObject: an upload by a browser's form.
 *
 * Owns:          the order of the checks; the names of the object; what the browser is told.
 * Knows:         "POST Object" and "Browser-based uploads using POST" of the S3 API reference.
 * Must not know: how a form is read, what a policy says, how an object is stored.
 *
 * The form says who asks, so it is read before anything is decided, up to its file and no further;
 * the decision is that of every other write.
 */
import type { AccessKeyId, ObjectKey } from '../../schemas/ids.ts';
import { OBJECT_KEY_BYTES_MAX } from '../../schemas/limits.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import { authenticateForm } from '../auth/form-signature.ts';
import type { Authenticated } from '../auth/signature-v4.ts';
import type { SigningKeys } from '../auth/signing-keys.ts';
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import { formPayload } from '../object/http-payload.ts';
import type { Payload } from '../object/payload.ts';
import { formHeaders } from './form-headers.ts';
import { boundaryOf } from './form-part.ts';
import { FormReader, type FormFields } from './form-reader.ts';
import { signerOf } from './object-access.ts';
import { checkUploadHeaders } from './object-headers.ts';
import { checkPostPolicy, parsePostPolicy } from './post-policy.ts';
import { storeObject, uploadReply } from './put-object.ts';
import { originOf } from './request-origin.ts';
import type { Caller, ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { NamedCall } from './s3-operation.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

const FILE_NAME = '${filename}'; // eslint-disable-line no-template-curly-in-string -- S3's name
/** Fields whose text was signed as it stands. */
const NEVER_EXPANDED: ReadonlySet<string> = new Set(['policy', 'x-amz-signature']);
/** As S3 tells it. */
const NOT_A_FORM = 'Bucket POST must be of the enclosure-type multipart/form-data';
const WEB = /^https?:\/\//i;

type Values = ReadonlyMap<string, string>;

export function postObject(signingKeys: SigningKeys): S3Handler<NamedCall> {
  return async (call, services) => {
    const form = openForm(call);
    const values = expand(await form.fields(), call.bucketName);
    const key = keyOf(values);
    const headers = formHeaders(values);
    const auth = await authenticateForm(values, headers, {
      ...{ region: services.region, service: 's3', signingKeys },
      findSecret: accessKeyId => services.directory.secretOf(accessKeyId),
    });
    if (auth.kind === 'signed') {
      const policy = parsePostPolicy(values.get('policy') ?? '');
      checkPostPolicy(policy, values, services.clock.wallMs());
      form.bound(policy.sizeRange);
    }
    const { caller, bucket } = await permit(call, services, { auth, key });
    const upload: ObjectCall = { ...call, headers, auth, caller, bucket, key };
    checkUploadHeaders(headers);
    const payload = (): Payload => formPayload(form, headers);
    const { written, further } = await storeObject(upload, services, payload);
    const { headers: told } = uploadReply(written, further);
    const names = { etag: written.etag, key, bucketName: call.bucketName };
    return replyOf(values, { ...names, location: locationOf(call, key), headers: told });
  };
}

function openForm({ http }: NamedCall): FormReader {
  const type = boundaryOf(http.headers.get('content-type') ?? '');
  if (type === undefined) {
    throw new S3Error('PreconditionFailed', { fields: { Condition: NOT_A_FORM } });
  }
  const { boundary } = type;
  if (boundary === undefined) {
    throw new S3Error('MalformedPOSTRequest', { message: 'The form has no boundary.' });
  }
  if (http.body.declaredBytes === undefined && !http.body.isChunked) {
    throw new S3Error('MissingContentLength');
  }
  return new FormReader(http.body, boundary);
}

/** The fields with the file's name put in; `bucket` is the one that was asked, or none. */
function expand({ values, fileName }: FormFields, bucketName: string): Values {
  const expanded = new Map<string, string>();
  for (const [name, value] of values) {
    const isText = NEVER_EXPANDED.has(name);
    expanded.set(name, isText ? value : value.replaceAll(FILE_NAME, () => fileName));
  }
  const bucket = expanded.get('bucket') ?? bucketName;
  if (bucket !== bucketName) {
    throw new S3Error('AccessDenied', { message: 'The form is for another bucket.' });
  }
  return expanded.set('bucket', bucketName);
}

function keyOf(values: Values): ObjectKey {
  const key = values.get('key') ?? '';
  if (key === '') throw new S3Error('UserKeyMustBeSpecified');
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes <= OBJECT_KEY_BYTES_MAX) return key as ObjectKey;
  throw new S3Error('KeyTooLongError', {
    fields: { Size: String(sizeBytes), MaxSizeAllowed: String(OBJECT_KEY_BYTES_MAX) },
  });
}

/** Rejects with S3Error InvalidAccessKeyId, NoSuchBucket, AccessDenied. */
async function permit(
  { http, query, bucketName }: NamedCall,
  { authoriser, directory }: S3Services,
  { auth, key }: { readonly auth: Authenticated; readonly key: ObjectKey },
): Promise<{ readonly caller: Caller | undefined; readonly bucket: BucketRow }> {
  const caller = await callerOf(auth, directory);
  const bucket = await directory.resolveBucket(bucketName, caller?.accessKeyId);
  if (bucket === undefined) {
    if (caller === undefined) throw new S3Error('AccessDenied');
    throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
  }
  const right = { permission: 'write', action: 's3:PutObject' } as const;
  const request = { ...right, key: signerOf(caller), bucket, objectKey: key };
  const scene = { http, headers: auth.effectiveHeaders, query, auth, isForm: true };
  const isAllowed =
    authoriser.decide(request, scene) === 'allowed' &&
    (bucket.policy === undefined || authoriser.decideHeaders(request, scene) === 'allowed');
  if (!isAllowed) throw new S3Error('AccessDenied');
  return { caller, bucket };
}

async function callerOf(
  auth: Authenticated,
  directory: S3Services['directory'],
): Promise<Caller | undefined> {
  if (auth.kind === 'anonymous') return undefined;
  const found = await directory.keyOf(auth.accessKeyId);
  // It was there when its secret was read: deleted in between.
  if (found === undefined) throw new S3Error('InvalidAccessKeyId');
  return { accessKeyId: auth.accessKeyId as AccessKeyId, keyName: found.name };
}

/** Where the object is, by the address that the form was sent to. */
function locationOf({ http }: NamedCall, key: string): string {
  const path = http.rawPath.endsWith('/') ? http.rawPath : `${http.rawPath}/`;
  const name = key.split('/').map(encodeURIComponent).join('/');
  return `${originOf(http)}${path}${name}`;
}

type Stored = {
  readonly etag: string;
  readonly key: string;
  readonly bucketName: string;
  readonly location: string;
  readonly headers: ReplyHeaders;
};

function replyOf(values: Values, stored: Stored): HttpReply {
  const { location, headers } = stored;
  const target = redirectOf(values, stored);
  if (target !== undefined) return { status: 303, headers: [...headers, ['Location', target]] };
  const told = [...headers, ['Location', location] as const];
  const status = values.get('success_action_status');
  if (status === '200') return { status: 200, headers: told };
  if (status !== '201') return { status: 204, headers: told };
  const content =
    element('Location', location) +
    element('Bucket', stored.bucketName) +
    element('Key', stored.key) +
    element('ETag', `"${stored.etag}"`);
  return { ...xmlReply(s3Document('PostResponse', content), told), status: 201 };
}

/** What is no address of the web is left aside, as S3 does. */
function redirectOf(values: Values, { bucketName, key, etag }: Stored): string | undefined {
  const text = values.get('success_action_redirect') ?? values.get('redirect') ?? '';
  if (!WEB.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  url.searchParams.append('bucket', bucketName);
  url.searchParams.append('key', key);
  url.searchParams.append('etag', `"${etag}"`);
  return url.href;
}
