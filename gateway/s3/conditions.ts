/**
 * Conditional requests: `If-Match` and its kin, on reads, writes and the sources of copies.
 *
 * Owns:          the grammar of lists of ETags, and the order in which conditions are decided.
 * Knows:         RFC 9110 section 13, and what S3 documents where it differs.
 * Must not know: where rows are; conditions of writes are only parsed here, and decided in the step
 *                that writes.
 *
 * Dates have whole seconds, versions have milliseconds: a version counts as modified in the second
 * that Last-Modified tells. A date that cannot be read is ignored, as the RFC demands.
 */
import type { WriteCondition } from '../../schemas/messages/table.ts';
import { parseHttpTime } from '../auth/request-time.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { S3Error } from './s3-error.ts';

/** What a condition is compared with. */
export type Validators = { readonly etag: string; readonly lastModifiedMs: number };

/** The names of the four conditions: those of a read, or of the source of a copy. */
type ConditionNames = {
  readonly ifMatch: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly ifUnmodifiedSince: string;
};

const READ_NAMES: ConditionNames = {
  ifMatch: 'if-match',
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
  ifUnmodifiedSince: 'if-unmodified-since',
};

const SOURCE_NAMES: ConditionNames = {
  ifMatch: 'x-amz-copy-source-if-match',
  ifNoneMatch: 'x-amz-copy-source-if-none-match',
  ifModifiedSince: 'x-amz-copy-source-if-modified-since',
  ifUnmodifiedSince: 'x-amz-copy-source-if-unmodified-since',
};

/** Items of an ETag list: quoted, weak, or bare as some clients send them. */
type EtagItem = { readonly etag: string; readonly isWeak: boolean };

/** `not-modified` is an answer of its own, with the validators in its head. */
export type ReadVerdict = 'go-on' | 'not-modified';

/** @throws S3Error PreconditionFailed (412). */
export function decideRead(headers: RequestHeaders, validators: Validators): ReadVerdict {
  const failed = failedCondition(headers, READ_NAMES, validators);
  if (failed === undefined) return 'go-on';
  if (failed === 'if-none-match' || failed === 'if-modified-since') return 'not-modified';
  throw preconditionFailed(failed);
}

/** The conditions on the source of a copy. @throws S3Error PreconditionFailed, for all four. */
export function checkSource(headers: RequestHeaders, validators: Validators): void {
  const failed = failedCondition(headers, SOURCE_NAMES, validators);
  if (failed !== undefined) throw preconditionFailed(failed);
}

/** Whether `If-Range` lets the Range header count: an exact match of ETag or date. */
export function rangeCounts(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true;
  const date = parseHttpTime(ifRange);
  if (date !== undefined) return date.ms === wholeSeconds(validators.lastModifiedMs);
  return parseEtags(ifRange).some(item => !item.isWeak && item.etag === validators.etag);
}

/**
 * The conditions of a write.
 *
 * @throws S3Error NotImplemented for conditions that S3 does not define for this operation: they
 *   must not be ignored.
 */
export function writeCondition(headers: RequestHeaders): WriteCondition | undefined {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return {
    ...(ifMatch === undefined ? {} : { ifMatch: strongEtags(ifMatch) }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: anyEtag(ifNoneMatch) }),
  };
}

/** The first condition that does not hold, in the order of RFC 9110 13.2.2. */
function failedCondition(
  headers: RequestHeaders,
  names: ConditionNames,
  { etag, lastModifiedMs }: Validators,
): string | undefined {
  const ifMatch = headers.get(names.ifMatch);
  if (ifMatch !== undefined) {
    if (!isListed(ifMatch, etag, 'strong')) return names.ifMatch;
  } else if (isBefore(headers.get(names.ifUnmodifiedSince), lastModifiedMs)) {
    return names.ifUnmodifiedSince;
  }
  const ifNoneMatch = headers.get(names.ifNoneMatch);
  if (ifNoneMatch !== undefined) {
    if (isListed(ifNoneMatch, etag, 'weak')) return names.ifNoneMatch;
  } else if (isNotBefore(headers.get(names.ifModifiedSince), lastModifiedMs)) {
    return names.ifModifiedSince;
  }
  return undefined;
}

function isListed(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  const items = parseEtags(list);
  return items.some(item => item.etag === etag && (comparison === 'weak' || !item.isWeak));
}

/** The date is before the last change. */
function isBefore(date: string | undefined, lastModifiedMs: number): boolean {
  const time = date === undefined ? undefined : parseHttpTime(date);
  return time !== undefined && wholeSeconds(lastModifiedMs) > time.ms;
}

/** Nothing changed after the date. */
function isNotBefore(date: string | undefined, lastModifiedMs: number): boolean {
  const time = date === undefined ? undefined : parseHttpTime(date);
  return time !== undefined && wholeSeconds(lastModifiedMs) <= time.ms;
}

function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}

/** Quotes are optional, as with S3. An ETag of ours has no comma and no quote. */
function parseEtags(list: string): readonly EtagItem[] {
  return list.split(',').map(part => {
    const text = part.trim();
    const isWeak = text.startsWith('W/');
    const etag = isWeak ? text.slice(2) : text;
    const isQuoted = etag.length >= 2 && etag.startsWith('"') && etag.endsWith('"');
    return { etag: isQuoted ? etag.slice(1, -1) : etag, isWeak };
  });
}

function strongEtags(list: string): readonly string[] | 'any' {
  if (list.trim() === '*') return 'any';
  return parseEtags(list)
    .filter(item => !item.isWeak)
    .map(item => item.etag);
}

/** S3 defines only `If-None-Match: *` for writes. */
function anyEtag(list: string): 'any' {
  if (list.trim() === '*') return 'any';
  throw new S3Error('NotImplemented', {
    message: 'If-None-Match of a write must be *.',
    fields: { Header: 'If-None-Match' },
  });
}

/** Told as AWS spells it: `If-Match`, `x-amz-copy-source-If-Match`. */
function preconditionFailed(name: string): S3Error {
  const told = name.replace(/if-.*/, text => text.replace(/\b[imnus]/g, c => c.toUpperCase()));
  return new S3Error('PreconditionFailed', { fields: { Condition: told } });
}
