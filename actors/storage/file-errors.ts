/**
 * What a failed file operation means to those who store.
 *
 * Owns:          the sorting of error codes.
 * Knows:         the codes of errno(3).
 * Must not know: which file it was.
 */

export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = (error as Error & { code?: unknown }).code;
  return typeof code === 'string' ? code : undefined;
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const BROKEN = new Set(['EIO', 'EROFS', 'ENXIO', 'ENODEV', 'EUCLEAN', 'EACCES', 'EPERM']);

/** The disk, or the quota on it, is full. */
export function isFull(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && FULL.has(code);
}

/** The disk is broken, read-only or gone: other writes to it will fail as well. */
export function isBroken(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && BROKEN.has(code);
}
