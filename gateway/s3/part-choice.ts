/**
 * The parts a client chose for its object, checked against those that were uploaded.
 *
 * Owns:          the document of CompleteMultipartUpload; the rules on order, ETags, checksums,
 *                sizes.
 * Knows:         "Amazon S3 multipart upload limits", the S3 API reference.
 * Must not know: where parts are stored, how the object is written.
 */
import { OBJECT_BYTES_MAX, PART_BYTES_MIN, PART_NUMBER_MAX } from '../../schemas/limits.ts';
import type { ChecksumAlgorithm } from '../../schemas/records/checksum.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { childrenOf, malformed, parseXml, textOf } from './s3-xml.ts';
import { CHECKSUM_ELEMENTS } from './upload-xml.ts';

export type AskedPart = {
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
  /** What the client says the part's checksum is. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
};

const COMPLETE = new Set(['Part']);
const PART = new Set(['PartNumber', 'ETag', ...CHECKSUM_ELEMENTS.keys()]);
const PART_NUMBER = /^\d{1,9}$/;

/**
 * The list of a request, in its order.
 *
 * @throws S3Error MalformedXML, InvalidArgument for a number out of range, InvalidPartOrder.
 */
export function readAskedParts(body: Buffer): readonly AskedPart[] {
  const elements = childrenOf(parseXml(body, 'CompleteMultipartUpload'), COMPLETE);
  if (elements.length === 0 || elements.length > PART_NUMBER_MAX) {
    throw malformed(`Between 1 and ${String(PART_NUMBER_MAX)} parts are needed.`);
  }
  const parts = elements.map(readAskedPart);
  parts.forEach((part, index) => {
    const before = parts[index - 1];
    if (before !== undefined && before.partNumber >= part.partNumber) {
      throw new S3Error('InvalidPartOrder');
    }
  });
  return parts;
}

function readAskedPart(part: XmlElement): AskedPart {
  let number: string | undefined;
  let etag: string | undefined;
  let checksum: AskedPart['checksum'];
  for (const child of childrenOf(part, PART)) {
    const text = textOf(child).trim();
    const algorithm = CHECKSUM_ELEMENTS.get(child.name);
    if (algorithm !== undefined) {
      if (checksum !== undefined) throw malformed('A part has more than one checksum.');
      checksum = { algorithm, value: text };
    } else if (child.name === 'ETag') {
      if (etag !== undefined) throw malformed('A part has more than one ETag.');
      etag = withoutQuotes(text);
    } else {
      if (number !== undefined) throw malformed('A part has more than one PartNumber.');
      number = text;
    }
  }
  if (number === undefined || etag === undefined || !PART_NUMBER.test(number)) {
    throw malformed('A part needs a PartNumber and an ETag.');
  }
  return { partNumber: checkedNumber(Number(number)), etag, checksum };
}

function checkedNumber(partNumber: number): number {
  if (partNumber >= 1 && partNumber <= PART_NUMBER_MAX) return partNumber;
  throw new S3Error('InvalidArgument', {
    message: `PartNumber must be between 1 and ${String(PART_NUMBER_MAX)}.`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: String(partNumber) },
  });
}

function withoutQuotes(text: string): string {
  const isQuoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  return isQuoted ? text.slice(1, -1) : text;
}

/**
 * The uploaded parts that were asked for, in order.
 *
 * @throws S3Error InvalidPart, InvalidRequest for a missing checksum, EntityTooSmall,
 * EntityTooLarge.
 */
export function chooseParts(
  upload: UploadRow,
  asked: readonly AskedPart[],
  uploaded: ReadonlyMap<number, PartRow>,
): readonly PartRow[] {
  const chosen = asked.map(part => chosenPart(upload, part, uploaded.get(part.partNumber)));
  let sizeBytes = 0;
  chosen.forEach((part, index) => {
    sizeBytes += part.sizeBytes;
    if (index < chosen.length - 1 && part.sizeBytes < PART_BYTES_MIN) throw tooSmall(part);
  });
  if (sizeBytes <= OBJECT_BYTES_MAX) return chosen;
  throw new S3Error('EntityTooLarge', {
    fields: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(OBJECT_BYTES_MAX) },
  });
}

function chosenPart(upload: UploadRow, asked: AskedPart, part: PartRow | undefined): PartRow {
  if (part?.etag !== asked.etag) throw invalidPart(upload, asked);
  const { checksum } = asked;
  if (checksum !== undefined) {
    const { checksum: stored } = part;
    const isSame = stored?.algorithm === checksum.algorithm && stored.value === checksum.value;
    // A part that was uploaded without this checksum has nothing that could be compared.
    if (!isSame) throw invalidPart(upload, asked);
  } else if (upload.checksum?.type === 'COMPOSITE') {
    throw new S3Error('InvalidRequest', {
      message:
        `The upload was created using a ${upload.checksum.algorithm} checksum. The complete ` +
        'request must include the checksum for each part. It was missing for part ' +
        `${String(asked.partNumber)}.`,
    });
  }
  return part;
}

function invalidPart({ uploadId }: UploadRow, { partNumber, etag }: AskedPart): S3Error {
  return new S3Error('InvalidPart', {
    fields: { UploadId: uploadId, PartNumber: String(partNumber), ETag: etag },
  });
}

function tooSmall({ partNumber, etag, sizeBytes }: PartRow): S3Error {
  return new S3Error('EntityTooSmall', {
    fields: {
      ProposedSize: String(sizeBytes),
      MinSizeAllowed: String(PART_BYTES_MIN),
      PartNumber: String(partNumber),
      ETag: etag,
    },
  });
}
