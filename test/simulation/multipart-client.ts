/**
 * Multipart uploads, as the S3 door would ask for them, but with parts of any size.
 *
 * Owns:          what each request is turned into.
 * Knows:         rows of uploads, the gateway's object code.
 * Must not know: workloads, faults.
 */
import { tableRefusal } from '../../gateway/object/refusals.ts';
import { SourcePayload } from '../../gateway/object/source-payload.ts';
import { etagOfParts } from '../../gateway/s3/upload-checksum.ts';
import { uploadIdOf, versionIdOf, type UploadId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { GatewayServices } from './simulated-gateway.ts';

const PARTS_MAX = 100;

export async function createUpload(
  { clients, stamper }: GatewayServices,
  place: ObjectPlace,
): Promise<UploadId> {
  const timestamp = stamper.now();
  const uploadId = uploadIdOf(timestamp);
  const state = { kind: 'open' } as const;
  const upload = { uploadId, timestamp, state, headers: [], initiator: '' };
  const answer = await clients.tables.askPlace({ kind: 'upload-create', place, upload });
  if (answer.kind !== 'written') throw tableRefusal(answer);
  return uploadId;
}

export type Part = {
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly bytes: Buffer;
};

export async function putPart({ writer }: GatewayServices, part: Part): Promise<void> {
  const { place, uploadId, partNumber, bytes } = part;
  const target = { kind: 'part', place, uploadId, partNumber } as const;
  await writer.write(new SourcePayload({ kind: 'bytes', bytes }, undefined), target);
}

/** All parts that are there, as a client asks for that listed them. */
export async function completeUpload(
  { clients: { tables }, stamper }: GatewayServices,
  place: ObjectPlace,
  uploadId: UploadId,
): Promise<void> {
  const asked = { kind: 'part-list', place, uploadId, after: 0, limit: PARTS_MAX } as const;
  const listed = await tables.askPlace(asked);
  if (listed.kind !== 'parts') throw tableRefusal(listed);
  const parts = listed.parts.map(({ partNumber, attemptId, sizeBytes }) => {
    return { partNumber, attemptId, sizeBytes };
  });
  const timestamp = stamper.now();
  const answer = await tables.writeObject({
    ...{ kind: 'object-write', place, completes: { uploadId, parts } },
    row: {
      ...{ kind: 'version', timestamp, versionId: versionIdOf(timestamp), headers: [] },
      sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      etag: etagOfParts(listed.parts.map(({ etag }) => etag)),
      content: { kind: 'parts', uploadId, partCount: parts.length },
    },
  });
  if (answer.kind !== 'written' && answer.kind !== 'completed-before') throw tableRefusal(answer);
}

export async function abortUpload(
  { clients, stamper }: GatewayServices,
  place: ObjectPlace,
  uploadId: UploadId,
): Promise<void> {
  const timestamp = stamper.now();
  const request = { kind: 'upload-abort', place, uploadId, timestamp } as const;
  const answer = await clients.tables.askPlace(request);
  if (answer.kind !== 'written') throw tableRefusal(answer);
}
