/**
 * What only some versions carry: what may change after they were written (tags, a lock, an access
 * control list), and how they are encrypted.
 *
 * Owns:          where they stand in a row; fields, bytes and merges of tags and lists.
 * Knows:         locks; "Object tagging" of the S3 user guide.
 * Must not know: who may change them, and what a lock keeps from happening.
 *
 * Each has a stamp of its own: changing a tag must not make the object newer than it is. What came
 * with the version has none, and yields to every later change.
 */
import type { FieldReader, Packed } from '../codec.ts';
import { hexBytes, pack, packTail } from '../codec.ts';
import type { Timestamp } from '../timestamp.ts';
import type { CannedAcl } from './bucket-settings/access-settings.ts';
import { ACLS } from './bucket-settings/access-settings.ts';
import type { Tag } from './bucket-settings/bucket-tags.ts';
import { packWord, readWord } from './bucket-settings/setting-fields.ts';
import type { CustomerEncryption } from './customer-encryption.ts';
import { packEncryption, readEncryption } from './customer-encryption.ts';
import type { ObjectLock } from './object-lock.ts';
import { packLock, readLock } from './object-lock.ts';
import { packOptionalTimestamp, readOptionalTimestamp, readTimestamp } from './timestamp-field.ts';

export type Tagging = {
  /** When it was changed; absent: it came with the version. */
  readonly stamp?: Timestamp;
  /** Empty: they were taken away. */
  readonly tags: readonly Tag[];
};

/** A list that was put later; the one that came with the version is among its headers. */
export type ChangedAcl = { readonly stamp: Timestamp; readonly acl: CannedAcl };

export type ObjectExtras = {
  readonly tagging?: Tagging;
  /** Written while the bucket kept versions; absent: it is the `null` version of its key. */
  readonly versioned?: true;
  readonly lock?: ObjectLock;
  readonly acl?: ChangedAcl;
  /** As it was written; its checksum is encrypted too. */
  readonly encryption?: CustomerEncryption;
};

/** What stands at the end of a version's array; nothing for a version without any of it. */
export function packExtras(extras: ObjectExtras): readonly Packed[] {
  const { tagging, versioned, lock, acl, encryption } = extras;
  return packTail([
    packTagging(tagging),
    versioned ?? null,
    packLock(lock),
    packAcl(acl),
    packEncryption(encryption),
  ]);
}

export function readExtras(fields: FieldReader): ObjectExtras {
  if (!fields.hasMore) return NO_EXTRAS;
  const tagging = readTagging(fields);
  const versioned = !fields.skipNull() && fields.flag();
  const lock = readLock(fields);
  const acl = readAcl(fields);
  const encryption = readEncryption(fields);
  return {
    ...(tagging === undefined ? {} : { tagging }),
    ...(versioned ? { versioned } : {}),
    ...(lock === undefined ? {} : { lock }),
    ...(acl === undefined ? {} : { acl }),
    ...(encryption === undefined ? {} : { encryption }),
  };
}

const NO_EXTRAS: ObjectExtras = Object.freeze({});

export function packTagging(tagging: Tagging | undefined): Packed {
  if (tagging === undefined) return null;
  const { stamp, tags } = tagging;
  return [packOptionalTimestamp(stamp), tags.flatMap(({ key, value }) => [key, value])];
}

export function readTagging(fields: FieldReader): Tagging | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const stamp = readOptionalTimestamp(parts);
  const flat = parts.nested();
  const tags: Tag[] = [];
  while (flat.hasMore) tags.push({ key: flat.text(), value: flat.text() });
  return stamp === undefined ? { tags } : { stamp, tags };
}

export function packAcl(acl: ChangedAcl | undefined): Packed {
  return acl === undefined ? null : [hexBytes(acl.stamp), packWord(ACLS, acl.acl)];
}

export function readAcl(fields: FieldReader): ChangedAcl | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const stamp = readTimestamp(parts);
  return { stamp, acl: readWord(parts, ACLS) ?? 'private' };
}

/** The later change; `a` itself where both are the same. */
export function laterTagging(a: Tagging | undefined, b: Tagging | undefined): Tagging | undefined {
  return later(a, b, packTagging);
}

export function laterAcl(
  a: ChangedAcl | undefined,
  b: ChangedAcl | undefined,
): ChangedAcl | undefined {
  return later(a, b, packAcl);
}

function later<Value extends { readonly stamp?: Timestamp }>(
  a: Value | undefined,
  b: Value | undefined,
  packValue: (value: Value | undefined) => Packed,
): Value | undefined {
  if (a === b || b === undefined) return a;
  if (a === undefined) return b;
  if (a.stamp !== b.stamp) return (a.stamp ?? '') > (b.stamp ?? '') ? a : b;
  return Buffer.compare(pack([packValue(a)]), pack([packValue(b)])) >= 0 ? a : b;
}
