/**
 * The headers that the fields of a browser's form stand for.
 *
 * Owns:          which fields are headers, under which names.
 * Knows:         "POST Object" of the S3 API reference.
 * Must not know: what a header of an upload means.
 *
 * From here on a form is an upload like any other. What could not have come as a header (a control
 * in a value, a blank in a name) is refused: it would be given back as one.
 */
import { HeaderList } from '../http/request-headers.ts';
import { readTagging } from './bucket-tagging.ts';
import { S3Error } from './s3-error.ts';

const PLAIN: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
]);
const PREFIX = 'x-amz-';
/** Of the signature, or not to be said in a form, or (lists and tags) said otherwise. */
const NO_HEADERS: ReadonlySet<string> = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-acl',
  'x-amz-copy-source',
  'x-amz-tagging',
]);
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// eslint-disable-next-line no-control-regex -- controls are what this is about
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** @throws S3Error InvalidArgument, MalformedXML. */
export function formHeaders(values: ReadonlyMap<string, string>): HeaderList {
  const headers = new HeaderList();
  for (const [name, value] of values) {
    if (PLAIN.has(name) || (name.startsWith(PREFIX) && !NO_HEADERS.has(name))) {
      addHeader(headers, name, value);
    }
  }
  const acl = values.get('acl');
  if (acl !== undefined) addHeader(headers, 'x-amz-acl', acl);
  const tagging = values.get('tagging');
  if (tagging !== undefined) addHeader(headers, 'x-amz-tagging', tagsOf(tagging));
  return headers;
}

function addHeader(headers: HeaderList, name: string, value: string): void {
  if (HEADER_NAME.test(name) && !CONTROL.test(value)) {
    headers.add(name, value.trim());
    return;
  }
  throw new S3Error('InvalidArgument', {
    message: 'A field of the form cannot be a header.',
    fields: { ArgumentName: name.replace(new RegExp(CONTROL, 'g'), '') },
  });
}

/** The document as the header writes it. */
function tagsOf(document: string): string {
  return readTagging(Buffer.from(document))
    .map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join('&');
}
