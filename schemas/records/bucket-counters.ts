/**
 * What one partition counts of one bucket.
 *
 * Owns:          the five counters, whether they can be trusted, and their bytes.
 * Knows:         nothing else.
 * Must not know: who adds partitions up.
 */
import { FieldReader, pack } from '../codec.ts';

export type BucketCounters = {
  readonly objects: number;
  readonly bytes: number;
  /** Open multipart uploads, their part attempts, and the bytes of those. */
  readonly uploads: number;
  readonly uploadParts: number;
  readonly uploadBytes: number;
};

export const NO_COUNTERS: BucketCounters = Object.freeze({
  objects: 0,
  bytes: 0,
  uploads: 0,
  uploadParts: 0,
  uploadBytes: 0,
});

const FORMAT = 1;

export function addCounters(a: BucketCounters, b: BucketCounters): BucketCounters {
  return {
    objects: a.objects + b.objects,
    bytes: a.bytes + b.bytes,
    uploads: a.uploads + b.uploads,
    uploadParts: a.uploadParts + b.uploadParts,
    uploadBytes: a.uploadBytes + b.uploadBytes,
  };
}

export function subtractCounters(a: BucketCounters, b: BucketCounters): BucketCounters {
  return {
    objects: a.objects - b.objects,
    bytes: a.bytes - b.bytes,
    uploads: a.uploads - b.uploads,
    uploadParts: a.uploadParts - b.uploadParts,
    uploadBytes: a.uploadBytes - b.uploadBytes,
  };
}

/** `recount`: something that was counted was found damaged, so they must be counted again. */
export type CountersTrust = 'exact' | 'recount';

/** Counters that wait for a recount may have gone below zero; zero is what is written then. */
export function encodeCounters(c: BucketCounters, trust: CountersTrust): Buffer {
  const numbers = [c.objects, c.bytes, c.uploads, c.uploadParts, c.uploadBytes];
  return pack([FORMAT, ...numbers.map(number => Math.max(0, number)), trust === 'recount']);
}

export function decodeCounters(bytes: Uint8Array): {
  readonly counters: BucketCounters;
  readonly trust: CountersTrust;
} {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const counters = {
    objects: fields.integer(),
    bytes: fields.integer(),
    uploads: fields.integer(),
    uploadParts: fields.integer(),
    uploadBytes: fields.integer(),
  };
  return { counters, trust: fields.flag() ? 'recount' : 'exact' };
}
