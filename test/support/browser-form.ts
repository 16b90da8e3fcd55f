/**
 * Forms as browsers send them, and policies as their authors sign them.
 *
 * Owns:          multipart/form-data; base64 and signature of a policy.
 * Knows:         RFC 7578; "Browser-based uploads using POST".
 * Must not know: what is tested.
 */
import { createHmac } from 'node:crypto';

export const BOUNDARY = '----browser7MA4YWxk';

export type FormPart = {
  readonly name: string;
  readonly value: string | Uint8Array;
  readonly fileName?: string;
};

export function formBody(parts: readonly FormPart[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces = parts.flatMap(({ name, value, fileName }) => {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    const type = fileName === undefined ? '' : 'Content-Type: text/x-browser\r\n';
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n`;
    return [Buffer.from(`${head}${type}\r\n`), Buffer.from(value), Buffer.from('\r\n')];
  });
  return Buffer.concat([...pieces, Buffer.from(end)]);
}

export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

export type PolicyKey = {
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly nowMs: number;
};

export type SignedPolicy = Readonly<Record<string, string>>;

/** The fields that sign a policy whose conditions are those given, and those the fields need. */
export function signedPolicy(
  key: PolicyKey,
  conditions: readonly unknown[],
  change: { readonly expiration?: string; readonly document?: unknown } = {},
): SignedPolicy {
  const date = new Date(key.nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/${key.region}/s3/aws4_request`;
  const fields = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${key.accessKeyId}/${scope}`,
    'x-amz-date': date,
  };
  const own = Object.entries(fields).map(([name, value]) => ({ [name]: value }));
  const expiration = change.expiration ?? new Date(key.nowMs + 60_000).toISOString();
  const document = change.document ?? { expiration, conditions: [...conditions, ...own] };
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const policy = Buffer.from(text).toString('base64');
  let signing: Buffer = Buffer.from(`AWS4${key.secretKey}`);
  for (const step of scope.split('/')) signing = hmac(signing, step);
  return { ...fields, policy, 'x-amz-signature': hmac(signing, policy).toString('hex') };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
