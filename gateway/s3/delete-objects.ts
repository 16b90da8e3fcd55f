/**
 * DeleteObjects: up to a thousand keys in one request.
 *
 * Owns:          its document, the order of its results, and that one entry's failure is its own.
 * Knows:         the S3 API reference, "DeleteObjects".
 * Must not know: how a deletion is written.
 *
 * Keys come as XML text, so a carriage return in one arrives as a reference and is exact; the
 * body's digest is demanded because a flipped bit would delete another key.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { DELETE_KEYS_MAX, OBJECT_KEY_BYTES_MAX, XML_BODY_BYTES_MAX } from '../../schemas/limits.ts';
import type { WriteCondition } from '../../schemas/messages/table.ts';
import { readSmallBody } from '../object/payload.ts';
import { hasDigest } from './bucket-document.ts';
import { deleteVersion, type Deleted } from './delete-object.ts';
import { decideFor } from './object-access.ts';
import { mayBypass } from './object-lock-headers.ts';
import { parseVersionRef, placeOf } from './object-place.ts';
import type { BucketCall, S3Handler, S3Services } from './s3-call.ts';
import { asS3Error } from './s3-error-reply.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { booleanOf, childrenOf, malformed, parseXml, textOf } from './s3-xml.ts';
import { checkMayLook, conditionOfEntry } from './write-conditions.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

type Entry = {
  readonly key: ObjectKey;
  readonly versionId: string | undefined;
  readonly condition: WriteCondition | undefined;
};

const DELETE = new Set(['Object', 'Quiet']);
const OBJECT = new Set(['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size']);
/** Deletions under way for one request: enough to share a commit, too few to fill a mailbox. */
const DELETIONS_AT_ONCE = 64;

export const deleteObjects: S3Handler<BucketCall> = async (call, services) => {
  checkDigest(call);
  const body = await readSmallBody(call, XML_BODY_BYTES_MAX);
  const { entries, isQuiet } = readEntries(body);
  const results = new Array<string>(entries.length).fill('');
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < entries.length; index = next++) {
      const entry = entries[index];
      if (entry !== undefined) results[index] = await deleteEntry(call, services, entry, isQuiet);
    }
  };
  const workers = Math.min(DELETIONS_AT_ONCE, entries.length);
  await Promise.all(Array.from({ length: workers }, work));
  return xmlReply(s3Document('DeleteResult', results.join('')));
};

function checkDigest({ headers }: BucketCall): void {
  if (hasDigest(headers)) return;
  throw new S3Error('InvalidRequest', {
    message: 'DeleteObjects needs the header Content-MD5 or a checksum of its body.',
  });
}

function readEntries(body: Buffer): {
  readonly entries: readonly Entry[];
  readonly isQuiet: boolean;
} {
  const entries: Entry[] = [];
  let isQuiet = false;
  for (const child of childrenOf(parseXml(body, 'Delete'), DELETE)) {
    if (child.name === 'Quiet') isQuiet = booleanOf(child);
    else entries.push(readEntry(child));
  }
  if (entries.length === 0 || entries.length > DELETE_KEYS_MAX) {
    throw malformed(`Between 1 and ${String(DELETE_KEYS_MAX)} objects are needed.`);
  }
  return { entries, isQuiet };
}

function readEntry(object: XmlElement): Entry {
  const texts = new Map<string, string>();
  for (const child of childrenOf(object, OBJECT)) {
    if (texts.has(child.name)) throw malformed(`An object has more than one ${child.name}.`);
    texts.set(child.name, textOf(child));
  }
  const key = texts.get('Key') ?? '';
  if (key === '') throw malformed('An object needs a key.');
  return {
    key: key as ObjectKey,
    versionId: texts.get('VersionId')?.trim(),
    condition: conditionOfEntry({
      etag: texts.get('ETag')?.trim(),
      lastModifiedTime: texts.get('LastModifiedTime')?.trim(),
      size: texts.get('Size')?.trim(),
    }),
  };
}

/** The entry's element of the answer; never rejects. */
async function deleteEntry(
  call: BucketCall,
  services: S3Services,
  entry: Entry,
  isQuiet: boolean,
): Promise<string> {
  const names = element('Key', entry.key) + optionalElement('VersionId', entry.versionId);
  try {
    const deleted = await deleteOne(call, services, entry);
    return isQuiet ? '' : wrap('Deleted', names + deletedXml(entry, deleted));
  } catch (thrown) {
    const error = asS3Error(thrown);
    if (error.code === 'InternalError') {
      services.log.error({ requestId: call.requestId, error: error.cause }, 'a deletion failed');
    }
    return wrap('Error', names + element('Code', error.code) + element('Message', error.message));
  }
}

/** Of a marker its own id is told: as the one that is new, or as the one that is gone. */
function deletedXml({ versionId }: Entry, { version, isMarker }: Deleted): string {
  if (!isMarker) return '';
  const id = version ?? (versionId === undefined || versionId === '' ? 'null' : versionId);
  return element('DeleteMarker', true) + element('DeleteMarkerVersionId', id);
}

async function deleteOne(call: BucketCall, services: S3Services, entry: Entry): Promise<Deleted> {
  const { key, versionId, condition } = entry;
  const { bucket } = call;
  if (Buffer.byteLength(key) > OBJECT_KEY_BYTES_MAX) throw new S3Error('KeyTooLongError');
  checkAccess(call, services, entry);
  const isNamed = versionId !== undefined && versionId !== '';
  const version = isNamed ? parseVersionRef(versionId) : undefined;
  if (isNamed && version === undefined) throw new S3Error('NoSuchVersion');
  if (condition !== undefined) checkMayLook(call, services, { key, condition });
  const { tables, stamper } = services;
  const place = placeOf({ bucket, key });
  const bypass = version !== undefined && mayBypass(call, services, key);
  const deletion = { bucket, place, version, condition, mayBypass: bypass, stamper };
  return deleteVersion(tables, deletion);
}

/** A policy may allow one key and deny the next; without one the door decided for all of them. */
function checkAccess(call: BucketCall, services: S3Services, { key, versionId }: Entry): void {
  const { bucket } = call;
  if (bucket.policy === undefined) return;
  const isVersion = versionId !== undefined && versionId !== '';
  const action = isVersion ? 's3:DeleteObjectVersion' : 's3:DeleteObject';
  const asked = { permission: 'write', action, bucket, objectKey: key } as const;
  if (decideFor(call, services, asked) !== 'allowed') throw new S3Error('AccessDenied');
}
