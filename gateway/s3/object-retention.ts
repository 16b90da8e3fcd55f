/**
 * PutObjectRetention, GetObjectRetention, PutObjectLegalHold and GetObjectLegalHold.
 *
 * Owns:          their documents.
 * Knows:         the S3 API reference of each.
 * Must not know: which changes are allowed: that is decided in the step that makes them.
 */
import type { Retention } from '../../schemas/records/object-lock.ts';
import type { AskedLock } from '../auth/request-facts.ts';
import type { S3Action } from '../auth/s3-actions.ts';
import { readVouchedDocument } from './bucket-document.ts';
import { parseIsoTime } from './iso-time.ts';
import { readLockMode } from './object-lock-configuration.ts';
import { checkFuture, mayBypass, noConfiguration, timeOf } from './object-lock-headers.ts';
import { decideFor } from './object-access.ts';
import { changeObject, findVersion } from './object-versions.ts';
import type { BucketCall, ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 16 * 1024;
const RETENTION = new Set(['Mode', 'RetainUntilDate']);
const HOLD = new Set(['Status']);

export const putObjectRetention: S3Handler<ObjectCall> = async (call, services) => {
  const retention = readRetention(await readLockDocument(call));
  const asked = retention && { mode: retention.mode, until: timeOf(retention.untilMs) };
  checkAllowed(call, services, { action: 's3:PutObjectRetention', lock: asked ?? {} });
  if (retention !== undefined) {
    checkFuture(retention.untilMs, services.clock.wallMs(), 'RetainUntilDate');
  }
  const stamp = services.stamper.now();
  const bypass = mayBypass(call, services, call.key);
  await changeObject(call, services, { retention: { stamp, retention, mayBypass: bypass } });
  return { status: 200, headers: [] };
};

/** An empty document takes the retention away. */
function readRetention(body: Buffer): Retention | undefined {
  const fields = new XmlFields(parseXml(body, 'Retention'), RETENTION);
  if (fields.isEmpty) return undefined;
  const mode = readLockMode(fields.requiredText('Mode'));
  const untilMs = parseIsoTime(fields.requiredText('RetainUntilDate').trim());
  if (untilMs === undefined) throw malformed('RetainUntilDate is a time of ISO 8601.');
  return { mode, untilMs };
}

export const getObjectRetention: S3Handler<ObjectCall> = async (call, services) => {
  checkConfigured(call);
  const { retention } = (await findVersion(call, services)).found.version.lock ?? {};
  if (retention === undefined) throw new S3Error('NoSuchObjectLockConfiguration');
  const until = element('RetainUntilDate', timeOf(retention.untilMs));
  return xmlReply(s3Document('Retention', element('Mode', retention.mode) + until));
};

export const putObjectLegalHold: S3Handler<ObjectCall> = async (call, services) => {
  const fields = new XmlFields(parseXml(await readLockDocument(call), 'LegalHold'), HOLD);
  const status = fields.requiredText('Status').trim();
  if (status !== 'ON' && status !== 'OFF') throw malformed('Status is ON or OFF.');
  checkAllowed(call, services, { action: 's3:PutObjectLegalHold', lock: { legalHold: status } });
  const hold = { stamp: services.stamper.now(), legalHold: status === 'ON' };
  await changeObject(call, services, { hold });
  return { status: 200, headers: [] };
};

export const getObjectLegalHold: S3Handler<ObjectCall> = async (call, services) => {
  checkConfigured(call);
  const { legalHold } = (await findVersion(call, services)).found.version.lock ?? {};
  if (legalHold === undefined) throw new S3Error('NoSuchObjectLockConfiguration');
  return xmlReply(s3Document('LegalHold', element('Status', legalHold ? 'ON' : 'OFF')));
};

/** Where a policy has to say whether the caller may ask, nothing is told of the bucket yet. */
function readLockDocument(call: ObjectCall): Promise<Buffer> {
  if (call.bucket.policy === undefined) checkConfigured(call);
  return readVouchedDocument(call, DOCUMENT_BYTES_MAX);
}

/** A policy may speak of what the document asks; without one the door has decided. */
function checkAllowed(
  call: ObjectCall,
  services: S3Services,
  { action, lock }: { readonly action: S3Action; readonly lock: AskedLock },
): void {
  const { bucket, key: objectKey } = call;
  if (bucket.policy === undefined) return;
  const asked = { permission: 'write', action, bucket, objectKey } as const;
  const verdict = decideFor({ ...call, lock }, services, asked);
  if (verdict !== 'allowed') throw new S3Error('AccessDenied');
  checkConfigured(call);
}

function checkConfigured({ bucket }: BucketCall): void {
  if (bucket.objectLock === undefined) throw noConfiguration();
}
